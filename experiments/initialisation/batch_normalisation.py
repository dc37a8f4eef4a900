"""Batch normalisation: its equations on one batch, and its effect on a network in training.

Question: Does batch normalisation do what its equations say, before and after the activation, and
          what changes?
Source:   Sharif (claim 2.25); the figure is that of Ioffe & Szegedy 2015.
Command:  python -m experiments run batch_normalisation
Expected: mean 0 and variance 1 before scale and shift, running statistics in evaluation, the
          gradient of autodiff. The inputs of the last hidden sigmoid stay put in training, and the
          network learns faster.
Cost:     quick 10 s, full 20 s on 2 cores.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.common import Common, Figures, Results
from fnn import data, diagnostics, layers, losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.layers import BatchNormParams

FEATURES, ROWS = 6, 50
"""The batch on which the equations are checked. It has mean 5 and deviations from 0.5 to 3."""
EPSILON = 1e-5
Placement: TypeAlias = Literal["before", "after"] | None
PLACEMENTS: dict[str, Placement] = {
    "without": None,
    "before the activation": "before",
    "after the activation": "after",
}
PERCENTILES = (15, 50, 85)
WATCHED = {None: 4, "before": 7, "after": 6}
"""The position, among the parts of the network, of the input of the last hidden sigmoid.

With normalisation before the activation the input is the normalised one.
"""
LOSS = losses.softmax_cross_entropy


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


def run(config: Config) -> Results:
    """Return the errors of the equations in float64, and what is seen in training.

    percentiles is (placements, rounds, 3) and accuracy (placements, rounds).
    """
    with jax.enable_x64(True):
        errors = errors_of_equations()
    watched = [train(config, placement) for placement in PLACEMENTS.values()]
    percentiles, accuracy = zip(*watched, strict=True)
    return errors | {"percentiles": np.array(percentiles), "accuracy": np.array(accuracy)}


def errors_of_equations() -> Results:
    """Return the largest error of each equation on one batch."""
    layer = layers.batch_norm(FEATURES, momentum=0.9, epsilon=EPSILON)
    x_key, scale_key, shift_key, dy_key = jax.random.split(jax.random.key(0), 4)
    deviations = jnp.linspace(0.5, 3, FEATURES)[:, None]
    x = 5 + deviations * jax.random.normal(x_key, (FEATURES, ROWS))
    scale = jax.random.normal(scale_key, (FEATURES,))
    shift = jax.random.normal(shift_key, (FEATURES,))
    learned = BatchNormParams(scale, shift)
    dy = jax.random.normal(dy_key, x.shape)
    in_training = training_errors(layer, learned, x)
    in_evaluation = evaluation_errors(layer, learned, x)
    backward = backward_errors(layer, learned, x, dy)
    return in_training | in_evaluation | backward


def training_errors(layer, learned: BatchNormParams, x) -> Results:
    """Compare the outputs in training with (x − mean)/√(variance + ε), scaled and shifted."""
    unscaled, state = layer.init(jax.random.key(0))
    y, _, _ = layer.forward(unscaled, state, x, train=True)
    affine, _, _ = layer.forward(learned, state, x, train=True)
    variance = x.var(axis=1)
    expected_variance = variance / (variance + EPSILON)
    expected_affine = scaled(learned, y)
    return {
        "mean": largest(y.mean(axis=1)),
        "variance": largest(y.var(axis=1) - expected_variance),
        "below_one": np.asarray((1 - y.var(axis=1)).max()),
        "affine": largest(affine - expected_affine),
    }


def evaluation_errors(layer, learned: BatchNormParams, x) -> Results:
    """Compare the running statistics, and the outputs in evaluation that they give."""
    _, state = layer.init(jax.random.key(0))
    _, running, _ = layer.forward(learned, state, x, train=True)
    y, kept, _ = layer.forward(learned, running, x, train=False)
    mean = 0.9 * state.mean + 0.1 * x.mean(axis=1)
    variance = 0.9 * state.variance + 0.1 * x.var(axis=1, ddof=1)
    deviation = jnp.sqrt(variance + EPSILON)
    normalised = (x - mean[:, None]) / deviation[:, None]
    expected = scaled(learned, normalised)
    mean_error = largest(running.mean - mean)
    variance_error = largest(running.variance - variance)
    return {
        "running": np.maximum(mean_error, variance_error),
        "evaluation": largest(y - expected),
        "state_kept": np.asarray(kept is running),
    }


def backward_errors(layer, learned: BatchNormParams, x, dy) -> Results:
    """Compare the gradient with autodiff's; the shortcut takes the statistics for constants."""
    _, state = layer.init(jax.random.key(0))

    def forward(params, x):
        return layer.forward(params, state, x, train=True)[0]

    _, pull_back = jax.vjp(forward, learned, x)
    reference = pull_back(dy)
    _, _, residuals = layer.forward(learned, state, x, train=True)
    gradient = layer.backward(learned, residuals, dy)
    deviation = jnp.sqrt(x.var(axis=1) + EPSILON)
    shortcut = dy * learned.scale[:, None] / deviation[:, None]
    errors = jax.tree.leaves(jax.tree.map(relative_error, gradient, reference))
    return {"backward": np.max(errors), "shortcut": relative_error(shortcut, reference[1])}


