"""Evaluation: the mean loss, the accuracy and the metrics of a network on whole splits."""

import inspect
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from fnn.backprop import feature_major, target_of
from fnn.data import Scaling, Split
from fnn.metrics import Metric
from fnn.reductions import Weights
from fnn.runs.in_units import for_loss, in_units, units_for
from fnn.types import Layer, Loss, Params, State

NO_METRICS: Mapping[str, Metric] = {}
PREDICTION = "prediction"
CHUNK = 4096  # examples at a time: bounds the memory of the activations; small data are one chunk


class HeldOut(NamedTuple):
    """Hold splits that are evaluated together.

    examples  of all splits, one split after the other
    sizes     the number of examples of each split, by name
    weights   of the examples; None where all count the same
    """

    examples: Split
    sizes: dict[str, int]
    weights: Weights = None


def held_out(
    splits: Mapping[str, Split], weights: Mapping[str, Array] | None = None
) -> list[HeldOut]:
    """Join splits that fit into a chunk. Compiling one evaluation takes less time than two."""
    sizes = {name: split.x.shape[0] for name, split in splits.items()}
    dtypes = {(split.x.dtype, split.y.dtype) for split in splits.values()}
    weights_of = weights or {}
    examples = sum(sizes.values())
    if len(dtypes) > 1 or examples > CHUNK:
        return [
            HeldOut(split, {name: sizes[name]}, weights_of.get(name))
            for name, split in splits.items()
        ]
    xs, ys = zip(*splits.values(), strict=True)
    joined: Any = jnp.concatenate(xs), jnp.concatenate(ys)
    joined_weights = None
    if weights_of:
        in_order = [weights_of[name] for name in splits]
        joined_weights = jnp.concatenate(in_order)
    joined_split = Split(*joined)
    return [HeldOut(joined_split, sizes, joined_weights)]


def evaluate(
    net: Layer,
    loss: Loss,
    params: Params,
    state: State,
    splits: HeldOut,
    metrics: Mapping[str, Metric] = NO_METRICS,
    units: Scaling | None = None,
) -> dict[str, Float[Array, ""]]:
    """Compute "<split>_loss", "<split>_accuracy" where the loss has one, and "<split>_<metric>".

    splits   the examples of one or several splits
    metrics  name -> f(prediction, target)
    units    mean and std by which the target was scaled; metrics are as `units_for` says, losses
             as `for_loss` says

    The network is in evaluation mode. Sums have the default float dtype, also for a network of
    bfloat16, which cannot count beyond 256. Where examples have weights, the means are weighted,
    and a metric that has a parameter `weights` gets them.
    """
    values = values_of_examples(net, loss, params, state, splits.examples, bool(metrics), units)
    prediction = values.pop(PREDICTION) if metrics else jnp.empty(0)
    means = {}
    start = 0
    for split, size in splits.sizes.items():
        end = start + size
        part = slice(start, end)
        weights = None
        if splits.weights is not None:
            weights = jnp.asarray(splits.weights)[part]
        for name, of_examples in values.items():
            means[f"{split}_{name}"] = mean_of(of_examples[part], weights)
        for name, metric in metrics.items():
            target = jnp.asarray(splits.examples.y)[part]
            pair = paired(prediction[part], target)
            arguments = in_units(units_for(name, units), *pair)
            is_weighted = weights is not None and takes_weights(metric)
            options = {"weights": weights} if is_weighted else {}
            value = metric(*arguments, **options)
            means[f"{split}_{name}"] = jnp.asarray(value, float)
        start = end
    return means


def mean_of(values: Float[Array, "examples"], weights: Weights) -> Float[Array, ""]:
    """Return the weighted mean Σ wᵢ vᵢ / Σ wᵢ, or the mean where there are no weights."""
    if weights is None:
        total = jnp.sum(values, dtype=float)
        return total / len(values)
    is_counted = weights > 0
    # 0 · ∞ would be NaN.
    weighted = jnp.where(is_counted, weights * values, 0)
    total = jnp.sum(weighted, dtype=float)
    total_weight = jnp.sum(weights, dtype=float)
    return total / total_weight


@lru_cache(maxsize=256)
def takes_weights(metric: Metric) -> bool:
    """Return whether a metric has a parameter `weights`."""
    try:
        signature = inspect.signature(metric)
        return "weights" in signature.parameters
    except (TypeError, ValueError):  # a builtin has no signature
        return False


def paired(prediction: Array, target: Array) -> tuple[Array, Array]:
    """Return prediction and target as a metric gets them.

    A prediction (examples, 1) becomes a vector where the target is a vector (examples,). Otherwise
    (n, 1) − (n,) would silently be (n, n).
    """
    outputs = prediction.shape[1]
    if outputs == 1 and target.ndim == 1:
        vector = prediction[:, 0]
        return vector, target
    return prediction, target


def values_of_examples(
    net: Layer,
    loss: Loss,
    params: Params,
    state: State,
    split: Split,
    predict: bool = False,
    units: Scaling | None = None,
) -> dict[str, Float[Array, "examples ..."]]:
    """Compute the "loss" of each example and, where the loss has one, the "accuracy".

    predict  also return the "prediction", (examples, outputs)
    units    mean and std by which the target was scaled: see `for_loss`
    """

    def values_of_chunk(chunk: Split) -> dict[str, Float[Array, "examples ..."]]:
        x = feature_major(chunk.x)
        target = target_of(chunk.y)
        prediction, _, _ = net.forward(params, state, x, key=None, train=False)
        arguments = for_loss(units, loss, prediction, target)
        values = {"loss": loss.forward(*arguments)}
        if loss.matches is not None:
            values["accuracy"] = loss.matches(prediction, target)
        if predict:
            values[PREDICTION] = prediction.T
        return values

    n = split.x.shape[0]
    chunks, rest = divmod(n, CHUNK)
    in_chunks = n - rest
    parts = []
    if chunks:
        whole = Split(*(a[:in_chunks].reshape(chunks, CHUNK, *a.shape[1:]) for a in split))
        stacked = lax.map(values_of_chunk, whole)
        flat = {name: a.reshape(in_chunks, *a.shape[2:]) for name, a in stacked.items()}
        parts.append(flat)
    if rest:
        last = Split(*(a[in_chunks:] for a in split))
        parts.append(values_of_chunk(last))
    joined = {}
    for name in parts[0]:
        of_parts = [part[name] for part in parts]
        joined[name] = jnp.concatenate(of_parts)
    return joined
