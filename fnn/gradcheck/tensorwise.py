"""Hypotheses about the wrong tensors by themselves: a factor, a sign, rows, a penalty, rounding."""

import numpy as np

from fnn.gradcheck import patterns
from fnn.gradcheck.compare import reproduces
from fnn.gradcheck.evidence import Evidence, TensorEvidence
from fnn.gradcheck.problem import Problem
from fnn.gradcheck.records import Hypothesis

ENOUGH = 6  # wrong entries, from which on their sizes say something


def ignored(evidence: Evidence) -> Hypothesis | None:
    """Say where the loss does not change with any parameter."""
    if (
        not evidence.wrong
        or any(np.any(finding.compared.reference) for finding in evidence.findings)
        or _changes(evidence.problem)
    ):
        return None
    return Hypothesis(
        "loss ignores params",
        "the loss does not change with params: every true gradient is exactly zero. It reads other "
        "numbers than its argument, such as those that an object holds. Put params where it reads "
        "them, before it is computed.",
    )


def _changes(problem: Problem) -> bool:
    """Return whether the loss is another somewhere else: units may all be off here."""
    rng = np.random.default_rng(2)
    here = float(problem.loss(problem.leaves))
    for size in (0.1, 1.0, 10.0, 100.0):
        moved = [
            leaf + size * (1 + np.abs(leaf)) * rng.normal(size=leaf.shape)
            for leaf in problem.leaves
        ]
        try:
            there = float(problem.loss(moved))
        except Exception:  # outside of where it can be computed it is not the same
            return True
        if there != here:
            return True
    return False


def contradiction(evidence: Evidence) -> Hypothesis | None:
    """Say where differences contradict it and autodiff does not, or entries were not measured."""
    names = [finding.path for finding in evidence.findings if finding.contradicted]
    if not names:
        return None
    if evidence.reference is None:
        return Hypothesis(
            "unknown",
            f"differences of the loss contradict {', '.join(names)} along directions through them; "
            "which entries are wrong was not found.",
        )
    return Hypothesis(
        "not the derivative",
        f"in {', '.join(names)} the gradient agrees with autodiff, but differences of the loss "
        "contradict both. Look for stop_gradient or a custom derivative rule inside the loss.",
    )


def not_finite(evidence: Evidence) -> Hypothesis | None:
    """Name NaN and infinity."""
    for finding in evidence.wrong:
        bad = np.argwhere(~np.isfinite(finding.compared.given))
        if len(bad):
            index = tuple(int(i) for i in bad[0])
            return Hypothesis(
                "not finite",
                f"{finding.path} holds {len(bad)} value(s) that are NaN or infinite, the first at "
                f"{list(index)}, where the truth is {finding.compared.reference[index]:.6g}.",
            )
    return None


def swapped_tensors(evidence: Evidence) -> Hypothesis | None:
    """Try whether each wrong tensor holds the gradient of another one."""
    places = []
    for finding in evidence.wrong:
        given = finding.compared.given
        others = [other for other in evidence.findings if other is not finding]
        same = (
            other.path
            for other in others
            if other.compared.reference.shape == given.shape
            and finding.compared.is_reproduced_by(other.compared.reference, evidence.closeness)
        )
        places.append(next(same, None))
    only_numbers = all(finding.compared.given.size == 1 for finding in evidence.wrong)
    if not places or None in places or only_numbers:
        return None
    pairs = ", ".join(
        f"{finding.path} holds that of {place}"
        for finding, place in zip(evidence.wrong, places, strict=True)
    )
    return Hypothesis("swapped tensors", f"right gradients in wrong places: {pairs}.")


def one_pattern(evidence: Evidence) -> Hypothesis | None:
    """Try the same exact pattern in every wrong tensor.

    A factor must be the same in all of them, and one that people forget: where there is one output
    and one example, most mistakes multiply everything by some number.
    """
    known = _patterns(evidence, vague=False)
    if known is None or len({pattern.cause for pattern in known}) > 1:
        return None
    factor = known[0].cause == "constant factor"
    if factor and (len({pattern.number for pattern in known}) > 1 or not known[0].familiar):
        return None
    return Hypothesis(known[0].cause, f"in {evidence.names}, {known[0].explanation}")


def one_vague_pattern(evidence: Evidence) -> Hypothesis | None:
    """Try the same pattern in every wrong tensor, which may only say what is wrong.

    A factor may be another one in each.
    """
    known = _patterns(evidence, vague=True)
    if known is None or len({pattern.cause for pattern in known}) > 1:
        return None
    if len(known) == 1 and _any_number(evidence.wrong[0], known[0]):
        return None
    if known[0].cause == "constant factor" and len({pattern.number for pattern in known}) > 1:
        if any(finding.compared.given.size == 1 for finding in evidence.wrong):
            return None
        factors = ", ".join(
            f"{f.path} {p.number:.6g}" for f, p in zip(evidence.wrong, known, strict=True)
        )
        return Hypothesis(
            "constant factor", f"hand-written = factor × truth, by tensor: {factors}."
        )
    return Hypothesis(known[0].cause, f"in {evidence.names}, {known[0].explanation}")


