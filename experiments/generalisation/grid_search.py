"""A grid search over the hyperparameters that the course lists, and what training itself changes.

Question: Which numbers does training learn, which must be chosen from outside, and what does a grid
          search gain?
Source:   De Marzo (claim 1.14).
Command:  python -m experiments run grid_search
Expected: weights and biases are the leaves of the parameter tree, the gradient has a leaf for each,
          and no other choice changes the start; the setting chosen by validation does better on the
          test rows than the average one.
Cost:     about 90 s on 2 cores, nearly all of it compiling 32 programs; 10 s with --quick.
"""

import zlib
from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import data, losses, optim
from fnn import plot as draw

LOSS = losses.softmax_cross_entropy
OPTIMIZERS = {"sgd": optim.sgd, "adam": optim.adam}


@dataclass(frozen=True)
class Config(Common):
    """The values that are tried, in every combination."""

    seeds: int = 8
    hidden_layers: tuple[int, ...] = (1, 2)
    neurons: tuple[int, ...] = (8, 32)
    activation: tuple[str, ...] = ("tanh", "relu")
    batch_size: tuple[int, ...] = (32, 128)
    optimizer: tuple[str, ...] = ("sgd", "adam")
    learning_rate: tuple[float, ...] = (1e-3, 1e-2, 1e-1)
    epochs: int = 30
    """The most; fewer are read from the same runs."""


QUICK = Config(
    seeds=4,
    hidden_layers=(1,),
    neurons=(16,),
    activation=("relu",),
    batch_size=(64,),
    epochs=15,
    quick=True,
)


def run(config: Config) -> dict[str, np.ndarray]:
    """Accuracies are (settings, seeds, epochs); values is (settings, names)."""
    names = ("hidden_layers", "neurons", "activation", "batch_size", "optimizer", "learning_rate")
    sweep = fnn.sweep(
        lambda hyper: (net_of(hyper), LOSS, OPTIMIZERS[hyper["optimizer"]](hyper["learning_rate"])),
        data.load("digits"),
        epochs=config.epochs,
        batch_size=config.batch_size[0],
        seeds=range(config.seeds),
        hyper={name: list(getattr(config, name)) for name in names},
    )
    digits = data.load("digits").train
    starts = [net_of(setting).init(jax.random.key(0))[0] for setting in sweep.settings]
    deepest = max(range(len(starts)), key=lambda row: (len(jax.tree.leaves(starts[row])), row))
    net = net_of(sweep.settings[deepest])
    _, gradient = fnn.value_and_grad(net, LOSS)(starts[deepest], digits.x[:32], digits.y[:32])
    return {
        "validation_accuracy": sweep.history["validation_accuracy"],
        "test_accuracy": sweep.history["test_accuracy"],
        "names": np.array(names),
        "values": np.array([[str(setting[name]) for name in names] for setting in sweep.settings]),
        "parameters": leaf_names(starts[deepest]),
        "derivatives": leaf_names(gradient),
        "starts": np.array([fingerprint(start) for start in starts]),
    }


def net_of(hyper) -> fnn.Layer:
    """The network of a setting."""
    return fnn.mlp(
        (64, *[hyper["neurons"]] * hyper["hidden_layers"], 10), activation=hyper["activation"]
    )


def leaf_names(tree) -> np.ndarray:
    """Where the arrays of a pytree stand, with their shapes, such as [0].W (32, 64)."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return np.array([f"{jax.tree_util.keystr(path)} {leaf.shape}" for path, leaf in leaves])


def fingerprint(tree) -> int:
    """Equal for pytrees that are equal bit for bit."""
    return zlib.crc32(b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Validation accuracy of every setting, by the values of each hyperparameter."""
    best = np.nan_to_num(results["validation_accuracy"]).mean(axis=1).max(axis=1)
    rows = [
        (name, value)
        for n, name in enumerate(results["names"])
        for value in dict.fromkeys(results["values"][:, n])
    ]
    lanes = np.full((len(rows), len(best)), np.nan)
    for row, (name, value) in zip(lanes, rows, strict=True):
        having = results["values"][:, list(results["names"]).index(name)] == value
        row[having] = 100 * best[having]
    figure, (axis,) = draw.figure(height=0.4 * len(rows) + 1)
    labels = [f"{name} {value}".replace("_", " ") for name, value in rows]
    axis.set_prop_cycle(None)  # lines of one kind
    draw.strips(axis, lanes, labels, ["none"] * len(rows))
    axis.set(
        xlabel="validation accuracy at its best epoch, %",
        title=f"{len(best)} settings, {config.seeds} seeds each",
    )
    return {"settings": figure}
