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

# Evaluations of the loss in one call, so that one program serves all numbers of evaluations.
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
        if self.kink:
            return False
        if not np.isfinite(self.error):
            return False
        gap = abs(self.value - claim)
        if not np.isfinite(gap):
            return True
        threshold = 10 * self.error + slack
        if not gap > threshold:
            return False
        noise = 4 * self.rounding
        is_telling = noise < gap
        telling = np.flatnonzero(is_telling)
        if len(telling) == 0:
            return False
        smallest = telling[-1]
        gap_at_smallest = abs(self.central[smallest] - claim)
        return bool(gap_at_smallest > gap / 2)


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
        size = abs(self.at_point)
        return self.noise > COARSE * size


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
    losses = along(on_direction, NEARBY.ravel())
    near = losses.reshape(NEARBY.shape)
    at_point = float(near[0, 0])
    seen = _noise_seen(along, near)
    known = known_noise or 0.0
    least = ROUNDING * abs(at_point)
    noise = max(seen, known, least)
    return Values(at_point, noise, along)


# -------------------------------------------------------------------------- values beside the point


def _along_in_jax(problem: Problem, direction: np.ndarray) -> Along:
    loss = problem.loss
    leaves = problem.leaves
    flat = _flattened(leaves)

    def moved(flat, direction, i, step):
        is_direction = i < 0
        along_direction = jnp.where(is_direction, step, 0.0)
        along_coordinate = jnp.where(is_direction, 0.0, step)
        flat = flat + along_direction * direction
        coordinate = jnp.maximum(i, 0)
        entry = flat.at[coordinate]
        flat = entry.add(along_coordinate)
        moved_leaves = _split(flat, leaves)
        return loss(moved_leaves)

    @compiler.jit
    def program(flat, direction, coordinates, steps):
        def loss_at(pair):
            return moved(flat, direction, *pair)

        pairs = (coordinates, steps)
        return jax.lax.map(loss_at, pairs)

    program = problem.programs.setdefault("values", program)

    def along(coordinates, steps):
        n = len(steps)
        padding = (0, -n % PIECE)
        coordinates = np.pad(coordinates, padding).astype(np.int32)
        steps = np.pad(steps, padding)
        losses = []
        for start in range(0, n, PIECE):
            piece = slice(start, start + PIECE)
            values = program(flat, direction, coordinates[piece], steps[piece])
            losses.append(np.asarray(values, np.float64))
        return np.concatenate(losses)[:n]

    return along


def _along_in_numpy(problem: Problem, direction: np.ndarray) -> Along:
    def loss_at(i, step):
        leaves = _moved(problem.leaves, direction, i, step)
        return _called(problem.loss, leaves)

    def along(coordinates, steps):
        pairs = zip(coordinates, steps, strict=True)
        losses = [loss_at(i, h) for i, h in pairs]
        return np.array(losses)

    return along


def _called(loss: Callable[[list], Any], leaves: list[np.ndarray]) -> float:
    try:
        value = loss(leaves)
        return float(value)
    except Exception as error:
        kind = type(error).__name__
        raise Unusable(f"loss: raised {kind} beside params: {error}") from error


def _moved(
    leaves: list[np.ndarray], direction: np.ndarray, i: int, step: float
) -> list[np.ndarray]:
    """Return the leaves moved along coordinate i of all entries, or along the direction for −1."""
    flat = _flattened(leaves)
    if i < 0:
        flat = flat + step * direction
    else:
        flat[i] += step
    return _split(flat, leaves)


def _flattened(leaves: list[np.ndarray]) -> np.ndarray:
    """Return the entries of all leaves in a vector."""
    vectors = [np.ravel(leaf) for leaf in leaves]
    return np.concatenate(vectors)


def _split(flat: Any, leaves: list[np.ndarray]) -> list[Any]:
    """Return a vector, of NumPy or JAX, as arrays with the shapes of the leaves."""
    arrays = []
    start = 0
    for leaf in leaves:
        end = start + leaf.size
        part = flat[start:end]
        arrays.append(part.reshape(leaf.shape))
        start = end
    return arrays


# -------------------------------------------------------------------------------- noise of the loss


