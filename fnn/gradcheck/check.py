"""`check_gradient`: a hand-written gradient against autodiff on every coordinate and differences on
chosen ones.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks
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

UNDER_VMAP = 1e4  # roundings of a tensor's largest entry: sums are made in another order


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
    """Is gradient(params) the gradient of loss at params? If not: where, by how much, and why.

    loss      params -> scalar, in JAX (autodiff is then compared on every entry) or in NumPy (then
              differences are)
    gradient  params -> a pytree like params, in JAX or NumPy. The loss is called at the same
              parameters right before it, so that `forward` and `backward` of a class that keeps
              intermediate values can be given as they are; a backward that takes no parameters is
              called without
    params    any pytree of floating-point arrays; NumPy leaves are handed on as NumPy arrays,
              others as JAX arrays
    key       given to both as f(params, key=key), under the same x64 setting, so that both draw the
              same bits
    dtype     the precision in which the gradient is judged. None: in float64 (x64 is on while both
              are called, and restored); where all of it computes in float32 or bfloat16 instead, by
              the noise floor of that, and the report says so. By name, "float64", "float32" or
              "bfloat16", it is judged in that precision alone
    near      whether a gradient that passes at params is also checked at a generic point nearby,
              where params hold equal numbers: zeros and symmetric starts hide terms. The report
              says what only that point shows
    vmap      whether the gradient is also called under jax.vmap, at two points at once, and must
              give what it gives at each
    jax_loss  the same loss in JAX, where `loss` is in NumPy: causes inside the backward pass can
              then be named. Refused where its value is another

    A function that returns both, as courses have it, is given alone: check_gradient(loss_and_grads,
    params), with loss_and_grads(params) -> (loss, grads).

    An entry is wrong when it is further from the truth than rounding can explain; rounding is
    measured by repeating the computation with every operation rounded another way, so that no
    tolerance has to be chosen. One wrong tensor fails the report. A tensor abstains where the loss
    has a kink and the gradient takes another of its slopes than autodiff, and where the
    hand-written formula cancels so much that rounding hides whether it is right. A loss that claims
    another derivative than it has, by stop_gradient or a rule of its own, is contradicted by its
    differences: only a gradient that agrees with these passes.

    Raises `Unusable`, a ValueError, where nothing can be compared: another tree or other shapes, a
    loss that is no real scalar or raises, NaN at the point, parameters that are not floating-point
    or empty. Takes seconds, most of them compiling.
    """
    if gradient is None or (params is None and not callable(gradient)):
        params = gradient if params is None else params
        loss, gradient = parts_of(loss)
    with jax.enable_x64(True):
        report = judged(loss, gradient, params, key, dtype, near, jax_loss)
        if not vmap or report.verdict != "pass":
            return report
        other = under_vmap(problem_of(loss, gradient, params, key, report.dtype, jax_loss))
        return report if other is None else named(report._replace(verdict="fail"), other)


def parts_of(loss_and_grads: Callable[..., tuple[Any, PyTree]]) -> tuple[Callable, Callable]:
    """The loss and the gradient of a function that returns both."""
    if not callable(loss_and_grads):
        raise Unusable(
            f"loss_and_grads: got {loss_and_grads!r}, expected a function params -> (loss, grads)."
        )

    def both(params, options):
        found = loss_and_grads(params, **options)
        if not isinstance(found, tuple) or len(found) != 2:
            raise Unusable(
                f"loss_and_grads: returned {type(found).__name__}, expected a pair (loss, grads)."
            )
        return found

    return lambda params, **options: both(params, options)[0], lambda params, **options: both(
        params, options
    )[1]


def judged(
    loss: Any,
    gradient: Any,
    params: PyTree,
    key: PRNGKey | None,
    dtype: str | None,
    near: bool,
    jax_loss: Any,
) -> Report:
    """The report in a precision; None: in float64, or in the narrower one in which all of the
    gradient computes.
    """
    problem = problem_of(loss, gradient, params, key, dtype or "float64", jax_loss)
    try:
        strict = at_both(problem, near)
        changes = strict.cause in ("nondeterministic", "never zeroed", "loss ignores params")
        narrow = None if dtype or changes or strict.verdict != "fail" else common_precision(problem)
        if narrow is None:
            return strict
        lenient = at_both(problem_of(loss, gradient, params, key, narrow, jax_loss), near)
    finally:
        with suppress(
            Exception
        ):  # it has said what it raises; no tracer stays in what a class keeps
            problem.loss(problem.leaves)
    if lenient.verdict == "fail":
        return strict if lenient.cause == "unknown" else lenient
    sentence = (
        f"Judged in {narrow}: every number of the gradient is one of {narrow}, so it computes in "
        f"it, and its "
        'rounding is allowed. dtype="float64" does not allow it.'
    )
    return lenient._replace(notes=(sentence, *lenient.notes))


def common_precision(problem: Problem) -> str | None:
    """The narrow precision in which a gradient computes, at the point and nearby."""
    here = precision_of(problem)
    try:
        return here if here is not None and precision_of(nearby(problem)) == here else None
    except Unusable:  # there the loss cannot be computed
        return here


def at_both(problem: Problem, near: bool) -> Report:
    """The report at the point; where it passes at one of equal numbers, that at a generic point
    nearby if it fails.
    """
    here = reported(problem)
    if not near or here.verdict != "pass" or not (special := special_leaves(problem)):
        return here
    names = ", ".join(special)
    try:
        there = reported(nearby(problem))
    except Unusable as error:
        note = (
            f"{names} hold equal numbers, which may hide a term; a point nearby could not be "
            f"tried: {error}"
        )
        return here._replace(notes=(*here.notes, note))
    if there.verdict != "fail":
        return here
    if there.cause in (
        "not the derivative",
        "not finite",
    ):  # the point may lie where the loss is not what it was
        return here._replace(notes=(*here.notes, f"At a point nearby: {there.diagnosis}"))
    sentence = (
        f"At params themselves nothing is seen, since {names} hold equal numbers, such as zeros. "
        f"This is what a point "
        "nearby shows, params + 0.1 × random numbers of their size. If the gradient is meant for "
        "params of a kind that "
        "such a point is not of, near=False keeps to params."
    )
    return there._replace(notes=(sentence, *there.notes))


def reported(problem: Problem) -> Report:
    """The check at one point, and why it fails."""
    found = check_at_point(problem)
    report = report_of(found)
    if report.verdict != "fail" or found.repeated:
        return report
    pairs = zip(problem.leaves, found.tensors, strict=True)
    findings = [
        TensorEvidence(each.path, leaf, *each.part, each.contradicted) for leaf, each in pairs
    ]
    return named(report, diagnose(Evidence(problem, found.reference, findings)))


def under_vmap(problem: Problem) -> Hypothesis | None:
    """What a gradient gives at two points at once, where it is not what it gives at each."""
    points = [problem.leaves, nearby(problem).leaves]
    one_by_one = [problem.gradient(leaves) for leaves in points]
    stacked = [
        np.stack(leaves).astype(jnp.dtype(problem.dtype)) for leaves in zip(*points, strict=True)
    ]
    try:
        together = jax.vmap(problem.given)(stacked)
    except Exception as error:
        raise Unusable(
            f"vmap=True: jax.vmap(gradient) raised {type(error).__name__}: {error}"
        ) from error
    for path, found, *expected in zip(problem.paths, together, *one_by_one, strict=True):
        off = np.max(np.abs(np.asarray(found, np.float64) - np.stack(expected)))
        if not off <= UNDER_VMAP * problem.epsilon * np.max(np.abs(expected)):
            return Hypothesis(
                "another under vmap",
                f"jax.vmap(gradient) gives another {path} than the calls one by one, by {off:.3g}.",
            )
    return None


def special_leaves(problem: Problem) -> list[str]:
    """The parameters that hold zeros or equal numbers."""
    pairs = zip(problem.paths, problem.leaves, strict=True)
    return [path for path, leaf in pairs if len(np.unique(leaf)) < leaf.size or not np.all(leaf)]


def nearby(problem: Problem) -> Problem:
    """The same problem at a generic point."""
    rng = np.random.default_rng(1)
    moved = [
        leaf + 0.1 * step_scale(leaf, problem) * like(leaf, rng.normal(size=leaf.shape))
        for leaf in problem.leaves
    ]
    narrow = jnp.dtype(problem.dtype)
    return problem._replace(leaves=[leaf.astype(narrow).astype(np.float64) for leaf in moved])


def check_vjp(
    function: Callable[..., PyTree],
    vjp: Callable[..., PyTree],
    params: PyTree,
    *,
    key: PRNGKey | None = None,
    dtype: str | None = None,
) -> Report:
    """Is vjp(params, cotangent) the vector-Jacobian product of a vector-valued function?

    function  params -> a pytree of arrays, in JAX or NumPy
    vjp       (params, cotangent) -> a pytree like params, cotangent being like the function's value

    Checked as the gradient of ⟨c, function⟩ for a random cotangent c; otherwise as
    `check_gradient`.
    """
    checks.function("function", function)
    checks.function("vjp", vjp)
    with jax.enable_x64(True):
        value = function(params, **({} if key is None else {"key": key}))
        leaves, tree = jax.tree.flatten(value)
        draw = np.random.default_rng(0)
        cotangent = jax.tree.unflatten(tree, [draw.normal(size=np.shape(leaf)) for leaf in leaves])

    def paired(params, **options):
        products = jax.tree.map(
            lambda c, value: (c * value).sum(), cotangent, function(params, **options)
        )
        return sum(jax.tree.leaves(products))

    def gradient(params, **options):
        return vjp(params, cotangent, **options)

    return check_gradient(paired, gradient, params, key=key, dtype=dtype)


def like(leaf: np.ndarray, step: np.ndarray) -> np.ndarray:
    """A step that leaves a symmetric matrix symmetric and a triangular one triangular."""
    if leaf.ndim != 2 or leaf.shape[0] != leaf.shape[1] or not np.any(leaf) or leaf.size == 1:
        return step
    if np.array_equal(leaf, leaf.T):
        return (step + step.T) / 2
    for triangle in (np.tril, np.triu):
        if np.array_equal(leaf, triangle(leaf)):
            return triangle(step)
    return step
