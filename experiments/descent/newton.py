"""Solving ∇L = 0 against descending: Newton's method and gradient descent by the number of
parameters.

Question: What does it cost to solve for the stationary points of a loss, and are the solutions
          worth it?
Source:   Adornetto (claim 0.10).
Command:  python -m experiments run newton
Expected: A linear model is solved in one step. For P parameters a Newton step costs over P
          gradients and a matrix of P² entries, and for a network it leads to saddles or nowhere
          from most starts, where descent lowers the loss.
Cost:     about 15 s quick and 30 s in full on 2 cores, most of it compiling.
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
from fnn.course import descent

OUTCOMES = ("minimum", "saddle or maximum", "flat or none")


@dataclass(frozen=True)
class Config(Common):
    """Sizes, starts and steps."""

    widths: tuple[int, ...] = (2, 4, 8, 16, 32, 64)
    """Hidden units of the 2-h-1 tanh networks whose steps are counted: 4h + 1 parameters."""
    seeds: int = 128
    """Starts of the network that is solved: `hidden` units, `rows` of the moons data."""
    hidden: int = 2
    rows: int = 64
    newton_steps: int = 100
    descent_steps: int = 2000
    learning_rate: float = 0.1


QUICK = Config(widths=(2, 8, 32), seeds=32, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: operations of a gradient and of a Newton step by size; loss, ‖∇L‖ and the lowest
    Hessian eigenvalue (methods, seeds) where each method ends; and ‖∇L‖ of a linear model after one
    Newton step.
    """
    with jax.enable_x64(True):
        counted = [operations(config, width) for width in config.widths]
        loss, gradient, draw_start = problem(config, (2, config.hidden, 1))
        starts = jax.vmap(draw_start)(jax.random.split(jax.random.key(0), config.seeds))
        found = [
            jax.jit(jax.vmap(lambda w, d=d, r=r, n=n: end_of(loss, gradient, d, r, n, w)))(starts)
            for d, r, n in (
                (newton_direction(gradient), 1.0, config.newton_steps),
                (gradient, config.learning_rate, config.descent_steps),
            )
        ]
        line, line_gradient, draw_line = problem(config, (2, 1))
        linear = end_of(
            line,
            line_gradient,
            newton_direction(line_gradient),
            1.0,
            1,
            draw_line(jax.random.key(1)),
        )
    return {
        "parameters": np.array([4 * width + 1 for width in config.widths]),
        "gradient_operations": np.array([gradient for gradient, _ in counted]),
        "newton_operations": np.array([newton for _, newton in counted]),
        "solved_parameters": np.array(starts.shape[1]),
        "linear_gradient": np.asarray(linear["gradient"]),
    } | {name: np.stack([each[name] for each in found]) for name in found[0]}


def problem(config: Config, sizes: tuple[int, ...]):
    """Loss and gradient as functions of a vector of all parameters, and key -> such a vector."""
    net, moons = fnn.mlp(sizes, activation="tanh"), data.load("moons").train
    x, y = moons.x[: config.rows].astype(float), moons.y[: config.rows].astype(float)
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    unravel = ravel_pytree(net.init(jax.random.key(0))[0])[1]
    return (
        lambda w: loss_and_gradient(unravel(w), x, y)[0],
        lambda w: ravel_pytree(loss_and_gradient(unravel(w), x, y)[1])[0],
        lambda key: ravel_pytree(net.init(key)[0])[0],
    )


def newton_direction(gradient):
    """w -> H⁺ ∂L/∂w, with H by forward differentiation of the gradient."""
    return lambda w: jnp.linalg.pinv(jax.jacfwd(gradient)(w), rtol=1e-10) @ gradient(w)


def end_of(loss, gradient, direction, rate, steps: int, start):
    """Where w ← w − rate · direction(w) ends."""
    end = descent.trajectory(direction, optim.sgd(rate), start, steps=steps)[-1]
    hessian = jax.jacfwd(gradient)(end)
    lowest = jnp.linalg.eigvalsh(jnp.where(jnp.isfinite(hessian), hessian, 0.0))[0]
    return {"loss": loss(end), "gradient": jnp.linalg.norm(gradient(end)), "eigenvalue": lowest}


def operations(config: Config, width: int) -> tuple[float, float]:
    """Arithmetic operations, as the compiler counts them, of a gradient and of a Hessian; with ⅔P³
    for the solution of the linear system of a Newton step.
    """
    _, gradient, draw_start = problem(config, (2, width, 1))
    w = draw_start(jax.random.key(0))
    analyses = [
        jax.jit(f).lower(w).compile().cost_analysis() or {}
        for f in (gradient, jax.jacfwd(gradient))
    ]
    of_gradient, of_hessian = (each.get("flops", np.nan) for each in analyses)
    return of_gradient, of_hessian + 2 / 3 * w.size**3


def outcomes(results) -> np.ndarray:
    """Which of OUTCOMES each start of Newton's method has come to, as numbers; a gradient below
    1e-8 is a solution.
    """
    solved, lowest = results["gradient"][0] < 1e-8, results["eigenvalue"][0]
    return np.select([solved & (lowest > 1e-8), solved & (lowest < -1e-8)], [0, 1], 2)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The cost of a step by size, and where the methods end."""
    figure, (top, bottom) = draw.figure(rows=2, height=3.0)
    top.plot(
        results["parameters"],
        results["newton_operations"],
        marker="o",
        markersize=4,
        label="Newton step",
    )
    top.plot(
        results["parameters"],
        results["gradient_operations"],
        marker="o",
        markersize=4,
        label="gradient step",
    )
    top.set(xscale="log", yscale="log", xlabel="parameters", ylabel="arithmetic operations")
    top.legend(frameon=False, fontsize=8)
    kinds, bins = outcomes(results), np.geomspace(0.01, 10, 41).tolist()
    for number, name in enumerate(OUTCOMES):
        values = np.clip(np.nan_to_num(results["loss"][0][kinds == number], nan=10), 0.01, 10)
        bottom.hist(
            values, bins=bins, alpha=0.6, label=f"Newton: {name}", color=draw.LINES[number]["color"]
        )
    bottom.hist(
        results["loss"][1], bins=bins, histtype="step", color="black", label="gradient descent"
    )
    bottom.set(xscale="log", xlabel="loss at the end (above 10: drawn at 10)", ylabel="starts")
    bottom.legend(frameon=False, fontsize=8)
    return {"newton": figure}
