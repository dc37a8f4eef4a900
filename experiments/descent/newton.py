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

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import fnn
from experiments.common import Common, Figures, Results
from experiments.descent.flat_loss import Function, loss_on_moons
from fnn import optim
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


def run(config: Config) -> Results:
    """Return the cost of a step by size, and where Newton's method and descent end, in float64.

    gradient_operations, newton_operations  (sizes,)
    loss, gradient, eigenvalue              (methods, seeds): the loss, ‖∇L‖ and the lowest Hessian
                                            eigenvalue where Newton's method and descent end
    linear_gradient                         ‖∇L‖ of a linear model after one Newton step
    """
    with jax.enable_x64(True):
        counted = [operations(config, width) for width in config.widths]
        network = moons_loss(config, (2, config.hidden, 1))
        starts = jax.vmap(network.draw_point)(jax.random.split(jax.random.key(0), config.seeds))
        solve = partial(newton_end, network, config.newton_steps)
        descend = partial(descent_end, network, config)
        ends = [jax.jit(jax.vmap(method))(starts) for method in (solve, descend)]
        linear = moons_loss(config, (2, 1))
        solved = newton_end(linear, 1, linear.draw_point(jax.random.key(1)))
    of_gradient, of_newton = np.transpose(counted)
    results = {name: np.stack([end[name] for end in ends]) for name in ends[0]}
    return results | {
        "parameters": np.array([4 * width + 1 for width in config.widths]),
        "gradient_operations": of_gradient,
        "newton_operations": of_newton,
        "solved_parameters": np.array(starts.shape[1]),
        "linear_gradient": np.asarray(solved["gradient"]),
    }


def moons_loss(config: Config, sizes: tuple[int, ...]) -> Function:
    """Return the squared error of a tanh network on the first rows of the moons data."""
    return loss_on_moons(fnn.mlp(sizes, activation="tanh"), config.rows)


def operations(config: Config, width: int) -> tuple[float, float]:
    """Count the arithmetic operations of a gradient and of a Newton step.

    The compiler counts those of the gradient and of the Hessian. The solution of the linear system
    adds ⅔P³.
    """
    _, gradient, draw_point = moons_loss(config, (2, width, 1))
    w = draw_point(jax.random.key(0))
    of_gradient = compiled_operations(gradient, w)
    of_hessian = compiled_operations(jax.jacfwd(gradient), w)
    of_solution = 2 / 3 * w.size**3
    return of_gradient, of_hessian + of_solution


def compiled_operations(function: Callable, w) -> float:
    """Return how many operations the compiler counts; NaN where it does not tell."""
    compiled = jax.jit(function).lower(w).compile()
    analysis = compiled.cost_analysis() or {}
    return analysis.get("flops", np.nan)


def newton_end(function: Function, steps: int, start):
    """Solve ∇L = 0 by w ← w − H⁺ ∂L/∂w, with H by forward differentiation of the gradient."""

    def newton_step(w):
        hessian = jax.jacfwd(function.gradient)(w)
        return jnp.linalg.pinv(hessian, rtol=1e-10) @ function.gradient(w)

    path = descent.trajectory(newton_step, optim.sgd(1.0), start, steps=steps)
    return measure(function, path[-1])


def descent_end(function: Function, config: Config, start):
    """Descend along the gradient."""
    sgd = optim.sgd(config.learning_rate)
    path = descent.trajectory(function.gradient, sgd, start, steps=config.descent_steps)
    return measure(function, path[-1])


def measure(function: Function, end):
    """Return the loss, ‖∇L‖ and the lowest Hessian eigenvalue at a point."""
    hessian = jax.jacfwd(function.gradient)(end)
    finite = jnp.where(jnp.isfinite(hessian), hessian, 0.0)
    return {
        "loss": function.value(end),
        "gradient": jnp.linalg.norm(function.gradient(end)),
        "eigenvalue": jnp.linalg.eigvalsh(finite)[0],
    }


def outcomes(results) -> np.ndarray:
    """Return which of OUTCOMES Newton's method led to, as numbers, (seeds,).

    A gradient below 1e-8 is a solution.
    """
    is_solved = results["gradient"][0] < 1e-8
    lowest = results["eigenvalue"][0]
    is_minimum = is_solved & (lowest > 1e-8)
    is_saddle_or_maximum = is_solved & (lowest < -1e-8)
    return np.select([is_minimum, is_saddle_or_maximum], [0, 1], 2)


def plot(results: Results, config: Config) -> Figures:
    """Draw the cost of a step by size, and the losses where the methods end."""
    figure, (top, bottom) = draw.figure(rows=2, height=3.0)
    draw_costs(top, results)
    draw_losses(bottom, results)
    return {"newton": figure}


def draw_costs(axis: Axes, results) -> None:
    """Draw the operations of a step over the number of parameters."""
    for name, label in (
        ("newton_operations", "Newton step"),
        ("gradient_operations", "gradient step"),
    ):
        axis.plot(results["parameters"], results[name], marker="o", markersize=4, label=label)
    axis.set(xscale="log", yscale="log", xlabel="parameters", ylabel="arithmetic operations")
    axis.legend(frameon=False, fontsize=8)


def draw_losses(axis: Axes, results) -> None:
    """Draw a histogram of the losses at the ends, for Newton's method by its outcomes."""
    of_newton, of_descent = results["loss"]
    drawn = np.clip(np.nan_to_num(of_newton, nan=10), 0.01, 10)
    bins = np.geomspace(0.01, 10, 41).tolist()
    kinds = outcomes(results)
    for number, name in enumerate(OUTCOMES):
        color = draw.LINES[number]["color"]
        label = f"Newton: {name}"
        axis.hist(drawn[kinds == number], bins=bins, alpha=0.6, label=label, color=color)
    axis.hist(of_descent, bins=bins, histtype="step", color="black", label="gradient descent")
    axis.set(xscale="log", xlabel="loss at the end (above 10: drawn at 10)", ylabel="starts")
    axis.legend(frameon=False, fontsize=8)
