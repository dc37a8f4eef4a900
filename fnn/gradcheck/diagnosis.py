"""Why a gradient is wrong: hypotheses are computed, and the one that reproduces the wrong numbers is reported.

First come hypotheses about each wrong tensor by itself (a factor, a sign, a transpose, rows), then hypotheses about
the computation: the true backward pass is run again with a common mistake in one of its steps.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from fnn.gradcheck import mistakes, patterns
from fnn.gradcheck.compare import Comparison
from fnn.gradcheck.oracle import Truth
from fnn.gradcheck.problem import Problem
from fnn.gradcheck.replay import Replay, replay_of

ENOUGH = 6  # wrong entries, from which on their sizes say something
PATIENCE = 20.0  # seconds for running backward passes with mistakes in them


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
    contradiction = partial(_contradiction, traced=truth is not None)
    for guess in (_ignored, contradiction, _not_finite, _swapped_tensors, _one_pattern, _penalty):
        found = guess(problem, findings, wrong)
        if found is not None and found.cause == "extra penalty" and truth is not None:
            found = _by_terms(problem, truth, findings) or found  # the loss may have it, with another factor
        if found is not None:
            return found
    stopped = ""
    try:
        found = None if truth is None else _by_replay(problem, truth, findings, wrong)
    except Exception as error:  # the verdict stands without a cause, and says what kept it from being found
        stopped = f" The search among mistakes ended early: {type(error).__name__}: {error}"
    found = (
        found
        or (_factor_beside_penalty(problem, findings, wrong) if truth is None else None)
        or _precision(problem, findings, wrong)
        or _one_vague_pattern(problem, findings, wrong)
        or _each_by_itself(problem, findings, wrong)
    )
    return found or _unknown(findings, wrong, stopped, truth is not None)


def _by_terms(problem, truth: Truth, findings) -> Diagnosis | None:
    """Terms of the loss that count otherwise in the gradient."""
    replay = replay_of(truth, problem.leaves)
    hand, slack = [f.compared.hand for f in findings], [f.compared.tolerance for f in findings]
    given = mistakes.Given(hand, slack, [], problem.paths)
    return _mistake(problem, replay, given, [mistakes.of_terms], time.monotonic() + PATIENCE)


def _by_replay(problem, truth: Truth, findings, wrong) -> Diagnosis | None:
    """A mistake in one step of the backward pass, or wrong tensors put together from the wrong pieces of it."""
    deadline = time.monotonic() + PATIENCE
    replay = replay_of(truth, problem.leaves)
    hand, slack = [f.compared.hand for f in findings], [f.compared.tolerance for f in findings]
    given = mistakes.Given(hand, slack, mistakes.functions(replay), problem.paths)
    return (
        _mistake(problem, replay, given, mistakes.KNOWN, deadline)
        or _assembly(problem, replay, given, wrong)
        or _mistake(problem, replay, given, mistakes.FITTED, deadline)
    )


def _ignored(problem, findings, wrong) -> Diagnosis | None:
    """The loss does not change with any parameter."""
    if not wrong or any(np.any(finding.compared.truth) for finding in findings) or _changes(problem):
        return None
    return Diagnosis(
        "loss ignores params",
        "the loss does not change with params: every true gradient is exactly zero. It reads other numbers than its "
        "argument, such as those that an object holds. Put params where it reads them, before it is computed.",
    )


def _changes(problem: Problem) -> bool:
    """Whether the loss is another somewhere else: a zero gradient may come from units that are all off."""
    rng = np.random.default_rng(2)
    here = float(problem.loss(problem.leaves))
    for size in (0.1, 1.0, 10.0, 100.0):
        moved = [leaf + size * (1 + np.abs(leaf)) * rng.normal(size=leaf.shape) for leaf in problem.leaves]
        try:
            there = float(problem.loss(moved))
        except Exception:  # outside of where it can be computed it is not the same
            return True
        if there != here:
            return True
    return False


def _contradiction(problem, findings, wrong, traced: bool = True) -> Diagnosis | None:
    names = [finding.path for finding in findings if finding.contradicted]
    if not names:
        return None
    if not traced:
        return Diagnosis(
            "unknown",
            f"differences of the loss contradict {', '.join(names)} along directions through them; which entries are "
            "wrong was not found.",
        )
    return Diagnosis(
        "not the derivative",
        f"in {', '.join(names)} the gradient agrees with autodiff, but differences of the loss contradict both. Look "
        "for stop_gradient or a custom derivative rule inside the loss.",
    )


def _not_finite(problem, findings, wrong) -> Diagnosis | None:
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


def _one_pattern(problem, findings, wrong) -> Diagnosis | None:
    """The same exact pattern in every wrong tensor. A factor must be the same in all of them, and one that people
    forget: where there is one output and one example, most mistakes multiply everything by some number."""
    known = _patterns(problem, wrong, vague=False)
    if known is None or len({pattern.cause for pattern in known}) > 1:
        return None
    factor = known[0].cause == "constant factor"
    if factor and (len({pattern.number for pattern in known}) > 1 or not known[0].familiar):
        return None
    return Diagnosis(known[0].cause, f"in {_names(findings, wrong)}, {known[0].explanation}")


def _one_vague_pattern(problem, findings, wrong) -> Diagnosis | None:
    """The same pattern in every wrong tensor, where it may only say what is wrong, or with another factor in each."""
    known = _patterns(problem, wrong, vague=True)
    if known is None or len({pattern.cause for pattern in known}) > 1:
        return None
    if len(known) == 1 and _any_number(wrong[0], known[0]):
        return None
    if known[0].cause == "constant factor" and len({pattern.number for pattern in known}) > 1:
        if any(finding.compared.hand.size == 1 for finding in wrong):
            return None
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


def _penalty(problem, findings, wrong) -> Diagnosis | None:
    """hand = truth + λ θ with one λ for all tensors that are wrong."""
    rates: list[float] = []
    if sum(finding.compared.hand.size for finding in wrong) < 2:  # any number is a multiple of any other
        return None
    for finding in wrong:
        theta = problem.leaves[[f.path for f in findings].index(finding.path)]
        if theta.shape != finding.compared.hand.shape:
            return None  # not every entry was measured
        extra = finding.compared.hand - finding.compared.truth
        if not np.any(theta):
            return None
        rate = float(np.sum(extra * theta) / np.sum(theta * theta))
        if not patterns.close(extra, rate * theta, finding.compared, _closeness(problem)):
            return None
        rates.append(rate)
    if rates and np.allclose(rates, rates[0], rtol=1e-4, atol=0):
        names = ", ".join(finding.path for finding in wrong)
        return Diagnosis(
            "extra penalty",
            f"in {names}, hand-written = truth + {rates[0]:.6g} × the parameter: an L2 term that the loss lacks "
            "(or, if negative, has, and the gradient lacks).",
        )
    return None


def _factor_beside_penalty(problem, findings, wrong) -> Diagnosis | None:
    """hand = c × truth + a multiple of θ, one c for all wrong tensors, where the loss was not traced."""
    factors, parts = [], []
    for finding in wrong:
        theta = problem.leaves[[f.path for f in findings].index(finding.path)]
        hand, truth = finding.compared.hand, finding.compared.truth
        if theta.shape != hand.shape or hand.size < 8:
            return None
        basis = np.stack([truth.ravel(), theta.ravel()], axis=1)
        (factor, rate), *_ = np.linalg.lstsq(basis, hand.ravel(), rcond=1e-10)
        if not patterns.close(hand, factor * truth + rate * theta, finding.compared, _closeness(problem)):
            return None
        factors.append(factor)
        parts.append(f"{finding.path} {rate:+.4g} × the parameter")
    whole = round(max(factors[0], 1 / factors[0])) if factors and factors[0] > 0 else 1
    familiar = whole > 1 and any(np.allclose(factors, f, rtol=1e-4) for f in (whole, 1 / whole))
    if not familiar:  # two numbers explain more than one
        return None
    return Diagnosis(
        "constant factor",
        f"hand-written = {factors[0]:.6g} × truth, beside {', '.join(parts)}: the data term counts {factors[0]:.6g} "
        "times and the penalty is right, or the reverse.",
    )


def _mistake(problem, replay: Replay, given, searches, deadline: float) -> Diagnosis | None:
    """A mistake in a step of the backward pass that makes every tensor what it is."""
    for search in searches:
        for mistake in search(replay, given):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{PATIENCE:.0f} s were not enough.")
            if mistakes.reproduces(mistake.gradient, given, replay.right.grads, _closeness(problem)):
                return Diagnosis(mistake.cause, mistake.explanation)
    return None


def _assembly(problem, replay: Replay, given, wrong) -> Diagnosis | None:
    """Every wrong tensor put together from the wrong pieces of the backward pass, of one kind."""
    leaves = [problem.paths.index(finding.path) for finding in wrong]
    found = [mistakes.assembled(replay, given, leaf, _closeness(problem)) for leaf in leaves]
    known = [pieces for pieces in found if pieces is not None]
    if not known or len(known) < len(found) or len({pieces.cause for pieces in known}) > 1:
        return None
    parts = (f"in {f.path}, {pieces.explanation}" for f, pieces in zip(wrong, known, strict=True))
    return Diagnosis(known[0].cause, " ".join(parts))


def _precision(problem, findings, wrong) -> Diagnosis | None:
    """Errors of the size of a narrower dtype's rounding in most entries of every wrong tensor, and in enough."""
    if sum(int(finding.wrong.sum()) for finding in wrong) < ENOUGH:
        return None
    for name, epsilon in (("float32", 2.0**-23), ("float16", 2.0**-10), ("bfloat16", 2.0**-8)):
        ratio = epsilon / problem.epsilon
        if ratio > 1 and all(_like_rounding(finding, epsilon, ratio) for finding in wrong):
            return Diagnosis(
                "precision loss",
                f"the errors have the size of rounding in {name}: look for arrays or casts of that dtype inside the "
                "gradient.",
            )
    return None


