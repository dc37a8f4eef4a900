"""The mean loss, and the accuracy, of a network on a whole split."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from fnn.backprop import feature_major, target_of
from fnn.data import Split
from fnn.types import Layer, Loss, Params, State

CHUNK = 4096  # examples at a time: bounds the memory of the activations, and is one piece for small data


def evaluate(net: Layer, loss: Loss, params: Params, state: State, split: Split) -> dict[str, Float[Array, ""]]:
    """{"loss": …} in evaluation mode, and "accuracy" where the loss has one; means over every example of the split, in
    the default float dtype whatever that of the network: bfloat16 cannot count beyond 256."""
    n = split.x.shape[0]
    chunks, rest = divmod(n, CHUNK)

    def sums(part: Split):
        prediction, _, _ = net.forward(params, state, feature_major(part.x), key=None, train=False)
        target = target_of(part.y)
        totals = {"loss": jnp.sum(loss.value(prediction, target), dtype=float)}
        if loss.correct is not None:
            totals["accuracy"] = jnp.sum(loss.correct(prediction, target), dtype=float)
        return totals

    parts = []
    if chunks:
        whole = Split(*(a[: n - rest].reshape(chunks, CHUNK, *a.shape[1:]) for a in split))
        parts.append({name: jnp.sum(values) for name, values in lax.map(sums, whole).items()})
    if rest:
        parts.append(sums(Split(*(a[n - rest :] for a in split))))
    return {name: sum(part[name] for part in parts) / n for name in parts[0]}
