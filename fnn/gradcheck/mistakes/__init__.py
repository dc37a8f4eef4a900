"""The mistakes that people make in a backward pass, each as the gradient that it would make."""

from fnn.gradcheck.mistakes.catalogue import FITTED, KNOWN
from fnn.gradcheck.mistakes.entrywise import functions
from fnn.gradcheck.mistakes.mistake import Given, Mistake, Search, reproduces
from fnn.gradcheck.mistakes.terms import of_terms
from fnn.gradcheck.mistakes.weights import assembled

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
