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
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import data, layers, losses, optim
from fnn import plot as draw
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


def run(config: Config) -> dict[str, np.ndarray]:
    """Largest errors: of the built networks (units,) and trained ones (units, seeds) on sin 2πx, of
    units that square on |x| (units,), and of the last built network on longer intervals (lengths,).
    """
    with jax.enable_x64(True):
        exact = {
            "built": np.array([interpolated(units, 1) for units in config.units]),
            "longer": np.array([interpolated(config.units[-1], length) for length in LENGTHS]),
            "squares": np.array([squared(units) for units in config.units]),
        }
    trained = np.stack([trained_error(config, units) for units in config.units])
    return exact | {"units": np.array(config.units), "trained": trained}


def sine(x: np.ndarray) -> np.ndarray:
    """sin 2πx."""
    return np.sin(2 * np.pi * x)


def interpolated(units: int, length: int) -> float:
    """The largest error of the network that interpolates the sine on [0, length]."""
    knots, x = np.linspace(0, length, units + 1), np.linspace(0, length, 40_001)
    net, params = constructions.interpolation(knots, sine(knots))
    return float(np.abs(np.asarray(fnn.apply(net, params, x[:, None]))[:, 0] - sine(x)).max())


def squared(units: int) -> float:
    """The largest error on |x|, x in [−1, 1], of a hidden layer of random units that square and the
    best output layer, by least squares.
    """
    hidden = layers.serial(layers.dense(1, units, init="glorot"), layers.activation(SQUARE))
    params, _ = hidden.init(jax.random.key(units))
    params = (params[0]._replace(b=jax.random.normal(jax.random.key(0), (units,))), ())
    x = np.linspace(-1, 1, 2001)
    features = np.column_stack([fnn.apply(hidden, params, x[:, None]), np.ones(len(x))])
    return float(
        np.abs(features @ np.linalg.lstsq(features, np.abs(x), rcond=1e-12)[0] - np.abs(x)).max()
    )


def trained_error(config: Config, units: int) -> np.ndarray:
    """The largest error on the sine of trained networks, (seeds,)."""
    x = np.linspace(0, 1, 1000)[:, None]
    split = data.from_arrays(x, sine(x[:, 0]))
    net = fnn.mlp((1, units, 1))
    rate = optax.cosine_decay_schedule(
        config.learning_rate, config.epochs * (len(split.train.x) // BATCH)
    )
    sweep = fnn.sweep(
        lambda hyper: (net, losses.squared_error, optim.adam(rate)),
        split,
        epochs=config.epochs,
        batch_size=BATCH,
        seeds=range(config.seeds),
    )
    predictions = jax.vmap(lambda params: fnn.apply(net, params, split.scale(x)))(sweep.params(0))
    return np.abs(np.asarray(predictions)[..., 0] - sine(x[:, 0])).max(axis=1)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Largest error over the units; and over the length of the interval."""
    figure, (error, length) = draw.figure(rows=2)
    units = results["units"]
    error.plot(units, results["built"], marker="o", label="built: interpolation")
    error.plot(units, (2 * np.pi) ** 2 / (8 * units**2), label="max|f″| / 8H²")
    low, middle, high = np.percentile(results["trained"], [5, 50, 95], axis=1)
    error.plot(units, middle, marker="s", label="trained: median, 90% of the seeds")
    error.fill_between(units, low, high, alpha=0.2, color=draw.LINES[2]["color"], linewidth=0)
    error.plot(units, results["squares"], marker="^", label="units that square, on |x|")
    error.set(xscale="log", yscale="log", xlabel="hidden units H", ylabel="largest error")
    error.set_xticks(units, units)
    error.minorticks_off()
    error.set_title("sin 2πx on [0, 1]")
    error.legend(frameon=False, fontsize="small")
    length.plot(LENGTHS, results["longer"], marker="o")
    length.set(
        xscale="log",
        yscale="log",
        xlabel="length of the interval, in periods",
        ylabel="largest error",
    )
    length.set_title(f"{units[-1]} units on longer intervals")
    return {"error": figure}
