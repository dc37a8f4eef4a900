"""The outputs of the layers of a tanh network after four epochs, from N(0, 1) and Xavier weights.

Question: How are the activations of each layer distributed, and what do they cost the network?
Source:   Sharif (claims 2.33, 2.34).
Command:  python -m experiments run mnist_densities
Expected: from N(0, 1) most activations are -1 or 1. From Xavier weights the layers' standard
          deviations stay close to each other, hardly any unit is saturated, and the loss is lower.
Cost:     quick 8 s (digits), full 2 minutes on 2 cores (MNIST, where its files are on the machine,
          otherwise digits).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import data, diagnostics, initializers, losses, optim
from fnn.data import mnist
from fnn.initializers import Initializer

INITS: dict[str, Initializer] = {"N(0, 1)": initializers.normal(1.0), "Xavier": initializers.glorot}
SATURATED = 0.99
"""An activation of tanh beyond it has a derivative below 0.02."""
ROWS = 200
"""Test examples whose activations are looked at."""
LOSS = losses.softmax_cross_entropy


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


def run(config: Config) -> Results:
    """Train from both starts, and look at the hidden layers of the trained networks.

    saturated, deviation  of the activations, (starts, seeds, layers)
    arriving              norm of ∂L/∂a at the first hidden layer over that at the last one,
                          (starts, seeds)
    loss, accuracy        on the test rows, (starts, seeds)
    outputs               activations of seed 0, (starts, layers, values)
    """
    name = "mnist" if not config.quick and mnist.is_local() else "digits"
    dataset = data.load(name)
    sweep = train(config, dataset)
    a, da = hidden_signals(config, sweep, dataset)
    arriving = np.linalg.norm(da, axis=(-1, -2))
    return {
        "arriving": arriving[..., 0] / arriving[..., -1],
        "dataset": np.array(name),
        "epochs": np.array(config.epochs),
        "saturated": (np.abs(a) > SATURATED).mean(axis=(-1, -2)),
        "deviation": a.std(axis=(-1, -2)),
        "loss": sweep.final("test_loss"),
        "accuracy": sweep.final("test_accuracy"),
        "outputs": a[:, 0].reshape(len(INITS), config.hidden_layers, -1),
    }


def train(config: Config, dataset: data.Dataset) -> fnn.Sweep:
    """Train tanh networks from both starts."""
    sizes = layer_sizes(config, dataset)
    optimizer = optim.adam(config.learning_rate)

    def builder(hyper):
        net = fnn.mlp(sizes, activation="tanh", init=INITS[hyper["start"]])
        return net, LOSS, optimizer

    return fnn.sweep(
        builder,
        dataset,
        epochs=config.epochs,
        batch_size=config.batch_size,
        seeds=range(config.seeds),
        hyper={"start": list(INITS)},
    )


def layer_sizes(config: Config, dataset: data.Dataset) -> tuple[int, ...]:
    """Return the number of features, of the units of each hidden layer, and of the classes."""
    features = dataset.train.x.shape[1]
    hidden = [config.width] * config.hidden_layers
    return (features, *hidden, 10)


def hidden_signals(config: Config, sweep: fnn.Sweep, dataset: data.Dataset):
    """Return a and ∂L/∂a of the hidden layers, (starts, seeds, layers, units, rows)."""
    net = fnn.mlp(layer_sizes(config, dataset), activation="tanh")
    x, y = dataset.test.x[:ROWS], dataset.test.y[:ROWS]

    @jax.jit
    def signals_of(params):
        signals = diagnostics.signals(net, LOSS, params, x, y)
        a = jnp.stack(signals.outputs[1:-1:2])
        da = jnp.stack(signals.cotangents[1:-1:2])
        return jnp.stack([a, da])

    of_starts = []
    for row in range(len(INITS)):
        of_seeds = [signals_of(sweep.run(row, seed).params) for seed in sweep.seeds]
        of_starts.append(of_seeds)
    return np.moveaxis(np.array(of_starts), 2, 0)


def plot(results: Results, config: Config) -> Figures:
    """Draw the densities of each hidden layer's outputs for both starts, seed 0."""
    figure, axes = draw.figure(rows=len(INITS))
    for axis, start, layers in zip(axes, INITS, results["outputs"], strict=True):
        draw.densities(axis, layers)
        title = f"{start}, after {config.epochs} epochs on {results['dataset']}"
        axis.set(xlabel="activation", title=title)
    return {"densities": figure}
