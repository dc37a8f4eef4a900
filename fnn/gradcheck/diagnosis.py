"""Say why a gradient is wrong: the first hypothesis that explains it is reported.

A proposer looks at the evidence and returns a hypothesis that explains every wrong tensor, or None.
Those about the backward pass are searches of `hypotheses`: they run it again with an error in one
of its steps, and explain the gradient if they reproduce the given numbers. To add one, write it in
its file and put it where it belongs in PROPOSERS.
"""

import time
from collections.abc import Callable

from fnn.gradcheck import hypotheses, tensorwise
from fnn.gradcheck.evidence import PATIENCE, Evidence
from fnn.gradcheck.records import Hypothesis

Proposer = Callable[[Evidence], Hypothesis | None]


def proposer_of(search: hypotheses.Search) -> Proposer:
    """Return the proposer of the first hypothesis of a search that reproduces the gradient."""

    def propose(evidence: Evidence) -> Hypothesis | None:
        if evidence.reference is None:
            return None
        replay = evidence.replay
        observed = evidence.observed
        for hypothesis in search(replay, observed):
            if time.monotonic() > evidence.deadline:
                raise TimeoutError(f"{PATIENCE:.0f} s were not enough.")
            if observed.is_reproduced_by(hypothesis.gradient, replay.grads, evidence.closeness):
                return Hypothesis(hypothesis.cause, hypothesis.explanation)
        return None

    return propose


def assembly(evidence: Evidence) -> Hypothesis | None:
    """Try whether every wrong tensor is put together from the wrong arrays, with one cause."""
    if evidence.reference is None:
        return None
    parts = []
    causes = set()
    for tensor in evidence.wrong:
        leaf = evidence.problem.paths.index(tensor.path)
        own = hypotheses.assembled(evidence.replay, evidence.observed, leaf, evidence.closeness)
        if own is None:
            return None
        parts.append(f"in {tensor.path}, {own.explanation}")
        causes.add(own.cause)
    if len(causes) != 1:
        return None
    return Hypothesis(causes.pop(), " ".join(parts))


PROPOSERS: tuple[Proposer, ...] = (
    # There is nothing that a computation could explain.
    tensorwise.ignored,
    tensorwise.contradiction,
    tensorwise.not_finite,
    # Right numbers are in wrong places, or one pattern is exact in every tensor.
    tensorwise.swapped_tensors,
    tensorwise.one_pattern,
    # Terms of the loss come before anything about examples or derivatives.
    proposer_of(hypotheses.of_terms),
    tensorwise.penalty,
    # A step of the backward pass has a known mistake.
    *map(proposer_of, hypotheses.KNOWN),
    assembly,
    # The same with a number that is fitted, which explains more and therefore says less.
    *map(proposer_of, hypotheses.FITTED),
    tensorwise.factor_beside_penalty,
    # These only say where it is wrong.
    tensorwise.precision,
    tensorwise.one_vague_pattern,
    tensorwise.each_by_itself,
)


def diagnose(evidence: Evidence) -> Hypothesis:
    """Return the first hypothesis that explains every wrong tensor; "unknown" if none does."""
    stopped = ""
    for propose in PROPOSERS:
        try:
            hypothesis = propose(evidence)
        except Exception as error:
            # The verdict stands, and the report says why its cause may not have been found.
            stopped = f" The search among mistakes ended early: {type(error).__name__}: {error}"
            continue
        if hypothesis is not None:
            return hypothesis
    return unknown(evidence, stopped)


def unknown(evidence: Evidence, stopped: str) -> Hypothesis:
    """Say at least where to look.

    stopped  a sentence about a search that ended early, or ""
    """
    names = evidence.wrong_paths
    right_paths = [tensor.path for tensor in evidence.tensors if not tensor.wrong.any()]
    right = ", ".join(right_paths)
    if right:
        where = (
            f" Right are {right}. Where the gradient of a bias is right, so is δ of its layer: "
            f"look at the line that makes {names}."
        )
    else:
        where = (
            " Every tensor is wrong: look at the end of the forward pass, where the backward pass "
            "begins."
        )
    untraced = (
        " Most causes can only be tried where JAX differentiates the loss: give the same loss, "
        "written with jax.numpy, as jax_loss=, and it may be named."
    )
    more = "" if evidence.reference is not None else untraced
    text = f"no mistake that was tried makes the gradient of {names}.{where}{more}{stopped}"
    return Hypothesis("unknown", text)
