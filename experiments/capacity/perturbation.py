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

from experiments import drawing as draw
from experiments.capacity.linear_unit import METHODS, best, steps_until
from experiments.common import Common, Figures, Results


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


def run(config: Config) -> Results:
    """Return passes (methods, weights, seeds) until the loss is reached, at the best setting."""
    passes, settings = [], []
    for method in METHODS:
        outcomes = [best_of(config, method, weights) for weights in config.weights]
        steps, setting = zip(*outcomes, strict=True)
        passes.append(METHODS[method].passes_a_step * np.array(steps, int))
        settings.append(setting)
    return {
        "weights": np.array(config.weights),
        "methods": np.array(list(METHODS)),
        "passes": np.array(passes),
        "setting": np.array(settings),
    }


def best_of(config: Config, method: str, weights: int) -> tuple[np.ndarray, float]:
    """Return the steps that a method takes with its best setting, (seeds,), and the setting."""
    keys = jax.random.split(jax.random.key(0), config.seeds)
    steps = steps_until(method, weights, keys, config.steps, config.reached)
    return best(steps, METHODS[method].settings)


def plot(results: Results, config: Config) -> Figures:
    """Draw forward passes over the number of weights: the median and the middle half."""
    figure, (axis,) = draw.figure(height=4.2)
    weights = results["weights"]
    middle_half = (25, 50, 75)
    for name, passes in zip(results["methods"], results["passes"], strict=True):
        draw.quantile_band(axis, weights, passes, name, percentiles=middle_half, marker="o")
    axis.set(xscale="log", yscale="log", xlabel="weights", ylabel="forward passes over the data")
    axis.set_xticks(weights, weights)
    axis.minorticks_off()
    axis.set_title("Until the loss is a tenth: median and middle half of the seeds", fontsize=10)
    axis.legend(frameon=False)
    return {"passes": figure}
