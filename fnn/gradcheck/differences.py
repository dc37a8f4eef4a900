"""Derivatives from values of the loss alone, so that autodiff is not trusted blindly.

`slopes` takes central differences on a ladder of steps and extrapolates them. Each derivative comes
with an error, which includes the rounding of the loss, and with the slopes on both sides, which
show a kink.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from fnn import compiler
from fnn.gradcheck.compare import max_abs
from fnn.gradcheck.problem import Problem, Unusable

# --------------------------------------------------------------------------- steps of the quotients
# Steps, in units of the parameter's scale, and those of them at which a kink is looked for.
LADDER = 10.0 ** -np.arange(1, 9)
KINK = slice(2, 5)

# ----------------------------------------------------------------------------- rounding of the loss
# The relative rounding of a few dozen operations.
ROUNDING = 64 * 2.0**-52

# The unseen noise may be this many times the noise that was seen.
SEVERAL = 4

# From this relative noise of the loss on, steps must be so long that they cross kinks.
COARSE = 1e-10

# Uneven steps: at even ones, rounding by one unit a step would look like a slope.
UNEVEN = np.arange(1, 12) * 0.6180339887 % 1

# Two very short ways, on which a smooth loss is a parabola.
NEARBY = np.outer([1e-15, 1e-10], [0, *(12 * UNEVEN - 6)])

# A longer way, for a loss that coarse rounding leaves flat on the short ones, and its lengths. It
# goes to one side only, since the point may lie on a kink. A loss that computes in float32 inside
# is flat on the shorter lengths.
FARTHER = 12 * UNEVEN
COARSER = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)

# Evaluations of the loss in one call: two programs then serve all numbers of evaluations.
PIECE = NEARBY.size


class Slope(NamedTuple):
    """A derivative along one coordinate, by differences.

    value, error  the best of the ladder, and how far it may be off
    left, right   one-sided slopes close to the point
    kink          whether these two differ as they do on a kink
    central       the central difference at every step of the ladder
    rounding      the effect of rounding on each of them
    """

    value: float
    error: float
    left: float
    right: float
    kink: bool
    central: np.ndarray
    rounding: np.ndarray

    def contradicts(self, claim: float, slack: float) -> bool:
        """Return whether the differences rule out a derivative.

        They must do so at their best step and at the smallest step whose rounding lets tell the two
        apart: larger steps may all have crossed the same kink, or the same bend.
        """
        if self.kink or not np.isfinite(self.error):
            return False
        gap = abs(self.value - claim)
        if not np.isfinite(gap):
            return True
        telling = np.flatnonzero(4 * self.rounding < gap)
        if len(telling) == 0 or not gap > 10 * self.error + slack:
            return False
        smallest = telling[-1]
        return bool(abs(self.central[smallest] - claim) > gap / 2)


Along = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""along(coordinates, steps) -> losses; coordinate −1 is a direction through all parameters"""


class Values(NamedTuple):
    """The loss at the point, how far rounding moves it there, and the loss beside the point."""

    at_point: float
    noise: float
    along: Along

    @property
    def is_coarse(self) -> bool:
        """Return whether the loss computes in a precision narrower than float64."""
        return self.noise > COARSE * abs(self.at_point)


def values_of(problem: Problem, direction: np.ndarray, known_noise: float | None) -> Values:
    """Prepare the evaluation of the loss beside the point, and measure its noise.

    known_noise  the effect of rounding on the loss, where it is known; None for a loss that JAX
                 cannot trace, which is then called as it is
    """
    if known_noise is None:
        along = _along_in_numpy(problem, direction)
    else:
        along = _along_in_jax(problem, direction)
    on_direction = np.full(NEARBY.size, -1)
    near = along(on_direction, NEARBY.ravel()).reshape(NEARBY.shape)
    at_point = float(near[0, 0])
    seen = _noise_seen(along, near)
    noise = max(seen, known_noise or 0.0, ROUNDING * abs(at_point))
    return Values(at_point, noise, along)


# -------------------------------------------------------------------------- values beside the point


