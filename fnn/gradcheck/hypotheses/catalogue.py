"""The searches for known mistakes, in the order in which they are tried."""

from fnn.gradcheck.hypotheses.activations import of_derivatives, of_formulas, of_other_derivatives
from fnn.gradcheck.hypotheses.data import of_examples, of_keys, of_targets
from fnn.gradcheck.hypotheses.hypothesis import Search
from fnn.gradcheck.hypotheses.products import of_products, of_updated_weights
from fnn.gradcheck.hypotheses.scales import of_scales
from fnn.gradcheck.hypotheses.softmaxes import of_softmaxes
from fnn.gradcheck.hypotheses.statistics import of_statistics
from fnn.gradcheck.hypotheses.terms import of_broadcasts, of_factor, of_weights

KNOWN: tuple[Search, ...] = (
    of_weights,
    of_broadcasts,
    of_keys,
    of_derivatives,
    of_softmaxes,
    of_statistics,
    of_products,
    of_examples,
    of_other_derivatives,
)
"""Searches without a fitted number.

Of two mistakes that make the same gradient, the one that people make comes first.
"""

FITTED: tuple[Search, ...] = (
    of_factor,
    of_formulas,
    of_updated_weights,
    of_scales,
    of_targets,
)
"""Searches that fit a number, which explains more and therefore says less."""
