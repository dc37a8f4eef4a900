"""Why a gradient is wrong: hypotheses in order, of which the first that fits is reported.

A hypothesis is a function Evidence -> Diagnosis or None. Those about the backward pass are searches
of `mistakes`: they run it again with a mistake in one of its steps, and fit where they reproduce
the hand-written numbers. To add one, write it in its file and put it where it belongs in
HYPOTHESES.
"""

import time
from collections.abc import Callable

from fnn.gradcheck import hypotheses, tensorwise
from fnn.gradcheck.evidence import PATIENCE, Evidence
from fnn.gradcheck.records import Hypothesis

Proposer = Callable[[Evidence], Hypothesis | None]


def tried(search: hypotheses.Search) -> Proposer:
    """Return the hypothesis that one of the mistakes of a search was made."""

    def hypothesis(evidence: Evidence) -> Hypothesis | None:
        if evidence.reference is None:
            return None
        replay, observed = evidence.replay, evidence.observed
        for hypothesis in search(replay, observed):
            if time.monotonic() > evidence.deadline:
                raise TimeoutError(f"{PATIENCE:.0f} s were not enough.")
            if hypotheses.reproduces(
                hypothesis.gradient, observed, replay.right.grads, evidence.closeness
            ):
                return Hypothesis(hypothesis.cause, hypothesis.explanation)
        return None

    return hypothesis


def assembly(evidence: Evidence) -> Hypothesis | None:
    """Try whether every wrong tensor is put together from the wrong pieces, of one kind."""
    if evidence.reference is None:
        return None
    leaves = [evidence.problem.paths.index(finding.path) for finding in evidence.wrong]
    found = [
        hypotheses.assembled(evidence.replay, evidence.observed, leaf, evidence.closeness)
        for leaf in leaves
    ]
    known = [pieces for pieces in found if pieces is not None]
    if not known or len(known) < len(found) or len({pieces.cause for pieces in known}) > 1:
        return None
    parts = (
        f"in {finding.path}, {pieces.explanation}"
        for finding, pieces in zip(evidence.wrong, known, strict=True)
    )
    return Hypothesis(known[0].cause, " ".join(parts))


PROPOSERS: tuple[Proposer, ...] = (
    # nothing to explain by a computation
    tensorwise.ignored,
    tensorwise.contradiction,
    tensorwise.not_finite,
    # right numbers in wrong places, and one pattern that is exact in every tensor
    tensorwise.swapped_tensors,
    tensorwise.one_pattern,
    # terms of the loss, before anything about examples or derivatives
    tried(hypotheses.of_terms),
    tensorwise.penalty,
    # a known mistake in a step of the backward pass
    *map(tried, hypotheses.KNOWN),
    assembly,
    # the same with a number that is fitted, which explains more and therefore says less
    *map(tried, hypotheses.FITTED),
    tensorwise.factor_beside_penalty,
    # what only says where it is wrong
    tensorwise.precision,
    tensorwise.one_vague_pattern,
    tensorwise.each_by_itself,
)


def diagnose(evidence: Evidence) -> Hypothesis:
    """Return the first hypothesis that explains every wrong tensor; "unknown" if none does."""
    stopped = ""
    for hypothesis in PROPOSERS:
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


def unknown(evidence: Evidence, stopped: str) -> Hypothesis:
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
    more = "" if evidence.reference is not None else untraced
    said = f"no mistake that was tried makes the gradient of {names}.{where}{more}{stopped}"
    return Hypothesis("unknown", said)