def _along_in_jax(problem: Problem, direction: np.ndarray) -> Along:
    loss = problem.loss
    flat, unravel = ravel_pytree([np.asarray(leaf) for leaf in problem.leaves])

    def moved(flat, direction, i, step):
        along_direction = jnp.where(i < 0, step, 0.0)
        along_coordinate = jnp.where(i < 0, 0.0, step)
        flat = flat + along_direction * direction
        coordinate = jnp.maximum(i, 0)
        flat = flat.at[coordinate].add(along_coordinate)
        return loss(unravel(flat))

    @compiler.jit
    def program(flat, direction, coordinates, steps):
        return jax.lax.map(lambda pair: moved(flat, direction, *pair), (coordinates, steps))

    program = problem.programs.setdefault("values", program)

    def along(coordinates, steps):
        n = len(steps)
        # Filled up to a multiple of PIECE, so that few lengths are compiled.
        missing = -n % PIECE
        coordinates = np.pad(coordinates, (0, missing)).astype(np.int32)
        steps = np.pad(steps, (0, missing))
        losses = program(flat, direction, coordinates, steps)
        return np.asarray(losses, np.float64)[:n]

    return along


def _along_in_numpy(problem: Problem, direction: np.ndarray) -> Along:
    def loss_at(i, step):
        return _called(problem.loss, _moved(problem.leaves, direction, i, step))

    def along(coordinates, steps):
        pairs = zip(coordinates, steps, strict=True)
        return np.array([loss_at(i, h) for i, h in pairs])

    return along


def _called(loss: Callable[[list], Any], leaves: list[np.ndarray]) -> float:
    try:
        return float(loss(leaves))
    except Exception as error:
        raise Unusable(f"loss: raised {type(error).__name__} beside params: {error}") from error


def _moved(
    leaves: list[np.ndarray], direction: np.ndarray, i: int, step: float
) -> list[np.ndarray]:
    """Return the leaves moved along coordinate i of all entries, or along the direction for −1."""
    flat = np.concatenate([np.ravel(leaf) for leaf in leaves])
    if i < 0:
        flat = flat + step * direction
    else:
        flat[i] += step
    ends = np.cumsum([leaf.size for leaf in leaves])
    parts = np.split(flat, ends[:-1])
    pairs = zip(parts, leaves, strict=True)
    return [part.reshape(leaf.shape) for part, leaf in pairs]


# -------------------------------------------------------------------------------- noise of the loss


def _noise_seen(along: Along, near: np.ndarray) -> float:
    """Return the rounding of the loss as its values show it; 0 where these are not finite.

    near  the loss on the two ways NEARBY
    """
    if not np.isfinite(near).all():
        return 0.0
    noise = max(map(_roughness, NEARBY, near))
    values = near[1]
    for length in COARSER:
        all_differ = len(np.unique(values)) == len(values)
        if all_differ:
            break
        values = along(np.full(FARTHER.size, -1), length * FARTHER)
        noise = max(noise, _graininess(FARTHER, values))
        # Zeros have no rounding, and numbers that only float64 can hold show theirs on this way.
        if not values.any() or not _are_in_float32(values):
            break
    if _are_in_float32(values):
        # The loss is too coarse to move even there.
        noise = max(noise, 2.0**-24 * float(max_abs(values)))
    return noise


def _are_in_float32(values: np.ndarray) -> bool:
    return np.array_equal(values, values.astype(np.float32))


def _roughness(h: np.ndarray, f: np.ndarray) -> float:
    """Return the rounding of a function, as it shows on a very short way."""
    return float(np.max(np.abs(_off_parabola(h, f))))


def _graininess(h: np.ndarray, f: np.ndarray) -> float:
    """Return the rounding of a function, as it shows on a way that may cross a kink.

    It is the median over groups of four neighbours, few of which have the kink among them. It is 0
    where the function is not finite.
    """
    if not np.isfinite(f).all():
        return 0.0
    order = np.argsort(h)
    deviations = []
    for i in range(len(h) - 3):
        four = order[i : i + 4]
        deviation = _off_parabola(h[four], f[four])
        deviations.append(np.linalg.norm(deviation))
    return float(np.median(deviations))


