"""`check_gradient`: a hand-written gradient against autodiff on every coordinate and differences on chosen ones."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from fnn import checks
from fnn.gradcheck.compiled_loss import compiled_loss_note
from fnn.gradcheck.diagnosis import Diagnosis, Finding, diagnose
from fnn.gradcheck.differences import Values, slopes, taylor_slopes, values_of
from fnn.gradcheck.flow import flow_of, is_key
from fnn.gradcheck.hand import hand_noise
from fnn.gradcheck.kinks import sentence
from fnn.gradcheck.oracle import Truth, trace, truth_of
from fnn.gradcheck.precision import precision_of
from fnn.gradcheck.problem import Problem, Unusable, problem_of
from fnn.gradcheck.records import Verdict
from fnn.gradcheck.report import Report
from fnn.gradcheck.tensors import Examined, examine_tensor, step_scale, tensor_report
from fnn.types import PRNGKey, PyTree

TOO_BLURRED = 0.5  # of a tensor's largest entry: differences in which an error of this size hides prove nothing


def check_gradient(
    loss: Callable[..., Any],
    gradient: Any = None,
    params: PyTree = None,
    *,
    key: PRNGKey | None = None,
    dtype: str | None = None,
    near: bool = True,
) -> Report:
    """Is gradient(params) the gradient of loss at params? If not: where, by how much, and why.

    loss      params -> scalar, in JAX (autodiff is then compared on every entry) or in NumPy (then differences are)
    gradient  params -> a pytree like params, in JAX or NumPy. The loss is called at the same parameters right before
              it, so that `forward` and `backward` of a class that keeps intermediate values can be given as they
              are; a backward that takes no parameters is called without
    params    any pytree of floating-point arrays; NumPy leaves are handed on as NumPy arrays, others as JAX arrays
    key       given to both as f(params, key=key), under the same x64 setting, so that both draw the same bits
    dtype     the precision in which the gradient is judged. None: in float64 (x64 is on while both are called, and
              restored); where all of it computes in float32 or bfloat16 instead, by the noise floor of that, and the
              report says so. By name, "float64", "float32" or "bfloat16", it is judged in that precision alone

    near      whether a gradient that passes at params is also checked at a generic point nearby, where params hold
              equal numbers: zeros and symmetric starts hide terms. The report says what only that point shows

    A function that returns both, as courses have it, is given alone: check_gradient(loss_and_grads, params), with
    loss_and_grads(params) -> (loss, grads).

    An entry is wrong when it is further from the truth than rounding can explain; rounding is measured by repeating the
    computation with every operation rounded another way, so that no tolerance has to be chosen. One wrong tensor fails
    the report. A tensor abstains where the loss has a kink and the gradient takes another of its slopes than autodiff,
    and where the hand-written formula cancels so much that rounding hides whether it is right. A loss that claims
    another derivative than it has, by stop_gradient or a rule of its own, is contradicted by its differences: only a
    gradient that agrees with these passes.

    Raises `Unusable`, a ValueError, where nothing can be compared: another tree or other shapes, a loss that is no real
    scalar or raises, NaN at the point, parameters that are not floating-point or empty. Takes seconds, most of them
    compiling.
    """
    if gradient is None or (params is None and not callable(gradient)):
        params = gradient if params is None else params
        loss, gradient = parts_of(loss)
    with jax.enable_x64(True):
        return judged(loss, gradient, params, key, dtype, near)


def parts_of(loss_and_grads: Callable[..., tuple[Any, PyTree]]) -> tuple[Callable, Callable]:
    """The loss and the gradient of a function that returns both."""
    if not callable(loss_and_grads):
        raise Unusable(f"loss_and_grads: got {loss_and_grads!r}, expected a function params -> (loss, grads).")

    def both(params, options):
        found = loss_and_grads(params, **options)
        if not isinstance(found, tuple) or len(found) != 2:
            raise Unusable(f"loss_and_grads: returned {type(found).__name__}, expected a pair (loss, grads).")
        return found

    return lambda params, **options: both(params, options)[0], lambda params, **options: both(params, options)[1]


def judged(loss: Any, gradient: Any, params: PyTree, key: PRNGKey | None, dtype: str | None, near: bool) -> Report:
    """The report in a precision; None: in float64, or in the narrower one in which all of the gradient computes."""
    problem = problem_of(loss, gradient, params, key, dtype or "float64")
    try:
        strict = at_both(problem, near)
        changes = strict.cause in ("nondeterministic", "never zeroed", "loss ignores params")
        narrow = None if dtype or changes or strict.verdict != "fail" else common_precision(problem)
        if narrow is None:
            return strict
        lenient = at_both(problem_of(loss, gradient, params, key, narrow), near)
    finally:
        with suppress(Exception):  # it has said what it raises; no tracer stays in what a class keeps
            problem.loss(problem.leaves)
    if lenient.verdict == "fail":
        return strict if lenient.cause == "unknown" else lenient
    sentence = (
        f"Judged in {narrow}: every number of the gradient is one of {narrow}, so it computes in it, and its "
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
    """The report at the point; where it passes at one of equal numbers, that at a generic point nearby if it fails."""
    here = examine(problem)
    if not near or here.verdict != "pass" or not (special := special_leaves(problem)):
        return here
    names = ", ".join(special)
    try:
        there = examine(nearby(problem))
    except Unusable as error:
        note = f"{names} hold equal numbers, which may hide a term; a point nearby could not be tried: {error}"
        return here._replace(notes=(*here.notes, note))
    if there.verdict != "fail":
        return here
    if there.cause in ("not the derivative", "not finite"):  # the point may lie where the loss is not what it was
        return here._replace(notes=(*here.notes, f"At a point nearby: {there.diagnosis}"))
    sentence = (
        f"At params themselves nothing is seen, since {names} hold equal numbers, such as zeros. This is what a point "
        "nearby shows, params + 0.1 × random numbers of their size. If the gradient is meant for params of a kind that "
        "such a point is not of, near=False keeps to params."
    )
    return there._replace(notes=(sentence, *there.notes))


def special_leaves(problem: Problem) -> list[str]:
    """The parameters that hold zeros or equal numbers."""
    pairs = zip(problem.paths, problem.leaves, strict=True)
    return [path for path, leaf in pairs if len(np.unique(leaf)) < leaf.size or not np.all(leaf)]


def nearby(problem: Problem) -> Problem:
    """The same problem at a generic point."""
    rng = np.random.default_rng(1)
    moved = [
        leaf + 0.1 * step_scale(leaf, problem) * like(leaf, rng.normal(size=leaf.shape)) for leaf in problem.leaves
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

    Checked as the gradient of ⟨c, function⟩ for a random cotangent c; otherwise as `check_gradient`.
    """
    checks.function("function", function)
    checks.function("vjp", vjp)
    with jax.enable_x64(True):
        value = function(params, **({} if key is None else {"key": key}))
        leaves, tree = jax.tree.flatten(value)
        draw = np.random.default_rng(0)
        cotangent = jax.tree.unflatten(tree, [draw.normal(size=np.shape(leaf)) for leaf in leaves])

    def paired(params, **options):
        products = jax.tree.map(lambda c, value: (c * value).sum(), cotangent, function(params, **options))
        return sum(jax.tree.leaves(products))

    def gradient(params, **options):
        return vjp(params, cotangent, **options)

    return check_gradient(paired, gradient, params, key=key, dtype=dtype)


