"""Propose hypotheses about wrong tensors by themselves: a factor, a sign, rows, a penalty."""

import numpy as np

from fnn.gradcheck import patterns
from fnn.gradcheck.compare import max_abs, reproduces
from fnn.gradcheck.evidence import Evidence, TensorEvidence
from fnn.gradcheck.patterns import TensorHypothesis
from fnn.gradcheck.problem import Problem
from fnn.gradcheck.records import Hypothesis

ENOUGH = 6  # wrong entries, from which on their sizes say something
NARROWER = (("float32", 2.0**-23), ("float16", 2.0**-10), ("bfloat16", 2.0**-8))


# -------------------------------------------------------------- nothing that a computation explains


def ignored(evidence: Evidence) -> Hypothesis | None:
    """Say that the loss does not change with any parameter."""
    has_slope = any(np.any(tensor.compared.reference) for tensor in evidence.tensors)
    if not evidence.wrong or has_slope or _changes(evidence.problem):
        return None
    return Hypothesis(
        "loss ignores params",
        "the loss does not change with params: every true gradient is exactly zero. It reads other "
        "numbers than its argument, such as those that an object holds. Put params where it reads "
        "them, before it is computed.",
    )


def _changes(problem: Problem) -> bool:
    """Return whether the loss has another value at some other point.

    At this point alone all units may be off.
    """
    rng = np.random.default_rng(2)
    at_point = float(problem.loss(problem.leaves))
    for size in (0.1, 1.0, 10.0, 100.0):
        moved = []
        for leaf in problem.leaves:
            scale = 1 + np.abs(leaf)
            step = size * scale * rng.normal(size=leaf.shape)
            moved.append(leaf + step)
        try:
            beside = float(problem.loss(moved))
        except Exception:  # a loss that cannot be computed there does change
            return True
        if beside != at_point:
            return True
    return False


def contradiction(evidence: Evidence) -> Hypothesis | None:
    """Say that differences contradict the gradient, where no measured entry is wrong."""
    names = ", ".join(tensor.path for tensor in evidence.tensors if tensor.contradicted)
    if not names:
        return None
    if evidence.reference is None:
        return Hypothesis(
            "unknown",
            f"differences of the loss contradict {names} along directions through them; which "
            "entries are wrong was not found.",
        )
    return Hypothesis(
        "not the derivative",
        f"in {names} the gradient agrees with autodiff, but differences of the loss contradict "
        "both. Look for stop_gradient or a custom derivative rule inside the loss.",
    )


def not_finite(evidence: Evidence) -> Hypothesis | None:
    """Say that a gradient holds NaN or infinity."""
    for tensor in evidence.wrong:
        places = np.argwhere(~np.isfinite(tensor.compared.given))
        if len(places) == 0:
            continue
        index = tuple(int(i) for i in places[0])
        reference = tensor.compared.reference[index]
        return Hypothesis(
            "not finite",
            f"{tensor.path} holds {len(places)} value(s) that are NaN or infinite, the first at "
            f"{list(index)}, where the truth is {reference:.6g}.",
        )
    return None


# ------------------------------------------------------------------------- the same in every tensor


def swapped_tensors(evidence: Evidence) -> Hypothesis | None:
    """Try whether each wrong tensor holds the gradient of another one."""
    sizes = [tensor.compared.given.size for tensor in evidence.wrong]
    parts = []
    for tensor in evidence.wrong:
        source = _source_of(tensor, evidence)
        if source is None:
            return None
        parts.append(f"{tensor.path} holds that of {source}")
    # Of single numbers, equality says too little.
    if all(size == 1 for size in sizes):
        return None
    return Hypothesis("swapped tensors", f"right gradients in wrong places: {', '.join(parts)}.")


def _source_of(tensor: TensorEvidence, evidence: Evidence) -> str | None:
    """Return the name of another tensor whose true gradient a tensor holds."""
    for other in evidence.tensors:
        reference = other.compared.reference
        if other is tensor or reference.shape != tensor.compared.given.shape:
            continue
        if tensor.compared.is_reproduced_by(reference, evidence.closeness):
            return other.path
    return None