def _like_rounding(finding: Finding, epsilon: float, ratio: float) -> bool:
    """Most entries off by about the noise floor of the narrower precision, none by ten times as much, nor by many
    roundings of the tensor's largest."""
    compared = finding.compared
    floors = compared.scaled_error[finding.wrong] / ratio
    size, error = np.max(np.abs(compared.truth)), np.max(np.abs(compared.hand - compared.truth))
    small = error < 32 * epsilon * size or size <= np.max(compared.tolerance)
    return bool(small and np.mean(finding.wrong) >= 0.5 and 0.003 < np.median(floors) < 1 and np.max(floors) < 10)


def _each_by_itself(problem, findings, wrong) -> Diagnosis | None:
    """Different patterns in different tensors: all of them, under the name of the first."""
    found = [(f.path, patterns.of(f.compared, f.wrong, _closeness(problem), vague=True)) for f in wrong]
    found = [
        (path, None if _any_number(f, pattern) else pattern) for f, (path, pattern) in zip(wrong, found, strict=True)
    ]
    known = [(path, pattern) for path, pattern in found if pattern is not None]
    if not known:
        return None
    parts = "; ".join(f"in {path}, {pattern.explanation.rstrip('.')}" for path, pattern in known)
    rest = ", ".join(path for path, pattern in found if pattern is None)
    return Diagnosis(known[0][1].cause, parts + (f"; {rest} unexplained." if rest else "."))


