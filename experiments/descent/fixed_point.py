"""Training as the search for a fixed point of W ↦ W − η∇L(W).

Question: Does training approach a fixed point of its update, and is every fixed point an optimum?
Source:   Adornetto (claim 0.26).
Command:  python -m experiments run fixed_point
Expected: ‖T(W) − W‖ is η‖∇L‖ and falls by orders of magnitude in training. Saddles and maxima are
          fixed points too.
Cost:     about 3 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: loss (seeds, epochs + 1), ‖T(W) − W‖ and ‖∇L‖ (seeds, epochs) in training, and
    ‖T(W) − W‖ at three points that are no minima.
    """
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), config.seeds)
        found = jax.jit(jax.vmap(lambda key: train(config, key)))(keys)
        special = special_points(config)
    arrays = {name: np.asarray(value) for name, value in found.items()}
    return arrays | special | {"rate": np.array(config.learning_rate)}


def network():
    """The network, and params -> (L, ∂L/∂params) on XOR."""
    net, table = fnn.mlp((2, 8, 1), activation="tanh"), data.load("xor").train
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    return net, lambda params: loss_and_gradient(
        params, table.x.astype(float), table.y.astype(float)
    )


def train(config: Config, key):
    """Plain descent from a start: the loss, the lengths of the steps, and those of the
    gradients.
    """
    net, loss_and_gradient = network()
    start, _ = net.init(key)
    sgd = optim.sgd(config.learning_rate)
    path = descent.trajectory(lambda w: loss_and_gradient(w)[1], sgd, start, steps=config.epochs)
    flat = jax.vmap(lambda w: ravel_pytree(w)[0])
    loss, grads = jax.vmap(loss_and_gradient)(path)
    return {
        "loss": loss,
        "residual": jnp.linalg.norm(jnp.diff(flat(path), axis=0), axis=1),
        "gradient": jnp.linalg.norm(flat(grads)[:-1], axis=1),
    }


def special_points(config: Config) -> dict[str, np.ndarray]:
    """‖T − 1‖ and the loss of the network with weights 0 and output bias ½; ‖T − 1‖ at the saddle
    of x² − y² and at the top of −x².
    """
    net, loss_and_gradient = network()
    flat, unravel = ravel_pytree(net.init(jax.random.key(0))[0])
    loss, grads = loss_and_gradient(unravel(jnp.zeros_like(flat).at[-1].set(0.5)))
    top = surfaces.quadratic((-2.0,))
    slopes = (
        ravel_pytree(grads)[0],
        surfaces.saddle.gradient(np.zeros(2)),
        top.gradient(np.zeros(1)),
    )
    residuals = [config.learning_rate * float(jnp.linalg.norm(slope)) for slope in slopes]
    return {"special_residual": np.array(residuals), "special_loss": np.asarray(loss)}


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The residual and the loss of some starts."""
    figure, (top, bottom) = draw.figure(rows=2, height=2.8)
    for axis, name, label in ((top, "residual", "‖T(W) − W‖"), (bottom, "loss", "loss")):
        axis.plot(results[name][:20].T, color=draw.LINES[0]["color"], linewidth=0.8, linestyle="-")
        axis.set(xscale="symlog", yscale="log", ylabel=label)
    bottom.axhline(
        float(results["special_loss"]),
        color="#d55e00",
        linestyle="--",
        label="at the fixed point 0",
    )
    bottom.legend(frameon=False, fontsize=8)
    bottom.set(xlabel="epoch")
    top.set_title("Distance from being a fixed point, 20 starts", fontsize=10)
    return {"residuals": figure}
