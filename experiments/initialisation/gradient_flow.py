"""The gradient on its way back through thirty layers, before any training.

Question: Which activations and which scales of the weights make the gradient vanish or explode, and
          how fast?
Source:   De Marzo (claim 1.9), Sharif (2.21, 2.22) and the deep-learning notes (3.14, 3.15).
Command:  python -m experiments run gradient_flow
Expected: a layer multiplies the norm by √(n σ² E[f′²]). 30 layers of 100 units: ReLU 1.00 with He
          and 0.71 with 1/n, tanh 2.3 with N(0, 1); sigmoid 0.23 with 1/n and 0.32 with He.
Cost:     quick 8 s, full 25 s on 2 cores.
"""

import numpy as np
from matplotlib.figure import Figure

from experiments.common import Figures, Results
from experiments.initialisation.initial_signals import (
    ACTIVATIONS,
    Networks,
    draw_scales,
    flow,
    flows,
)
from fnn import plot as draw

Config = Networks
QUICK = Config(seeds=30, quick=True)


def run(config: Config) -> Results:
    """Measure every hidden layer: the fields of `flow`, (activations, scales, seeds, layers)."""
    return flows(flow, seeds=config.seeds, depth=config.depth, width=config.width)


def plot(results: Results, config: Config) -> Figures:
    """Draw the backpropagated norm and the relative update, layer by layer."""
    gradient = drawn(results["delta"], "‖∂L/∂z‖")
    update = drawn(results["update"], "‖∂L/∂W‖/‖W‖")
    return {"gradient": gradient, "update": update}


def drawn(norms: np.ndarray, label: str) -> Figure:
    """Draw geometric means over networks as shares of the last layer, for each activation.

    norms  (activations, scales, seeds, layers)
    """
    of_last = norms / norms[..., -1:]
    curves = np.exp(np.log(of_last).mean(axis=2))
    figure, axes = draw.figure(rows=len(ACTIVATIONS), height=2.5)
    for axis, activation, of_scales in zip(axes, ACTIVATIONS, curves, strict=True):
        draw_scales(axis, of_scales)
        axis.set(ylabel=f"{label}, last = 1", title=activation)
    axes[0].legend(frameon=False, fontsize=7, ncols=2)
    axes[-1].set_xlabel("layer (1 is next to the input)")
    return figure