def _any_number(finding: Finding, pattern: patterns.Pattern | None) -> bool:
    """Whether a pattern is but the quotient of two numbers."""
    return pattern is not None and finding.compared.hand.size == 1 and pattern.cause == "constant factor" and (
        not pattern.familiar
    )  # fmt: skip


def _unknown(findings, wrong, stopped: str, traced: bool) -> Diagnosis:
    """Where to look, at least."""
    names = ", ".join(finding.path for finding in wrong)
    right = ", ".join(finding.path for finding in findings if not finding.wrong.any())
    where = (
        f" Right are {right}. Where the gradient of a bias is right, so is δ of its layer: look at the line that makes "
        f"{names}."
        if right
        else " Every tensor is wrong: look at the end of the forward pass, where the backward pass begins."
    )
    more = "" if traced else (
        " Most causes can only be tried where JAX differentiates the loss: write the loss, not the gradient, with "
        "jax.numpy, and it may be named."
    )  # fmt: skip
    return Diagnosis("unknown", f"no mistake that was tried makes the gradient of {names}.{where}{more}{stopped}")


def _swapped_tensors(problem, findings, wrong) -> Diagnosis | None:
    """Each wrong tensor holds the gradient of another one."""
    places = []
    for finding in wrong:
        hand = finding.compared.hand
        same = (f.path for f in findings if f is not finding and f.compared.truth.shape == hand.shape
                and patterns.close(hand, f.compared.truth, finding.compared, _closeness(problem)))  # fmt: skip
        places.append(next(same, None))
    if not places or None in places or all(finding.compared.hand.size == 1 for finding in wrong):
        return None
    pairs = ", ".join(f"{finding.path} holds that of {place}" for finding, place in zip(wrong, places, strict=True))
    return Diagnosis("swapped tensors", f"right gradients in wrong places: {pairs}.")


def _closeness(problem: Problem) -> float:
    """How close, relative to a tensor's scale, a hypothesis must come."""
    return max(1e-8, 30 * problem.epsilon)
