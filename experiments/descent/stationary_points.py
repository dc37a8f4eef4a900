"""Stationary points: minima and saddles, and whether descent can come to rest on a saddle.

Question: Where is the gradient of a network's loss zero, of what kind are these points, and where
          do the weights stop?
Source:   Adornetto (claim 0.9) and De Marzo (1.21).
Command:  python -m experiments run stationary_points
Expected: A linear 1-1-1 chain has a strict saddle at the origin and minima on w₁w₂ = c. Descent
          from w₁ = −w₂ comes to rest on the saddle.
Cost:     about 3 s on 2 cores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.claims import claim, every, holds_if, share_interval
from experiments.common import Common
from fnn import losses, optim
from fnn.course import descent
from fnn.layers import DenseParams

C = 1.0  # the slope of the line that the chain learns, y = c x
LINE = np.array([[-1.0], [1.0]]), C * np.array([-1.0, 1.0])
AT_REST = 1e-9  # a gradient or a step shorter than this counts as none


@dataclass(frozen=True)
class Config(Common):
    """Starts and steps."""

    seeds: int = 200
    """Random starts."""
    ridge: int = 20
    """Starts with w₁ = −w₂."""
    steps: int = 4000
    """Of gradient descent."""
    learning_rate: float = 0.02
    newton_steps: int = 60
    """Of Newton's method on ∇L = 0."""


