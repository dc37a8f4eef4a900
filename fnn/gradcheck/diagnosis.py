"""Why a gradient is wrong: hypotheses are computed, and the one that reproduces the wrong numbers is reported.

First come hypotheses about each wrong tensor by itself (a factor, a sign, a transpose, rows), then hypotheses about
the computation: the loss is differentiated again with one operation's derivative replaced by a common mistake.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from fnn.gradcheck import patterns, surgery
from fnn.gradcheck.compare import Comparison
from fnn.gradcheck.oracle import Truth, compiled, gradient_function, trace
from fnn.gradcheck.problem import Problem


class Diagnosis(NamedTuple):
    """A cause in a few fixed words, and what it is here."""

    cause: str
    explanation: str


class Finding(NamedTuple):
    """What the diagnosis needs of one tensor; `wrong` leaves out entries that a kink excuses."""

    path: str
    compared: Comparison
    wrong: np.ndarray
    contradicted: bool


def diagnose(problem: Problem, truth: Truth | None, findings: Sequence[Finding]) -> Diagnosis:
    """The first hypothesis that explains every wrong tensor, from the most specific to the vaguest."""
    wrong = [finding for finding in findings if finding.wrong.any()]
    exact = (_contradiction, _not_finite, _one_pattern, _penalty, _computation, _precision)
    for guess in (*exact, _one_vague_pattern, _each_by_itself):
        found = guess(problem, truth, findings, wrong)
        if found is not None:
            return found
    names = ", ".join(finding.path for finding in wrong)
    return Diagnosis("unknown", f"none of the known mistakes reproduces the gradient of {names}.")


def _contradiction(problem, truth, findings, wrong) -> Diagnosis | None:
    names = [finding.path for finding in findings if finding.contradicted]
    if not names:
        return None
    return Diagnosis(
        "not the derivative",
        f"in {', '.join(names)} the gradient agrees with autodiff, but differences of the loss contradict both. Look "
        "for stop_gradient or a custom derivative rule inside the loss.",
    )


def _not_finite(problem, truth, findings, wrong) -> Diagnosis | None:
    for finding in wrong:
        bad = np.argwhere(~np.isfinite(finding.compared.hand))
        if len(bad):
            index = tuple(int(i) for i in bad[0])
            return Diagnosis(
                "not finite",
                f"{finding.path} holds {len(bad)} value(s) that are NaN or infinite, the first at {list(index)}, where "
                f"the truth is {finding.compared.truth[index]:.6g}.",
            )
    return None


def _one_pattern(problem, truth, findings, wrong) -> Diagnosis | None:
    """The same exact pattern in every wrong tensor. A factor must be the same one in all of them, and in more than a
    single number, of which anything is a multiple."""
    known = _patterns(problem, wrong, vague=False)
    if known is None or len({pattern.cause for pattern in known}) > 1:
        return None
    factor = known[0].cause == "constant factor"
    single = all(finding.compared.hand.size == 1 for finding in wrong)
    if factor and (len({pattern.number for pattern in known}) > 1 or (single and not known[0].familiar)):
        return None
    return Diagnosis(known[0].cause, f"in {_names(findings, wrong)}, {known[0].explanation}")


def _one_vague_pattern(problem, truth, findings, wrong) -> Diagnosis | None:
    """The same pattern in every wrong tensor, where it may only say what is wrong, or with another factor in each."""
    known = _patterns(problem, wrong, vague=True)
    if known is None or len({pattern.cause for pattern in known}) > 1:
        return None
    if known[0].cause == "constant factor" and len(known) > 1:
        factors = ", ".join(f"{f.path} {p.number:.6g}" for f, p in zip(wrong, known, strict=True))
        return Diagnosis("constant factor", f"hand-written = factor × truth, by tensor: {factors}.")
    return Diagnosis(known[0].cause, f"in {_names(findings, wrong)}, {known[0].explanation}")


def _patterns(problem, wrong, *, vague: bool) -> list[patterns.Pattern] | None:
    """A pattern for each wrong tensor, or None where one has none."""
    found = [patterns.of(f.compared, f.wrong, _closeness(problem), vague=vague) for f in wrong]
    known = [pattern for pattern in found if pattern is not None]
    return known if known and len(known) == len(found) else None


def _names(findings, wrong) -> str:
    return "every tensor" if len(wrong) == len(findings) > 1 else ", ".join(f.path for f in wrong)


def _penalty(problem, truth, findings, wrong) -> Diagnosis | None:
    """hand = truth + λ θ with one λ for all tensors that are wrong."""
    rates = []
    for finding in wrong:
        theta = problem.leaves[[f.path for f in findings].index(finding.path)]
        extra = finding.compared.hand - finding.compared.truth
        if not np.any(theta):
            return None
        rate = float(np.sum(extra * theta) / np.sum(theta * theta))
        if not patterns.close(extra, rate * theta, finding.compared, _closeness(problem)):
            return None
        rates.append(rate)
    if rates and np.allclose(rates, rates[0], rtol=1e-4):
        names = ", ".join(finding.path for finding in wrong)
        return Diagnosis(
            "extra penalty",
            f"in {names}, hand-written = truth + {rates[0]:.6g} × the parameter: an L2 term that the loss lacks "
            "(or, if negative, has, and the gradient lacks).",
        )
    return None


def _computation(problem, truth, findings, wrong) -> Diagnosis | None:
    """The gradient of the loss with one derivative replaced, or with another key, equals the hand-written one."""
    if truth is None:
        return None
    hand = [finding.compared.hand for finding in findings]
    for cause, explanation, candidate in _candidates(problem, truth):
        matches = (
            patterns.close(h, np.asarray(c), finding.compared, _closeness(problem))
            for h, c, finding in zip(hand, candidate, findings, strict=True)
        )
        if all(matches):
            return Diagnosis(cause, explanation)
    return None


def _candidates(problem: Problem, truth: Truth) -> Iterator[tuple[str, str, Sequence]]:
    """(cause, explanation, gradient under that hypothesis), each computed only when asked for."""
    leaves = [jnp.asarray(leaf) for leaf in problem.leaves]
    for name, loss in problem.losses_of_other_keys.items():
        other = gradient_function(trace(loss, problem.leaves))(*leaves)
        yield "another key", f"it is the gradient for {name} instead of key: the loss drew other random numbers.", other
    for mutant in surgery.mutants(truth.traced, leaves):
        yield mutant.cause, mutant.explanation, compiled(mutant.gradient)(*leaves)


def _precision(problem, truth, findings, wrong) -> Diagnosis | None:
    """Errors of the size of a narrower dtype's rounding in most entries of every wrong tensor, and in eight or more."""
    if sum(int(finding.wrong.sum()) for finding in wrong) < 8:
        return None
    for name, epsilon in (("float32", 2.0**-23), ("bfloat16", 2.0**-8)):
        if epsilon > problem.epsilon and all(_like_rounding(finding.compared, epsilon) for finding in wrong):
            return Diagnosis(
                "precision loss",
                f"the errors have the size of rounding in {name}: look for arrays or casts of that dtype inside the "
                "gradient.",
            )
    return None


