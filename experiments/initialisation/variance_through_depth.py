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

from experiments.claims import claim, depends_on, every, holds_if, mean_interval
from experiments.initialisation.initial_signals import (
    ACTIVATIONS,
    NAMES,
    Networks,
    flows,
    forward_factor,
    gradient_factor,
    place,
)
from fnn import plot as draw

KEEPS = (0.9, 1.1)
"""A standard deviation or a norm is kept that a layer changes by less than a tenth."""


Config = Networks
QUICK = Config(seeds=30, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """`flows`: what is measured in every layer, (activations, scales, seeds, layers)."""
    return flows(seeds=config.seeds, depth=config.depth, width=config.width)


@claim(
    "2.36",
    "A good start keeps the mean of the activations at zero and their variance equal in all "
    "layers.",
)
def mean_and_variance(results):
    pairs = {"tanh": "1/n", "relu": "2/n", "sigmoid": "1/n"}
    cases, rows = {}, []
    for activation, name in pairs.items():
        pair = place(activation, name)
        mean = mean_interval(
            (results["mean"] / np.hypot(results["mean"], results["deviation"]))[pair].mean(axis=-1)
        )
        kept = forward_factor(results, activation, name)
        cases[f"{activation} with {name}"] = every(mean.within(-0.1, 0.1), kept.within(*KEEPS))
        rows.append(
            f"{activation} with {name}: mean {mean.middle:.2f}, deviation ×{kept.middle:.3f} a "
            f"layer"
        )
    return depends_on(
        cases,
        f"Mean over root mean square, and the standard deviation: {'; '.join(rows)}. The variance "
        f"can be kept with "
        "each, but the activations of ReLU and sigmoid are never negative, so their mean cannot "
        "be zero.",
        rows=rows,
    )


@claim("2.37", "A variance of 1/n works with tanh, and ReLU needs 2/n instead.")
def xavier_and_he(results):
    pairs = (("tanh", "1/n"), ("relu", "2/n"), ("relu", "1/n"))
    both = {
        pair: (forward_factor(results, *pair), gradient_factor(results, *pair)) for pair in pairs
    }
    kept = [every(*(factor.within(*KEEPS) for factor in factors)) for factors in both.values()]
    rows = [f"{a} with {n}: {forward} and {back}" for (a, n), (forward, back) in both.items()]
    wrong = None if kept[2] is None else not kept[2]
    return holds_if(
        every(kept[0], kept[1], wrong),
        f"Factor a layer of the activations' deviation, forward, and of the gradient, backward, "
        f"over "
        f"{results['delta'].shape[-1]} layers: {'; '.join(rows)}.",
        factors=list(both.values()),
    )


@claim(
    "4.34",
    "Too small weights make the gradient vanish, too large ones make it explode, and a variance "
    "fit to the width "
    "avoids both.",
)
def notes(results):
    fits = {"tanh": "1/n", "relu": "2/n", "sigmoid": "1/n"}
    cases, rows = {}, []
    for activation, fit in fits.items():
        small, right, large = (
            gradient_factor(results, activation, name) for name in ("N(0, 0.01²)", fit, "N(0, 1)")
        )
        cases[activation] = every(
            small.below(KEEPS[0]), right.within(*KEEPS), large.above(KEEPS[1])
        )
        rows.append(
            f"{activation} {small.middle:.3g}, {right.middle:.3g} ({fit}), {large.middle:.3g}"
        )
    return depends_on(
        cases,
        f"Factor of the gradient a layer with N(0, 0.01²), the variance that fits, and N(0, 1): "
        f"{'; '.join(rows)}. The "
        "sigmoid's derivative is at most ¼, so the gradient vanishes with 1/n too and does not "
        "explode with N(0, 1).",
        rows=rows,
    )


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
