"""The mistakes that people make in a backward pass, each as the gradient that it would make."""

from fnn.gradcheck.hypotheses.catalogue import FITTED, KNOWN
from fnn.gradcheck.hypotheses.entrywise import functions
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, Search, reproduces
from fnn.gradcheck.hypotheses.terms import of_terms
from fnn.gradcheck.hypotheses.weights import assembled

__all__ = [
    "FITTED",
    "KNOWN",
    "Given",
    "Mistake",
    "Search",
    "assembled",
    "functions",
    "of_terms",
    "reproduces",
]
