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
from matplotlib.axes import Axes

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
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


def run(config: Config) -> Results:
    """Return what `follow` finds from each start, (starts, …), in float64.

    newton  from random starts, by Newton's method on ∇L = 0
    random  from random starts, by gradient descent
    ridge   from starts with w₁ = −w₂, by gradient descent
    """
    with jax.enable_x64(True):
        random = jax.random.normal(jax.random.key(0), (config.seeds, 2))
        ridge = jax.random.normal(jax.random.key(1), (config.ridge, 1)) * jnp.array([1.0, -1.0])
        newton = jax.jit(jax.vmap(partial(follow, newton_direction, 1.0, config.newton_steps)))
        descend = jax.jit(jax.vmap(partial(follow, gradient, config.learning_rate, config.steps)))
        followed = {"newton": newton(random), "random": descend(random), "ridge": descend(ridge)}
    results = {}
    for starts, arrays in followed.items():
        for name, array in arrays.items():
            results[f"{starts}_{name}"] = np.asarray(array)
    return results


def chain(w):
    """Return L and ∂L/∂w of a linear 1-1-1 chain without biases on the line y = c x.

    L = (w₁w₂ − c)²
    """
    net = fnn.mlp((1, 1, 1), activation="identity")
    first = DenseParams(w[0].reshape(1, 1), jnp.zeros(1))
    second = DenseParams(w[1].reshape(1, 1), jnp.zeros(1))
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    loss, grads = loss_and_gradient((first, (), second), *LINE)
    return loss, jnp.stack([grads[0].W[0, 0], grads[2].W[0, 0]])


def gradient(w):
    """Return ∂L/∂w."""
    _, grads = chain(w)
    return grads


def newton_direction(w):
    """Return H⁺ ∂L/∂w: steps against it lead to stationary points of any kind."""
    hessian = jax.jacfwd(gradient)(w)
    return jnp.linalg.pinv(hessian, rtol=1e-9) @ gradient(w)


def follow(direction: Callable, learning_rate: float, steps: int, start):
    """Follow w ← w − η · direction(w) and measure what is at the end."""
    path = descent.trajectory(direction, optim.sgd(learning_rate), start, steps=steps)
    end = path[-1]
    loss, slope = chain(end)
    hessian = jax.jacfwd(gradient)(end)
    last_step = end - path[-2]
    return {
        "path": path[:600:3],
        "end": end,
        "loss": loss,
        "gradient": jnp.linalg.norm(slope),
        "eigenvalues": jnp.linalg.eigvalsh(hessian),
        "last_step": jnp.linalg.norm(last_step),
    }


def plot(results: Results, config: Config) -> Figures:
    """Draw the loss of the chain with paths of descent."""
    figure, (axis,) = draw.figure(height=4.6)
    draw.landscape(axis, lambda w1, w2: (w1 * w2 - C) ** 2, (-2.5, 2.5), (-2.5, 2.5))
    draw_minima(axis)
    draw_paths(axis, results["random_path"], "#0072b2", "from random weights")
    draw_paths(axis, results["ridge_path"], "#d55e00", "from w₁ = −w₂")
    axis.plot(0, 0, "X", color="black", markersize=9, label="strict saddle")
    axis.set(xlabel="w₁", ylabel="w₂")
    axis.set_title("Loss of a linear 1-1-1 chain, and descent", fontsize=10)
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=8, ncols=2, loc="outside lower center")
    return {"chain": figure}


def draw_minima(axis: Axes) -> None:
    """Draw the hyperbola w₁w₂ = c."""
    w1 = np.linspace(0.4, 2.5, 100)
    w2 = C / w1
    axis.plot(w1, w2, color="#009e73", linewidth=2.5, label=f"minima, w₁w₂ = {C:g}")
    axis.plot(-w1, -w2, color="#009e73", linewidth=2.5)


def draw_paths(axis: Axes, paths: np.ndarray, color: str, label: str) -> None:
    """Draw twelve paths with a dot at their starts."""
    for number, path in enumerate(paths[:12]):
        once = label if number == 0 else None
        axis.plot(*path.T, color=color, linestyle="-", linewidth=1, label=once)
        axis.plot(*path[0], "o", color=color, markersize=3)