def examine(problem: Problem) -> Report:
    """The whole check, x64 being enabled."""
    hand, again = problem.gradient(problem.leaves), problem.gradient(problem.leaves)
    problem = problem._replace(wider=_wider(problem))
    truth = truth_of(problem)
    rng = np.random.default_rng(0)
    direction = np.concatenate([rng.normal(size=leaf.size) * step_scale(leaf, problem) for leaf in problem.leaves])
    values = values_of(problem, direction, None if truth is None else truth.loss_noise)
    if not np.isfinite(values.at_point):
        raise Unusable(f"loss: is {values.at_point} at params, where no gradient can be judged; choose another point.")
    repeated = _random_parts(problem, truth, hand, again)
    tensors = [examine_tensor(problem, truth, values, hand, i, rng) for i in range(len(hand))]
    if truth is not None and any(tensor.compared.wrong.any() for tensor in tensors):
        noise = hand_noise(problem)
        tensors = [examine_tensor(problem, truth, values, hand, i, rng, noise) for i in range(len(hand))]
    slope = float(np.concatenate([np.ravel(h) for h in hand]) @ direction)
    smooth = truth is None or not truth.ties  # on a kink the slope along a direction is half that of the way back
    if smooth and _contradicted_along(values, slope, direction, tensors):
        tensors = [tensor._replace(contradicted=True) for tensor in tensors]
    return report_of(problem, truth, tensors, taylor_slopes(values, slope), repeated, values.is_coarse)


def _wider(problem: Problem) -> str:
    """The widest dtype of the hand-written gradient's leaves, if it is wider than that of the check."""
    if problem.dtype == "float64":
        return ""
    dtypes = [jnp.dtype(np.asarray(leaf).dtype) for leaf in problem.hand(problem.leaves)]
    widest = max(dtypes, key=lambda dtype: dtype.itemsize)
    return widest.name if widest.itemsize > jnp.dtype(problem.dtype).itemsize else ""


def _contradicted_along(values: Values, slope: float, direction: np.ndarray, tensors: list[Examined]) -> bool:
    """Whether a gradient in which nothing is wrong yet misses the slope of the loss along a direction that moves every
    parameter: what single coordinates, being few, may not have shown."""
    if any((tensor.compared.wrong | tensor.excused).any() for tensor in tensors):
        return False
    slack = np.concatenate([np.ravel(tensor.compared.tolerance) for tensor in tensors]) @ np.abs(direction)
    (along,) = slopes(values, np.array([-1]), np.array([1.0]))
    return along.contradicts(slope, float(slack))


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


