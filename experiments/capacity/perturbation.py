"""Learning by trying: how many forward passes it takes where the weights become many.

Question: How does the cost of learning by perturbing weights grow with their number, beside
          backpropagation's?
Source:   Sharif (claims 2.10, 2.12).
Command:  python -m experiments run perturbation
Expected: The passes grow in proportion to the weights, one at a time and all in parallel alike;
          descent on backpropagated gradients takes the same few steps for any number.
Cost:     about 10 s quick and 60 s full on 2 cores.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.capacity.linear_unit import METHODS, best, steps_until
from experiments.common import Common
from fnn import plot as draw


@dataclass(frozen=True)
class Config(Common):
    """Sizes, starts and lengths."""

    weights: tuple[int, ...] = (4, 8, 16, 32, 64)
    """Numbers of weights, the bias among them."""
    seeds: int = 64
    """Draws of data, teacher and perturbations; half of them choose σ and η, the other half are
    reported.
    """
    steps: int = 40
    """At most; of the two that perturb, times the number of weights."""
    reached: float = 0.1
    """Of the loss at the start: where learning ends."""


QUICK = Config(weights=(4, 32), seeds=48, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """passes (methods, weights, seeds): forward passes until the loss is reached, at the best of
    the settings.
    """
    keys = jax.random.split(jax.random.key(0), config.seeds)
    found = [
        [
            best(*steps_until(name, weights, keys, config.steps, config.reached))
            for weights in config.weights
        ]
        for name in METHODS
    ]
    costs = np.array([cost for _, _, cost, _ in METHODS.values()])
    return {
        "weights": np.array(config.weights),
        "methods": np.array(list(METHODS)),
        "passes": np.array([[used for used, _ in row] for row in found]) * costs[:, None, None],
        "setting": np.array([[setting for _, setting in row] for row in found]),
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Forward passes over the number of weights: the median and the middle half of the seeds."""
    figure, (axis,) = draw.figure(height=4.2)
    for name, passes in zip(results["methods"], results["passes"], strict=True):
        low, middle, high = np.percentile(passes, [25, 50, 75], axis=1)
        (line,) = axis.plot(results["weights"], middle, marker="o", label=name)
        axis.fill_between(
            results["weights"], low, high, alpha=0.2, color=line.get_color(), linewidth=0
        )
    axis.set(xscale="log", yscale="log", xlabel="weights", ylabel="forward passes over the data")
    axis.set_xticks(results["weights"], results["weights"])
    axis.minorticks_off()
    axis.set_title("Until the loss is a tenth: median and middle half of the seeds", fontsize=10)
    axis.legend(frameon=False)
    return {"passes": figure}