def _noise_seen(along: Along, near: np.ndarray) -> float:
    """Return the rounding of the loss as its values show it; 0 where these are not finite.

    near  the loss on the two ways NEARBY
    """
    is_finite = np.isfinite(near)
    if not is_finite.all():
        return 0.0
    roughness = map(_roughness, NEARBY, near)
    noise = max(roughness)
    on_direction = np.full(FARTHER.size, -1)
    values = near[1]
    for length in COARSER:
        different = np.unique(values)
        all_differ = len(different) == len(values)
        if all_differ:
            break
        values = along(on_direction, length * FARTHER)
        graininess = _graininess(FARTHER, values)
        noise = max(noise, graininess)
        # Zeros have no rounding, and numbers that only float64 can hold show theirs on this way.
        if not values.any():
            break
        if not _are_in_float32(values):
            break
    if _are_in_float32(values):
        # The loss is too coarse to move even there.
        largest = float(max_abs(values))
        noise = max(noise, 2.0**-24 * largest)
    return noise


def _are_in_float32(values: np.ndarray) -> bool:
    narrow = values.astype(np.float32)
    return np.array_equal(values, narrow)


def _roughness(h: np.ndarray, f: np.ndarray) -> float:
    """Return the rounding of a function, as it shows on a very short way."""
    deviation = _off_parabola(h, f)
    return float(np.max(np.abs(deviation)))


def _graininess(h: np.ndarray, f: np.ndarray) -> float:
    """Return the rounding of a function, as it shows on a way that may cross a kink.

    It is the median over groups of four neighbours, few of which have the kink among them. It is 0
    where the function is not finite.
    """
    is_finite = np.isfinite(f)
    if not is_finite.all():
        return 0.0
    order = np.argsort(h)
    groups = len(h) - 3
    sizes = []
    for i in range(groups):
        four = order[i : i + 4]
        deviation = _off_parabola(h[four], f[four])
        size = np.linalg.norm(deviation)
        sizes.append(size)
    return float(np.median(sizes))


