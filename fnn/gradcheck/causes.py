"""List the causes that a report may name, each with its meaning and a remedy."""

from typing import NamedTuple


class Cause(NamedTuple):
    """The meaning of a cause, and a remedy to try."""

    meaning: str
    remedy: str


CAUSES: dict[str, Cause] = {
    "another key": Cause(
        "the backward pass uses other random numbers than the forward pass",
        "draw the mask once, from the key= that both are given, and keep it for the backward pass",
    ),
    "another under vmap": Cause(
        "at several points at once, under jax.vmap, the gradient is another than at each",
        "look for a batching rule of your own, a callback, an axis counted from the left",
    ),
    "broadcast in the loss": Cause(
        "the loss combines (n, 1) with (n,), which is (n, n)",
        "give both the same shape, such as prediction[:, 0] − target",
    ),
    "clipped": Cause(
        "entries beyond a limit are cut to it", "clip after the check, in the optimizer"
    ),
    "constant factor": Cause(
        "the gradient, or one term of it, is multiplied by a number",
        "look for a mean against a sum, a ½ before a square, a division that is made twice",
    ),
    "constant statistics": Cause(
        "mean and variance of a batch are taken as constants",
        "differentiate them too: both depend on every example of the batch",
    ),
    "derivative at the activation": Cause(
        "f′ is taken at a = f(z) instead of z",
        "keep z, or write f′ in terms of a: a (1 − a) for the sigmoid",
    ),
    "derivative twice": Cause(
        "p − y, which contains the derivative of softmax, is multiplied by it once more",
        "use δ = p − y alone for softmax with cross-entropy",
    ),
    "elementwise softmax": Cause(
        "softmax is differentiated entry by entry, its off-diagonal terms are left out",
        "use p (δ − Σ p δ), or p − y for softmax with cross-entropy",
    ),
    "extra penalty": Cause(
        "the gradient has a multiple of the parameter that the loss has not, or the reverse",
        "write the penalty on both sides, with the same λ and the same ½",
    ),
    "loss ignores params": Cause(
        "the loss reads other numbers than its argument",
        "put params where the loss reads them, or make it a function of its argument",
    ),
    "missing derivative": Cause("a factor f′ is left out", "multiply δ by f′(z) of this layer"),
    "missing gradient": Cause(
        "a tensor's gradient is all zero", "compute it, and return it under this name"
    ),
    "missing term": Cause("a term of the loss has no gradient", "add the gradient of that term"),
    "missing weights": Cause(
        "the loss weights its examples, the gradient does not",
        "multiply δ of each example by its weight",
    ),
    "missing Wᵀ": Cause("δ is handed back without the product with Wᵀ", "use δ_below = Wᵀ δ"),
    "never zeroed": Cause(
        "the gradient adds to that of an earlier call",
        "set it to zero where the backward pass begins",
    ),
    "nondeterministic": Cause(
        "it gives other numbers when called again", "draw random numbers from key= alone"
    ),
    "not finite": Cause(
        "the gradient holds NaN or infinity", "look for log(0), 0/0 and exp of large numbers"
    ),
    "not the derivative": Cause(
        "autodiff and the gradient agree, and differences of the loss contradict both",
        "look for stop_gradient, rounding or a derivative rule of one's own in the loss",
    ),
    "precision loss": Cause(
        "the errors have the size of rounding in a narrower precision",
        "look for float32 arrays or casts in a part of the gradient",
    ),
    "sign": Cause(
        "the sign is turned", "look for target − prediction, or a step taken instead of a gradient"
    ),
    "silent broadcast": Cause(
        "a value is repeated along an axis", "look at the shapes of the sum before it"
    ),
    "stale row": Cause("whole rows hold other numbers", "look for an index that is not updated"),
    "stale weights": Cause(
        "weights are used after they were updated", "compute every gradient before the first update"
    ),
    "sum over every axis": Cause(
        "one sum for all entries", "sum over the examples alone: axis=0 for rows of examples"
    ),
    "swapped rows": Cause(
        "rows are right, in another order", "look at the order of an index or of a concatenation"
    ),
    "swapped tensors": Cause(
        "gradients are right, in the wrong places", "look at the names, or the order of a list"
    ),
    "transpose": Cause(
        "the gradient is transposed", "use δ aᵀ for W (out, in), aᵀ δ for W (in, out)"
    ),
    "unknown": Cause(
        "none of the known mistakes makes these numbers",
        "look where the first wrong tensor is computed",
    ),
    "wrong axis": Cause(
        "it is summed or averaged along another axis",
        "look at axis= of the sum: examples are what is summed",
    ),
    "wrong derivative": Cause(
        "f′ is another function than the derivative of f", "compare f′ with jax.grad(f)"
    ),
    "wrong entries": Cause(
        "a few entries are wrong", "look for what treats them apart: an index, a mask, a border"
    ),
    "wrong examples": Cause(
        "examples are left out, counted twice or shifted",
        "look at slices and at the pairs of x and y",
    ),
    "wrong layer input": Cause(
        "δ is multiplied by the input of another layer",
        "use the a that entered this layer: dW = δ aᵀ",
    ),
    "wrong target": Cause("the target is left out of δ, or counted twice", "look at p − y"),
    "wrong terms": Cause(
        "several terms of the loss count wrongly", "compare the gradient of each term alone"
    ),
    "zeroed entries": Cause(
        "some entries are zero", "look for a mask, or an index that leaves them out"
    ),
    "zeroed row": Cause("whole rows are zero", "look for a loop that ends early, or a slice"),
}
"""cause -> its meaning and remedy. Names stay the same from version to version."""
