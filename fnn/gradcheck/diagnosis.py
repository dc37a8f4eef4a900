"""Why a gradient is wrong: hypotheses in order, of which the first that fits is reported.

A hypothesis is a function Evidence -> Diagnosis or None. Those about the backward pass are searches
of `mistakes`: they run it again with a mistake in one of its steps, and fit where they reproduce
the hand-written numbers. To add one, write it in its file and put it where it belongs in
HYPOTHESES.
"""

import time
from collections.abc import Callable

from fnn.gradcheck import mistakes, tensorwise
from fnn.gradcheck.evidence import PATIENCE, Evidence
from fnn.gradcheck.records import Diagnosis

Hypothesis = Callable[[Evidence], Diagnosis | None]


def tried(search: mistakes.Search) -> Hypothesis:
    """Return the hypothesis that one of the mistakes of a search was made."""

    def hypothesis(evidence: Evidence) -> Diagnosis | None:
        if evidence.truth is None:
            return None
        replay, given = evidence.replay, evidence.given
        for mistake in search(replay, given):
            if time.monotonic() > evidence.deadline:
                raise TimeoutError(f"{PATIENCE:.0f} s were not enough.")
            if mistakes.reproduces(mistake.gradient, given, replay.right.grads, evidence.closeness):
                return Diagnosis(mistake.cause, mistake.explanation)
        return None

    return hypothesis


def assembly(evidence: Evidence) -> Diagnosis | None:
    """Try whether every wrong tensor is put together from the wrong pieces, of one kind."""
    if evidence.truth is None:
        return None
    leaves = [evidence.problem.paths.index(finding.path) for finding in evidence.wrong]
    found = [
        mistakes.assembled(evidence.replay, evidence.given, leaf, evidence.closeness)
        for leaf in leaves
    ]
    known = [pieces for pieces in found if pieces is not None]
    if not known or len(known) < len(found) or len({pieces.cause for pieces in known}) > 1:
        return None
    parts = (
        f"in {finding.path}, {pieces.explanation}"
        for finding, pieces in zip(evidence.wrong, known, strict=True)
    )
    return Diagnosis(known[0].cause, " ".join(parts))


HYPOTHESES: tuple[Hypothesis, ...] = (
    # nothing to explain by a computation
    tensorwise.ignored,
    tensorwise.contradiction,
    tensorwise.not_finite,
    # right numbers in wrong places, and one pattern that is exact in every tensor
    tensorwise.swapped_tensors,
    tensorwise.one_pattern,
    # terms of the loss, before anything about examples or derivatives
    tried(mistakes.of_terms),
    tensorwise.penalty,
    # a known mistake in a step of the backward pass
    *map(tried, mistakes.KNOWN),
    assembly,
    # the same with a number that is fitted, which explains more and therefore says less
    *map(tried, mistakes.FITTED),
    tensorwise.factor_beside_penalty,
    # what only says where it is wrong
    tensorwise.precision,
    tensorwise.one_vague_pattern,
    tensorwise.each_by_itself,
)


def diagnose(evidence: Evidence) -> Diagnosis:
    """Return the first hypothesis that explains every wrong tensor; "unknown" if none does."""
    stopped = ""
    for hypothesis in HYPOTHESES:
        try:
            found = hypothesis(evidence)
        except (
            Exception
        ) as error:  # the verdict stands, and says what kept its cause from being found
            stopped = f" The search among mistakes ended early: {type(error).__name__}: {error}"
            continue
        if found is not None:
            return found
    return unknown(evidence, stopped)


def unknown(evidence: Evidence, stopped: str) -> Diagnosis:
    """Return where to look, at least."""
    names = ", ".join(finding.path for finding in evidence.wrong)
    right = ", ".join(f.path for f in evidence.findings if not f.wrong.any())
    where = (
        f" Right are {right}. Where the gradient of a bias is right, so is δ of its layer: look at "
        f"the line that makes {names}."
        if right
        else " Every tensor is wrong: look at the end of the forward pass, where the backward "
        "pass begins."
    )
    untraced = (
        " Most causes can only be tried where JAX differentiates the loss: give the same loss, "
        "written with jax.numpy, as jax_loss=, and it may be named."
    )
    more = "" if evidence.truth is not None else untraced
    said = f"no mistake that was tried makes the gradient of {names}.{where}{more}{stopped}"
    return Diagnosis("unknown", said)
