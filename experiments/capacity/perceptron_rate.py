"""The perceptron's learning rate, over six orders of magnitude.

Question: Does a perceptron need a small learning rate?
Source:   Sharif (claim 2.3).
Command:  python -m experiments run perceptron_rate
Expected: No. From zero weights the rate only rescales them, so that every prediction is the same;
          from random weights a small rate costs more mistakes, not fewer.
Cost:     about 4 s on 2 cores, quick and full.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from experiments import drawing as draw
from experiments.capacity.point_clouds import gaussians, separable
from experiments.common import Common, Figures, Results
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


def run(config: Config) -> Results:
    """Return mistakes on separable data, and predictions on classes that overlap, in float64.

    mistakes     (starts, seeds, rates), from weights of zero and from N(0, 1)
    predictions  (seeds, rates, examples) after 20 epochs from zero
    """
    keys = jax.random.split(jax.random.key(0), config.seeds)
    rates = np.array(config.rates)
    mistakes_over_rates = jax.vmap(partial(mistakes, config.epochs), in_axes=(None, 0, None))
    mistakes_over_keys = jax.vmap(mistakes_over_rates, in_axes=(0, None, None))
    mistakes_over_starts = jax.vmap(mistakes_over_keys, in_axes=(None, None, 0))
    predictions_over_rates = jax.vmap(predictions, in_axes=(None, 0))
    predictions_over_keys = jax.vmap(predictions_over_rates, in_axes=(0, None))
    with jax.enable_x64(True):
        spreads = jnp.array([0.0, 1.0])
        made = mistakes_over_starts(keys, rates, spreads)
        predicted = predictions_over_keys(keys, rates)
    return {
        "rates": rates,
        "mistakes": np.asarray(made),
        "predictions": np.asarray(predicted),
    }


def mistakes(epochs: int, key, rate, spread):
    """Return the mistakes in all on separable data, from weights N(0, spread²)."""
    points, weights, order = jax.random.split(key, 3)
    x, y, _ = separable(points)
    start = spread * jax.random.normal(weights, (4,))
    params = PerceptronParams(start[:3], start[3])
    fit = perceptron.fit(x, y, key=order, epochs=epochs, learning_rate=rate, params=params)
    return jnp.sum(fit.mistakes)


def predictions(key, rate):
    """Return what a perceptron says of the overlapping classes that it was trained on."""
    points, order = jax.random.split(key)
    x, y = gaussians(points, 100, 1.0)
    fit = perceptron.fit(x, y, key=order, epochs=20, learning_rate=rate)
    return perceptron.predict(fit.params, x)


def plot(results: Results, config: Config) -> Figures:
    """Draw the mistakes over the learning rate, from both starts."""
    figure, (axis,) = draw.figure()
    from_zero, from_normal = results["mistakes"]
    draw.mean_band(axis, results["rates"], from_zero, "from zero", marker="o")
    draw.mean_band(axis, results["rates"], from_normal, "from N(0, 1)", marker="o")
    axis.set(xscale="log", yscale="log", xlabel="learning rate η", ylabel="mistakes in all")
    axis.set_title(f"Separable data, mean of {config.seeds} draws, 95% interval", fontsize=10)
    axis.legend(frameon=False)
    return {"rates": figure}
