"""Check a given gradient against autodiff on every entry, and against differences on some."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks
from fnn.gradcheck.compare import max_abs
from fnn.gradcheck.diagnosis import diagnose
from fnn.gradcheck.evidence import Evidence, TensorEvidence
from fnn.gradcheck.point_check import check_at_point
from fnn.gradcheck.precision import precision_of
from fnn.gradcheck.problem import Problem, Unusable, problem_of
from fnn.gradcheck.records import Hypothesis
from fnn.gradcheck.report import Report
from fnn.gradcheck.tensors import step_scale
from fnn.gradcheck.verdict import named, report_of
from fnn.types import PRNGKey, PyTree

# Roundings of a tensor's largest entry: under vmap, sums are made in another order.
UNDER_VMAP = 1e4

# Causes that no narrower precision explains.
OF_ANY_PRECISION = ("nondeterministic", "never zeroed", "loss ignores params")


def check_gradient(
    loss: Callable[..., Any],
    gradient: Any = None,
    params: PyTree = None,
    *,
    key: PRNGKey | None = None,
    dtype: str | None = None,
    near: bool = True,
    vmap: bool = False,
    jax_loss: Callable[..., Any] | None = None,
) -> Report:
    """Check whether gradient(params) is the gradient of loss at params.

    If it is not, the report says where, by how much, and why.

    loss      params -> scalar. In JAX, autodiff is compared on every entry. In NumPy, differences
              are
    gradient  params -> a pytree like params, in JAX or NumPy. The loss is called at the same
              parameters right before it, so that `forward` and `backward` of a class that keeps
              intermediate values can be given as they are; a backward that takes no parameters is
              called without
    params    any pytree of floating-point arrays; NumPy leaves are handed on as NumPy arrays,
              others as JAX arrays
    key       passed to both as f(params, key=key), under the same x64 setting, so that both draw
              the same bits; None (the default): not passed
    dtype     the precision in which the gradient is judged. None (the default): in float64 (x64 is
              on while both are called, and restored). A gradient that computes wholly in float32 or
              bfloat16 is then judged by the noise floor of that, and the report says so.
              "float64", "float32" or "bfloat16": in that precision alone
    near      whether a gradient that passes at params is also checked at a generic point nearby, if
              params hold equal numbers: zeros and symmetric starts hide terms. The report names
              the errors that only that point shows. True by default
    vmap      whether the gradient is also called under jax.vmap, at two points at once, and must
              give there the same as at each point alone. False by default
    jax_loss  the same loss in JAX, where `loss` is in NumPy: causes inside the backward pass can
              then be named. Refused if its value differs

    A function that returns both is given alone: check_gradient(loss_and_grads, params), with
    loss_and_grads(params) -> (loss, grads).

    An entry is wrong when it is further from the truth than rounding can explain. Rounding is
    measured by repeating the computation with every operation rounded in another way, so that no
    tolerance has to be chosen. One wrong tensor fails the report. A tensor abstains in two cases:
    the loss has a kink and the gradient takes another of its slopes than autodiff; or the
    hand-written formula cancels so much that rounding hides whether it is right. A loss may claim
    another derivative than it has, by stop_gradient or a derivative rule of its own. Differences
    contradict it, and only a gradient that agrees with the differences passes.

    Takes seconds, most of them compiling.

    Returns a `Report`. Raises `Unusable`, a ValueError, where nothing can be compared: another tree
    or other shapes, a loss that is no real scalar or raises, NaN at the point, parameters that are
    not floating-point or empty.

    >>> import numpy as np
    >>> import fnn
    >>> loss = lambda w: np.sum(w**2)
    >>> report = fnn.check_gradient(loss, lambda w: w, np.array([1.0, 2.0, 4.0]))
    >>> report.verdict, report.cause
    ('fail', 'constant factor')
    >>> fnn.check_gradient(loss, lambda w: 2 * w, np.array([1.0, 2.0, 4.0])).passed
    True
    """
    if gradient is None or (params is None and not callable(gradient)):
        params = gradient if params is None else params
        loss, gradient = parts_of(loss)
    with jax.enable_x64(True):
        report = _judge(loss, gradient, params, key, dtype, near, jax_loss)
        if not vmap or report.verdict != "pass":
            return report
        problem = problem_of(loss, gradient, params, key, report.dtype, jax_loss)
        difference = _under_vmap(problem)
        if difference is None:
            return report
        return named(report._replace(verdict="fail"), difference)


def parts_of(loss_and_grads: Callable[..., tuple[Any, PyTree]]) -> tuple[Callable, Callable]:
    """Split a function that returns loss and gradient into two functions."""
    if not callable(loss_and_grads):
        raise Unusable(
            f"loss_and_grads: got {loss_and_grads!r}, expected a function params -> (loss, grads)."
        )

    def both(params, options):
        result = loss_and_grads(params, **options)
        if not isinstance(result, tuple) or len(result) != 2:
            raise Unusable(
                f"loss_and_grads: returned {type(result).__name__}, expected a pair (loss, grads)."
            )
        return result

    def loss(params, **options):
        return both(params, options)[0]

    def gradient(params, **options):
        return both(params, options)[1]

    return loss, gradient


# ----------------------------------------------------------------------------- precision and points


def _judge(
    loss: Any,
    gradient: Any,
    params: PyTree,
    key: PRNGKey | None,
    dtype: str | None,
    near: bool,
    jax_loss: Any,
) -> Report:
    """Return the report in a precision.

    None is float64, or the narrower precision in which all of the gradient computes.
    """
    problem = problem_of(loss, gradient, params, key, dtype or "float64", jax_loss)
    try:
        strict = _at_both_points(problem, near)
        is_settled = strict.verdict != "fail" or strict.cause in OF_ANY_PRECISION
        narrow = None if dtype or is_settled else _common_precision(problem)
        if narrow is None:
            return strict
        lenient = _at_both_points(problem_of(loss, gradient, params, key, narrow, jax_loss), near)
    finally:
        # A last call with arrays, so that no tracer stays in an object that keeps values. The loss
        # has raised its errors before.
        with suppress(Exception):
            problem.loss(problem.leaves)
    if lenient.verdict == "fail":
        return strict if lenient.cause == "unknown" else lenient
    note = (
        f"Judged in {narrow}: every number of the gradient is one of {narrow}, so it computes in "
        'it, and its rounding is allowed. dtype="float64" does not allow it.'
    )
    return lenient._replace(notes=(note, *lenient.notes))


def _common_precision(problem: Problem) -> str | None:
    """Return the narrow precision in which a gradient computes at the point and nearby."""
    at_point = precision_of(problem)
    if at_point is None:
        return None
    try:
        at_nearby = precision_of(nearby(problem))
    except Unusable:  # the loss cannot be computed there
        return at_point
    return at_point if at_nearby == at_point else None


def _at_both_points(problem: Problem, near: bool) -> Report:
    """Return the report at the point, or that at a generic point nearby.

    The second is asked for where the first passes at parameters of equal numbers, and it is
    returned where it fails.
    """
    report = _at_point(problem)
    special = special_leaves(problem)
    if not near or report.verdict != "pass" or not special:
        return report
    names = ", ".join(special)
    try:
        nearby_report = _at_point(nearby(problem))
    except Unusable as error:
        return _with_note(
            report,
            f"{names} hold equal numbers, which may hide a term; a point nearby could not be "
            f"tried: {error}",
        )
    if nearby_report.verdict != "fail":
        return report
    if nearby_report.cause in ("not the derivative", "not finite"):
        # The loss may be another function there.
        return _with_note(report, f"At a point nearby: {nearby_report.diagnosis}")
    note = (
        f"At params themselves nothing is seen, since {names} hold equal numbers, such as zeros. "
        "This is what a point nearby shows, params + 0.1 × random numbers of their size. If the "
        "gradient is meant for params of a kind that such a point is not of, near=False keeps to "
        "params."
    )
    return nearby_report._replace(notes=(note, *nearby_report.notes))


def _with_note(report: Report, note: str) -> Report:
    return report._replace(notes=(*report.notes, note))


def _at_point(problem: Problem) -> Report:
    """Return the report at one point, with the reason if it fails."""
    point = check_at_point(problem)
    report = report_of(point)
    if report.verdict != "fail" or point.repeated:
        return report
    tensors = []
    for leaf, tensor in zip(problem.leaves, point.tensors, strict=True):
        compared, wrong = tensor.part
        tensors.append(TensorEvidence(tensor.path, leaf, compared, wrong, tensor.contradicted))
    return named(report, diagnose(Evidence(problem, point.reference, tensors)))


def _under_vmap(problem: Problem) -> Hypothesis | None:
    """Return how the gradient at two points at once differs from that at each, or None."""
    points = [problem.leaves, nearby(problem).leaves]
    one_by_one = [problem.gradient(leaves) for leaves in points]
    narrow = jnp.dtype(problem.dtype)
    pairs = zip(*points, strict=True)
    stacked = [np.stack(pair).astype(narrow) for pair in pairs]
    try:
        together = jax.vmap(problem.given)(stacked)
    except Exception as error:
        raise Unusable(
            f"vmap=True: jax.vmap(gradient) raised {type(error).__name__}: {error}"
        ) from error
    for path, batched, *expected in zip(problem.paths, together, *one_by_one, strict=True):
        difference = np.asarray(batched, np.float64) - np.stack(expected)
        off = max_abs(difference)
        if not off <= UNDER_VMAP * problem.epsilon * max_abs(expected):
            return Hypothesis(
                "another under vmap",
                f"jax.vmap(gradient) gives another {path} than the calls one by one, by {off:.3g}.",
            )
    return None


def special_leaves(problem: Problem) -> list[str]:
    """Return the names of the parameters that hold zeros or equal numbers."""
    names = []
    for path, leaf in zip(problem.paths, problem.leaves, strict=True):
        has_equal_numbers = len(np.unique(leaf)) < leaf.size
        if has_equal_numbers or not np.all(leaf):
            names.append(path)
    return names


def nearby(problem: Problem) -> Problem:
    """Return the same problem at a generic point."""
    rng = np.random.default_rng(1)
    narrow = jnp.dtype(problem.dtype)
    leaves = []
    for leaf in problem.leaves:
        step = like(leaf, rng.normal(size=leaf.shape))
        moved = leaf + 0.1 * step_scale(leaf, problem) * step
        leaves.append(moved.astype(narrow).astype(np.float64))
    return problem._replace(leaves=leaves)


def like(leaf: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return a step that leaves a symmetric matrix symmetric and a triangular one triangular."""
    is_square = leaf.ndim == 2 and len(set(leaf.shape)) == 1
    if not is_square or not np.any(leaf) or leaf.size == 1:
        return step
    if np.array_equal(leaf, leaf.T):
        return (step + step.T) / 2
    for triangle in (np.tril, np.triu):
        if np.array_equal(leaf, triangle(leaf)):
            return triangle(step)
    return step


