"""What is known of a wrong gradient: all that a hypothesis about its cause may look at."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fnn.gradcheck import mistakes
from fnn.gradcheck.compare import Comparison
from fnn.gradcheck.oracle import Truth
from fnn.gradcheck.problem import Problem
from fnn.gradcheck.replay import Replay, replay_of

PATIENCE = 20.0  # seconds for running backward passes with mistakes in them


class Finding(NamedTuple):
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

    def __init__(self, problem: Problem, truth: Truth | None, findings: Sequence[Finding]) -> None:
        self.problem = problem
        self.truth = truth
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
        assert self.truth is not None
        return replay_of(self.truth, self.problem.leaves)

    @cached_property
    def given(self) -> mistakes.Given:
        """Return what a mistake in the backward pass must make."""
        hand = [finding.compared.hand for finding in self.findings]
        slack = [finding.compared.tolerance for finding in self.findings]
        functions = mistakes.functions(self.replay)
        return mistakes.Given(hand, slack, functions, self.problem.paths)