def one_pattern(evidence: Evidence) -> Hypothesis | None:
    """Try the same exact pattern in every wrong tensor.

    A factor must be the same in all of them, and one that people forget: where there is one output
    and one example, most mistakes multiply everything by some number.
    """
    by_tensor = _patterns(evidence, vague=False)
    if by_tensor is None or len({pattern.cause for pattern in by_tensor}) > 1:
        return None
    first = by_tensor[0]
    numbers = {pattern.number for pattern in by_tensor}
    if first.cause == "constant factor" and (len(numbers) > 1 or not first.familiar):
        return None
    return Hypothesis(first.cause, f"in {evidence.names}, {first.explanation}")


def one_vague_pattern(evidence: Evidence) -> Hypothesis | None:
    """Try the same pattern in every wrong tensor, also those that only say where it is wrong.

    A factor may be another one in each.
    """
    by_tensor = _patterns(evidence, vague=True)
    if by_tensor is None or len({pattern.cause for pattern in by_tensor}) > 1:
        return None
    first = by_tensor[0]
    if len(by_tensor) == 1 and _any_number(evidence.wrong[0], first):
        return None
    numbers = {pattern.number for pattern in by_tensor}
    if first.cause == "constant factor" and len(numbers) > 1:
        return _factors(evidence, by_tensor)
    return Hypothesis(first.cause, f"in {evidence.names}, {first.explanation}")


def _factors(evidence: Evidence, by_tensor: list[TensorHypothesis]) -> Hypothesis | None:
    """Name the factor of each tensor, unless one of them is a single number."""
    if any(tensor.compared.given.size == 1 for tensor in evidence.wrong):
        return None
    factors = []
    for tensor, pattern in zip(evidence.wrong, by_tensor, strict=True):
        factors.append(f"{tensor.path} {pattern.number:.6g}")
    text = f"hand-written = factor × truth, by tensor: {', '.join(factors)}."
    return Hypothesis("constant factor", text)


def _patterns(evidence: Evidence, *, vague: bool) -> list[TensorHypothesis] | None:
    """Return a pattern for each wrong tensor, or None where one has none."""
    by_tensor = []
    for tensor in evidence.wrong:
        pattern = _pattern(tensor, evidence, vague=vague)
        if pattern is None:
            return None
        by_tensor.append(pattern)
    return by_tensor or None


def _pattern(tensor: TensorEvidence, evidence: Evidence, *, vague: bool) -> TensorHypothesis | None:
    return patterns.of(tensor.compared, tensor.wrong, evidence.closeness, vague=vague)


# ---------------------------------------------------------------------------------------- penalties


def penalty(evidence: Evidence) -> Hypothesis | None:
    """Try given = reference + λ θ with one λ for all wrong tensors."""
    entries = sum(tensor.compared.given.size for tensor in evidence.wrong)
    if entries < 2:  # any number is a multiple of any other
        return None
    rates: list[float] = []
    for tensor in evidence.wrong:
        rate = _penalty_rate(tensor, evidence.closeness)
        if rate is None:
            return None
        rates.append(rate)
    if not rates or not np.allclose(rates, rates[0], rtol=1e-4, atol=0):
        return None
    return Hypothesis(
        "extra penalty",
        f"in {evidence.wrong_paths}, hand-written = truth + {rates[0]:.6g} × the parameter: an L2 "
        "term that the loss lacks (or, if negative, has, and the gradient lacks).",
    )


def _penalty_rate(tensor: TensorEvidence, closeness: float) -> float | None:
    """Return λ with given = reference + λ θ, or None."""
    theta = tensor.params
    compared = tensor.compared
    is_measured = theta.shape == compared.given.shape
    if not is_measured or not np.any(theta):
        return None
    extra = compared.given - compared.reference
    square = np.sum(theta * theta)
    rate = float(np.sum(extra * theta) / square)
    error = max_abs(extra)
    is_right = reproduces(extra, rate * theta, compared.tolerance, error, closeness)
    return rate if is_right else None


