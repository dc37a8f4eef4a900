"""Check every tensor at one point: the reference, the noise, the comparison, and kinks."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from fnn.gradcheck.compare import max_abs
from fnn.gradcheck.differences import Values, slopes, taylor_slopes, values_of
from fnn.gradcheck.flat_jaxpr import flat_jaxpr_of, is_key
from fnn.gradcheck.given_noise import given_noise
from fnn.gradcheck.problem import Problem, Unusable
from fnn.gradcheck.records import Hypothesis
from fnn.gradcheck.reference import Reference, reference_of, trace
from fnn.gradcheck.tensors import TensorCheck, check_tensor, step_scale

REMEDY = (
    "Draw random numbers from the key= that both are given, or use the same seed and batch in "
    "every call."
)


class PointCheck(NamedTuple):
    """The results at a point.

    reference  autodiff; None where JAX cannot differentiate the loss
    tensors    a record for each tensor
    taylor     the two Taylor slopes
    repeated   a hypothesis about what changes when it is called again
    coarse     whether the loss is rounded as coarsely as in float32
    """

    problem: Problem
    reference: Reference | None
    tensors: list[TensorCheck]
    taylor: tuple[float | None, float | None]
    repeated: Hypothesis | None
    coarse: bool


def check_at_point(problem: Problem) -> PointCheck:
    """Compare every tensor with autodiff and differences. Must be called with x64 enabled."""
    given = problem.gradient(problem.leaves)
    again = problem.gradient(problem.leaves)
    problem = problem._replace(wider=_wider(problem))
    reference = reference_of(problem)
    rng = np.random.default_rng(0)
    direction = _direction(problem, rng)
    known_noise = None if reference is None else reference.loss_noise
    values = values_of(problem, direction, known_noise)
    if not np.isfinite(values.at_point):
        raise Unusable(
            f"loss: is {values.at_point} at params, where no gradient can be judged; choose "
            "another point."
        )
    repeated = _random_parts(problem, reference, given, again)
    tensors = _check_tensors(problem, reference, values, given, rng)
    flat_given = np.concatenate([np.ravel(leaf) for leaf in given])
    slope = float(flat_given @ direction)
    # On a kink the slope along a direction differs from that of the way back.
    is_smooth = reference is None or not reference.ties
    if is_smooth and _contradicted_along(values, slope, direction, tensors):
        tensors = [tensor._replace(contradicted=True) for tensor in tensors]
    taylor = taylor_slopes(values, slope)
    return PointCheck(problem, reference, tensors, taylor, repeated, values.is_coarse)


def _direction(problem: Problem, rng: np.random.Generator) -> np.ndarray:
    """Draw a direction through all parameters, with a step of each tensor's own scale."""
    steps = []
    for leaf in problem.leaves:
        draws = rng.normal(size=leaf.size)
        steps.append(draws * step_scale(leaf, problem))
    return np.concatenate(steps)


def _check_tensors(
    problem: Problem,
    reference: Reference | None,
    values: Values,
    given: list[np.ndarray],
    rng: np.random.Generator,
) -> list[TensorCheck]:
    """Check every tensor, and again with the noise of the given gradient if one is wrong."""

    def check_all(noise: list[np.ndarray] | None) -> list[TensorCheck]:
        return [
            check_tensor(problem, reference, values, given, i, rng, noise)
            for i in range(len(given))
        ]

    tensors = check_all(None)
    some_wrong = any(tensor.compared.wrong.any() for tensor in tensors)
    if reference is not None and some_wrong:
        return check_all(given_noise(problem))
    return tensors


def _wider(problem: Problem) -> str:
    """Return the widest dtype of the given gradient, if it is wider than that of the check."""
    if problem.dtype == "float64":
        return ""
    leaves = problem.given(problem.leaves)
    dtypes = [jnp.dtype(np.asarray(leaf).dtype) for leaf in leaves]
    widest = max(dtypes, key=lambda dtype: dtype.itemsize)
    own_size = jnp.dtype(problem.dtype).itemsize
    return widest.name if widest.itemsize > own_size else ""


def _contradicted_along(
    values: Values, slope: float, direction: np.ndarray, tensors: list[TensorCheck]
) -> bool:
    """Return whether a gradient without a wrong entry misses the slope along a direction.

    The direction moves every parameter. The single coordinates that are measured are few, and may
    not have shown an error.
    """
    tolerances = []
    for tensor in tensors:
        compared = tensor.compared
        if compared.wrong.any() or tensor.excused.any():
            return False
        tolerances.append(np.ravel(compared.tolerance))
    slack = np.concatenate(tolerances) @ np.abs(direction)
    on_direction = np.array([-1])
    unit = np.array([1.0])
    (along,) = slopes(values, on_direction, unit)
    return along.contradicts(slope, float(slack))


# ----------------------------------------------------------------------------- calling it once more


def _random_parts(
    problem: Problem,
    reference: Reference | None,
    given: list[np.ndarray],
    again: list[np.ndarray],
) -> Hypothesis | None:
    """Say what changes when the gradient or the loss is called again; None if nothing does."""
    for path, first, second in zip(problem.paths, given, again, strict=True):
        finite = np.isfinite(first) & np.isfinite(second)
        moved = max_abs(first[finite] - second[finite])
        size = max_abs(first[finite])
        if not moved > 1e3 * problem.epsilon * size:
            continue
        if _grows(problem, given, again):
            return Hypothesis(
                "never zeroed",
                f"gradient(params) adds to {path} at each call, {moved:.3g} this time: the "
                "gradient of an earlier call is never set to zero. Zero it where the backward "
                "pass begins.",
            )
        moved_by = f"(it moved by {moved:.1e})"
        text = f"gradient(params) gives another {path} when called again {moved_by}. {REMEDY}"
        return Hypothesis("nondeterministic", text)
    if _loss_repeats(problem, reference):
        return None
    text = f"loss(params) computes with other numbers when called again. {REMEDY}"
    return Hypothesis("nondeterministic", text)


def _loss_repeats(problem: Problem, reference: Reference | None) -> bool:
    """Return whether the loss computes with the same numbers when it is called again."""
    if reference is None:
        return problem.loss(problem.leaves) == problem.loss(problem.leaves)
    first = constants(reference.traced)
    second = constants(trace(problem.loss, problem.leaves))
    return len(first) == len(second) and all(map(_same_bits, first, second))


def _grows(problem: Problem, given: list[np.ndarray], again: list[np.ndarray]) -> bool:
    """Return whether two more calls differ from each other as these two do."""
    third = problem.gradient(problem.leaves)
    fourth = problem.gradient(problem.leaves)
    for a, b, c, d in zip(given, again, third, fourth, strict=True):
        slack = 1e-9 * max_abs(d)
        if not np.allclose(d - c, b - a, rtol=1e-6, atol=slack):
            return False
    return True


def constants(traced: ClosedJaxpr) -> list[Any]:
    """Return every number that tracing has fixed: closed-over arrays and literals."""
    flat = flat_jaxpr_of(traced)
    return [*flat.constants.values(), *flat.literals.values()]


def _same_bits(first: Any, second: Any) -> bool:
    """Return whether two constants are equal; random keys are compared by their bits."""
    if is_key(first):
        first = jax.random.key_data(first)
        second = jax.random.key_data(second)
    is_inexact = jnp.issubdtype(jnp.result_type(first), jnp.inexact)
    return np.array_equal(np.asarray(first), np.asarray(second), equal_nan=is_inexact)
