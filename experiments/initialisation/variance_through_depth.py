"""Signal and gradient through thirty layers: which variance of the weights keeps them.

Question: Which variance keeps the activations and the gradient from layer to layer, for which
          activation?
Source:   Sharif (claims 2.36, 2.37) and Piccoli (4.34).
Command:  python -m experiments run variance_through_depth
Expected: tanh keeps both with 1/n and ReLU with 2/n (0.99 a layer forward), each within a tenth a
          layer; sigmoids keep neither a mean of zero nor the gradient.
Cost:     quick 8 s, full 25 s on 2 cores.
"""

import numpy as np
from matplotlib.figure import Figure

from experiments.initialisation.initial_signals import (
    ACTIVATIONS,
    NAMES,
    Networks,
    flows,
    forward_factor,
    gradient_factor,
)
from fnn import plot as draw

KEEPS = (0.9, 1.1)
"""A standard deviation or a norm is kept that a layer changes by less than a tenth."""


Config = Networks
QUICK = Config(seeds=30, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """`flows`: what is measured in every layer, (activations, scales, seeds, layers)."""
    return flows(seeds=config.seeds, depth=config.depth, width=config.width)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Factors a layer for each activation and scale."""
    figure, axes = draw.figure(rows=2)
    places = np.arange(len(NAMES))
    for axis, of, label in zip(
        axes, (forward_factor, gradient_factor), ("activations", "gradient"), strict=True
    ):
        for a, activation in enumerate(ACTIVATIONS):
            middle = [of(results, activation, name).middle for name in NAMES]
            axis.plot(places + 0.12 * (a - 1.5), middle, "os^D"[a], label=activation)
        axis.axhspan(*KEEPS, color="black", alpha=0.15, linewidth=0)
        axis.set(yscale="log", ylabel=f"factor a layer, {label}")
        axis.set_xticks(places, NAMES)
    axes[0].legend(frameon=False, ncols=2, fontsize=8)
    axes[0].set_title(
        f"{config.depth} layers of {config.width} units; band: kept to a tenth", fontsize=10
    )
    return {"factors": figure}
