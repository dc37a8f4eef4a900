"""Half the sum, the sum or the mean of the squared errors: the documents write all three.

Question: Which difference does the scale of the loss make to the gradient and to gradient descent?
Source:   The conventions (claim X4).
Command:  python -m experiments run loss_scales
Expected: gradients of half the sum and the sum stand as 1 : 2, of the mean and the sum as 1 : N; a
          learning rate scaled the other way makes the same descent, and the same rate another one.
Cost:     about 5 s on 2 cores, quick or full.
"""

from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from experiments.functions.full_batch import gradient_of
from fnn import losses, optim
from fnn.course import descent

SCALES = ("half_sum", "sum", "mean")


@dataclass(frozen=True)
class Config(Common):
    """A 2-8-1 tanh network and its descent."""

    examples: int = 40
    steps: int = 200
    learning_rate: float = 0.003
    """For half the sum of the losses."""


QUICK = Config(quick=True)


def run(config: Config) -> Results:
    """Return gradients (scales, weights) at the start, and two descents for each scale.

    together  (scales, steps + 1, weights) with rates that are scaled the other way
    apart     the same shape, with the same rate
    """
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (config.examples, 2))
    noise = rng.normal(0, 0.2, config.examples)
    y = np.sin(2 * x[:, 0]) + noise
    scaled_back = (1, 0.5, config.examples / 2)
    gradients, together, apart = [], [], []
    with jax.enable_x64(True):
        net = fnn.mlp((2, 8, 1), activation="tanh", init="glorot")
        start, _ = net.init(jax.random.key(0))
        for scale, factor in zip(SCALES, scaled_back, strict=True):
            gradient = gradient_of(net, losses.squared_error, x, y, scale)
            over_rates = jax.jit(jax.vmap(partial(descend, gradient, start, config.steps)))
            at_start, weights = over_rates(config.learning_rate * np.array([factor, 1]))
            gradients.append(at_start[0])
            together.append(weights[0])
            apart.append(weights[1])
    return {
        "gradients": np.array(gradients),
        "together": np.array(together),
        "apart": np.array(apart),
        "examples": np.array(config.examples),
    }


def descend(gradient, start, steps: int, rate):
    """Return the gradient at the start, and the weights (steps + 1, weights) of the descent."""
    path = descent.trajectory(gradient, optim.sgd(rate), start, steps=steps)
    return flat(gradient(start)), jax.vmap(flat)(path)


def flat(params) -> jax.Array:
    """Return all entries as one vector."""
    return ravel_pytree(params)[0]


def plot(results: Results, config: Config) -> Figures:
    """Draw one weight along gradient descent with each scale."""
    figure, axes = draw.figure(rows=2)
    titles = {"apart": "the same rate", "together": "rates scaled back"}
    styles = (
        {"linewidth": 4, **draw.LINES[0]},
        {"linewidth": 2.8, **draw.LINES[1]},
        {"linewidth": 1.6, **draw.LINES[4]},
    )
    for axis, (name, title) in zip(axes, titles.items(), strict=True):
        one_weight = results[name][..., 0]
        for scale, path, style in zip(SCALES, one_weight, styles, strict=True):
            axis.plot(path, label=scale.replace("_", " "), **style)
        axis.set(xlabel="step", ylabel="a weight", title=title)
    draw.legends(axes)
    return {"scales": figure}