def factor_beside_penalty(evidence: Evidence) -> Hypothesis | None:
    """Try given = c × reference + a multiple of θ, one c for all, if the loss was not traced."""
    if evidence.reference is not None:
        return None
    factors = []
    parts = []
    for tensor in evidence.wrong:
        theta = tensor.params
        given = tensor.compared.given
        reference = tensor.compared.reference
        if theta.shape != given.shape or given.size < 8:
            return None
        basis = np.stack([reference.ravel(), theta.ravel()], axis=1)
        solution, *_ = np.linalg.lstsq(basis, given.ravel(), rcond=1e-10)
        factor, rate = solution
        candidate = factor * reference + rate * theta
        if not tensor.compared.is_reproduced_by(candidate, evidence.closeness):
            return None
        factors.append(factor)
        parts.append(f"{tensor.path} {rate:+.4g} × the parameter")
    if not _are_familiar(factors):  # two numbers explain more than one
        return None
    return Hypothesis(
        "constant factor",
        f"hand-written = {factors[0]:.6g} × truth, beside {', '.join(parts)}: the data term counts "
        f"{factors[0]:.6g} times and the penalty is right, or the reverse.",
    )


def _are_familiar(factors: list[float]) -> bool:
    """Return whether factors are all the same whole number of at least 2, or its inverse."""
    if not factors or factors[0] <= 0:
        return False
    first = factors[0]
    whole = round(max(first, 1 / first))
    if whole < 2:
        return False
    are_whole = np.allclose(factors, whole, rtol=1e-4)
    are_inverse = np.allclose(factors, 1 / whole, rtol=1e-4)
    return are_whole or are_inverse


# -------------------------------------------------------------------------------- where it is wrong


def precision(evidence: Evidence) -> Hypothesis | None:
    """Try whether enough errors have the size of a narrower dtype's rounding, in every tensor."""
    wrong_entries = sum(int(tensor.wrong.sum()) for tensor in evidence.wrong)
    if wrong_entries < ENOUGH:
        return None
    for name, epsilon in NARROWER:
        ratio = epsilon / evidence.problem.epsilon
        if ratio <= 1:
            continue
        if all(_like_rounding(tensor, epsilon, ratio) for tensor in evidence.wrong):
            return Hypothesis(
                "precision loss",
                f"the errors have the size of rounding in {name}: look for arrays or casts of that "
                "dtype inside the gradient.",
            )
    return None


def _like_rounding(tensor: TensorEvidence, epsilon: float, ratio: float) -> bool:
    """Return whether most entries are off by about the noise floor of the narrower precision.

    None is off by ten times as much, nor by many roundings of the tensor's largest entry.

    epsilon  the rounding of the narrower precision
    ratio    the same in roundings of the check
    """
    compared = tensor.compared
    floors = compared.scaled_error[tensor.wrong] / ratio
    size = max_abs(compared.reference)
    error = np.max(compared.error)
    is_zero = size <= np.max(compared.tolerance)
    is_small = error < 32 * epsilon * size or is_zero
    are_most = np.mean(tensor.wrong) >= 0.5
    usual = np.median(floors)
    about_a_floor = 0.003 < usual < 1 and np.max(floors) < 10
    return bool(is_small and are_most and about_a_floor)


def each_by_itself(evidence: Evidence) -> Hypothesis | None:
    """Name different patterns in different tensors, under the cause of the first."""
    cause = None
    parts = []
    unexplained = []
    for tensor in evidence.wrong:
        pattern = _pattern(tensor, evidence, vague=True)
        if pattern is None or _any_number(tensor, pattern):
            unexplained.append(tensor.path)
            continue
        cause = cause or pattern.cause
        sentence = pattern.explanation.rstrip(".")
        parts.append(f"in {tensor.path}, {sentence}")
    if cause is None:
        return None
    rest = f"; {', '.join(unexplained)} unexplained." if unexplained else "."
    return Hypothesis(cause, "; ".join(parts) + rest)


def _any_number(tensor: TensorEvidence, pattern: TensorHypothesis) -> bool:
    """Return whether a pattern is only the quotient of two numbers."""
    is_single = tensor.compared.given.size <= 1
    return is_single and pattern.cause == "constant factor" and not pattern.familiar
