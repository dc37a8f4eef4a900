"""The list of steps of gradient descent, as it is numbered in print and as it is meant.

Question: Do the printed steps reach the minimum of a parabola, and does one random example stand in
          for all of them?
Source:   Sharif (claim 2.19).
Command:  python -m experiments run step_list
Expected: With the slope computed anew each time, yes. "Repeat steps 3 to 5", by the numbers in
          print, leaves that step out, and x runs away in a straight line. One random example a step
          is right on average and ends near by.
Cost:     about 2 s on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from experiments.common import Common, Figures, Results
from fnn import optim
from fnn import plot as draw
from fnn.course import descent, surfaces

PARABOLA = surfaces.quadratic((2.0,))  # x²


@dataclass(frozen=True)
class Config(Common):
    """Starts, rate and examples."""

    seeds: int = 256
    """Starts, standard normal."""
    learning_rate: float = 0.1
    examples: int = 200
    """F(x) is the mean of (x − a)² over as many numbers a; stochastic descent takes one of them at
    random.
    """
    steps: int = 300


QUICK = Config(seeds=64, quick=True)


def run(config: Config) -> Results:
    """Return for each start the distances from the minimum, (starts, steps + 1), in float64.

    bias  how far the mean of all single examples' gradients at the start is from the gradient
    """
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), config.seeds)
        starts = jax.random.normal(jax.random.key(1), (config.seeds, 1))
        distances = jax.jit(jax.vmap(partial(by_the_list, config)))(starts, keys)
    results = {name: np.asarray(value) for name, value in distances.items()}
    results["examples"] = np.array(config.examples)
    return results


def by_the_list(config: Config, x, key):
    """Descend with a new slope each time, with the first one kept, and with one random example."""
    a = jax.random.normal(jax.random.key(2), (config.examples,))
    sgd = optim.sgd(config.learning_rate)
    first_slope = PARABOLA.gradient(x)

    def slope_of_one_example(x, key):
        return PARABOLA.gradient(x - jax.random.choice(key, a))

    anew = descent.trajectory(PARABOLA.gradient, sgd, x, steps=config.steps)
    kept = descent.trajectory(lambda _: first_slope, sgd, x, steps=config.steps)
    one = descent.trajectory(slope_of_one_example, sgd, x, steps=config.steps, key=key)
    slopes_of_examples = PARABOLA.gradient((x - a)[None])
    slope_of_mean = PARABOLA.gradient(x - a.mean())[0]
    return {
        "anew": anew[:, 0],
        "kept": kept[:, 0],
        "one_example": (one - a.mean())[:, 0],
        "bias": jnp.abs(slopes_of_examples.mean() - slope_of_mean),
    }


def plot(results: Results, config: Config) -> Figures:
    """Draw the distance to the minimum along the three paths from the first start."""
    figure, (axis,) = draw.figure()
    labels = {
        "anew": "slope computed anew",
        "kept": "first slope kept, as printed",
        "one_example": "one random example",
    }
    for name, label in labels.items():
        distance = np.abs(results[name][0, :101])
        axis.plot(np.maximum(distance, 1e-10), label=label)
    axis.set(yscale="log", xlabel="step", ylabel="distance to the minimum")
    axis.set_title(f"Three readings of the list, rate {config.learning_rate:g}", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"traces": figure}