def _like_rounding(compared: Comparison, epsilon: float) -> bool:
    """Most entries off by a few roundings of their own size, none by many of the tensor's."""
    error, size = np.abs(compared.hand - compared.truth), np.abs(compared.truth)
    some = np.mean(compared.wrong) >= 0.5
    typical = np.median(error[size > 0] / size[size > 0]) if np.any(size > 0) else np.inf
    return bool(some and typical < 4 * epsilon and np.max(error) < 32 * epsilon * np.max(size))


def _each_by_itself(problem, truth, findings, wrong) -> Diagnosis | None:
    """Different patterns in different tensors: all of them, under the name of the first."""
    found = [(f.path, patterns.of(f.compared, f.wrong, _closeness(problem), vague=True)) for f in wrong]
    known = [(path, pattern) for path, pattern in found if pattern is not None]
    if not known:
        return None
    parts = "; ".join(f"in {path}, {pattern.explanation.rstrip('.')}" for path, pattern in known)
    rest = ", ".join(path for path, pattern in found if pattern is None)
    return Diagnosis(known[0][1].cause, parts + (f"; {rest} unexplained." if rest else "."))


def _closeness(problem: Problem) -> float:
    """How close, relative to a tensor's scale, a hypothesis must come."""
    return max(1e-8, 30 * problem.epsilon)
