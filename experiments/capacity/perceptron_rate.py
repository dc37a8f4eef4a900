"""The perceptron's learning rate, over six orders of magnitude.

Question: Does a perceptron need a small learning rate?
Source:   Sharif (claim 2.3).
Command:  python -m experiments run perceptron_rate
Expected: No. From zero weights the rate only rescales them, so that every prediction is the same;
          from random weights a small rate costs more mistakes, not fewer.
Cost:     about 4 s on 2 cores, quick and full.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.capacity.point_clouds import gaussians, separable
from experiments.common import Common
from fnn.course import perceptron
from fnn.course.perceptron import PerceptronParams


@dataclass(frozen=True)
class Config(Common):
    """Rates, draws of data and length of training."""

    rates: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0, 8.0, 1000.0)
    """Learning rates, rising."""
    seeds: int = 256
    """Draws of the data, of the order of the examples and of the starting weights."""
    epochs: int = 300
    """On separable data."""


QUICK = Config(seeds=64, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: mistakes in all (starts, seeds, rates) on separable data, from weights of zero
    and N(0, 1); and on overlapping classes the predictions (seeds, rates, examples) after 20 epochs
    from zero.
    """
    keys, rates = jax.random.split(jax.random.key(0), config.seeds), np.array(config.rates)
    over_rates = jax.vmap(mistakes, in_axes=(None, 0, None, None))
    over_keys = jax.vmap(over_rates, in_axes=(0, None, None, None))
    with jax.enable_x64(True):
        predict = jax.vmap(jax.vmap(predictions, in_axes=(None, 0)), in_axes=(0, None))
        made = jax.vmap(lambda spread: over_keys(keys, rates, spread, config.epochs))(
            jnp.array([0.0, 1.0])
        )
        return {
            "rates": rates,
            "mistakes": np.asarray(made),
            "predictions": np.asarray(predict(keys, rates)),
        }


def mistakes(key, rate, spread, epochs: int):
    """Mistakes on separable data from weights N(0, spread²)."""
    points, weights, order = jax.random.split(key, 3)
    x, y, _ = separable(points)
    start = spread * jax.random.normal(weights, (4,))
    params = PerceptronParams(start[:3], start[3])
    return jnp.sum(
        perceptron.fit(x, y, key=order, epochs=epochs, learning_rate=rate, params=params).mistakes
    )


def predictions(key, rate):
    """What a perceptron trained on classes that overlap says of its training examples."""
    points, order = jax.random.split(key)
    x, y = gaussians(points, 100, 1.0)
    return perceptron.predict(
        perceptron.fit(x, y, key=order, epochs=20, learning_rate=rate).params, x
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Mistakes over the learning rate, from both starts."""
    figure, (axis,) = draw.figure()
    for made, label in zip(results["mistakes"], ("from zero", "from N(0, 1)"), strict=True):
        draw.mean_band(axis, results["rates"], made, label, marker="o")
    axis.set(xscale="log", yscale="log", xlabel="learning rate η", ylabel="mistakes in all")
    axis.set_title(f"Separable data, mean of {config.seeds} draws, 95% interval", fontsize=10)
    axis.legend(frameon=False)
    return {"rates": figure}