def _patterns(evidence: Evidence, *, vague: bool) -> list[patterns.TensorHypothesis] | None:
    """Return a pattern for each wrong tensor, or None where one has none."""
    found = [
        patterns.of(f.compared, f.wrong, evidence.closeness, vague=vague) for f in evidence.wrong
    ]
    known = [pattern for pattern in found if pattern is not None]
    return known if known and len(known) == len(found) else None


def penalty(evidence: Evidence) -> Hypothesis | None:
    """Try hand = truth + λ θ with one λ for all tensors that are wrong."""
    rates: list[float] = []
    if sum(finding.compared.given.size for finding in evidence.wrong) < 2:
        return None  # any number is a multiple of any other
    for finding in evidence.wrong:
        theta = finding.params
        if theta.shape != finding.compared.given.shape:
            return None  # not every entry was measured
        extra = finding.compared.given - finding.compared.reference
        if not np.any(theta):
            return None
        rate = float(np.sum(extra * theta) / np.sum(theta * theta))
        if not reproduces(
            extra,
            rate * theta,
            finding.compared.tolerance,
            np.max(np.abs(extra)),
            evidence.closeness,
        ):
            return None
        rates.append(rate)
    if rates and np.allclose(rates, rates[0], rtol=1e-4, atol=0):
        names = ", ".join(finding.path for finding in evidence.wrong)
        return Hypothesis(
            "extra penalty",
            f"in {names}, hand-written = truth + {rates[0]:.6g} × the parameter: an L2 term that "
            "the loss lacks (or, if negative, has, and the gradient lacks).",
        )
    return None


def factor_beside_penalty(evidence: Evidence) -> Hypothesis | None:
    """Try hand = c × truth + a multiple of θ, one c for all, where the loss was not traced."""
    if evidence.reference is not None:
        return None
    factors, parts = [], []
    for finding in evidence.wrong:
        theta = finding.params
        given, reference = finding.compared.given, finding.compared.reference
        if theta.shape != given.shape or given.size < 8:
            return None
        basis = np.stack([reference.ravel(), theta.ravel()], axis=1)
        (factor, rate), *_ = np.linalg.lstsq(basis, given.ravel(), rcond=1e-10)
        if not finding.compared.is_reproduced_by(
            factor * reference + rate * theta, evidence.closeness
        ):
            return None
        factors.append(factor)
        parts.append(f"{finding.path} {rate:+.4g} × the parameter")
    whole = round(max(factors[0], 1 / factors[0])) if factors and factors[0] > 0 else 1
    familiar = whole > 1 and any(np.allclose(factors, f, rtol=1e-4) for f in (whole, 1 / whole))
    if not familiar:  # two numbers explain more than one
        return None
    return Hypothesis(
        "constant factor",
        f"hand-written = {factors[0]:.6g} × truth, beside {', '.join(parts)}: the data term counts "
        f"{factors[0]:.6g} times and the penalty is right, or the reverse.",
    )


def precision(evidence: Evidence) -> Hypothesis | None:
    """Try whether enough errors have the size of a narrower dtype's rounding, in every tensor."""
    if sum(int(finding.wrong.sum()) for finding in evidence.wrong) < ENOUGH:
        return None
    for name, epsilon in (("float32", 2.0**-23), ("float16", 2.0**-10), ("bfloat16", 2.0**-8)):
        ratio = epsilon / evidence.problem.epsilon
        if ratio > 1 and all(_like_rounding(finding, epsilon, ratio) for finding in evidence.wrong):
            return Hypothesis(
                "precision loss",
                f"the errors have the size of rounding in {name}: look for arrays or casts of that "
                "dtype inside the gradient.",
            )
    return None


def _like_rounding(finding: TensorEvidence, epsilon: float, ratio: float) -> bool:
    """Return whether most entries are off by about the noise floor of the narrower precision.

    None is off by ten times as much, nor by many roundings of the tensor's largest.
    """
    compared = finding.compared
    floors = compared.scaled_error[finding.wrong] / ratio
    size, error = (
        np.max(np.abs(compared.reference)),
        np.max(np.abs(compared.given - compared.reference)),
    )
    small = error < 32 * epsilon * size or size <= np.max(compared.tolerance)
    return bool(
        small
        and np.mean(finding.wrong) >= 0.5
        and 0.003 < np.median(floors) < 1
        and np.max(floors) < 10
    )


def each_by_itself(evidence: Evidence) -> Hypothesis | None:
    """Name different patterns in different tensors, under the cause of the first."""
    found = [
        (f.path, patterns.of(f.compared, f.wrong, evidence.closeness, vague=True))
        for f in evidence.wrong
    ]
    found = [
        (path, None if _any_number(f, pattern) else pattern)
        for f, (path, pattern) in zip(evidence.wrong, found, strict=True)
    ]
    known = [(path, pattern) for path, pattern in found if pattern is not None]
    if not known:
        return None
    parts = "; ".join(f"in {path}, {pattern.explanation.rstrip('.')}" for path, pattern in known)
    rest = ", ".join(path for path, pattern in found if pattern is None)
    return Hypothesis(known[0][1].cause, parts + (f"; {rest} unexplained." if rest else "."))


def _any_number(finding: TensorEvidence, pattern: patterns.TensorHypothesis | None) -> bool:
    """Return whether a pattern is but the quotient of two numbers."""
    if pattern is None or finding.compared.given.size > 1:
        return False
    return pattern.cause == "constant factor" and not pattern.familiar
