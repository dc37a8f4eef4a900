"""One hidden layer as an approximator: how near it comes, built by hand and trained, and where it
does not.

Question: Can one hidden layer approximate any continuous function, and does training find the
          weights that do?
Source:   De Marzo (claims 1.2, 1.3).
Command:  python -m experiments run universal_approximation
Expected: ReLU units placed by hand miss sin 2πx on [0, 1] by at most max|f″|/8H², a power of -2;
          trained ones fall behind the more, the more there are. Units that square never fit |x|; no
          network follows an endless sine.
Cost:     about 8 s quick and 50 s full on 2 cores.
"""

from dataclasses import dataclass

import jax
import numpy as np
import optax

import fnn
from experiments import drawing as draw
from experiments.capacity.built import output_of
from experiments.common import Common, Figures, Results
from fnn import data, layers, losses, optim
from fnn.activations import Activation
from fnn.course import constructions

SQUARE = Activation("square", lambda z: z**2, lambda z: 2 * z)
BATCH = 100
LENGTHS = (1, 2, 4, 8, 16, 32, 64)  # of the intervals on which the last network follows the sine


@dataclass(frozen=True)
class Config(Common):
    """Units and training."""

    units: tuple[int, ...] = (8, 16, 32, 64)
    """Hidden units of the networks that are built and trained."""
    seeds: int = 64
    epochs: int = 600
    learning_rate: float = 0.02
    """Adam's at the start; it falls to zero as half a cosine."""


QUICK = Config(units=(8, 64), seeds=16, epochs=150, quick=True)


def run(config: Config) -> Results:
    """Return the largest errors of networks that are built, and trained.

    built    (units,) on sin 2πx, with as many ReLU units
    longer   (lengths,) of the last built network, on longer intervals
    squares  (units,) on |x|, of units that square
    trained  (units, seeds) on sin 2πx
    """
    with jax.enable_x64(True):
        built = [interpolation_error(units, 1) for units in config.units]
        longer = [interpolation_error(config.units[-1], length) for length in LENGTHS]
        squares = [squares_error(units) for units in config.units]
    trained = [trained_errors(config, units) for units in config.units]
    return {
        "built": np.array(built),
        "longer": np.array(longer),
        "squares": np.array(squares),
        "units": np.array(config.units),
        "trained": np.array(trained),
    }


def sine(x: np.ndarray) -> np.ndarray:
    """Return sin 2πx."""
    return np.sin(2 * np.pi * x)


def interpolation_error(units: int, length: int) -> float:
    """Return the largest error of the network that interpolates the sine on [0, length]."""
    knots = np.linspace(0, length, units + 1)
    x = np.linspace(0, length, 40_001)
    built = constructions.interpolation(knots, sine(knots))
    error = output_of(built, x) - sine(x)
    return float(np.abs(error).max())


def squares_error(units: int) -> float:
    """Return the largest error on |x| of random units that square, with the best output layer.

    The output layer is that of least squares on [−1, 1].
    """
    hidden = layers.serial(layers.dense(1, units, init="glorot"), layers.activation(SQUARE))
    (dense, _), _ = hidden.init(jax.random.key(units))
    b = jax.random.normal(jax.random.key(0), (units,))
    x = np.linspace(-1, 1, 2001)
    params = (dense._replace(b=b), ())
    outputs = fnn.apply(hidden, params, x[:, None])
    features = np.column_stack([outputs, np.ones(len(x))])
    weights, *_ = np.linalg.lstsq(features, np.abs(x), rcond=1e-12)
    error = features @ weights - np.abs(x)
    return float(np.abs(error).max())


def trained_errors(config: Config, units: int) -> np.ndarray:
    """Return the largest error on the sine of trained networks, (seeds,)."""
    x = np.linspace(0, 1, 1000)[:, None]
    y = sine(x[:, 0])
    split = data.from_arrays(x, y)
    net = fnn.mlp((1, units, 1))
    steps = config.epochs * (len(split.train.x) // BATCH)
    rate = optax.cosine_decay_schedule(config.learning_rate, steps)
    sweep = fnn.sweep(
        lambda hyper: (net, losses.squared_error, optim.adam(rate)),
        split,
        epochs=config.epochs,
        batch_size=BATCH,
        seeds=range(config.seeds),
    )
    over_seeds = jax.vmap(lambda params: fnn.apply(net, params, split.scale(x)))
    predictions = np.asarray(over_seeds(sweep.params(0)))
    error = predictions[..., 0] - y
    return np.abs(error).max(axis=1)


def plot(results: Results, config: Config) -> Figures:
    """Draw the largest error over the units, and over the length of the interval."""
    figure, (error, length) = draw.figure(rows=2)
    units = results["units"]
    bound = (2 * np.pi) ** 2 / (8 * units**2)
    label = "trained: median, 90% of the seeds"
    error.plot(units, results["built"], marker="o", label="built: interpolation")
    error.plot(units, bound, label="max|f″| / 8H²")
    draw.quantile_band(error, units, results["trained"], label, marker="s")
    error.plot(units, results["squares"], marker="^", label="units that square, on |x|")
    error.set(xscale="log", yscale="log", xlabel="hidden units H", ylabel="largest error")
    error.set_xticks(units, units)
    error.minorticks_off()
    error.set_title("sin 2πx on [0, 1]")
    draw.legends([error], "small")
    length.plot(LENGTHS, results["longer"], marker="o")
    length.set(xscale="log", xlabel="length of the interval, in periods")
    length.set(yscale="log", ylabel="largest error")
    length.set_title(f"{units[-1]} units on longer intervals")
    return {"error": figure}
