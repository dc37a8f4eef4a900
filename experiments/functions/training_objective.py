"""The objective of training: half the sum of the squared errors, or another loss, with a
regulariser or without.

Question: Can the squared error be exchanged for another loss, and L1 or L2 be added, and what do
          these do?
Source:   Sharif (claim 2.13).
Command:  python -m experiments run training_objective
Expected: all combinations train; L2 leaves smaller weights, and L1 weights that are almost zero.
Cost:     about 10 s on 2 cores, quick 5 s.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import losses, optim, penalties
from fnn.course import descent

LOSSES = (losses.squared_error, losses.absolute_error, losses.huber(0.5))
REGULARISERS = {"none": (0.0, 0.0), "L1": (0.3, 0.0), "L2": (0.0, 0.3)}  # strengths of L1 and L2


@dataclass(frozen=True)
class Config(Common):
    """A 2-hidden-1 tanh network on a noisy function of one of its two inputs."""

    seeds: int = 64
    examples: int = 40
    hidden: int = 8
    steps: int = 2000
    learning_rate: float = 0.003
    """For half the sum of the losses."""


QUICK = Config(seeds=16, steps=1000, quick=True)


def run(config: Config) -> Results:
    """Return the training of each loss with each regulariser, in float64.

    objective       (losses, regularisers, seeds, steps + 1)
    weights         (losses, regularisers, seeds, weights) at the end
    gradient_error  (losses, regularisers, seeds) at the start
    """
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (config.examples, 2))
    noise = rng.normal(0, 0.2, config.examples)
    y = np.sin(2 * x[:, 0]) + noise
    strengths = np.array(list(REGULARISERS.values()))
    with jax.enable_x64(True):
        keys = jax.vmap(jax.random.key)(jnp.arange(config.seeds))
        by_loss = []
        for loss in LOSSES:
            over_seeds = jax.vmap(partial(regularised, config, loss, x, y), in_axes=(0, None))
            over_all = jax.vmap(over_seeds, in_axes=(None, 0))
            by_loss.append(jax.jit(over_all)(keys, strengths))
        objective, weights, error = (np.array(part) for part in zip(*by_loss, strict=True))
    return {"objective": objective, "weights": weights, "gradient_error": error}


def regularised(config: Config, loss: fnn.Loss, x: np.ndarray, y: np.ndarray, key, strengths):
    """Return the objective of every step, the weights at the end, and the gradient's error."""
    net = fnn.mlp((2, config.hidden, 1), activation="tanh", init="glorot")
    l1, l2 = strengths
    with_l1 = penalties.penalized(loss, penalties.l1(l1))
    objective = penalties.penalized(with_l1, penalties.l2(l2))
    value_and_gradient = fnn.value_and_grad(net, objective, reduction="half_sum")

    def value(params):
        return value_and_gradient(params, x, y)[0]

    def gradient(params):
        return value_and_gradient(params, x, y)[1]

    start, _ = net.init(key)
    optimizer = optim.sgd(config.learning_rate)
    error = largest_difference(gradient(start), jax.grad(value)(start))
    path = descent.trajectory(gradient, optimizer, start, steps=config.steps)
    return jax.vmap(value)(path), last_matrices(path), error


def largest_difference(gradient, reference) -> jax.Array:
    """Return the largest difference of an entry."""
    ours, _ = ravel_pytree(gradient)
    theirs, _ = ravel_pytree(reference)
    return jnp.max(jnp.abs(ours - theirs))


def last_matrices(path) -> jax.Array:
    """Return all weights of the last step as one vector, without the biases."""
    leaves = jax.tree.leaves(path)
    matrices = [leaf for leaf in leaves if leaf.ndim == 3]
    return jnp.concatenate([matrix[-1].ravel() for matrix in matrices])


def plot(results: Results, config: Config) -> Figures:
    """Draw the objective of the squared error over the steps, and the weights at the end."""
    figure, axes = draw.figure(rows=2)
    objective, weights = axes
    for row, name in enumerate(REGULARISERS):
        mean = results["objective"][0, row].mean(axis=0)
        objective.plot(mean, label=name)
        sizes = np.sort(np.abs(results["weights"][0, row]), axis=None)
        share = np.linspace(0, 1, len(sizes))
        weights.plot(np.maximum(sizes, 1e-6), share, label=name)
    objective.set(xlabel="step", ylabel="objective", xscale="log", yscale="log")
    objective.set_title("half the squared errors, by regulariser")
    weights.set(xlabel="size of a weight", ylabel="share of smaller ones", xscale="log")
    weights.set_title("weights at the end")
    draw.legends(axes)
    return {"regularisers": figure}
