"""Finding out whether the point lies exactly on a kink of the loss."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array

from fnn.gradcheck.flat_jaxpr import FlatJaxpr, evaluate, is_float

COMPARISONS = ("gt", "lt", "ge", "le", "max", "min")


def ties(flat: FlatJaxpr, leaves: Sequence[Array]) -> dict[str, Array]:
    """How many comparisons of floating numbers inside the loss are tied at the point, as a ReLU's
    is at 0, by operation.
    """
    tied: dict[str, Array] = {}

    def after(operation, inputs, outputs):
        name = operation.equation.primitive.name
        if (name in COMPARISONS or name in ("abs", "sign")) and is_float(inputs[0]):
            other = inputs[1] if name in COMPARISONS else 0.0
            tied[name] = tied.get(name, 0) + jnp.sum(inputs[0] == other)
        return outputs

    evaluate(flat, leaves, flat.constants, after)
    return tied


def sentence(tied: dict[str, int]) -> list[str]:
    """What ties mean, if there are any."""
    found = ", ".join(f"{count} in {name}" for name, count in tied.items() if count)
    if not found:
        return []
    return [
        f"The loss compares numbers that are equal at this point ({found}): it may have kinks "
        f"there. Autodiff takes "
        "the slope that the operation's own rule gives (jax.nn.relu 0, jnp.maximum ½, jnp.abs 1 "
        "at a tie)."
    ]