# --------------------------------------------------------------------- functions with vector values


def check_vjp(
    function: Callable[..., PyTree],
    vjp: Callable[..., PyTree],
    params: PyTree,
    *,
    key: PRNGKey | None = None,
    dtype: str | None = None,
) -> Report:
    """Check whether vjp(params, cotangent) is the vector-Jacobian product of a function.

    function    params -> a pytree of arrays, in JAX or NumPy
    vjp         (params, cotangent) -> a pytree like params; the cotangent is like the function's
                value
    params      any pytree of floating-point arrays
    key, dtype  as for `check_gradient`

    It is checked as the gradient of ⟨c, function⟩ for a random cotangent c.

    Returns a `Report`. Raises `Unusable` as `check_gradient` does.

    >>> import numpy as np
    >>> import fnn
    >>> A = np.array([[1.0, 2.0], [3.0, 5.0]])
    >>> fnn.check_vjp(lambda x: A @ x, lambda x, c: A.T @ c, np.array([1.0, 2.0])).passed
    True
    """
    checks.function("function", function)
    checks.function("vjp", vjp)
    with jax.enable_x64(True):
        value = function(params, **({} if key is None else {"key": key}))
        leaves, tree = jax.tree.flatten(value)
        draw = np.random.default_rng(0)
        draws = [draw.normal(size=np.shape(leaf)) for leaf in leaves]
        cotangent = jax.tree.unflatten(tree, draws)

    def paired(params, **options):
        value = function(params, **options)
        products = jax.tree.map(lambda c, leaf: (c * leaf).sum(), cotangent, value)
        return sum(jax.tree.leaves(products))

    def gradient(params, **options):
        return vjp(params, cotangent, **options)

    return check_gradient(paired, gradient, params, key=key, dtype=dtype)