def _off_parabola(h: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Return the deviation of a function from its best parabola."""
    u = h / max_abs(h)
    coefficients = np.polyfit(u, f, 2)
    parabola = np.polyval(coefficients, u)
    return f - parabola


# -------------------------------------------------------------------------------------- derivatives


def slopes(values: Values, coordinates: np.ndarray, scales: np.ndarray) -> list[Slope]:
    """Compute a derivative for each coordinate, with steps in units of its scale."""
    if len(coordinates) == 0:
        return []
    steps = scales[:, None] * LADDER
    both_sides = np.stack([steps, -steps], axis=-1)
    evaluations_each = both_sides[0].size
    repeated = np.repeat(coordinates, evaluations_each)
    all_steps = both_sides.ravel()
    losses = values.along(repeated, all_steps)
    losses = losses.reshape(both_sides.shape)
    pairs = zip(losses, steps, strict=True)
    return [_slope(values, f, h) for f, h in pairs]


def slope_along(problem: Problem, values: Values, direction: np.ndarray) -> Slope:
    """Compute the derivative along a direction through all parameters, of a loss in NumPy."""
    loss_along = _along_in_numpy(problem, direction)
    both_sides = np.stack([LADDER, -LADDER], axis=-1)
    on_direction = np.full(both_sides.size, -1)
    losses = loss_along(on_direction, both_sides.ravel())
    losses = losses.reshape(both_sides.shape)
    return _slope(values, losses, LADDER)


def _slope(values: Values, f: np.ndarray, h: np.ndarray) -> Slope:
    """Compute a derivative from the losses f (steps, 2) at +h and −h.

    The central differences are extrapolated by Richardson's rule. Each extrapolation has an error
    from its neighbour and from rounding. The one with the smallest error is taken.
    """
    at_point = values.at_point
    rounding = _rounding(values, f, h)
    f_right = f[:, 0]
    f_left = f[:, 1]
    right = (f_right - at_point) / h
    left = (at_point - f_left) / h
    central = (f_right - f_left) / (2 * h)
    jump = right - left
    extrapolated, error = _extrapolated(h, central, rounding)
    if values.is_coarse:
        error += _kinks_within(h, central, jump, rounding)
    is_finite = np.isfinite(error)
    error = np.where(is_finite, error, np.inf)
    best = int(np.argmin(error))
    nearest_left = left[KINK][-1]
    nearest_right = right[KINK][-1]
    nearest_rounding = rounding[KINK][-1]
    return Slope(
        value=float(extrapolated[best]),
        error=float(error[best]),
        left=float(nearest_left),
        right=float(nearest_right),
        kink=_is_kink(jump[KINK], nearest_rounding),
        central=central,
        rounding=rounding,
    )


def _rounding(values: Values, f: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Return the effect of rounding on the difference quotient at each step."""
    sizes = np.abs(f)
    largest = sizes.max(axis=1)
    by_size = ROUNDING * largest
    unseen = SEVERAL * values.noise
    noise = np.maximum(by_size, unseen)
    return noise / h


def _extrapolated(
    h: np.ndarray, central: np.ndarray, rounding: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the limit of the central differences from each two steps, and its error."""
    shorter = central[1:]
    change = shorter - central[:-1]
    ratio = h[:-1] / h[1:]
    extrapolated = shorter + change / (ratio**2 - 1)
    correction = np.abs(extrapolated - shorter)
    differences = np.diff(central)
    unsettled = np.abs(differences) / 50
    error = correction + unsettled + rounding[1:]
    return extrapolated, error


def _kinks_within(
    h: np.ndarray, central: np.ndarray, jump: np.ndarray, rounding: np.ndarray
) -> np.ndarray:
    """Estimate how far kinks within each step but the first may move its quotient.

    Two signs count. The next shorter step has another quotient. The jump right − left, which is
    proportional to the step for a smooth loss, is not proportional.
    """
    own_rounding = rounding[1:]
    differences = np.diff(central)
    gap = np.abs(differences)
    apart = gap - own_rounding - rounding[:-1]
    longer_jump = jump[:-1]
    proportional = longer_jump * h[1:] / h[:-1]
    deviation = np.abs(jump[1:] - proportional)
    uneven = deviation - 2 * own_rounding
    at_next_step = np.append(apart[1:], 0.0)
    by_quotient = np.maximum(at_next_step, 0.0)
    by_jump = np.maximum(uneven, 0.0) / 5
    return by_quotient + by_jump


def _is_kink(jump: np.ndarray, rounding: float) -> bool:
    """Return whether the jump right − left stays while the step shrinks a hundredfold.

    For a smooth loss the jump shrinks with the step.
    """
    near, nearer, nearest = jump
    size = abs(nearest)
    is_kept = size > 0.5 * abs(near)
    has_settled = abs(nearest - nearer) < 0.2 * size
    is_seen = size > 20 * rounding
    return bool(is_kept and has_settled and is_seen)


def taylor_slopes(values: Values, direction_slope: float) -> tuple[float | None, float | None]:
    """Compute the orders in h of two remainders along the direction d:

    |f(θ + hd) − f(θ)|            1
    |f(θ + hd) − f(θ) − h g·d|    2 where g·d, the direction's slope, is right

    An order is None where the remainder is below rounding.
    """
    h = np.geomspace(1e-1, 1e-5, 9)
    on_direction = np.full(len(h), -1)
    f = values.along(on_direction, h)
    change = f - values.at_point
    linear = h * direction_slope
    first = np.abs(change)
    second = np.abs(change - linear)
    rounding = ROUNDING * np.abs(f)
    noise = np.maximum(rounding, values.noise)
    floor = 30 * noise
    first_order = _order(h, first, floor)
    second_order = _order(h, second, floor)
    return first_order, second_order


def _order(h: np.ndarray, remainder: np.ndarray, floor: np.ndarray) -> float | None:
    is_finite = np.isfinite(remainder)
    above_floor = is_finite & (remainder > floor)
    if above_floor.sum() < 3:
        return None
    shortest = h[above_floor][-4:]
    remainders = remainder[above_floor][-4:]
    log_h = np.log(shortest)
    log_remainder = np.log(remainders)
    slope, _ = np.polyfit(log_h, log_remainder, 1)
    return float(slope)
