"""Steepest descent: the negative gradient against ten thousand other directions.

Question: Is the gradient the direction in which a function changes fastest, and how far does that
          hold?
Source:   Adornetto (claim 0.11) and De Marzo (1.20).
Command:  python -m experiments run steepest_descent
Expected: No random direction is steeper than the gradient; over long steps many fall further.
Cost:     about 5 s quick and 20 s in full on 2 cores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common, Figures, Results
from experiments.descent.flat_loss import Function, loss_on_moons
from fnn import plot as draw
from fnn.course import surfaces

NAMES = ("Beale's function", "loss of a 2-8-1 network")
DIFFERENCE = 1e-5  # half the distance of the two values of F whose difference gives a slope
SPECIAL = 3  # directions of `special_directions`


@dataclass(frozen=True)
class Config(Common):
    """Points and directions."""

    points: int = 20
    """At random, of each function."""
    directions: int = 10_000
    """Random unit vectors at each point."""
    lengths: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    """Of steps along a direction."""


QUICK = Config(points=4, quick=True)


def run(config: Config) -> Results:
    """Return what `examine` measures, (functions, points, …), in float64."""
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), config.points)
        beale, network = [
            jax.lax.map(partial(examine, function, config), keys)
            for function in (beales_function(), loss_of_network())
        ]
    results = {name: np.stack([beale[name], network[name]]) for name in beale}
    results["lengths"] = np.array(config.lengths)
    return results


def beales_function() -> Function:
    """Return Beale's function, on the square from −2 to 2."""
    value, gradient, *_ = surfaces.beale
    return Function(value, gradient, lambda key: jax.random.uniform(key, (2,), minval=-2, maxval=2))


def loss_of_network() -> Function:
    """Return the loss of a 2-8-1 tanh network on 32 moons, as a function of all its parameters."""
    return loss_on_moons(fnn.mlp((2, 8, 1), activation="tanh"), rows=32)


def examine(function: Function, config: Config, key):
    """Compare the gradient at a random point with random directions.

    slopes   along the random directions, in units of ‖∇F‖
    special  slopes along −∇F, ∇F and the printed gradient
    beaten   for each length, the share of random directions that fall further than −∇F
    """
    point = function.draw_point(key)
    gradient = function.gradient(point)
    norm = jnp.linalg.norm(gradient)
    random = random_directions(key, config.directions, point.size)
    directions = jnp.concatenate([random, special_directions(gradient)])
    slopes = jax.vmap(partial(slope, function.value, point))(directions)

    def share_that_falls_further(length):
        after = jax.vmap(lambda v: function.value(point + length * v))(directions)
        after_steepest = after[-SPECIAL]
        return jnp.mean(after[:-SPECIAL] < after_steepest)

    return {
        "slopes": slopes[:-SPECIAL] / norm,
        "special": slopes[-SPECIAL:] / norm,
        "beaten": jax.lax.map(share_that_falls_further, jnp.array(config.lengths)),
    }


def random_directions(key, count: int, dimensions: int):
    """Return random unit vectors, (count, dimensions)."""
    vectors = jax.random.normal(jax.random.fold_in(key, 1), (count, dimensions))
    return vectors / jnp.linalg.norm(vectors, axis=1, keepdims=True)


def special_directions(gradient):
    """Return the unit vectors along −∇F, ∇F and the list of derivatives as De Marzo prints it.

    The printed list has ∂f/∂x₁ twice and no ∂f/∂x₂.
    """
    norm = jnp.linalg.norm(gradient)
    printed = gradient.at[1].set(gradient[0])
    return jnp.stack([-gradient / norm, gradient / norm, printed / jnp.linalg.norm(printed)])


def slope(value: Callable, point, direction):
    """Return the slope of a function along a unit vector, by a central difference."""
    ahead = value(point + DIFFERENCE * direction)
    behind = value(point - DIFFERENCE * direction)
    return (ahead - behind) / (2 * DIFFERENCE)


def plot(results: Results, config: Config) -> Figures:
    """Draw the slopes along all directions, and how far the gradient stays the best one."""
    return {"slopes": slopes_figure(results), "steps": steps_figure(results)}


def slopes_figure(results) -> Figure:
    """Draw a histogram of the slopes along random directions."""
    figure, (axis,) = draw.figure()
    for name, slopes, style in zip(NAMES, results["slopes"], draw.LINES, strict=False):
        density, edges = np.histogram(slopes, bins=84, range=(-1.05, 1.05), density=True)
        axis.stairs(density, edges, label=name, color=style["color"], linewidth=1.5)
    axis.vlines((-1, 1), 0, 2.6, color="black", linestyle=":", linewidth=1)
    axis.set(xlabel="slope along a random unit direction / ‖∇F‖", ylabel="density", ylim=(0, 3.4))
    axis.set_title("No direction is steeper than ±∇F (dotted)", fontsize=10)
    axis.legend(frameon=False, fontsize=8, loc="upper center")
    return figure


def steps_figure(results) -> Figure:
    """Draw the share of directions that fall further than the negative gradient."""
    figure, (axis,) = draw.figure()
    share = results["beaten"].mean(axis=1)
    for name, share_of_function in zip(NAMES, share, strict=True):
        percent = 100 * share_of_function
        axis.plot(results["lengths"], percent, marker="o", markersize=4, label=name)
    axis.set(xscale="log", xlabel="length of the step", ylabel="directions better than −∇F (%)")
    axis.set_title("Steepest holds for short steps only", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return figure
