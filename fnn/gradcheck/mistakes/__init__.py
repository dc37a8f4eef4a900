"""The mistakes that people make in a backward pass, each as the gradient that it would make."""

from fnn.gradcheck.mistakes.activations import of_derivatives, of_formulas, of_other_derivatives
from fnn.gradcheck.mistakes.data import of_examples, of_keys, of_targets
from fnn.gradcheck.mistakes.entrywise import functions
from fnn.gradcheck.mistakes.mistake import Given, Mistake, Search, reproduces
from fnn.gradcheck.mistakes.products import of_products, of_updated_weights
from fnn.gradcheck.mistakes.scales import of_scales
from fnn.gradcheck.mistakes.softmaxes import of_softmaxes
from fnn.gradcheck.mistakes.statistics import of_statistics
from fnn.gradcheck.mistakes.weights import assembled

KNOWN: tuple[Search, ...] = (
    of_keys,
    of_derivatives,
    of_softmaxes,
    of_statistics,
    of_products,
    of_examples,
    of_other_derivatives,
)
"""Mistakes without a number to be fitted."""

FITTED: tuple[Search, ...] = (of_formulas, of_updated_weights, of_scales, of_targets)
"""Mistakes with one."""

__all__ = ["FITTED", "KNOWN", "Given", "Mistake", "Search", "assembled", "functions", "reproduces"]
