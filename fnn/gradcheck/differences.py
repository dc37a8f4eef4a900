"""Derivatives from values of the loss alone, so that automatic differentiation is not trusted
blindly.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from fnn import compiler
from fnn.gradcheck.problem import Problem, Unusable

LADDER = 10.0 ** -np.arange(1, 9)  # steps, in units of the parameter's scale
KINK = slice(2, 5)  # of these, those at which a kink is looked for
ROUNDING = 64 * 2.0**-52  # of a value of the loss, relative: a few dozen operations
SEVERAL = 4  # times the noise that was seen, for the noise that was not
COARSE = (
    1e-10  # noise of the loss, relative, from which on steps must be so long that they cross kinks
)
UNEVEN = (
    np.arange(1, 12) * 0.6180339887 % 1
)  # at even steps, rounding by one unit a step would look like a slope
NEARBY = np.outer(
    [1e-15, 1e-10], [0, *(12 * UNEVEN - 6)]
)  # ways on which a smooth loss is a parabola
FARTHER = (
    12 * UNEVEN
)  # for one that coarse rounding leaves flat there; one-sided, the point may lie on a kink
COARSER = (
    1e-7,
    1e-6,
    1e-5,
    1e-4,
    1e-3,
)  # lengths of this way: float32 inside leaves a loss flat on the shorter ones
PIECE = NEARBY.size  # evaluations of the loss: two programs serve all lengths that a check asks for


class Slope(NamedTuple):
    """The derivative along one coordinate: the best of the ladder with its error, one-sided slopes
    close by, and the central differences of every step of the ladder with what rounding does to
    them.
    """

    value: float
    error: float
    left: float
    right: float
    kink: bool
    central: np.ndarray
    rounding: np.ndarray

    def contradicts(self, claim: float, slack: float) -> bool:
        """Whether it rules out a derivative, at its best step and at the smallest that rounding
        lets tell the two apart: larger ones may all have crossed the same kink, or the same bend.
        """
        if self.kink or not np.isfinite(self.error):
            return False
        gap = abs(self.value - claim)
        if not np.isfinite(gap):
            return True
        able = np.flatnonzero(4 * self.rounding < gap)
        far = gap > 10 * self.error + slack and len(able) > 0
        return bool(far and abs(self.central[able[-1]] - claim) > gap / 2)


class Values(NamedTuple):
    """The loss at the point, by how much rounding moves it there, and a function from (coordinates,
    steps) to losses; coordinate −1 is `direction`.
    """

    at_point: float
    noise: float
    along: Callable[[np.ndarray, np.ndarray], np.ndarray]

    @property
    def is_coarse(self) -> bool:
        """Whether the loss computes in a precision narrower than float64."""
        return self.noise > COARSE * abs(self.at_point)


def values_of(problem: Problem, direction: np.ndarray, known_noise: float | None) -> Values:
    """Prepares the evaluation of the loss beside the point. `known_noise` is what rounding is known
    to do to the loss; None for one that JAX cannot trace, which is then called as it is.
    """
    loss, leaves = problem.loss, problem.leaves
    flat, unravel = ravel_pytree([np.asarray(leaf) for leaf in leaves])

    def moved(flat, direction, i, step):
        flat = flat + jnp.where(i < 0, step, 0.0) * direction
        return loss(unravel(flat.at[jnp.maximum(i, 0)].add(jnp.where(i < 0, 0.0, step))))

    def along(coordinates, steps):
        if known_noise is not None:
            n = len(steps)
            short = -n % PIECE  # filled up, so that few lengths are compiled
            padded = np.pad(coordinates, (0, short)).astype(np.int32), np.pad(steps, (0, short))
            return np.asarray(program(flat, direction, *padded), np.float64)[:n]
        pairs = zip(coordinates, steps, strict=True)
        return np.array([_called(loss, _numpy_move(leaves, direction, i, h)) for i, h in pairs])

    @compiler.jit
    def program(flat, direction, coordinates, steps):
        return jax.lax.map(lambda pair: moved(flat, direction, *pair), (coordinates, steps))

    program = problem.programs.setdefault("values", program)
    near = along(np.full(NEARBY.size, -1), NEARBY.ravel()).reshape(NEARBY.shape)
    at_point = float(near[0, 0])
    seen = 0.0
    if np.isfinite(near).all():
        seen = max(map(_roughness, NEARBY, near))
        values, lengths = near[1], iter(COARSER)
        while len(np.unique(values)) < len(values) and (length := next(lengths, None)) is not None:
            values = along(np.full(FARTHER.size, -1), length * FARTHER)
            seen = max(seen, _graininess(FARTHER, values))
            if not values.any() or not np.array_equal(values, values.astype(np.float32)):
                break  # zeros have no rounding, and float64 shows on this way
        if np.array_equal(values, values.astype(np.float32)):
            seen = max(
                seen, 2.0**-24 * float(np.max(np.abs(values)))
            )  # too coarse to move even there
    return Values(at_point, max(seen, known_noise or 0.0, ROUNDING * abs(at_point)), along)


def _roughness(h: np.ndarray, f: np.ndarray) -> float:
    """The rounding of a function, as it shows on a very short way."""
    return float(np.max(np.abs(_off_parabola(h, f))))


def _graininess(h: np.ndarray, f: np.ndarray) -> float:
    """The same on a way that may cross a kink: the median over four neighbours each, few of which
    have it among them. 0 where the function is not finite.
    """
    if not np.isfinite(f).all():
        return 0.0
    order = np.argsort(h)
    fours = [order[i : i + 4] for i in range(len(h) - 3)]
    return float(np.median([np.linalg.norm(_off_parabola(h[four], f[four])) for four in fours]))


def _off_parabola(h: np.ndarray, f: np.ndarray) -> np.ndarray:
    """What is left of a function when the best parabola is taken off."""
    u = h / np.max(np.abs(h))
    return f - np.polyval(np.polyfit(u, f, 2), u)


def _called(loss: Callable[[list], Any], leaves: list[np.ndarray]) -> float:
    try:
        return float(loss(leaves))
    except Exception as error:
        raise Unusable(f"loss: raised {type(error).__name__} beside params: {error}") from error


def _numpy_move(leaves, direction, i, step):
    flat = np.concatenate([np.ravel(leaf) for leaf in leaves])
    if i < 0:
        flat = flat + step * direction
    else:
        flat[i] += step
    ends = np.cumsum([leaf.size for leaf in leaves])
    return [
        part.reshape(leaf.shape)
        for part, leaf in zip(np.split(flat, ends[:-1]), leaves, strict=True)
    ]


def slopes(values: Values, coordinates: np.ndarray, scales: np.ndarray) -> list[Slope]:
    """Central differences on a ladder of steps, extrapolated, for each coordinate."""
    if len(coordinates) == 0:
        return []
    steps = scales[:, None] * LADDER
    signed = np.stack([steps, -steps], axis=-1)
    found = values.along(np.repeat(coordinates, signed[0].size), signed.ravel()).reshape(
        signed.shape
    )
    return [_slope(values, f, h) for f, h in zip(found, steps, strict=True)]


def slope_along(problem: Problem, values: Values, direction: np.ndarray) -> Slope:
    """The same along a direction through all parameters, of a loss that JAX cannot trace."""
    signed = np.stack([LADDER, -LADDER], axis=-1)
    f = [
        [_called(problem.loss, _numpy_move(problem.leaves, direction, -1, h)) for h in pair]
        for pair in signed
    ]
    return _slope(values, np.array(f), LADDER)


def _slope(values: Values, f: np.ndarray, h: np.ndarray) -> Slope:
    """From f (steps, 2) at ±h: Richardson's extrapolation of the central differences, each with an
    error from its neighbour and from rounding; the one with the smallest error is taken.
    """
    at_point = values.at_point
    rounding = np.maximum(ROUNDING * np.abs(f).max(axis=1), SEVERAL * values.noise) / h
    right, left = (f[:, 0] - at_point) / h, (at_point - f[:, 1]) / h
    central = (f[:, 0] - f[:, 1]) / (2 * h)
    extrapolated = central[1:] + (central[1:] - central[:-1]) / ((h[:-1] / h[1:]) ** 2 - 1)
    error = np.abs(extrapolated - central[1:]) + np.abs(np.diff(central)) / 50 + rounding[1:]
    if values.is_coarse:
        error += _kinks_within(h, central, right - left, rounding)
    error = np.where(np.isfinite(error), error, np.inf)
    best = int(np.argmin(error))
    return Slope(
        float(extrapolated[best]),
        float(error[best]),
        float(left[KINK][-1]),
        float(right[KINK][-1]),
        _is_kink((right - left)[KINK], rounding[KINK][-1]),
        central,
        rounding,
    )


def _kinks_within(
    h: np.ndarray, central: np.ndarray, jump: np.ndarray, rounding: np.ndarray
) -> np.ndarray:
    """What kinks within each step but the first may do to its quotient: the next shorter step has
    another one, and the jump right − left, which of a smooth loss is proportional to the step, is
    not so.
    """
    apart = np.abs(np.diff(central)) - rounding[1:] - rounding[:-1]
    uneven = np.abs(jump[1:] - jump[:-1] * h[1:] / h[:-1]) - 2 * rounding[1:]
    return np.maximum(np.append(apart[1:], 0.0), 0.0) + np.maximum(uneven, 0.0) / 5


def _is_kink(jump: np.ndarray, rounding: float) -> bool:
    """Whether the jump right − left stays while the step shrinks a hundredfold; for a smooth loss
    it shrinks along.
    """
    near, nearer, nearest = jump
    lasting = abs(nearest) > 0.5 * abs(near) and abs(nearest - nearer) < 0.2 * abs(nearest)
    return bool(lasting and abs(nearest) > 20 * rounding)


def taylor_slopes(values: Values, direction_slope: float) -> tuple[float | None, float | None]:
    """The orders of |f(θ + hd) − f(θ)| and of |f(θ + hd) − f(θ) − h g·d| in h: 1 and 2 when g·d is
    right.
    """
    h = np.geomspace(1e-1, 1e-5, 9)
    f = values.along(np.full(len(h), -1), h)
    first = np.abs(f - values.at_point)
    second = np.abs(f - values.at_point - h * direction_slope)
    floor = 30 * np.maximum(ROUNDING * np.abs(f), values.noise)
    return _order(h, first, floor), _order(h, second, floor)


def _order(h: np.ndarray, remainder: np.ndarray, floor: np.ndarray) -> float | None:
    seen = np.isfinite(remainder) & (remainder > floor)
    if seen.sum() < 3:
        return None
    return float(np.polyfit(np.log(h[seen][-4:]), np.log(remainder[seen][-4:]), 1)[0])
