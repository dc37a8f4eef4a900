"""The evidence about a wrong gradient: all that a hypothesis about its cause may look at."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fnn.gradcheck import hypotheses
from fnn.gradcheck.compare import Comparison
from fnn.gradcheck.problem import Problem
from fnn.gradcheck.reference import Reference
from fnn.gradcheck.replay import Replay, replay_of

PATIENCE = 20.0  # seconds for running backward passes with errors in them


class TensorEvidence(NamedTuple):
    """The evidence about one tensor.

    params        the parameters themselves
    compared      the given gradient beside its reference
    wrong         where it is wrong, without the entries that a kink excuses
    contradicted  whether differences contradict it although autodiff agrees
    """

    path: str
    params: np.ndarray
    compared: Comparison
    wrong: np.ndarray
    contradicted: bool


class Evidence:
    """The evidence about a problem.

    reference  autodiff; None where the loss cannot be traced
    tensors    the evidence about each tensor
    wrong      that about the wrong ones
    closeness  how near a hypothesis must be to the given numbers, relative to their scale
    deadline   when to stop running backward passes, by time.monotonic()
    """

    def __init__(
        self, problem: Problem, reference: Reference | None, tensors: Sequence[TensorEvidence]
    ) -> None:
        self.problem = problem
        self.reference = reference
        self.tensors = tensors
        self.wrong = [tensor for tensor in tensors if tensor.wrong.any()]
        self.closeness = max(1e-8, 30 * problem.epsilon)
        self.deadline = time.monotonic() + PATIENCE

    @property
    def names(self) -> str:
        """Return the names of the wrong tensors, for a sentence."""
        if len(self.wrong) == len(self.tensors) > 1:
            return "every tensor"
        return self.wrong_paths

    @property
    def wrong_paths(self) -> str:
        """Return the paths of the wrong tensors."""
        return ", ".join(tensor.path for tensor in self.wrong)

    @cached_property
    def replay(self) -> Replay:
        """Return the true backward pass, to be run again with an error in one of its steps."""
        assert self.reference is not None
        return replay_of(self.reference, self.problem.leaves)

    @cached_property
    def observed(self) -> hypotheses.Observed:
        """Return the gradient that a hypothesis about the backward pass must reproduce."""
        comparisons = [tensor.compared for tensor in self.tensors]
        given = [compared.given for compared in comparisons]
        slack = [compared.tolerance for compared in comparisons]
        functions = hypotheses.functions(self.replay)
        return hypotheses.Observed(given, slack, functions, self.problem.paths)
