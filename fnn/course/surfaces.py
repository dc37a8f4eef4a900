"""Functions of a few variables to watch an optimizer on, each with its gradient by hand.

A point is (n,), or (n, …) for many at once: the leading axis holds the coordinates, so that
`value(np.stack(np.meshgrid(x, y)))` is the surface over a plane.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn import checks
from fnn.types import ArrayLike

Point = Float[ArrayLike, "n ..."]


class Surface(NamedTuple):
    """A differentiable function of n variables.

    value     (n, …) -> (…)
    gradient  (n, …) -> (n, …)
    start     where a path from the literature begins, or an instructive one
    minimum   where the value is least; None where there is no such point or no closed form
    """

    value: Callable[[Point], Array]
    gradient: Callable[[Point], Array]
    start: tuple[float, ...]
    minimum: tuple[float, ...] | None


def quadratic(curvatures: Sequence[float], start: Sequence[float] | None = None) -> Surface:
    """½ Σ λᵢ xᵢ²: the Hessian is diag(λ), and without negative λ the minimum is 0. start: all ones
    unless given.
    """
    checks.finite("curvatures", curvatures)
    scales = np.asarray(curvatures, float)
    if scales.ndim != 1 or not scales.size:
        raise ValueError(
            f"curvatures: got {curvatures!r}, expected a sequence of numbers, one a coordinate."
        )
    start = (1.0,) * scales.size if start is None else tuple(start)
    if len(start) != scales.size:
        raise ValueError(
            f"start: got {start}, expected {scales.size} coordinates, as many as curvatures."
        )

    def gradient(x: Point) -> Array:
        x = jnp.asarray(x)
        return jnp.asarray(scales, x.dtype).reshape(-1, *(1,) * (x.ndim - 1)) * x

    return Surface(
        value=lambda x: jnp.sum(gradient(x) * jnp.asarray(x), axis=0) / 2,
        gradient=gradient,
        start=start,
        minimum=None if scales.min() < 0 else (0.0,) * scales.size,
    )


long_valley = quadratic((0.02, 2.0), start=(-8.0, 1.0))
"""x²/100 + y²: a hundred times steeper across than along."""

saddle = quadratic((2.0, -2.0), start=(1.0, 1e-3))
"""x² − y²: 0 is stationary, a minimum along x and a maximum along y; the start lies close to the
ridge y = 0.
"""


def _beale_value(p: Point) -> Array:
    x, y = jnp.asarray(p)
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def _beale_gradient(p: Point) -> Array:
    x, y = jnp.asarray(p)
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    return jnp.stack(
        [
            2 * (a * (y - 1) + b * (y**2 - 1) + c * (y**3 - 1)),
            2 * x * (a + 2 * b * y + 3 * c * y**2),
        ],
    )


beale = Surface(_beale_value, _beale_gradient, start=(1.0, 1.5), minimum=(3.0, 0.5))
"""(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²: a flat middle between steep corners.
Beale 1958.
"""


def _rosenbrock_value(p: Point) -> Array:
    x, y = jnp.asarray(p)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _rosenbrock_gradient(p: Point) -> Array:
    x, y = jnp.asarray(p)
    off = y - x**2
    return jnp.stack([-2 * (1 - x) - 400 * x * off, 200 * off])


rosenbrock = Surface(_rosenbrock_value, _rosenbrock_gradient, start=(-1.2, 1.0), minimum=(1.0, 1.0))
"""(1 − x)² + 100 (y − x²)²: a bent valley, narrow and almost flat along its floor. Rosenbrock 1960.
"""


def double_well(tilt: float | Array = 0.0) -> Surface:
    """(x² − 1)²/4 + tilt · x of one variable: minima near −1 and 1 with a barrier between, for
    |tilt| < 2/√27 = 0.385.

    A tilt above 0 makes the left one the lower; a traced one can be the mean over a batch of
    examples' tilts.
    """
    checks.real("tilt", tilt)
    return Surface(
        value=lambda x: jnp.sum(
            (jnp.square(jnp.asarray(x)) - 1) ** 2 / 4 + tilt * jnp.asarray(x), axis=0
        ),
        gradient=lambda x: jnp.asarray(x) ** 3 - jnp.asarray(x) + tilt,
        start=(1.0,),
        minimum=None,
    )


def cliff(height: float = 10.0, steepness: float = 20.0) -> Surface:
    """height · s(x) + (x + 2)²/40 + y²/4 with s(x) = (1 + tanh(steepness · x/2))/2, a logistic step
    at x = 0.

    A plateau x > 0 that slopes gently down to the edge of a cliff, where ∂/∂x reaches height ·
    steepness/4, and a wide valley at its foot. A smooth stand-in for the wall in the loss of a
    recurrent network, Pascanu et al. 2013.
    """
    checks.positive("height", height)
    checks.positive("steepness", steepness)

    def step(x: Array) -> Array:
        return (1 + jnp.tanh(steepness * x / 2)) / 2

    def value(p: Point) -> Array:
        x, y = jnp.asarray(p)
        return height * step(x) + (x + 2) ** 2 / 40 + y**2 / 4

    def gradient(p: Point) -> Array:
        x, y = jnp.asarray(p)
        return jnp.stack([height * steepness * step(x) * (1 - step(x)) + (x + 2) / 20, y / 2])

    return Surface(value, gradient, start=(2.0, 1.0), minimum=None)
