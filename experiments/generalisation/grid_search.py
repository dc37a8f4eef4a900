"""A grid search over the hyperparameters that the course lists, and what training itself changes.

Question: Which numbers does training learn, which must be chosen from outside, and what does a grid
          search gain?
Source:   De Marzo (claim 1.14).
Command:  python -m experiments run grid_search
Expected: weights and biases are the leaves of the parameter tree, the gradient has a leaf for each,
          and no other choice changes the start. The setting chosen by validation does better on the
          test rows than the average one.
Cost:     about 90 s on 2 cores, nearly all of it compiling 32 programs; 10 s with --quick.
"""

import zlib
from dataclasses import dataclass

import jax
import numpy as np

import fnn
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim
from fnn import plot as draw

LOSS = losses.softmax_cross_entropy
OPTIMIZERS = {"sgd": optim.sgd, "adam": optim.adam}
NAMES = ("hidden_layers", "neurons", "activation", "batch_size", "optimizer", "learning_rate")
"""The hyperparameters of the grid."""


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


def run(config: Config) -> Results:
    """Train every setting, and look at its start and at the gradient of the deepest network.

    Accuracies are (settings, seeds, epochs), and values is (settings, names).
    """
    sweep = search(config)
    values = [[str(setting[name]) for name in NAMES] for setting in sweep.settings]
    starts = [network(setting).init(jax.random.key(0))[0] for setting in sweep.settings]
    sizes = [len(jax.tree.leaves(start)) for start in starts]
    deepest = int(np.flatnonzero(np.equal(sizes, max(sizes)))[-1])
    gradient = gradient_of(network(sweep.settings[deepest]), starts[deepest])
    return {
        "validation_accuracy": sweep.history["validation_accuracy"],
        "test_accuracy": sweep.history["test_accuracy"],
        "names": np.array(NAMES),
        "values": np.array(values),
        "parameters": leaf_names(starts[deepest]),
        "derivatives": leaf_names(gradient),
        "starts": np.array([fingerprint(start) for start in starts]),
    }


def search(config: Config) -> fnn.Sweep:
    """Train every combination of the hyperparameters."""

    def builder(hyper):
        optimizer = OPTIMIZERS[hyper["optimizer"]]
        return network(hyper), LOSS, optimizer(hyper["learning_rate"])

    return fnn.sweep(
        builder,
        data.load("digits"),
        epochs=config.epochs,
        batch_size=config.batch_size[0],
        seeds=range(config.seeds),
        hyper={name: list(getattr(config, name)) for name in NAMES},
    )


def network(hyper) -> fnn.Layer:
    """Build the network of a setting."""
    hidden = [hyper["neurons"]] * hyper["hidden_layers"]
    return fnn.mlp((64, *hidden, 10), activation=hyper["activation"])


def gradient_of(net: fnn.Layer, params):
    """Return the gradient on 32 digits."""
    digits = data.load("digits").train
    _, gradient = fnn.value_and_grad(net, LOSS)(params, digits.x[:32], digits.y[:32])
    return gradient


def leaf_names(tree) -> np.ndarray:
    """Return the positions of the arrays in a pytree with their shapes, such as [0].W (32, 64)."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return np.array([f"{jax.tree_util.keystr(path)} {leaf.shape}" for path, leaf in leaves])


def fingerprint(tree) -> int:
    """Return a number that is equal for pytrees that are equal bit for bit."""
    leaves = [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]
    return zlib.crc32(b"".join(leaves))


def plot(results: Results, config: Config) -> Figures:
    """Draw the validation accuracy of every setting, by the values of each hyperparameter."""
    accuracy = np.nan_to_num(results["validation_accuracy"]).mean(axis=1)
    best = 100 * accuracy.max(axis=1)
    labels, rows = [], []
    for name, values in zip(results["names"], results["values"].T, strict=True):
        for value in dict.fromkeys(values):
            labels.append(f"{name} {value}".replace("_", " "))
            rows.append(np.where(values == value, best, np.nan))
    figure, (axis,) = draw.figure(height=0.4 * len(rows) + 1)
    axis.set_prop_cycle(None)  # lines of one kind
    draw.strips(axis, np.array(rows), labels, ["none"] * len(rows))
    axis.set_xlabel("validation accuracy at its best epoch, %")
    axis.set_title(f"{len(best)} settings, {config.seeds} seeds each")
    return {"settings": figure}
