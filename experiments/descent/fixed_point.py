"""Training as the search for a fixed point of W ↦ W − η∇L(W).

Question: Does training approach a fixed point of its update, and is every fixed point an optimum?
Source:   Adornetto (claim 0.26).
Command:  python -m experiments run fixed_point
Expected: ‖T(W) − W‖ is η‖∇L‖ and falls by orders of magnitude in training. Saddles and maxima are
          fixed points too.
Cost:     about 3 s on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.axes import Axes

import fnn
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim
from fnn import plot as draw
from fnn.course import descent, surfaces


@dataclass(frozen=True)
class Config(Common):
    """Starts and training."""

    seeds: int = 256
    """Starts of a 2-8-1 tanh network on XOR."""
    epochs: int = 2000
    """Each is one update on all four rows."""
    learning_rate: float = 0.1


QUICK = Config(seeds=64, quick=True)


def run(config: Config) -> Results:
    """Return what `train` measures, (seeds, …), and `special_points`, in float64."""
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), config.seeds)
        measured = jax.jit(jax.vmap(partial(train, config)))(keys)
        special = special_points(config)
    results = {name: np.asarray(value) for name, value in measured.items()}
    return results | special | {"rate": np.array(config.learning_rate)}


def network():
    """Return the network, and params -> (L, ∂L/∂params) on XOR."""
    net = fnn.mlp((2, 8, 1), activation="tanh")
    table = data.load("xor").train
    x = table.x.astype(float)
    y = table.y.astype(float)
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    return net, lambda params: loss_and_gradient(params, x, y)


def train(config: Config, key):
    """Descend from a random start: the loss (epochs + 1,), ‖T(W) − W‖ and ‖∇L‖ (epochs,)."""
    net, loss_and_gradient = network()
    start, _ = net.init(key)
    sgd = optim.sgd(config.learning_rate)
    path = descent.trajectory(
        lambda params: loss_and_gradient(params)[1], sgd, start, steps=config.epochs
    )
    loss, grads = jax.vmap(loss_and_gradient)(path)
    steps = jnp.diff(jax.vmap(vector)(path), axis=0)
    gradients = jax.vmap(vector)(grads)[:-1]
    return {
        "loss": loss,
        "residual": jnp.linalg.norm(steps, axis=1),
        "gradient": jnp.linalg.norm(gradients, axis=1),
    }


def vector(tree):
    """Return all numbers of a tree as one vector."""
    return ravel_pytree(tree)[0]


def special_points(config: Config) -> Results:
    """Return ‖T(W) − W‖ = η‖∇L‖ at three points that are no minima, (3,).

    They are the network with weights 0 and output bias ½, whose loss is returned too, the saddle of
    x² − y², and the maximum of −x².
    """
    net, loss_and_gradient = network()
    params, _ = net.init(jax.random.key(0))
    weights, unravel = ravel_pytree(params)
    output_bias_only = jnp.zeros_like(weights).at[-1].set(0.5)
    loss, grads = loss_and_gradient(unravel(output_bias_only))
    saddle = surfaces.saddle.gradient(np.zeros(2))
    maximum = surfaces.quadratic((-2.0,)).gradient(np.zeros(1))
    lengths = [float(jnp.linalg.norm(slope)) for slope in (vector(grads), saddle, maximum)]
    residuals = [config.learning_rate * length for length in lengths]
    return {"special_residual": np.array(residuals), "special_loss": np.asarray(loss)}


def plot(results: Results, config: Config) -> Figures:
    """Draw the residual and the loss of some starts."""
    figure, (top, bottom) = draw.figure(rows=2, height=2.8)
    draw_starts(top, results["residual"], "‖T(W) − W‖")
    draw_starts(bottom, results["loss"], "loss")
    at_zero = float(results["special_loss"])
    bottom.axhline(at_zero, color="#d55e00", linestyle="--", label="at the fixed point 0")
    bottom.legend(frameon=False, fontsize=8)
    bottom.set(xlabel="epoch")
    top.set_title("Distance from being a fixed point, 20 starts", fontsize=10)
    return {"residuals": figure}


def draw_starts(axis: Axes, curves: np.ndarray, label: str) -> None:
    """Draw the curves of the first twenty starts."""
    color = draw.LINES[0]["color"]
    axis.plot(curves[:20].T, color=color, linewidth=0.8, linestyle="-")
    axis.set(xscale="symlog", yscale="log", ylabel=label)
