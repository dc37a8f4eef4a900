"""Find out whether the point lies exactly on a kink of the loss."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from fnn.gradcheck.flat_jaxpr import FlatJaxpr, evaluate, is_float

COMPARISONS = ("gt", "lt", "ge", "le", "max", "min")
AGAINST_ZERO = ("abs", "sign")


def ties(flat: FlatJaxpr, leaves: Sequence[Array], xp: Any = jnp) -> dict[str, Array]:
    """Count the tied comparisons of floating-point numbers inside the loss, by operation.

    A comparison is tied at the point as that of a ReLU is at 0.

    xp  the library that computes, as for `evaluate`
    """
    tied: dict[str, Array] = {}

    def after(operation, inputs, outputs):
        name = operation.primitive
        compares = name in COMPARISONS or name in AGAINST_ZERO
        if compares and is_float(inputs[0]):
            right_side = inputs[1] if name in COMPARISONS else 0.0
            equal = xp.sum(inputs[0] == right_side)
            tied[name] = tied.get(name, 0) + equal
        return outputs

    evaluate(flat, leaves, flat.constants, after, xp)
    return tied


def sentence(tied: dict[str, int]) -> list[str]:
    """Return a note that says what ties mean, or an empty list if there are none."""
    counts = [f"{count} in {name}" for name, count in tied.items() if count]
    if not counts:
        return []
    return [
        "The loss compares numbers that are equal at this point "
        f"({', '.join(counts)}): it may have kinks there. Autodiff takes the slope that the "
        "operation's own rule gives (jax.nn.relu 0, jnp.maximum ½, jnp.abs 1 at a tie)."
    ]
