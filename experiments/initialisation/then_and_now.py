"""The first neurons, and a deep network trained as in the 1980s and as today.

Question: What could the first models do, and was it the network or the recipe that made deep ones
          hard to train?
Source:   Piccoli (claim 4.33).
Command:  python -m experiments run then_and_now
Expected: threshold units compute and learn AND and OR. The same deep network that hardly learns
          with sigmoids, small uniform weights and momentum learns well with batch normalisation,
          ReLU, He's weights and Adam.
Cost:     quick 10 s, full 20 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import data, initializers, layers, losses, optim
from fnn.course import perceptron
from fnn.layers import DenseParams

BITS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], np.float32)
GATES = {"and": ((1, 1), -2), "or": ((1, 1), -1), "not x₁": ((-1, 0), 0)}
"""(w, b) of McCulloch and Pitts' threshold unit 1[w·x + b ≥ 0]."""
TRUTH = np.array([[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 0, 0]])


@dataclass(frozen=True)
class Config(Common):
    """The network and its training on digits, the same for both recipes."""

    seeds: int = 30
    hidden_layers: int = 6
    width: int = 32
    epochs: int = 20
    batch_size: int = 64
    old_rates: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1)
    """Of momentum; the best by mean validation loss counts."""
    learning_rate: float = 3e-3
    """Adam's, the only one tried."""


QUICK = Config(seeds=4, hidden_layers=4, epochs=10, old_rates=(0.1,), quick=True)


def run(config: Config) -> Results:
    """Compute and learn the gates, and train a deep network by both recipes.

    gates           outputs of threshold units, (gates, rows)
    mistakes        of perceptrons that learn them, (gates, epochs)
    loss, accuracy  of both recipes on the test rows, (2, seeds, epochs)
    """
    fits = [perceptron.fit(BITS, truth, key=jax.random.key(0), epochs=20) for truth in TRUTH]
    then, now = train_both(config)
    return {
        "gates": np.array([threshold_unit(w, b) for w, b in GATES.values()]),
        "mistakes": np.array([fit.mistakes for fit in fits]),
        "loss": np.array([then["test_loss"], now["test_loss"]]),
        "accuracy": np.array([then["test_accuracy"], now["test_accuracy"]]),
    }


def threshold_unit(w: tuple[int, ...], b: int) -> np.ndarray:
    """Return the outputs of a threshold unit on all pairs of bits, (rows,)."""
    unit = layers.serial(layers.dense(2, 1), layers.activation("step"))
    dense = DenseParams(jnp.array([w], float), jnp.array([b], float))
    return np.asarray(fnn.apply(unit, (dense, ()), BITS))[:, 0]


def train_both(config: Config) -> list[Results]:
    """Train one deep network by the recipe of the 1980s and by today's; return both histories."""
    sizes = (64, *[config.width] * config.hidden_layers, 10)
    small = initializers.uniform(-0.3, 0.3)
    then = fnn.mlp(sizes, activation="sigmoid", init=small)
    now = fnn.mlp(sizes, activation="relu", init="he", batch_norm="before")
    return [
        train(config, then, optim.momentum, config.old_rates),
        train(config, now, optim.adam, (config.learning_rate,)),
    ]


def train(config: Config, net: fnn.Layer, optimizer, rates) -> Results:
    """Return the history at the rate with the lowest mean validation loss, (seeds, epochs)."""
    sweep = fnn.sweep(
        lambda hyper: (net, losses.softmax_cross_entropy, optimizer(hyper["rate"])),
        data.load("digits"),
        epochs=config.epochs,
        batch_size=config.batch_size,
        seeds=range(config.seeds),
        hyper={"rate": list(rates)},
    )
    best = sweep.best(at="last")["setting"]
    return {name: values[best] for name, values in sweep.history.items()}


def plot(results: Results, config: Config) -> Figures:
    """Draw test loss and accuracy of both recipes over epochs."""
    figure, axes = draw.figure(rows=2, height=3)
    epochs = np.arange(1, results["loss"].shape[-1] + 1)
    for axis, metric in zip(axes, ("loss", "accuracy"), strict=True):
        then, now = results[metric]
        draw.mean_band(axis, epochs, then, "1980s")
        draw.mean_band(axis, epochs, now, "today")
        axis.set(xlabel="epoch", ylabel=f"test {metric}")
    title = f"{config.hidden_layers} hidden layers of {config.width} on digits"
    axes[0].set_title(title, fontsize=10)
    axes[0].legend(frameon=False)
    return {"recipes": figure}
