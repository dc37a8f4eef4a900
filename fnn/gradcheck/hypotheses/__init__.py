"""Hypotheses about the mistakes that people make in a backward pass.

The true backward pass of the loss (`replay`) and the given gradient go in. Each search yields
hypotheses: a cause, a sentence, and the gradient that the mistake makes. The first whose gradient
equals the given one is reported.

The modules, in the order of reading:

hypothesis   the records, and the fit of numbers that a hypothesis leaves open
catalogue    the searches in the order in which they are tried
terms        terms of the loss: missing, doubled, unweighted, divided by another number
data         another key, examples left out or out of step, a forgotten target
entrywise    the functions a = f(z) in the loss, entry by entry
activations  f′(z): left out, taken at a, or another formula
softmaxes    the Jacobian of softmax, and p − y with another p or y
statistics   batch statistics taken as constants
products     Wᵀ: left out, not transposed, of another W
scales       a constant factor somewhere
weights      one tensor's gradient put together from the wrong arrays

To add a search, write it in the module of its subject and list it in `catalogue`.
"""

from fnn.gradcheck.hypotheses.catalogue import FITTED, KNOWN
from fnn.gradcheck.hypotheses.entrywise import functions
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, Search
from fnn.gradcheck.hypotheses.terms import of_terms
from fnn.gradcheck.hypotheses.weights import assembled

__all__ = [
    "FITTED",
    "KNOWN",
    "BackwardHypothesis",
    "Observed",
    "Search",
    "assembled",
    "functions",
    "of_terms",
]
