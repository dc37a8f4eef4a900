"""Half the sum, the sum or the mean of the squared errors: the documents write all three.

Question: Which difference does the scale of the loss make to the gradient and to gradient descent?
Source:   The conventions (claim X4).
Command:  python -m experiments run loss_scales
Expected: gradients of half the sum and the sum stand as 1 : 2, of the mean and the sum as 1 : N; a
          learning rate scaled the other way makes the same descent, and the same rate another one.
Cost:     about 5 s on 2 cores, quick or full.
"""

from dataclasses import dataclass

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import losses, optim
from fnn import plot as draw
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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: gradients (scales, weights) at the start, and weights (scales, steps + 1,
    weights) along gradient descent, together with rates that are scaled the other way, and apart
    with the same rate.
    """
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (config.examples, 2))
    y = np.sin(2 * x[:, 0]) + rng.normal(0, 0.2, config.examples)
    with jax.enable_x64(True):
        net = fnn.mlp((2, 8, 1), activation="tanh", init="glorot")
        params, _ = net.init(jax.random.key(0))

        def path(scale, rate):
            loss_and_gradient = fnn.value_and_grad(net, losses.squared_error, reduction=scale)
            moved = descent.trajectory(
                lambda p: loss_and_gradient(p, x, y)[1], optim.sgd(rate), params, steps=config.steps
            )
            return ravel_pytree(loss_and_gradient(params, x, y)[1])[0], jax.vmap(
                lambda p: ravel_pytree(p)[0]
            )(moved)

        rates = config.learning_rate * np.array([[1, 1], [0.5, 1], [config.examples / 2, 1]])
        paths = [jax.jit(jax.vmap(lambda rate, scale=scale: path(scale, rate))) for scale in SCALES]
        found = [each(pair) for each, pair in zip(paths, rates, strict=True)]
        gradients, weights = (np.array(part) for part in zip(*found, strict=True))
    return {
        "gradients": gradients[:, 0],
        "together": weights[:, 0],
        "apart": weights[:, 1],
        "examples": np.array(config.examples),
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """One weight along gradient descent with each scale."""
    figure, axes = draw.figure(rows=2)
    for axis, name, title in zip(
        axes, ("apart", "together"), ("the same rate", "rates scaled back"), strict=True
    ):
        for s, label in enumerate(SCALES):
            style = draw.LINES[s] if s < 2 else draw.LINES[4]
            axis.plot(
                results[name][s, :, 0],
                label=label.replace("_", " "),
                **style | {"linewidth": 4 - 1.2 * s},
            )
        axis.set(xlabel="step", ylabel="a weight", title=title)
        axis.legend(frameon=False, fontsize=8)
    return {"scales": figure}
