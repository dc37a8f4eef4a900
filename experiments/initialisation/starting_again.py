"""The ends of gradient descent from different starts, and the worth of starting again.

Question: How far apart do equal networks end that only start elsewhere, do they end in local
          minima, and how much better is the best of k starts?
Source:   Adornetto (claim 0.24) and Sharif (2.18).
Command:  python -m experiments run starting_again
Expected: on XOR, 2-2-1 networks end in the minimum or in one of several worse places, the same at
          every repetition. In one of these places every eigenvalue of the Hessian is positive. The
          best of ten starts nearly always has the minimum. A small penalty keeps these places at
          finite weights.
Cost:     quick 6 s, full 10 s on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

import fnn
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim, penalties
from fnn import plot as draw
from fnn.course import descent

NET = fnn.mlp((2, 2, 1), activation="tanh", init="glorot")
LOSS = losses.sigmoid_cross_entropy
PENALIZED = penalties.penalized(LOSS, penalties.l2(1e-3))
"""The loss in which the path settles. Without a penalty every minimum of cross-entropy lies at
infinitely large weights, and no path rests.
"""
SETTLING = 2000
"""Steps after training in which Adam's rate falls to 0, so that the path comes to rest."""


@dataclass(frozen=True)
class Config(Common):
    """Starts and training."""

    seeds: int = 1000
    """Starts of the network."""
    epochs: int = 500
    """Each is one step on all four rows."""
    learning_rate: float = 0.05
    """Adam's."""


QUICK = Config(seeds=200, quick=True)


def run(config: Config) -> Results:
    """Train from each start twice, and look where the first training settles; all (seeds,)."""
    first = trained(config)
    again = trained(config)
    settled_loss, gradient, lowest, newton_step = settle(config, first.params(0))
    return {
        "loss": first.final("train_loss")[0],
        "again": again.final("train_loss")[0],
        "settled_loss": settled_loss,
        "gradient": gradient,
        "lowest": lowest,
        "newton_step": newton_step,
    }


def trained(config: Config) -> fnn.Sweep:
    """Train the network on XOR from each start."""
    optimizer = optim.adam(config.learning_rate)
    return fnn.sweep(
        lambda hyper: (NET, LOSS, optimizer),
        data.load("xor"),
        epochs=config.epochs,
        batch_size=4,
        seeds=range(config.seeds),
    )


def settle(config: Config, params) -> np.ndarray:
    """Go on until the path rests. Return the loss there, ‖∇L‖, the lowest eigenvalue of the Hessian
    H, and the length of Newton's step H⁻¹∇L.

    params  of the trained networks, leaves (seeds, …)

    Returns (4, seeds), in float64.
    """
    rate = optax.cosine_decay_schedule(config.learning_rate, SETTLING)
    loss_and_gradient = fnn.value_and_grad(NET, PENALIZED)
    x, y = data.load("xor").train

    def look(params):
        w, unflatten = ravel_pytree(params)

        def gradient(w):
            return ravel_pytree(loss_and_gradient(unflatten(w), x, y)[1])[0]

        end = descent.trajectory(gradient, optim.adam(rate), w, steps=SETTLING)[-1]
        loss, _ = loss_and_gradient(unflatten(end), x, y)
        slope, hessian = gradient(end), jax.jacfwd(gradient)(end)
        lowest = jnp.linalg.eigvalsh(hessian)[0]
        step = jnp.linalg.solve(hessian, slope)
        return jnp.array([loss, jnp.linalg.norm(slope), lowest, jnp.linalg.norm(step)])

    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), params)
        look_at_all = jax.jit(partial(jax.lax.map, look, batch_size=100))
        return np.asarray(look_at_all(params)).T


def best_of(losses: np.ndarray, k: int) -> float:
    """Return the expected lowest of k of these losses, drawn without replacement.

    It sums the losses in their order, each times the probability that it is the lowest drawn.
    """
    n = len(losses)
    in_order = np.sort(losses)[: n - k + 1]
    lower = np.arange(n - k)
    none_so_far = np.cumprod((n - k - lower) / (n - lower))
    none_lower = np.append(1.0, none_so_far)  # P(none of the i lowest is drawn)
    none_up_to = np.append(none_so_far, 0.0)
    return float(in_order @ (none_lower - none_up_to))


def plot(results: Results, config: Config) -> Figures:
    """Draw the final losses, the eigenvalues where they settle, and the expected lowest of k."""
    starts, (axis,) = draw.figure()
    bins = list(np.geomspace(1e-5, 2, 60))
    axis.hist(np.maximum(results["loss"], 1e-5), bins=bins, color=draw.LINES[0]["color"])
    axis.set(xscale="log", xlabel=f"loss on XOR after {config.epochs} epochs", ylabel="starts")
    again, (ends, lowest) = draw.figure(rows=2, height=3)
    ends.plot(results["settled_loss"], results["lowest"], "o", alpha=0.5)
    ends.axhline(0, color="black", linewidth=0.8)
    ends.set(xlabel="loss after settling", ylabel="lowest eigenvalue of the Hessian")
    ends.set_yscale("symlog", linthresh=1e-12)
    k = range(1, 21)
    lowest.plot(k, [best_of(results["loss"], starts) for starts in k], "o-")
    lowest.set(yscale="log", xlabel="starts k", ylabel="expected lowest loss")
    lowest.set_xticks([1, 5, 10, 15, 20])
    return {"starts": starts, "best-of-k": again}
