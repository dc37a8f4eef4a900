"""The outputs of the layers of a tanh network after four epochs, from N(0, 1) and from Xavier
weights.

Question: How are the activations of each layer distributed, and what do they cost the network?
Source:   Sharif (claims 2.33, 2.34).
Command:  python -m experiments run mnist_densities
Expected: from N(0, 1) most activations are -1 or 1; from Xavier weights the layers' standard
          deviations stay close to each other, hardly any unit is saturated, and the loss is lower.
Cost:     quick 8 s (digits), full 2 minutes on 2 cores (MNIST, where its files are on the machine,
          otherwise digits).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
from fnn import data, diagnostics, initializers, losses, optim
from fnn.data import mnist

STARTS = ("N(0, 1)", "Xavier")
SATURATED = 0.99
"""An activation of tanh beyond it has a derivative below 0.02."""
ROWS = 200
"""Test examples whose activations are looked at."""


@dataclass(frozen=True)
class Config(Common):
    """Network and training."""

    seeds: int = 30
    epochs: int = 4
    batch_size: int = 128
    hidden_layers: int = 5
    width: int = 100
    learning_rate: float = 1e-3
    """Adam's."""


QUICK = Config(seeds=5, batch_size=32, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """After training: saturated, deviation (starts, seeds, layers); the norm of ∂L/∂a at the first
    hidden layer over that at the last one, test loss and accuracy (starts, seeds); the activations
    of seed 0 (starts, layers, values).
    """
    name = "mnist" if not config.quick and mnist.is_local() else "digits"
    dataset = data.load(name)
    sizes = (dataset.train.x.shape[1], *[config.width] * config.hidden_layers, 10)

    def builder(hyper):
        init = initializers.normal(1.0) if hyper["start"] == "N(0, 1)" else initializers.glorot
        net = fnn.mlp(sizes, activation="tanh", init=init)
        return net, losses.softmax_cross_entropy, optim.adam(config.learning_rate)

    sweep = fnn.sweep(
        builder,
        dataset,
        epochs=config.epochs,
        batch_size=config.batch_size,
        seeds=range(config.seeds),
        hyper={"start": list(STARTS)},
    )
    net, x, y = fnn.mlp(sizes, activation="tanh"), dataset.test.x[:ROWS], dataset.test.y[:ROWS]

    @jax.jit
    def hidden(params):
        """Activations a and ∂L/∂a, (2, layers, units, rows)."""
        found = diagnostics.signals(net, losses.softmax_cross_entropy, params, x, y)
        return jnp.stack([jnp.stack(signals[1:-1:2]) for signals in found[:2]])

    found = [
        [hidden(sweep.run(row, seed).params) for seed in sweep.seeds] for row in range(len(STARTS))
    ]
    a, da = np.moveaxis(np.array(found), 2, 0)
    arriving = np.linalg.norm(da, axis=(-1, -2))
    return {
        "arriving": arriving[..., 0] / arriving[..., -1],
        "dataset": np.array(name),
        "epochs": np.array(config.epochs),
        "saturated": (np.abs(a) > SATURATED).mean(axis=(-1, -2)),
        "deviation": a.std(axis=(-1, -2)),
        "loss": sweep.final("test_loss"),
        "accuracy": sweep.final("test_accuracy"),
        "outputs": a[:, 0].reshape(len(STARTS), config.hidden_layers, -1),
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Densities of each hidden layer's outputs for both starts, seed 0."""
    figure, axes = draw.figure(rows=len(STARTS))
    for axis, start, layers in zip(axes, STARTS, results["outputs"], strict=True):
        draw.densities(axis, layers)
        axis.set(
            xlabel="activation",
            title=f"{start}, after {config.epochs} epochs on {results['dataset']}",
        )
    return {"densities": figure}
