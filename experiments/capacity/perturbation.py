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
from experiments.claims import claim, depends_on, every, holds_if, mean_interval
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


def slopes(results, method: str) -> np.ndarray:
    """The exponent of passes ∝ weights^exponent, one a seed."""
    passes = results["passes"][list(results["methods"]).index(method)]
    return np.polyfit(np.log(results["weights"]), np.log(passes), 1)[0]


@claim(
    "2.10",
    "To try random changes weight by weight costs very much: each one takes forward passes over "
    "the data.",
)
def one_weight_is_inefficient(results):
    growth, other = (
        mean_interval(slopes(results, name)) for name in ("one at a time", "backpropagation")
    )
    passes, weights = results["passes"], results["weights"]
    excess = mean_interval(np.log(passes[0, -1] / passes[2, -1]))
    return holds_if(
        every(growth.above(0.5), excess.above(np.log(10))),
        f"Forward passes until the loss of a linear unit is a tenth grow as the number of weights "
        f"to the power "
        f"{growth}, means over {passes.shape[2]} seeds; with backpropagated gradients, a step "
        f"counted as three passes, "
        f"to the power {other}. With {weights[-1]} weights it takes "
        f"{np.median(passes[0, -1]):.0f} passes (median), "
        f"{np.median(passes[0, -1]) / weights[-1]:.1f} for each weight, against "
        f"{np.median(passes[2, -1]):.0f} with "
        "backpropagation.",
        exponent=growth,
        exponent_of_backpropagation=other,
        weights=weights,
        median_passes=np.median(passes, axis=2),
    )


@claim(
    "2.12",
    "Changing all weights at once gains nothing: what one of them does is hidden by the others.",
)
def parallel_is_no_better(results):
    passes, weights = results["passes"], results["weights"]
    growth = mean_interval(slopes(results, "all in parallel"))
    difference = mean_interval(
        slopes(results, "all in parallel") - slopes(results, "one at a time")
    )
    factor = np.log2(passes[1] / passes[0])
    average = mean_interval(factor.mean(axis=0))
    return depends_on(
        {
            "the growth with the number of weights": difference.above(-0.5),
            "the passes at a given number": average.above(0),
        },
        f"In parallel the passes grow as the weights to the power {growth}, exponent minus that "
        f"of one at a time "
        f"{difference}, over {passes.shape[2]} seeds. log₂ of the passes in parallel over those "
        f"one at a time averages "
        f"{average}, a factor of {2**average.middle:.2f}: "
        f"{', '.join(f'{each:.2f}' for each in factor.mean(axis=1))} "
        f"for {', '.join(map(str, weights))} weights.",
        exponent=growth,
        difference=difference,
        log2_factor=average,
        log2_factor_by_weights=factor.mean(axis=1),
        weights=weights,
    )


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