def _off_parabola(h: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Return the deviation of a function from its best parabola."""
    u = h / max_abs(h)
    parabola = np.polyfit(u, f, 2)
    return f - np.polyval(parabola, u)


# -------------------------------------------------------------------------------------- derivatives


def slopes(values: Values, coordinates: np.ndarray, scales: np.ndarray) -> list[Slope]:
    """Compute a derivative for each coordinate, with steps in units of its scale."""
    if len(coordinates) == 0:
        return []
    steps = scales[:, None] * LADDER
    both_sides = np.stack([steps, -steps], axis=-1)
    evaluations_each = both_sides[0].size
    repeated = np.repeat(coordinates, evaluations_each)
    losses = values.along(repeated, both_sides.ravel())
    pairs = zip(losses.reshape(both_sides.shape), steps, strict=True)
    return [_slope(values, f, h) for f, h in pairs]


def slope_along(problem: Problem, values: Values, direction: np.ndarray) -> Slope:
    """Compute the derivative along a direction through all parameters, of a loss in NumPy."""
    loss_along = _along_in_numpy(problem, direction)
    both_sides = np.stack([LADDER, -LADDER], axis=-1)
    on_direction = np.full(both_sides.size, -1)
    losses = loss_along(on_direction, both_sides.ravel()).reshape(both_sides.shape)
    return _slope(values, losses, LADDER)


def _slope(values: Values, f: np.ndarray, h: np.ndarray) -> Slope:
    """Compute a derivative from the losses f (steps, 2) at +h and −h.

    The central differences are extrapolated by Richardson's rule. Each extrapolation has an error
    from its neighbour and from rounding. The one with the smallest error is taken.
    """
    at_point = values.at_point
    size = np.abs(f).max(axis=1)
    noise = np.maximum(ROUNDING * size, SEVERAL * values.noise)
    rounding = noise / h
    f_right = f[:, 0]
    f_left = f[:, 1]
    right = (f_right - at_point) / h
    left = (at_point - f_left) / h
    central = (f_right - f_left) / (2 * h)
    jump = right - left

    change = central[1:] - central[:-1]
    ratio = h[:-1] / h[1:]
    extrapolated = central[1:] + change / (ratio**2 - 1)
    correction = np.abs(extrapolated - central[1:])
    unsettled = np.abs(np.diff(central)) / 50
    error = correction + unsettled + rounding[1:]
    if values.is_coarse:
        error += _kinks_within(h, central, jump, rounding)
    error = np.where(np.isfinite(error), error, np.inf)
    best = int(np.argmin(error))
    return Slope(
        value=float(extrapolated[best]),
        error=float(error[best]),
        left=float(left[KINK][-1]),
        right=float(right[KINK][-1]),
        kink=_is_kink(jump[KINK], rounding[KINK][-1]),
        central=central,
        rounding=rounding,
    )


def _kinks_within(
    h: np.ndarray, central: np.ndarray, jump: np.ndarray, rounding: np.ndarray
) -> np.ndarray:
    """Estimate how far kinks within each step but the first may move its quotient.

    Two signs count. The next shorter step has another quotient. The jump right − left, which is
    proportional to the step for a smooth loss, is not proportional.
    """
    gap = np.abs(np.diff(central))
    apart = gap - rounding[1:] - rounding[:-1]
    proportional = jump[:-1] * h[1:] / h[:-1]
    deviation = np.abs(jump[1:] - proportional)
    uneven = deviation - 2 * rounding[1:]
    at_next_step = np.append(apart[1:], 0.0)
    by_quotient = np.maximum(at_next_step, 0.0)
    by_jump = np.maximum(uneven, 0.0) / 5
    return by_quotient + by_jump


def _is_kink(jump: np.ndarray, rounding: float) -> bool:
    """Return whether the jump right − left stays while the step shrinks a hundredfold.

    For a smooth loss the jump shrinks with the step.
    """
    near, nearer, nearest = jump
    is_kept = abs(nearest) > 0.5 * abs(near)
    has_settled = abs(nearest - nearer) < 0.2 * abs(nearest)
    return bool(is_kept and has_settled and abs(nearest) > 20 * rounding)


def taylor_slopes(values: Values, direction_slope: float) -> tuple[float | None, float | None]:
    """Compute the orders in h of two remainders along the direction d:

    |f(θ + hd) − f(θ)|            1
    |f(θ + hd) − f(θ) − h g·d|    2 where g·d, the direction's slope, is right

    An order is None where the remainder is below rounding.
    """
    h = np.geomspace(1e-1, 1e-5, 9)
    f = values.along(np.full(len(h), -1), h)
    first = np.abs(f - values.at_point)
    second = np.abs(f - values.at_point - h * direction_slope)
    rounding = ROUNDING * np.abs(f)
    floor = 30 * np.maximum(rounding, values.noise)
    return _order(h, first, floor), _order(h, second, floor)


def _order(h: np.ndarray, remainder: np.ndarray, floor: np.ndarray) -> float | None:
    above_floor = np.isfinite(remainder) & (remainder > floor)
    if above_floor.sum() < 3:
        return None
    log_h = np.log(h[above_floor][-4:])
    log_remainder = np.log(remainder[above_floor][-4:])
    slope, _ = np.polyfit(log_h, log_remainder, 1)
    return float(slope)
