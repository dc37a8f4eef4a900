"""The mean loss, and the accuracy, of a network on a whole split."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from fnn.backprop import feature_major, target_of
from fnn.data import Split
from fnn.types import Layer, Loss, Params, State

CHUNK = 4096  # examples at a time: bounds the memory of the activations; small data are one chunk


def evaluate(
    net: Layer, loss: Loss, params: Params, state: State, split: Split
) -> dict[str, Float[Array, ""]]:
    """Compute the mean "loss" over a split and, where the loss has one, the mean "accuracy".

    The network is in evaluation mode. Sums are in the default float dtype, whatever that of the
    network: bfloat16 cannot count beyond 256.
    """
    n = split.x.shape[0]
    chunks, rest = divmod(n, CHUNK)

    def sums(part: Split):
        x, target = feature_major(part.x), target_of(part.y)
        prediction, _, _ = net.forward(params, state, x, key=None, train=False)
        totals = {"loss": jnp.sum(loss.forward(prediction, target), dtype=float)}
        if loss.matches is not None:
            totals["accuracy"] = jnp.sum(loss.matches(prediction, target), dtype=float)
        return totals

    parts = []
    if chunks:
        whole = Split(*(a[: n - rest].reshape(chunks, CHUNK, *a.shape[1:]) for a in split))
        totals = lax.map(sums, whole)
        parts.append({name: jnp.sum(values) for name, values in totals.items()})
    if rest:
        parts.append(sums(Split(*(a[n - rest :] for a in split))))
    return {name: sum(part[name] for part in parts) / n for name in parts[0]}
