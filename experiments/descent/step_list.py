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

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: for each start the paths of `by_the_list`."""
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), config.seeds)
        starts = jax.random.normal(jax.random.key(1), (config.seeds, 1))
        found = jax.jit(jax.vmap(lambda x, key: by_the_list(config, x, key)))(starts, keys)
    return {name: np.asarray(value) for name, value in found.items()} | {
        "examples": np.array(config.examples)
    }


def by_the_list(config: Config, x, key):
    """Distances from the minimum, with a new slope each time, with the first one kept, and with one
    random example a step; and how far the mean of all single examples' gradients at x is from the
    gradient.
    """
    a = jax.random.normal(jax.random.key(2), (config.examples,))
    rate, first = optim.sgd(config.learning_rate), PARABOLA.gradient(x)

    def of_one(x, key):
        return PARABOLA.gradient(x - jax.random.choice(key, a))

    paths = {
        "anew": descent.trajectory(PARABOLA.gradient, rate, x, steps=config.steps),
        "kept": descent.trajectory(lambda _: first, rate, x, steps=config.steps),
        "one_example": descent.trajectory(of_one, rate, x, steps=config.steps, key=key) - a.mean(),
    }
    bias = PARABOLA.gradient((x - a)[None]).mean() - PARABOLA.gradient(x - a.mean())[0]
    return {name: path[:, 0] for name, path in paths.items()} | {"bias": jnp.abs(bias)}


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Distance to the minimum along the three paths from the first start."""
    figure, (axis,) = draw.figure()
    labels = {
        "anew": "slope computed anew",
        "kept": "first slope kept, as printed",
        "one_example": "one random example",
    }
    for name, label in labels.items():
        axis.plot(np.maximum(np.abs(results[name][0, :101]), 1e-10), label=label)
    axis.set(yscale="log", xlabel="step", ylabel="distance to the minimum")
    axis.set_title(f"Three readings of the list, rate {config.learning_rate:g}", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"traces": figure}
