"""Signal and gradient through thirty layers: which variance of the weights keeps them.

Question: Which variance keeps the activations and the gradient from layer to layer, for which
          activation?
Source:   Sharif (claims 2.36, 2.37) and Piccoli (4.34).
Command:  python -m experiments run variance_through_depth
Expected: tanh keeps both with 1/n and ReLU with 2/n (0.99 a layer forward), each within a tenth a
          layer. Sigmoids keep neither a mean of zero nor the gradient.
Cost:     quick 8 s, full 25 s on 2 cores.
"""

import numpy as np

from experiments.common import Figures, Results
from experiments.initialisation.initial_signals import (
    ACTIVATIONS,
    NAMES,
    Networks,
    flow,
    flows,
    forward_factor,
    gradient_factor,
)
from fnn import plot as draw

KEEPS = (0.9, 1.1)
"""A layer keeps a standard deviation or a norm that it changes by less than a tenth."""


Config = Networks
QUICK = Config(seeds=30, quick=True)


def run(config: Config) -> Results:
    """Measure every hidden layer: the fields of `flow`, (activations, scales, seeds, layers)."""
    return flows(flow, seeds=config.seeds, depth=config.depth, width=config.width)


def plot(results: Results, config: Config) -> Figures:
    """Draw the factors a layer for each activation and scale."""
    figure, (forward, backward) = draw.figure(rows=2)
    draw_factors(forward, results, forward_factor)
    draw_factors(backward, results, gradient_factor)
    title = f"{config.depth} layers of {config.width} units; band: kept to a tenth"
    forward.set_title(title, fontsize=10)
    forward.set_ylabel("factor a layer, activations")
    forward.legend(frameon=False, ncols=2, fontsize=8)
    backward.set_ylabel("factor a layer, gradient")
    return {"factors": figure}


def draw_factors(axis, results, factor_of) -> None:
    """Draw the factor of each activation over the scales, side by side."""
    places = np.arange(len(NAMES))
    for number, activation in enumerate(ACTIVATIONS):
        factors = [factor_of(results, activation, name).middle for name in NAMES]
        shift = 0.12 * (number - 1.5)
        axis.plot(places + shift, factors, "os^D"[number], label=activation)
    axis.axhspan(*KEEPS, color="black", alpha=0.15, linewidth=0)
    axis.set_yscale("log")
    axis.set_xticks(places, NAMES)
