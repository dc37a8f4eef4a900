"""What is known of a wrong gradient: all that a hypothesis about its cause may look at."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fnn.gradcheck import hypotheses
from fnn.gradcheck.compare import Comparison
from fnn.gradcheck.reference import Reference
from fnn.gradcheck.problem import Problem
from fnn.gradcheck.replay import Replay, replay_of

PATIENCE = 20.0  # seconds for running backward passes with mistakes in them


class TensorEvidence(NamedTuple):
    """What is known of one tensor; `wrong` leaves out entries that a kink excuses."""

    path: str
    params: np.ndarray
    compared: Comparison
    wrong: np.ndarray
    contradicted: bool


class Evidence:
    """A problem, its truth (None where the loss cannot be traced), and what each tensor shows.

    `closeness` is how near a hypothesis must come to the hand-written numbers, by their scale.
    """

    def __init__(
        self, problem: Problem, reference: Reference | None, findings: Sequence[TensorEvidence]
    ) -> None:
        self.problem = problem
        self.reference = reference
        self.findings = findings
        self.wrong = [finding for finding in findings if finding.wrong.any()]
        self.closeness = max(1e-8, 30 * problem.epsilon)
        self.deadline = time.monotonic() + PATIENCE

    @property
    def names(self) -> str:
        """Return the wrong tensors, for a sentence."""
        every = len(self.wrong) == len(self.findings) > 1
        return "every tensor" if every else ", ".join(finding.path for finding in self.wrong)

    @cached_property
    def replay(self) -> Replay:
        """Return the true backward pass, to be run again with a mistake in one of its steps."""
        assert self.reference is not None
        return replay_of(self.reference, self.problem.leaves)

    @cached_property
    def observed(self) -> hypotheses.Observed:
        """Return what a mistake in the backward pass must make."""
        given = [finding.compared.given for finding in self.findings]
        slack = [finding.compared.tolerance for finding in self.findings]
        functions = hypotheses.functions(self.replay)
        return hypotheses.Observed(given, slack, functions, self.problem.paths)
