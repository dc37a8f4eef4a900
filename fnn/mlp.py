"""The multilayer perceptron: dense maps with activations between them."""

from collections.abc import Callable, Sequence
from typing import Literal

from fnn import activations, checks, layers
from fnn.activations import Activation
from fnn.initializers import Initializer
from fnn.layers import MaskedWidth
from fnn.remembered import remembered
from fnn.types import Layer

Placement = Literal["before", "after"] | None


@remembered
def mlp(
    sizes: Sequence[int | MaskedWidth],
    *,
    activation: str | Activation | Sequence[str | Activation] = "relu",
    output: str | Activation = "identity",
    init: str | Initializer = "he",
    batch_norm: Placement = None,
    dropout: float = 0.0,
) -> Layer:
    """a_l = σ_l(W_l a_{l−1} + b_l) for l = 1 … K, as a Layer.

    sizes       (inputs, hidden…, outputs), at least two of them; hidden ones may be a
                `layers.MaskedWidth`, for a sweep over widths as one program
    activation  of the hidden layers: one for all, or one for each
    output      of the last layer; "identity" gives logits
    init        of every W; biases start at zero
    batch_norm  "before" or "after" each hidden activation, or None
    dropout     drop rate of every hidden unit, in [0, 1)

    With a MaskedWidth every W is drawn by `initializers.by_unit`.

    Parameters are a tuple with one entry a layer, in the order of the forward pass: `params[0].W`,
    `params[0].b`, then () for the activation, and so on. Raises ValueError for whatever is not as
    above.
    """
    hidden = (
        len(sizes) - 2
        if isinstance(sizes, Sequence) and not isinstance(sizes, (str, bytes))
        else -1
    )
    if hidden < 0:
        raise ValueError(
            f"sizes: got {sizes!r}, expected at least (inputs, outputs), such as (64, 32, 10)."
        )
    widths = [_width(i, size, i in (0, len(sizes) - 1)) for i, size in enumerate(sizes)]
    affine: Callable[..., Layer] = layers.dense
    if any(isinstance(width, MaskedWidth) for width in widths):
        affine = layers.padded
    last = activations.get(output, "output")
    if batch_norm is not None and not (
        isinstance(batch_norm, str) and batch_norm in ("before", "after")
    ):
        raise ValueError(f"batch_norm: got {batch_norm!r}, expected 'before', 'after' or None.")
    checks.fraction("dropout", dropout)

    parts: list[Layer] = []
    for n_in, n_out, sigma in zip(
        widths, widths[1:-1], _per_layer(activation, hidden), strict=False
    ):
        if isinstance(n_out, MaskedWidth) and sigma.product is not None:
            raise ValueError(
                f"activation: {sigma.name} couples the units of a layer, which a MaskedWidth "
                f"cannot have."
            )
        features = n_out.most if isinstance(n_out, MaskedWidth) else n_out
        parts.append(affine(n_in, n_out, init=init))
        if batch_norm == "before":
            parts.append(layers.batch_norm(features))
        parts.append(layers.activation(sigma))
        if batch_norm == "after":
            parts.append(layers.batch_norm(features))
        if not checks.is_concrete(dropout) or dropout:
            parts.append(layers.dropout(dropout))
    parts.append(affine(widths[-2], widths[-1], init=init))
    if last is not activations.identity:
        parts.append(layers.activation(last))
    return layers.serial(*parts)


def _width(i: int, size: int | MaskedWidth, at_end: bool) -> int | MaskedWidth:
    """A size, checked."""
    if isinstance(size, MaskedWidth):
        if at_end:
            raise ValueError(
                f"sizes[{i}]: got {size}, expected a whole number; only hidden sizes may be a "
                f"MaskedWidth."
            )
        return MaskedWidth.of(f"sizes[{i}]", size)
    return checks.count(f"sizes[{i}]", size)


def _per_layer(activation, hidden: int) -> list[Activation]:
    """One activation for each hidden layer."""
    if isinstance(activation, (str, Activation)):
        return [activations.get(activation)] * hidden
    if not isinstance(activation, Sequence) or len(activation) != hidden:
        raise ValueError(
            f"activation: got {activation!r} for {hidden} hidden layer(s), expected a name, an "
            f"Activation, or one "
            "for each hidden layer."
        )
    return [activations.get(each) for each in activation]
