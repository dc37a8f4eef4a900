"""Batch normalisation: what it does to a batch, in evaluation, backward, and to a network in
training.

Question: Does batch normalisation do what its equations say, before and after the activation, and
          what changes?
Source:   Sharif (claim 2.25); the figure is that of Ioffe & Szegedy 2015.
Command:  python -m experiments run batch_normalisation
Expected: mean 0 and variance 1 before scale and shift, running statistics in evaluation, the
          gradient of autodiff; the inputs of the last hidden sigmoid stay put in training and the
          network learns faster.
Cost:     quick 10 s, full 20 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import data, diagnostics, layers, losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.layers import BatchNormParams

PLACEMENTS = {"without": None, "before the activation": "before", "after the activation": "after"}
PERCENTILES = (15, 50, 85)
LAST = {None: 4, "before": 6, "after": 6}
"""The position of the last hidden dense layer among the parts, its output being the input of the
last sigmoid.
"""


@dataclass(frozen=True)
class Config(Common):
    """Training of 64-100-100-100-10 with sigmoid units on digits."""

    rounds: int = 50
    """Times that the percentiles are taken."""
    steps: int = 40
    """Updates between two of them."""
    batch_size: int = 60
    learning_rate: float = 0.5
    """Of plain stochastic gradient descent."""


QUICK = Config(rounds=20, steps=20, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Errors of the identities in float64; percentiles (placements, rounds, 3) and accuracy
    (placements, rounds).
    """
    with jax.enable_x64(True):
        identities = errors()
    found = [watched(config, placement) for placement in PLACEMENTS.values()]
    percentiles, accuracy = (np.array(values) for values in zip(*found, strict=True))
    return identities | {"percentiles": percentiles, "accuracy": accuracy}


def errors() -> dict[str, np.ndarray]:
    """The largest error of each equation on a batch of 50 with mean 5 and deviations 0.5 to 3."""
    features, rows = 6, 50
    layer = layers.batch_norm(features, momentum=0.9, epsilon=1e-5)
    keys = jax.random.split(jax.random.key(0), 4)
    x = 5 + jnp.linspace(0.5, 3, features)[:, None] * jax.random.normal(keys[0], (features, rows))
    params, state = layer.init(keys[0])
    y, _, _ = layer.forward(params, state, x, train=True)
    variance = x.var(axis=1)
    learned = BatchNormParams(
        jax.random.normal(keys[1], (features,)), jax.random.normal(keys[2], (features,))
    )
    affine, new, residuals = layer.forward(learned, state, x, train=True)
    running = (
        0.9 * state.mean + 0.1 * x.mean(axis=1),
        0.9 * state.variance + 0.1 * x.var(axis=1, ddof=1),
    )
    evaluated, kept, _ = layer.forward(learned, new, x, train=False)
    by_hand = (x - running[0][:, None]) / jnp.sqrt(running[1] + 1e-5)[:, None]
    dy = jax.random.normal(keys[3], x.shape)
    reference = jax.vjp(lambda p, x: layer.forward(p, state, x, train=True)[0], learned, x)[1](dy)
    backward = layer.backward(learned, residuals, dy)
    pairs = zip(jax.tree.leaves(backward), jax.tree.leaves(reference), strict=True)
    shortcut = dy * learned.scale[:, None] / jnp.sqrt(variance + 1e-5)[:, None]
    return {
        "mean": np.abs(y.mean(axis=1)).max(),
        "variance": np.abs(y.var(axis=1) - variance / (variance + 1e-5)).max(),
        "below_one": (1 - y.var(axis=1)).max(),
        "affine": np.abs(affine - (learned.scale[:, None] * y + learned.shift[:, None])).max(),
        "running": max(np.abs(a - b).max() for a, b in zip(new, running, strict=True)),
        "evaluation": np.abs(
            evaluated - (learned.scale[:, None] * by_hand + learned.shift[:, None])
        ).max(),
        "state_kept": np.asarray(kept is new),
        "backward": max(np.abs(a - b).max() / np.abs(b).max() for a, b in pairs),
        "shortcut": np.abs(shortcut - reference[1]).max() / np.abs(reference[1]).max(),
    }


def watched(config: Config, placement) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles over 200 examples of the input of one unit of the last hidden layer, and the
    share of the examples that are right, during training.
    """
    x, y = data.load("digits").train
    net = fnn.mlp(
        (64, 100, 100, 100, 10), activation="sigmoid", init="glorot", batch_norm=placement
    )
    loss_and_gradient = fnn.value_and_grad(net, losses.softmax_cross_entropy)
    params, state = net.init(jax.random.key(0))
    watch = LAST[placement] + (
        placement == "before"
    )  # normalised, where the sigmoid comes after the normalisation

    def gradient(params, key):
        rows = jax.random.choice(key, len(x), (config.batch_size,))
        return loss_and_gradient(params, jnp.asarray(x)[rows], jnp.asarray(y)[rows], state=state)[1]

    def continued(params, key):
        path = descent.trajectory(
            gradient, optim.sgd(config.learning_rate), params, steps=config.steps, key=key
        )
        params = jax.tree.map(lambda leaf: leaf[-1], path)
        outputs = diagnostics.signals(
            net, losses.softmax_cross_entropy, params, x[:200], y[:200], state=state
        ).outputs
        right = (outputs[-1].argmax(axis=0) == y[:200]).mean()
        return params, (jnp.percentile(outputs[watch][0], jnp.array(PERCENTILES)), right)

    keys = jax.random.split(jax.random.key(1), config.rounds)
    _, (percentiles, accuracy) = jax.jit(lambda params: jax.lax.scan(continued, params, keys))(
        params
    )
    return np.asarray(percentiles), np.asarray(accuracy)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The percentiles of the input of one sigmoid, and the accuracy, over training."""
    figure, axes = draw.figure(rows=4, height=2.5)
    updates = config.steps * np.arange(1, config.rounds + 1)
    for axis, name, curves in zip(axes, PLACEMENTS, results["percentiles"], strict=False):
        for percentile, curve in zip(PERCENTILES, curves.T, strict=True):
            axis.plot(updates, curve, label=f"{percentile}%")
        axis.set(ylabel="input of a sigmoid", title=name)
    for name, curve in zip(PLACEMENTS, results["accuracy"], strict=True):
        axes[3].plot(updates, curve, label=name)
    axes[3].set(xlabel="update", ylabel="accuracy")
    for axis in (axes[0], axes[3]):
        axis.legend(frameon=False, fontsize=8)
    return {"percentiles": figure}