QUICK = Config(seeds=50, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: what `follow` finds from each start, by Newton's method and by descent; starts
    are the first axis.
    """
    with jax.enable_x64(True):
        random = jax.random.normal(jax.random.key(0), (config.seeds, 2))
        ridge = jax.random.normal(jax.random.key(1), (config.ridge, 1)) * jnp.array([1.0, -1.0])
        newton = jax.jit(jax.vmap(partial(follow, newton_direction, 1.0, config.newton_steps)))
        descend = jax.jit(jax.vmap(partial(follow, gradient, config.learning_rate, config.steps)))
        found = {"newton": newton(random), "random": descend(random), "ridge": descend(ridge)}
    return {
        f"{name}_{key}": np.asarray(value)
        for name, each in found.items()
        for key, value in each.items()
    }


def chain(w):
    """L and ∂L/∂w of a linear 1-1-1 chain with biases 0 on the line y = c x: (w₁w₂ − c)²."""
    net = fnn.mlp((1, 1, 1), activation="identity")
    params = (
        DenseParams(w[0].reshape(1, 1), jnp.zeros(1)),
        (),
        DenseParams(w[1].reshape(1, 1), jnp.zeros(1)),
    )
    value, grads = fnn.value_and_grad(net, losses.squared_error)(params, *LINE)
    return value, jnp.stack([grads[0].W[0, 0], grads[2].W[0, 0]])


def gradient(w):
    """∂L/∂w."""
    return chain(w)[1]


def newton_direction(w):
    """H⁺ ∂L/∂w: steps against it lead to stationary points of any kind."""
    return jnp.linalg.pinv(jax.jacfwd(gradient)(w), rtol=1e-9) @ gradient(w)


def follow(direction: Callable, rate: float, steps: int, start):
    """The path w ← w − rate · direction(w), and what is at its end."""
    path = descent.trajectory(direction, optim.sgd(rate), start, steps=steps)
    return {
        "path": path[:600:3],
        "end": path[-1],
        "loss": chain(path[-1])[0],
        "gradient": jnp.linalg.norm(gradient(path[-1])),
        "eigenvalues": jnp.linalg.eigvalsh(jax.jacfwd(gradient)(path[-1])),
        "last_step": jnp.linalg.norm(path[-1] - path[-2]),
    }


@claim(
    "0.9",
    "Setting the gradient to zero and checking the solutions tells minima, maxima and saddles.",
    "chain",
)
def classified(results):
    ends, eigenvalues = results["newton_end"], results["newton_eigenvalues"]
    solved = results["newton_gradient"] < AT_REST
    origin = solved & (np.abs(ends).max(axis=1) < 1e-6)
    valley = solved & (np.abs(ends.prod(axis=1) - C) < 1e-6)
    low, high = eigenvalues[:, 0], eigenvalues[:, 1]
    at_origin = (
        " and ".join(f"{value:.3g}" for value in eigenvalues[origin].mean(axis=0))
        if origin.any()
        else "none"
    )
    saddle = bool(origin.any() and (low[origin] < -1e-3).all() and (high[origin] > 1e-3).all())
    minima = bool(
        valley.any()
        and (low[valley] > -1e-6).all()
        and (results["newton_loss"][valley] < 1e-12).all()
    )
    return holds_if(
        every(saddle, minima, bool((origin | valley)[solved].all())),
        f"Linear 1-1-1 chain, L = (w₁w₂ − {C:g})²: Newton's method on ∇L = 0 solves it from "
        f"{solved.sum()} of "
        f"{solved.size} random starts, {origin.sum()} times at the origin, with Hessian "
        f"eigenvalues "
        f"{at_origin}, a strict saddle, {valley.sum()} times on w₁w₂ = {C:g}, the minima with "
        f"loss 0, and "
        f"{(solved & (high < -1e-6)).sum()} times at a maximum. On that curve the lower "
        f"eigenvalue is 0 (within "
        f"{np.abs(low[valley]).max(initial=0):.0e}), so that there the loss decides and not the "
        f"Hessian.",
        origin=origin.sum(),
        valley=valley.sum(),
        unsolved=(~solved).sum(),
        eigenvalues_at_origin=eigenvalues[origin].mean(axis=0),
    )


@claim(
    "1.21",
    "Updates go on until the weights no longer change, which means that a minimum is reached.",
    "chain",
)
def rest_is_a_minimum(results):
    at_rest, lowest = {}, {}
    for name in ("random", "ridge"):
        at_rest[name] = results[f"{name}_last_step"] < AT_REST
        lowest[name] = results[f"{name}_eigenvalues"][:, 0]
    minimum = {name: lowest[name][at_rest[name]] > -1e-6 for name in at_rest}
    return holds_if(
        every(*(bool(each.all()) if each.size else None for each in minimum.values())),
        f"Of {minimum['random'].size} descents of the 1-1-1 chain from random weights that came "
        f"to rest, "
        f"{minimum['random'].sum()} did so at a minimum, and {minimum['ridge'].sum()} of "
        f"{minimum['ridge'].size} that "
        f"started with w₁ = −w₂. These take steps below {AT_REST:g} at the end; the lowest "
        f"eigenvalue of the Hessian "
        f"there is {lowest['ridge'].min():.3g} and the loss {results['ridge_loss'].max():.3g}, as "
        f"on the saddle. "
        "Weights that no longer change show a stationary point, not a minimum.",
        minima_from_random=share_interval(minimum["random"]) if minimum["random"].size else None,
        minima_from_ridge=minimum["ridge"].sum(),
        eigenvalue_at_rest=lowest["ridge"].min(),
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The loss of the chain with paths of descent."""
    surface, (axis,) = draw.figure(height=4.6)
    draw.landscape(axis, lambda a, b: (a * b - C) ** 2, (-2.5, 2.5), (-2.5, 2.5))
    side = np.linspace(0.4, 2.5, 100)
    for sign, label in ((1, f"minima, w₁w₂ = {C:g}"), (-1, None)):
        axis.plot(sign * side, sign * C / side, color="#009e73", linewidth=2.5, label=label)
    for name, color, label in (
        ("random", "#0072b2", "from random weights"),
        ("ridge", "#d55e00", "from w₁ = −w₂"),
    ):
        for number, path in enumerate(results[f"{name}_path"][:12]):
            axis.plot(
                *path.T,
                color=color,
                linestyle="-",
                linewidth=1,
                label=label if number == 0 else None,
            )
            axis.plot(*path[0], "o", color=color, markersize=3)
    axis.plot(0, 0, "X", color="black", markersize=9, label="strict saddle")
    axis.set(xlabel="w₁", ylabel="w₂")
    axis.set_title("Loss of a linear 1-1-1 chain, and descent", fontsize=10)
    surface.legend(
        *axis.get_legend_handles_labels(),
        frameon=False,
        fontsize=8,
        ncols=2,
        loc="outside lower center",
    )
    return {"chain": surface}
