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

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import losses, optim, penalties
from fnn import plot as draw
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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: objective (losses, regularisers, seeds, steps + 1), weights at the end (losses,
    regularisers, seeds, weights) and the error of each gradient at the start.
    """
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (config.examples, 2))
    y = np.sin(2 * x[:, 0]) + rng.normal(0, 0.2, config.examples)
    with jax.enable_x64(True):
        keys = jax.vmap(jax.random.key)(jnp.arange(config.seeds))
        strengths = np.array(list(REGULARISERS.values()))
        found = [regularised(config, loss, x, y)(keys, strengths) for loss in LOSSES]
        objective, weights, error = (np.array(part) for part in zip(*found, strict=True))
    return {
        "objective": objective,
        "weights": weights,
        "gradient_error": error,
    }


def network(config: Config) -> fnn.Layer:
    """The network of this experiment."""
    return fnn.mlp((2, config.hidden, 1), activation="tanh", init="glorot")


def regularised(config: Config, loss: fnn.Loss, x: np.ndarray, y: np.ndarray):
    """(seeds,), (regularisers, 2) -> the objective of every step, the weights at the end, the error
    of the gradient.
    """
    net = network(config)

    def one(key, strengths):
        l1, l2 = strengths
        objective = penalties.penalized(
            penalties.penalized(loss, penalties.l1(l1)), penalties.l2(l2)
        )
        value_and_gradient = fnn.value_and_grad(net, objective, reduction="half_sum")
        params, _ = net.init(key)
        gradient = value_and_gradient(params, x, y)[1]
        reference = jax.grad(lambda p: value_and_gradient(p, x, y)[0])(params)
        error = jnp.max(jnp.abs(ravel_pytree(gradient)[0] - ravel_pytree(reference)[0]))
        optimizer = optim.sgd(config.learning_rate)
        path = descent.trajectory(
            lambda p: value_and_gradient(p, x, y)[1], optimizer, params, steps=config.steps
        )
        values = jax.vmap(lambda p: value_and_gradient(p, x, y)[0])(path)
        matrices = [leaf[-1].ravel() for leaf in jax.tree.leaves(path) if leaf.ndim == 3]
        return values, jnp.concatenate(matrices), error

    return jax.jit(jax.vmap(jax.vmap(one, in_axes=(0, None)), in_axes=(None, 0)))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The objective along descent on the squared error, and the sizes of the weights at the end."""
    regularise, rows = draw.figure(rows=2)
    for r, name in enumerate(REGULARISERS):
        rows[0].plot(results["objective"][0, r].mean(axis=0), label=name)
        sizes = np.sort(np.abs(results["weights"][0, r]).ravel())
        rows[1].plot(np.maximum(sizes, 1e-6), np.linspace(0, 1, len(sizes)), label=name)
    rows[0].set(
        xlabel="step",
        ylabel="objective",
        xscale="log",
        yscale="log",
        title="half the squared errors, by regulariser",
    )
    rows[1].set(
        xlabel="size of a weight",
        ylabel="share of smaller ones",
        xscale="log",
        title="weights at the end",
    )
    for axis in rows:
        axis.legend(frameon=False, fontsize=8)
    return {"regularisers": regularise}