def scaled(params: BatchNormParams, y):
    """Return scale · y + shift."""
    return params.scale[:, None] * y + params.shift[:, None]


def largest(errors) -> np.ndarray:
    """Return the largest absolute value."""
    return np.abs(errors).max()


def relative_error(values, reference) -> np.ndarray:
    """Return the largest difference over the largest value of the reference."""
    return largest(values - reference) / largest(reference)


def train(config: Config, placement: Placement) -> tuple[np.ndarray, np.ndarray]:
    """Train, and watch 200 training examples between the rounds.

    Returns the percentiles of the input of one unit of the last hidden layer, (rounds, 3), and the
    share of the examples that are right, (rounds,).
    """
    x, y = map(jnp.asarray, data.load("digits").train)
    sizes = (64, 100, 100, 100, 10)
    net = fnn.mlp(sizes, activation="sigmoid", init="glorot", batch_norm=placement)
    params, state = net.init(jax.random.key(0))
    loss_and_gradient = fnn.value_and_grad(net, LOSS)
    optimizer = optim.sgd(config.learning_rate)

    def gradient(params, key):
        rows = jax.random.choice(key, len(x), (config.batch_size,))
        return loss_and_gradient(params, x[rows], y[rows], state=state)[1]

    def watch(params):
        signals = diagnostics.signals(net, LOSS, params, x[:200], y[:200], state=state)
        unit = signals.outputs[WATCHED[placement]][0]
        right = signals.outputs[-1].argmax(axis=0) == y[:200]
        return jnp.percentile(unit, jnp.array(PERCENTILES)), right.mean()

    def train_round(params, key):
        path = descent.trajectory(gradient, optimizer, params, steps=config.steps, key=key)
        params = jax.tree.map(lambda leaf: leaf[-1], path)
        return params, watch(params)

    keys = jax.random.split(jax.random.key(1), config.rounds)
    rounds = jax.jit(lambda params: jax.lax.scan(train_round, params, keys))
    _, (percentiles, accuracy) = rounds(params)
    return np.asarray(percentiles), np.asarray(accuracy)


def plot(results: Results, config: Config) -> Figures:
    """Draw the percentiles of the input of one sigmoid, and the accuracy, over training."""
    figure, axes = draw.figure(rows=4, height=2.5)
    *inputs, accuracy = axes
    updates = config.steps * np.arange(1, config.rounds + 1)
    for axis, name, curves in zip(inputs, PLACEMENTS, results["percentiles"], strict=True):
        for percentile, curve in zip(PERCENTILES, curves.T, strict=True):
            axis.plot(updates, curve, label=f"{percentile}%")
        axis.set(ylabel="input of a sigmoid", title=name)
    for name, curve in zip(PLACEMENTS, results["accuracy"], strict=True):
        accuracy.plot(updates, curve, label=name)
    accuracy.set(xlabel="update", ylabel="accuracy")
    inputs[0].legend(frameon=False, fontsize=8)
    accuracy.legend(frameon=False, fontsize=8)
    return {"percentiles": figure}
