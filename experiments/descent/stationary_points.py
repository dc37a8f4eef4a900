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
from experiments.common import Common
from fnn import losses, optim
from fnn.course import descent
from fnn.layers import DenseParams

C = 1.0  # the slope of the line that the chain learns, y = c x
LINE = np.array([[-1.0], [1.0]]), C * np.array([-1.0, 1.0])


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
