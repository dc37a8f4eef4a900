"""The multilayer perceptron: dense maps with activations between them."""

from collections.abc import Callable, Sequence
from typing import Literal

from fnn import activations, checks, layers
from fnn.activations import Activation
from fnn.initializers import Initializer
from fnn.layers import MaskedWidth
from fnn.layers.padded import Size
from fnn.remembered import remembered
from fnn.types import Layer

Placement = Literal["before", "after"] | None


@remembered
def mlp(
    sizes: Sequence[Size],
    *,
    activation: str | Activation | Sequence[str | Activation] = "relu",
    output: str | Activation = "identity",
    init: str | Initializer = "he",
    batch_norm: Placement = None,
    dropout: float = 0.0,
) -> Layer:
    """Return the multilayer perceptron of these sizes, as a Layer.

    a_l = σ_l(W_l a_{l−1} + b_l) for l = 1 … K

    sizes       (inputs, hidden…, outputs), at least two of them; hidden ones may be a
                `layers.MaskedWidth`, for a sweep over widths as one program
    activation  of the hidden layers: one for all, or one for each
    output      activation of the last layer; "identity" gives logits
    init        initialiser of every W; biases start at zero
    batch_norm  "before" or "after" each hidden activation, or None
    dropout     drop rate of every hidden unit, in [0, 1)

    With a MaskedWidth every W is drawn by `initializers.by_unit`.

    Parameters are a tuple with one entry a layer, in the order of the forward pass: `params[0].W`,
    `params[0].b`, then () for the activation, and so on. Raises ValueError for other arguments.

    >>> import fnn, jax
    >>> net = fnn.mlp((64, 32, 10), activation="tanh")
    >>> net
    serial(dense 64→32, tanh, dense 32→10)
    >>> params, state = jax.eval_shape(net.init, jax.random.key(0))
    >>> print(params[0].W.shape, params[1], params[2].b.shape)
    (32, 64) () (10,)
    """
    widths = _widths(sizes)
    last = activations.get(output, "output")
    is_placement = isinstance(batch_norm, str) and batch_norm in ("before", "after")
    if batch_norm is not None and not is_placement:
        raise ValueError(f"batch_norm: got {batch_norm!r}, expected 'before', 'after' or None.")
    checks.fraction("dropout", dropout)
    is_masked = any(isinstance(width, MaskedWidth) for width in widths)
    affine: Callable[..., Layer] = layers.padded if is_masked else layers.dense
    hidden = widths[1:-1]
    sigmas = _per_layer(activation, len(hidden))

    parts: list[Layer] = []
    for n_in, n_out, sigma in zip(widths[:-2], hidden, sigmas, strict=True):
        parts.append(affine(n_in, n_out, init=init))
        parts.extend(_after_affine(n_out, sigma, batch_norm, dropout))
    n_in, n_out = widths[-2:]
    parts.append(affine(n_in, n_out, init=init))
    if last is not activations.identity:
        parts.append(layers.activation(last))
    return layers.serial(*parts)


def _after_affine(
    width: Size, sigma: Activation, batch_norm: Placement, dropout: float
) -> list[Layer]:
    """Return the layers that follow the affine map of a hidden layer."""
    if isinstance(width, MaskedWidth) and sigma.product is not None:
        raise ValueError(
            f"activation: {sigma.name} couples the units of a layer, which a MaskedWidth cannot "
            "have."
        )
    features = width.most if isinstance(width, MaskedWidth) else width
    parts: list[Layer] = []
    if batch_norm == "before":
        parts.append(layers.batch_norm(features))
    parts.append(layers.activation(sigma))
    if batch_norm == "after":
        parts.append(layers.batch_norm(features))
    if not checks.is_concrete(dropout) or dropout:
        parts.append(layers.dropout(dropout))
    return parts


def _widths(sizes) -> list[Size]:
    """Return the sizes, checked."""
    is_sequence = isinstance(sizes, Sequence) and not isinstance(sizes, (str, bytes))
    if not is_sequence or len(sizes) < 2:
        raise ValueError(
            f"sizes: got {sizes!r}, expected at least (inputs, outputs), such as (64, 32, 10)."
        )
    last = len(sizes) - 1
    widths = []
    for i, size in enumerate(sizes):
        is_hidden = 0 < i < last
        widths.append(_width(i, size, is_hidden))
    return widths


def _width(i: int, size: Size, is_hidden: bool) -> Size:
    """Return a size, checked."""
    if isinstance(size, MaskedWidth):
        if not is_hidden:
            raise ValueError(
                f"sizes[{i}]: got {size}, expected a whole number; only hidden sizes may be a "
                "MaskedWidth."
            )
        return MaskedWidth.of(f"sizes[{i}]", size)
    return checks.count(f"sizes[{i}]", size)


def _per_layer(activation, hidden: int) -> list[Activation]:
    """Return one activation for each hidden layer."""
    if isinstance(activation, (str, Activation)):
        return [activations.get(activation)] * hidden
    if not isinstance(activation, Sequence) or len(activation) != hidden:
        raise ValueError(
            f"activation: got {activation!r} for {hidden} hidden layer(s), expected a name, an "
            "Activation, or one for each hidden layer."
        )
    return [activations.get(each) for each in activation]
