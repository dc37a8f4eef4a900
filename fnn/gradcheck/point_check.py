"""The core of the check: the truth, the noise, the comparison of every tensor, and kinks."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from fnn.gradcheck.differences import Values, slopes, taylor_slopes, values_of
from fnn.gradcheck.flat_jaxpr import flat_jaxpr_of, is_key
from fnn.gradcheck.given_noise import given_noise
from fnn.gradcheck.reference import Reference, reference_of, trace
from fnn.gradcheck.problem import Problem, Unusable
from fnn.gradcheck.records import Hypothesis
from fnn.gradcheck.tensors import TensorCheck, check_tensor, step_scale


class PointCheck(NamedTuple):
    """What was found at a point: the truth (None where JAX cannot differentiate the loss), a
    record for each tensor, the
    Taylor slopes, what changes when it is called again, and whether the loss is rounded
    coarsely."""

    problem: Problem
    reference: Reference | None
    tensors: list[TensorCheck]
    taylor: tuple[float | None, float | None]
    repeated: Hypothesis | None
    coarse: bool


def check_at_point(problem: Problem) -> PointCheck:
    """Every tensor against autodiff and differences, x64 being enabled."""
    given, again = problem.gradient(problem.leaves), problem.gradient(problem.leaves)
    problem = problem._replace(wider=_wider(problem))
    reference = reference_of(problem)
    rng = np.random.default_rng(0)
    direction = np.concatenate(
        [rng.normal(size=leaf.size) * step_scale(leaf, problem) for leaf in problem.leaves]
    )
    values = values_of(problem, direction, None if reference is None else reference.loss_noise)
    if not np.isfinite(values.at_point):
        raise Unusable(
            f"loss: is {values.at_point} at params, where no gradient can be judged; choose "
            f"another point."
        )
    repeated = _random_parts(problem, reference, given, again)
    tensors = [check_tensor(problem, reference, values, given, i, rng) for i in range(len(given))]
    if reference is not None and any(tensor.compared.wrong.any() for tensor in tensors):
        noise = given_noise(problem)
        tensors = [
            check_tensor(problem, reference, values, given, i, rng, noise)
            for i in range(len(given))
        ]
    slope = float(np.concatenate([np.ravel(h) for h in given]) @ direction)
    smooth = (
        reference is None or not reference.ties
    )  # on a kink the slope along a direction is half that of the way back
    if smooth and _contradicted_along(values, slope, direction, tensors):
        tensors = [tensor._replace(contradicted=True) for tensor in tensors]
    return PointCheck(
        problem, reference, tensors, taylor_slopes(values, slope), repeated, values.is_coarse
    )


def _wider(problem: Problem) -> str:
    """The widest dtype of the hand-written gradient's leaves, if it is wider than that of the
    check."""
    if problem.dtype == "float64":
        return ""
    dtypes = [jnp.dtype(np.asarray(leaf).dtype) for leaf in problem.given(problem.leaves)]
    widest = max(dtypes, key=lambda dtype: dtype.itemsize)
    return widest.name if widest.itemsize > jnp.dtype(problem.dtype).itemsize else ""


def _contradicted_along(
    values: Values, slope: float, direction: np.ndarray, tensors: list[TensorCheck]
) -> bool:
    """Whether a gradient in which nothing is wrong yet misses the slope of the loss along a
    direction that moves every
    parameter: what single coordinates, being few, may not have shown."""
    if any((tensor.compared.wrong | tensor.excused).any() for tensor in tensors):
        return False
    slack = np.concatenate([np.ravel(tensor.compared.tolerance) for tensor in tensors]) @ np.abs(
        direction
    )
    (along,) = slopes(values, np.array([-1]), np.array([1.0]))
    return along.contradicts(slope, float(slack))


def _random_parts(problem: Problem, reference: Reference | None, given, again) -> Hypothesis | None:
    """Says what changes when it is called again with the same arguments; None if nothing does."""
    remedy = (
        "Draw random numbers from the key= that both are given, or use the same seed and batch in "
        "every call."
    )
    for path, one, other in zip(problem.paths, given, again, strict=True):
        both = np.isfinite(one) & np.isfinite(other)
        moved = np.max(np.abs(one[both] - other[both]), initial=0.0)
        if moved > 1e3 * problem.epsilon * np.max(np.abs(one[both]), initial=0.0):
            if _grows(problem, given, again):
                return Hypothesis(
                    "never zeroed",
                    f"gradient(params) adds to {path} at each call, {moved:.3g} this time: the "
                    "gradient of an earlier call is never set to zero. Zero it where the backward "
                    "pass begins.",
                )
            moved_by = f"(it moved by {moved:.1e})"
            what = f"gradient(params) gives another {path} when called again {moved_by}. {remedy}"
            return Hypothesis("nondeterministic", what)
    if reference is not None:
        first, second = constants(reference.traced), constants(trace(problem.loss, problem.leaves))
        same = len(first) == len(second) and all(map(_same_bits, first, second))
    else:
        same = problem.loss(problem.leaves) == problem.loss(problem.leaves)
    what = f"loss(params) computes with other numbers when called again. {remedy}"
    return None if same else Hypothesis("nondeterministic", what)


def _grows(problem: Problem, given, again) -> bool:
    """Whether two more calls differ as these two."""
    third, fourth = problem.gradient(problem.leaves), problem.gradient(problem.leaves)
    return all(
        np.allclose(d - c, b - a, rtol=1e-6, atol=1e-9 * np.max(np.abs(d), initial=0.0))
        for a, b, c, d in zip(given, again, third, fourth, strict=True)
    )


def constants(traced: ClosedJaxpr) -> list[Any]:
    """Every number that tracing has fixed: closed-over arrays and literals."""
    flat = flat_jaxpr_of(traced)
    return [*flat.constants.values(), *flat.literals.values()]


def _same_bits(one: Any, other: Any) -> bool:
    """Whether two constants are equal; random keys are compared by their bits."""
    if is_key(one):
        one, other = jax.random.key_data(one), jax.random.key_data(other)
    return np.array_equal(
        np.asarray(one),
        np.asarray(other),
        equal_nan=jnp.issubdtype(jnp.result_type(one), jnp.inexact),
    )
