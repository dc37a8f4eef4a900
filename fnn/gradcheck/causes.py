"""List the causes that a report may name, each with its meaning and a remedy."""

from enum import StrEnum
from typing import Self


class Cause(StrEnum):
    """A mistake that a report may name: `report.cause` is the text of one of them, or None.

    meaning  what is wrong, in a sentence
    remedy   what to try

    >>> from fnn.gradcheck import Cause
    >>> Cause("transpose") is Cause.TRANSPOSE
    True
    >>> print(Cause.MISSING_DERIVATIVE.remedy)
    multiply δ by f′(z) of this layer
    """

    meaning: str
    remedy: str

    def __new__(cls, text: str, meaning: str = "", remedy: str = "") -> Self:
        """Return a cause that is its text."""
        cause = str.__new__(cls, text)
        cause._value_ = text
        cause.meaning = meaning
        cause.remedy = remedy
        return cause

    ANOTHER_KEY = (
        "another key",
        "the backward pass uses other random numbers than the forward pass",
        "draw the mask once, from the key= that both are given, and keep it for the backward pass",
    )
    ANOTHER_UNDER_VMAP = (
        "another under vmap",
        "at several points at once, under jax.vmap, the gradient is another than at each",
        "look for a batching rule of your own, a callback, an axis counted from the left",
    )
    BROADCAST_IN_THE_LOSS = (
        "broadcast in the loss",
        "the loss combines (n, 1) with (n,), which is (n, n)",
        "give both the same shape, such as prediction[:, 0] − target",
    )
    CLIPPED = (
        "clipped",
        "entries beyond a limit are cut to it",
        "clip after the check, in the optimizer",
    )
    CONSTANT_FACTOR = (
        "constant factor",
        "the gradient, or one term of it, is multiplied by a number",
        "look for a mean against a sum, a ½ before a square, a division that is made twice",
    )
    CONSTANT_STATISTICS = (
        "constant statistics",
        "mean and variance of a batch are taken as constants",
        "differentiate them too: both depend on every example of the batch",
    )
    DERIVATIVE_AT_THE_ACTIVATION = (
        "derivative at the activation",
        "f′ is taken at a = f(z) instead of z",
        "keep z, or write f′ in terms of a: a (1 − a) for the sigmoid",
    )
    DERIVATIVE_TWICE = (
        "derivative twice",
        "p − y, which contains the derivative of softmax, is multiplied by it once more",
        "use δ = p − y alone for softmax with cross-entropy",
    )
    ELEMENTWISE_SOFTMAX = (
        "elementwise softmax",
        "softmax is differentiated entry by entry, its off-diagonal terms are left out",
        "use p (δ − Σ p δ), or p − y for softmax with cross-entropy",
    )
    EXTRA_PENALTY = (
        "extra penalty",
        "the gradient has a multiple of the parameter that the loss has not, or the reverse",
        "write the penalty on both sides, with the same λ and the same ½",
    )
    LOSS_IGNORES_PARAMS = (
        "loss ignores params",
        "the loss reads other numbers than its argument",
        "put params where the loss reads them, or make it a function of its argument",
    )
    MISSING_DERIVATIVE = (
        "missing derivative",
        "a factor f′ is left out",
        "multiply δ by f′(z) of this layer",
    )
    MISSING_GRADIENT = (
        "missing gradient",
        "a tensor's gradient is all zero",
        "compute it, and return it under this name",
    )
    MISSING_TERM = (
        "missing term",
        "a term of the loss has no gradient",
        "add the gradient of that term",
    )
    MISSING_WEIGHTS = (
        "missing weights",
        "the loss weights its examples, the gradient does not",
        "multiply δ of each example by its weight",
    )
    MISSING_W_TRANSPOSED = (
        "missing Wᵀ",
        "δ is handed back without the product with Wᵀ",
        "use δ_below = Wᵀ δ",
    )
    NEVER_ZEROED = (
        "never zeroed",
        "the gradient adds to that of an earlier call",
        "set it to zero where the backward pass begins",
    )
    NONDETERMINISTIC = (
        "nondeterministic",
        "it gives other numbers when called again",
        "draw random numbers from key= alone",
    )
    NOT_FINITE = (
        "not finite",
        "the gradient holds NaN or infinity",
        "look for log(0), 0/0 and exp of large numbers",
    )
    NOT_THE_DERIVATIVE = (
        "not the derivative",
        "autodiff and the gradient agree, and differences of the loss contradict both",
        "look for stop_gradient, rounding or a derivative rule of one's own in the loss",
    )
    PRECISION_LOSS = (
        "precision loss",
        "the errors have the size of rounding in a narrower precision",
        "look for float32 arrays or casts in a part of the gradient",
    )
    SIGN = (
        "sign",
        "the sign is turned",
        "look for target − prediction, or a step taken instead of a gradient",
    )
    SILENT_BROADCAST = (
        "silent broadcast",
        "a value is repeated along an axis",
        "look at the shapes of the sum before it",
    )
    STALE_ROW = (
        "stale row",
        "whole rows hold other numbers",
        "look for an index that is not updated",
    )
    STALE_WEIGHTS = (
        "stale weights",
        "weights are used after they were updated",
        "compute every gradient before the first update",
    )
    SUM_OVER_EVERY_AXIS = (
        "sum over every axis",
        "one sum for all entries",
        "sum over the examples alone: axis=0 for rows of examples",
    )
    SWAPPED_ROWS = (
        "swapped rows",
        "rows are right, in another order",
        "look at the order of an index or of a concatenation",
    )
    SWAPPED_TENSORS = (
        "swapped tensors",
        "gradients are right, in the wrong places",
        "look at the names, or the order of a list",
    )
    TRANSPOSE = (
        "transpose",
        "the gradient is transposed",
        "use δ aᵀ for W (out, in), aᵀ δ for W (in, out)",
    )
    UNKNOWN = (
        "unknown",
        "none of the known mistakes makes these numbers",
        "look where the first wrong tensor is computed",
    )
    WRONG_AXIS = (
        "wrong axis",
        "it is summed or averaged along another axis",
        "look at axis= of the sum: examples are what is summed",
    )
    WRONG_DERIVATIVE = (
        "wrong derivative",
        "f′ is another function than the derivative of f",
        "compare f′ with jax.grad(f)",
    )
    WRONG_ENTRIES = (
        "wrong entries",
        "a few entries are wrong",
        "look for what treats them apart: an index, a mask, a border",
    )
    WRONG_EXAMPLES = (
        "wrong examples",
        "examples are left out, counted twice or shifted",
        "look at slices and at the pairs of x and y",
    )
    WRONG_LAYER_INPUT = (
        "wrong layer input",
        "δ is multiplied by the input of another layer",
        "use the a that entered this layer: dW = δ aᵀ",
    )
    WRONG_TARGET = (
        "wrong target",
        "the target is left out of δ, or counted twice",
        "look at p − y",
    )
    WRONG_TERMS = (
        "wrong terms",
        "several terms of the loss count wrongly",
        "compare the gradient of each term alone",
    )
    ZEROED_ENTRIES = (
        "zeroed entries",
        "some entries are zero",
        "look for a mask, or an index that leaves them out",
    )
    ZEROED_ROW = (
        "zeroed row",
        "whole rows are zero",
        "look for a loop that ends early, or a slice",
    )
