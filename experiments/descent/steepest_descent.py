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

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import data, losses
from fnn import plot as draw
from fnn.course import surfaces

NAMES = ("Beale's function", "loss of a 2-8-1 network")
DIFFERENCE = 1e-5  # half the distance of the two values of F whose difference gives a slope


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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64; every array has the axes (functions, points) first: slopes in units of ‖∇F‖ along
    random unit directions, (special) along −∇F, ∇F and the printed gradient; and the share that
    falls further than along −∇F.
    """
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), config.points)
        found = [jax.lax.map(examine(*each, config), keys) for each in functions()]
    stacked = {name: np.stack([np.asarray(each[name]) for each in found]) for name in found[0]}
    return stacked | {"lengths": np.array(config.lengths)}


def functions() -> list[tuple[Callable, Callable, Callable]]:
    """(value, gradient, key -> point) of each of NAMES."""
    net, moons = fnn.mlp((2, 8, 1), activation="tanh"), data.load("moons").train
    x, y = moons.x[:32].astype(float), moons.y[:32].astype(float)
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    unravel = ravel_pytree(net.init(jax.random.key(0))[0])[1]
    return [
        (*surfaces.beale[:2], lambda key: jax.random.uniform(key, (2,), minval=-2, maxval=2)),
        (
            lambda w: loss_and_gradient(unravel(w), x, y)[0],
            lambda w: ravel_pytree(loss_and_gradient(unravel(w), x, y)[1])[0],
            lambda key: ravel_pytree(net.init(key)[0])[0],
        ),
    ]


def examine(value: Callable, gradient: Callable, draw_point: Callable, config: Config) -> Callable:
    """key -> what is measured at one point."""

    def at_point(key):
        a = draw_point(key)
        g = gradient(a)
        norm = jnp.linalg.norm(g)
        u = jax.random.normal(jax.random.fold_in(key, 1), (config.directions, a.size))
        u = u / jnp.linalg.norm(u, axis=1, keepdims=True)
        printed = g.at[1].set(g[0])  # the list of derivatives as De Marzo prints it, ∂f/∂x₁ twice
        along = jnp.concatenate(
            [u, jnp.stack([-g / norm, g / norm, printed / jnp.linalg.norm(printed)])]
        )
        apart = jax.vmap(lambda v: value(a + DIFFERENCE * v) - value(a - DIFFERENCE * v))(along)
        slopes = apart / (2 * DIFFERENCE)
        after = jax.lax.map(
            lambda s: jax.vmap(lambda v: value(a + s * v))(along), jnp.array(config.lengths)
        )
        return {
            "slopes": slopes[:-3] / norm,
            "special": slopes[-3:] / norm,
            "beaten": jnp.mean(after[:, :-3] < after[:, -3:-2], axis=1),
        }

    return at_point


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Slopes along all directions, and how far the gradient stays the best one."""
    slopes, (axis,) = draw.figure()
    for name, values in zip(NAMES, results["slopes"], strict=True):
        counts, edges = np.histogram(values, bins=84, range=(-1.05, 1.05), density=True)
        axis.stairs(
            counts, edges, label=name, color=draw.LINES[NAMES.index(name)]["color"], linewidth=1.5
        )
    axis.vlines((-1, 1), 0, 2.6, color="black", linestyle=":", linewidth=1)
    axis.set(xlabel="slope along a random unit direction / ‖∇F‖", ylabel="density", ylim=(0, 3.4))
    axis.set_title("No direction is steeper than ±∇F (dotted)", fontsize=10)
    axis.legend(frameon=False, fontsize=8, loc="upper center")
    steps, (axis,) = draw.figure()
    for name, beaten in zip(NAMES, results["beaten"].mean(axis=1), strict=True):
        axis.plot(results["lengths"], 100 * beaten, marker="o", markersize=4, label=name)
    axis.set(xscale="log", xlabel="length of the step", ylabel="directions better than −∇F (%)")
    axis.set_title("Steepest holds for short steps only", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"slopes": slopes, "steps": steps}