# ----------------------------------------------------------------------------------------- the report


def report_of(problem, truth, tensors: list[Examined], taylor, repeated: Diagnosis | None, coarse: bool) -> Report:
    """Verdicts and diagnosis."""
    reports = [tensor_report(tensor) for tensor in tensors]
    blur = max((report.blur for report in reports if not np.isnan(report.blur)), default=0.0)
    largest = max(np.max(np.abs(tensor.compared.hand), initial=0.0) for tensor in tensors)
    hidden = any(np.all(tensor.compared.tolerance > TOO_BLURRED * largest) for tensor in tensors)
    verdicts = {report.verdict for report in reports} | ({"fail"} if repeated else set())
    if truth is None and (blur > TOO_BLURRED or (hidden and largest > 0)):
        verdicts.add("abstain")
    verdict: Verdict = "fail" if "fail" in verdicts else "abstain" if "abstain" in verdicts else "pass"
    found = None
    if repeated:
        found = repeated
    elif verdict == "fail":
        findings = [Finding(t.path, *t.part, t.contradicted) for t in tensors]
        found = diagnose(problem, truth, findings)
    notes = [] if truth is None else sentence(truth.ties)
    if truth is not None and not repeated:
        note = compiled_loss_note(truth.traced, problem.leaves, passed=verdict == "pass")
        notes += [] if note is None else [note]
    if problem.wider:
        notes.append(
            f"gradient(params) returned {problem.wider} for parameters of {problem.dtype}: something in it is wider, "
            f"and the check says nothing about {problem.dtype}."
        )
    if truth is None:
        notes.append(
            "JAX cannot differentiate the loss: differences stand in for autodiff. A measured entry that is wrong by "
            f"less than {blur:.0e} of its tensor's largest passes unseen."
        )
    if truth is None and coarse:
        notes.append(
            "The loss is rounded as coarsely as in float32, and so are its differences. Compute it in float64, data "
            "and parameters, while it is checked: the gradient may stay in float32."
        )
    if verdict == "abstain" and any(report.kinks for report in reports):
        notes.append(
            "Abstained where the gradient differs from autodiff on kinks: each slope in between is right there. "
            "Check at a point off them, such as params + 0.01 × random numbers, or take the same slope on both sides: "
            "that of jnp.maximum(z, 0) at z = 0 is ½, that of z > 0 is 0."
        )
    return Report(
        verdict,
        found.cause if found else None,
        f"{found.cause}: {found.explanation}" if found else None,
        tuple(reports),
        (),
        taylor,
        tuple(notes),
        problem.dtype,
    )


def _random_parts(problem: Problem, truth: Truth | None, hand, again) -> Diagnosis | None:
    """Says what changes when it is called again with the same arguments; None if nothing does."""
    remedy = "Draw random numbers from the key= that both are given, or use the same seed and batch in every call."
    for path, one, other in zip(problem.paths, hand, again, strict=True):
        both = np.isfinite(one) & np.isfinite(other)
        moved = np.max(np.abs(one[both] - other[both]), initial=0.0)
        if moved > 1e3 * problem.epsilon * np.max(np.abs(one[both]), initial=0.0):
            if _grows(problem, hand, again):
                return Diagnosis(
                    "never zeroed",
                    f"gradient(params) adds to {path} at each call, {moved:.3g} this time: the gradient of an earlier "
                    "call is never set to zero. Zero it where the backward pass begins.",
                )
            what = f"gradient(params) gives another {path} when called again (it moved by {moved:.1e}). {remedy}"
            return Diagnosis("nondeterministic", what)
    if truth is not None:
        first, second = constants(truth.traced), constants(trace(problem.loss, problem.leaves))
        same = len(first) == len(second) and all(map(_same_bits, first, second))
    else:
        same = problem.loss(problem.leaves) == problem.loss(problem.leaves)
    what = f"loss(params) computes with other numbers when called again. {remedy}"
    return None if same else Diagnosis("nondeterministic", what)


def _grows(problem: Problem, hand, again) -> bool:
    """Whether two more calls differ as these two."""
    third, fourth = problem.gradient(problem.leaves), problem.gradient(problem.leaves)
    return all(
        np.allclose(d - c, b - a, rtol=1e-6, atol=1e-9 * np.max(np.abs(d), initial=0.0))
        for a, b, c, d in zip(hand, again, third, fourth, strict=True)
    )


def constants(traced: ClosedJaxpr) -> list[Any]:
    """Every number that tracing has fixed: closed-over arrays and literals."""
    flow = flow_of(traced)
    return [*flow.constants.values(), *flow.literals.values()]


def _same_bits(one: Any, other: Any) -> bool:
    """Whether two constants are equal; random keys are compared by their bits."""
    if is_key(one):
        one, other = jax.random.key_data(one), jax.random.key_data(other)
    return np.array_equal(
        np.asarray(one), np.asarray(other), equal_nan=jnp.issubdtype(jnp.result_type(one), jnp.inexact)
    )
