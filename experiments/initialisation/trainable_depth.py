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
from experiments.claims import claim, depends_on, every, holds_if, mean_interval
from experiments.common import Common
from experiments.initialisation.initial_signals import flow, per_layer, weights
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
GAP = 0.05
"""A network is unsuitable whose test accuracy is that far below the one with ReLU."""


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


@claim(
    "1.11",
    "tanh and the sigmoid are not suitable for dense layers, where the gradient vanishes "
    "with them.",
)
def unsuitable(results):
    best, depths = at_best_scale(results["accuracy"]), results["depths"]
    behind = {
        name: [mean_interval(gap) for gap in best[0] - one]
        for name, one in zip(ACTIVATIONS[1:], best[1:], strict=True)
    }
    cases = {
        f"{name} at depth {depth}": gap.above(GAP)
        for name, gaps in behind.items()
        for depth, gap in zip(depths, gaps, strict=True)
    }
    crossover = {
        name: next(
            (f"{d}" for d, gap in zip(depths, gaps, strict=True) if gap.above(GAP)),
            f"more than {depths[-1]}",
        )
        for name, gaps in behind.items()
    }
    means = [
        f"{name} {', '.join(f'{mean:.3f}' for mean in values.mean(axis=-1))}"
        for name, values in zip(ACTIVATIONS, best, strict=True)
    ]
    return depends_on(
        cases,
        f"Test accuracy on digits with the best scale, {best.shape[-1]} seeds, with "
        f"{', '.join(map(str, depths))} hidden layers: {'; '.join(means)}. Unsuitable is what "
        f"falls {GAP:g} behind "
        f"ReLU, from {' and '.join(f'{d} ({name})' for name, d in crossover.items())} hidden "
        f"layers on.",
        behind=behind,
        crossover=crossover,
    )


@claim(
    "2.32",
    "N(0, σ²) with σ = 0.01 does well in small networks and fails in deeper ones.",
    figure="accuracy",
)
def small_sigma(results):
    small = results["accuracy"][:2, :, list(SIGMAS).index("N(0, 0.01²)")]  # ReLU and tanh
    best = results["accuracy"][:2, -1].mean(axis=-1).max(axis=-1)
    shallow = [mean_interval(values) for values in small[:, 0]]
    deep = [mean_interval(values) for values in small[:, -1]]
    factors = [
        per_layer(each[:, 0], each[:, -1], each.shape[1] - 1) for each in results["deviation"]
    ]
    fails = [mean_interval(b - s).above(0.3) for b, s in zip(best, small[:, -1], strict=True)]
    return holds_if(
        every(*(interval.above(0.85) for interval in shallow), *fails),
        f"Test accuracy with σ = 0.01, ReLU and tanh: {shallow[0]} and {shallow[1]} with "
        f"{results['depths'][0]} hidden "
        f"layer, {deep[0]} and {deep[1]} with {results['depths'][-1]}, where the best scale has "
        f"{best[0]:.3f} and "
        f"{best[1]:.3f}. 100 units multiply the activations by {factors[0]} a layer with tanh, "
        f"{factors[1]} with ReLU.",
        shallow=shallow,
        deep=deep,
        factors=factors,
    )


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
