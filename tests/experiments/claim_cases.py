"""Data for which a claim's rule must say one thing, and data for which it must say another."""

from typing import NamedTuple

import numpy as np

from experiments.claims import Claim
from experiments.common import Results


class Case(NamedTuple):
    """Results as an experiment would have found them, and the word that the claim's rule must say
    of them.
    """

    claim: Claim
    word: str
    results: Results

    def check(self) -> None:
        found = self.claim.rule({name: np.asarray(value) for name, value in self.results.items()})
        assert found.word == self.word, found
        assert found.evidence.endswith(".")
        assert found.numbers


def name_of(case: Case) -> str:
    """The id of a test: 2.5-holds."""
    return f"{case.claim.id}-{case.word}"
