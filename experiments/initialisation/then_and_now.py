"""The first neurons, and a deep network trained as in the 1980s and as today.

Question: What could the first models do, and was it the network or the recipe that made deep ones
          hard to train?
Source:   Piccoli (claim 4.33).
Command:  python -m experiments run then_and_now
Expected: threshold units compute and learn AND and OR; the same deep network that hardly learns
          with sigmoids, small uniform weights and momentum learns well with batch normalisation,
          ReLU, He's weights and Adam.
Cost:     quick 10 s, full 20 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """What the gates return (gates, rows), mistakes of perceptrons that learn them (gates, epochs),
    and test loss and accuracy of both recipes (2, seeds, epochs).
    """
    unit = layers.serial(layers.dense(2, 1), layers.activation("step"))
    gates = [
        (DenseParams(jnp.array([w], float), jnp.array([b], float)), ()) for w, b in GATES.values()
    ]
    fits = [perceptron.fit(BITS, truth, key=jax.random.key(0), epochs=20) for truth in TRUTH]
    sizes = (64, *[config.width] * config.hidden_layers, 10)
    old = fnn.mlp(sizes, activation="sigmoid", init=initializers.uniform(-0.3, 0.3))
    new = fnn.mlp(sizes, activation="relu", init="he", batch_norm="before")
    sweeps = [
        recipe(config, old, optim.momentum, config.old_rates),
        recipe(config, new, optim.adam, (config.learning_rate,)),
    ]
    return {
        "gates": np.array([np.asarray(fnn.apply(unit, params, BITS))[:, 0] for params in gates]),
        "mistakes": np.array([fit.mistakes for fit in fits]),
        "loss": np.array([loss for loss, _ in sweeps]),
        "accuracy": np.array([accuracy for _, accuracy in sweeps]),
    }


def recipe(
    config: Config, net, optimizer, rates: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Test loss and accuracy (seeds, epochs) at the rate with the lowest mean validation loss."""
    sweep = fnn.sweep(
        lambda hyper: (net, losses.softmax_cross_entropy, optimizer(hyper["rate"])),
        data.load("digits"),
        epochs=config.epochs,
        batch_size=config.batch_size,
        seeds=range(config.seeds),
        hyper={"rate": list(rates)},
    )
    best = sweep.best(at="last")["setting"]
    return sweep.history["test_loss"][best], sweep.history["test_accuracy"][best]


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Test loss and accuracy of both recipes over epochs."""
    figure, axes = draw.figure(rows=2, height=3)
    epochs = np.arange(1, results["loss"].shape[-1] + 1)
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        for label, values in zip(("1980s", "today"), results[name], strict=True):
            draw.mean_band(axis, epochs, values, label)
        axis.set(xlabel="epoch", ylabel=f"test {name}")
    axes[0].set_title(
        f"{config.hidden_layers} hidden layers of {config.width} on digits", fontsize=10
    )
    axes[0].legend(frameon=False)
    return {"recipes": figure}
