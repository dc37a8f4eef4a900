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
    start     first point of a path from the literature, or of an instructive one
    minimum   point of the least value; None without such a point or a closed form

    >>> import fnn
    >>> beale = fnn.course.surfaces.beale
    >>> print(beale.value(beale.minimum), beale.gradient((0.0, 1.0)))
    0.0 [0. 0.]
    """

    value: Callable[[Point], Array]
    gradient: Callable[[Point], Array]
    start: tuple[float, ...]
    minimum: tuple[float, ...] | None


def quadratic(curvatures: Sequence[float], start: Sequence[float] | None = None) -> Surface:
    """Return the quadratic function with the Hessian diag(λ).

    f(x) = ½ Σ λᵢ xᵢ²

    curvatures  λ, one number a coordinate
    start       one number a coordinate; None: all ones

    Its minimum is 0; with a negative λ there is none. Raises ValueError for another number of
    coordinates in `start`.

    >>> import fnn
    >>> bowl = fnn.course.surfaces.quadratic((1.0, 4.0))
    >>> print(bowl.value((2.0, 1.0)), bowl.gradient((2.0, 1.0)))
    4.0 [2. 4.]
    """
    checks.finite("curvatures", curvatures)
    scales = np.asarray(curvatures, float)
    n = scales.size
    is_sequence = scales.ndim == 1
    if not is_sequence or not n:
        raise ValueError(
            f"curvatures: got {curvatures!r}, expected a sequence of numbers, one a coordinate."
        )
    if start is None:
        start = (1.0,) * n
    start = tuple(start)
    if len(start) != n:
        raise ValueError(f"start: got {start}, expected {n} coordinates, as many as curvatures.")

    def value(x: Point) -> Array:
        products = gradient(x) * jnp.asarray(x)
        total = jnp.sum(products, axis=0)
        return total / 2

    def gradient(x: Point) -> Array:
        x = jnp.asarray(x)
        other_axes = (1,) * (x.ndim - 1)
        vector = jnp.asarray(scales, x.dtype)
        column = vector.reshape(n, *other_axes)
        return column * x

    has_minimum = not scales.min() < 0
    minimum = (0.0,) * n if has_minimum else None
    return Surface(value, gradient, start, minimum)


long_valley = quadratic((0.02, 2.0), start=(-8.0, 1.0))
"""x²/100 + y²: a hundred times steeper across than along."""

saddle = quadratic((2.0, -2.0), start=(1.0, 1e-3))
"""x² − y². The point 0 is a minimum along x and a maximum along y. The start lies close to the
ridge y = 0.
"""


def _beale_terms(x: Array, y: Array) -> tuple[Array, Array, Array]:
    a = 1.5 - x + x * y
    b = 2.25 - x + x * y**2
    c = 2.625 - x + x * y**3
    return a, b, c


def _beale_value(p: Point) -> Array:
    x, y = jnp.asarray(p)
    a, b, c = _beale_terms(x, y)
    return a**2 + b**2 + c**2


def _beale_gradient(p: Point) -> Array:
    x, y = jnp.asarray(p)
    a, b, c = _beale_terms(x, y)
    a_x = y - 1
    b_x = y**2 - 1
    c_x = y**3 - 1
    along_x = a * a_x + b * b_x + c * c_x
    along_y = a + 2 * b * y + 3 * c * y**2
    d_x = 2 * along_x
    d_y = 2 * x * along_y
    return jnp.stack([d_x, d_y])


beale = Surface(_beale_value, _beale_gradient, start=(1.0, 1.5), minimum=(3.0, 0.5))
"""(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²: a flat middle between steep corners.
Beale 1958.
"""


def _rosenbrock_value(p: Point) -> Array:
    x, y = jnp.asarray(p)
    along_floor = (1 - x) ** 2
    above_floor = y - x**2
    return along_floor + 100 * above_floor**2


def _rosenbrock_gradient(p: Point) -> Array:
    x, y = jnp.asarray(p)
    above_floor = y - x**2
    d_x = -2 * (1 - x) - 400 * x * above_floor
    d_y = 200 * above_floor
    return jnp.stack([d_x, d_y])


rosenbrock = Surface(_rosenbrock_value, _rosenbrock_gradient, start=(-1.2, 1.0), minimum=(1.0, 1.0))
"""(1 − x)² + 100 (y − x²)²: a bent valley, narrow and almost flat along its floor. Rosenbrock 1960.
"""


def double_well(tilt: float | Array = 0.0) -> Surface:
    """Return a function of one variable with two minima.

    f(x) = (x² − 1)²/4 + tilt · x

    tilt  above 0 it makes the left minimum the lower one; may be traced, as the mean over a batch
          of examples' tilts for instance

    For |tilt| < 2/√27 = 0.385 the minima lie near −1 and 1, with a barrier between them.

    >>> import fnn
    >>> well = fnn.course.surfaces.double_well(0.25)
    >>> print(well.value((0.0,)), well.value((-1.0,)), well.gradient((0.0,)))
    0.25 -0.25 [0.25]
    """
    checks.real("tilt", tilt)

    def value(x: Point) -> Array:
        x = jnp.asarray(x)
        well = (jnp.square(x) - 1) ** 2 / 4
        tilted = well + tilt * x
        return jnp.sum(tilted, axis=0)

    def gradient(x: Point) -> Array:
        x = jnp.asarray(x)
        return x**3 - x + tilt

    return Surface(value, gradient, start=(1.0,), minimum=None)


def cliff(height: float = 10.0, steepness: float = 20.0) -> Surface:
    """Return a function of two variables with a cliff at x = 0.

    f(x, y) = height · s(x) + (x + 2)²/40 + y²/4
    s(x) = (1 + tanh(steepness · x/2))/2, a logistic step

    height     of the cliff, above 0
    steepness  above 0

    The plateau x > 0 slopes gently down to the edge. At the edge ∂f/∂x reaches height ·
    steepness/4, and a wide valley lies at its foot. It is a smooth stand-in for the wall in the
    loss of a recurrent network, Pascanu et al. 2013.

    >>> import fnn
    >>> cliff = fnn.course.surfaces.cliff(height=8.0, steepness=20.0)
    >>> print(cliff.value((-2.0, 2.0)))
    1.0
    """
    checks.positive("height", height)
    checks.positive("steepness", steepness)

    def step(x: Array) -> Array:
        odd = jnp.tanh(steepness * x / 2)
        return (1 + odd) / 2

    def value(p: Point) -> Array:
        x, y = jnp.asarray(p)
        wall = height * step(x)
        along = (x + 2) ** 2 / 40
        across = y**2 / 4
        return wall + along + across

    def gradient(p: Point) -> Array:
        x, y = jnp.asarray(p)
        slope = height * steepness
        share = step(x)
        wall = slope * share * (1 - share)
        along = (x + 2) / 20
        d_x = wall + along
        d_y = y / 2
        return jnp.stack([d_x, d_y])

    return Surface(value, gradient, start=(2.0, 1.0), minimum=None)
