"""The depth at which a network still learns, by activation and scale of the weights.

Question: Up to what depth does a network learn digits, for each activation and scale of its
          weights, and where does its gradient vanish?
Source:   De Marzo (claim 1.11) and Sharif (2.32).
Command:  python -m experiments run trainable_depth
Expected: with one hidden layer everything learns, N(0, 0.01²) too; deep networks need 1/n or 2/n.
          With these tanh keeps up with ReLU at depths where the sigmoid has long failed, and keeps
          0.93 of the gradient a layer, the sigmoid 0.23.
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
from experiments.common import Common, Figures, Results
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
STARTS = ("N(0, 0.01²)", "1/n")
"""The initialisation that the course prints first, and Xavier's, for the gradient."""
DEEP = {"seeds": 30, "depth": 30, "width": 100}
"""The networks in which the signals are measured."""


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


def run(config: Config) -> Results:
    """Return the accuracy on the test rows, and the signals of deep networks at initialisation.

    accuracy is (activations, depths, scales, seeds).
    """
    accuracy = []
    for activation in ACTIVATIONS:
        of_depths = [trained(config, activation, depth) for depth in config.depths]
        accuracy.append(of_depths)
    results = {"accuracy": np.array(accuracy), "depths": np.array(config.depths)}
    return results | signals_at_start()


def trained(config: Config, activation: str, depth: int) -> np.ndarray:
    """Return the test accuracy of each scale at its best rate, (scales, seeds)."""

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
    return at_best_rate(sweep, config)


def at_best_rate(sweep: fnn.Sweep, config: Config) -> np.ndarray:
    """Choose each scale's rate by the mean validation loss; return the accuracies, (scales, seeds).

    A run that diverged guesses.
    """
    shape = (len(SIGMAS), len(config.learning_rates), config.seeds)
    loss = sweep.final("validation_loss").reshape(shape)
    accuracy = sweep.final("test_accuracy").reshape(shape)
    mean_loss = np.nan_to_num(loss, nan=np.inf).mean(axis=-1)
    best = mean_loss.argmin(axis=1)
    chosen = accuracy[np.arange(len(SIGMAS)), best]
    return np.nan_to_num(chosen, nan=0.1)


def signals_at_start() -> Results:
    """Return the norms of the gradient and the deviations of the activations of DEEP networks.

    delta      ‖∂L/∂z‖, (activations, starts, seeds, layers), in float64
    deviation  with σ = 0.01, (tanh and ReLU, seeds, layers)
    """
    flows = {}
    with jax.enable_x64(True):
        for start, sigma in zip(STARTS, (0.01, DEEP["width"] ** -0.5), strict=True):
            W = weights(initializers.normal(sigma), **DEEP)
            for activation in ACTIVATIONS:
                flows[activation, start] = flow(W, activation=activation)
        delta = [[flows[name, start].delta for start in STARTS] for name in ACTIVATIONS]
        deviation = [flows[name, STARTS[0]].deviation for name in ("tanh", "relu")]
        return {"delta": np.array(delta), "deviation": np.array(deviation)}


def at_best_scale(accuracy: np.ndarray) -> np.ndarray:
    """Return the accuracies at the scale with the highest mean, (activations, depths, seeds)."""
    best = accuracy.mean(axis=-1).argmax(axis=-1)
    chosen = np.take_along_axis(accuracy, best[:, :, None, None], axis=2)
    return chosen[:, :, 0]


def plot(results: Results, config: Config) -> Figures:
    """Draw the test accuracy over depth, with the best scale and for each scale."""
    depths = [str(depth) for depth in results["depths"]]
    lines, (axis,) = draw.figure()
    for name, best in zip(ACTIVATIONS, at_best_scale(results["accuracy"]), strict=True):
        draw.mean_band(axis, results["depths"], best.T, name, marker="o")
    axis.set(xlabel="hidden layers", ylabel="test accuracy, best scale", ylim=(0, 1), xscale="log")
    axis.set_xticks(results["depths"], depths)
    axis.minorticks_off()
    axis.legend(frameon=False)
    return {"depth": lines, "accuracy": accuracy_maps(results["accuracy"].mean(axis=-1), depths)}


def accuracy_maps(accuracy: np.ndarray, depths: list[str]) -> Figure:
    """Draw mean accuracies (activations, depths, scales) as a map for each activation."""
    figure, axes = draw.figure(rows=len(ACTIVATIONS), height=2.8)
    scales = list(SIGMAS)
    norm = Normalize(0, 1)
    for axis, name, of_depths in zip(axes, ACTIVATIONS, accuracy, strict=True):
        values = of_depths.T
        texts = np.char.mod("%.2f", values)
        draw.heatmap(axis, values, texts, depths, scales, norm=norm, label="test accuracy")
        axis.set_title(name, fontsize=10)
    axes[-1].set_xlabel("hidden layers")
    return figure
