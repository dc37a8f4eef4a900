"""How deep a network can be and still learn, by activation and scale of the weights.

Question: Up to what depth does a network learn digits, for each activation and scale of its
          weights?
Source:   De Marzo (claim 1.11) and Sharif (2.32).
Command:  python -m experiments run trainable_depth
Expected: with one hidden layer everything learns, N(0, 0.01²) too; deep networks need 1/n or 2/n.
          With these tanh keeps up with ReLU at depths where the sigmoid has long failed.
Cost:     quick 25 s, full 3 minutes on 2 cores, most of it compiling one program for each
          activation and depth.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
from experiments.initialisation.initial_signals import flow, weights
from fnn import data, initializers, layers, losses, optim

WIDTH = 64
"""Of every hidden layer; the digits have as many pixels, so that n is the same everywhere."""
SIGMAS = {
    "N(0, 0.01²)": 0.01,
    "N(0, 0.05²)": 0.05,
    "1/n": WIDTH**-0.5,
    "2/n": (2 / WIDTH) ** 0.5,
    "N(0, 1)": 1.0,
}
ACTIVATIONS = ("relu", "tanh", "sigmoid")


@dataclass(frozen=True)
class Config(Common):
    """Depths and training."""

    seeds: int = 30
    depths: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Hidden layers."""
    epochs: int = 15
    batch_size: int = 64
    learning_rates: tuple[float, ...] = (1e-3, 1e-2)
    """Adam's; the one with the lower mean validation loss counts."""


QUICK = Config(seeds=3, depths=(1, 8), epochs=4, learning_rates=(3e-3,), quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """accuracy on the test rows (activations, depths, scales, seeds); and the deviation of the
    activations in each of 30 layers of 100 units with σ = 0.01, (tanh and ReLU, seeds, layers), in
    float64.
    """
    accuracy = [[trained(config, name, depth) for depth in config.depths] for name in ACTIVATIONS]
    with jax.enable_x64(True):
        W = weights(initializers.normal(0.01), seeds=30, depth=30, width=100)
        deviation = np.array([flow(W, activation=name).deviation for name in ("tanh", "relu")])
    return {
        "accuracy": np.array(accuracy),
        "depths": np.array(config.depths),
        "deviation": deviation,
    }


def trained(config: Config, activation: str, depth: int) -> np.ndarray:
    """Test accuracy of each scale and seed at its best rate; a lane that diverged guesses."""

    def builder(hyper):
        init = initializers.normal(hyper["sigma"])
        hidden = layers.serial(layers.dense(WIDTH, WIDTH, init=init), layers.activation(activation))
        net = layers.serial(layers.repeat(hidden, depth), layers.dense(WIDTH, 10, init=init))
        return net, losses.softmax_cross_entropy, optim.adam(hyper["learning_rate"])

    sweep = fnn.sweep(
        builder,
        data.load("digits"),
        epochs=config.epochs,
        batch_size=config.batch_size,
        seeds=range(config.seeds),
        hyper={"sigma": list(SIGMAS.values()), "learning_rate": list(config.learning_rates)},
    )
    shape = (len(SIGMAS), len(config.learning_rates), config.seeds)
    loss, accuracy = (
        sweep.final(name).reshape(shape) for name in ("validation_loss", "test_accuracy")
    )
    best = np.nan_to_num(loss, nan=np.inf).mean(axis=-1).argmin(axis=1)
    return np.nan_to_num(accuracy[np.arange(len(SIGMAS)), best], nan=0.1)


def at_best_scale(accuracy: np.ndarray) -> np.ndarray:
    """Of each activation and depth the accuracies at the scale with the highest mean, (activations,
    depths, seeds).
    """
    best = accuracy.mean(axis=-1).argmax(axis=-1)
    return np.take_along_axis(accuracy, best[:, :, None, None], axis=2)[:, :, 0]


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Mean test accuracy over depth with the best scale, and for each depth and scale."""
    lines, (axis,) = draw.figure()
    for name, best in zip(ACTIVATIONS, at_best_scale(results["accuracy"]), strict=True):
        draw.mean_band(axis, results["depths"], best.T, name, marker="o")
    axis.set(xlabel="hidden layers", ylabel="test accuracy, best scale", ylim=(0, 1), xscale="log")
    axis.set_xticks(results["depths"], [str(depth) for depth in results["depths"]])
    axis.minorticks_off()
    axis.legend(frameon=False)
    maps, axes = draw.figure(rows=len(ACTIVATIONS), height=2.8)
    names = [str(depth) for depth in results["depths"]]
    for axis, name, values in zip(
        axes, ACTIVATIONS, results["accuracy"].mean(axis=-1), strict=True
    ):
        texts = np.array([[f"{cell:.2f}" for cell in row] for row in values.T])
        draw.heatmap(
            axis, values.T, texts, names, list(SIGMAS), norm=Normalize(0, 1), label="test accuracy"
        )
        axis.set_title(name, fontsize=10)
    axes[-1].set_xlabel("hidden layers")
    return {"depth": lines, "accuracy": maps}
