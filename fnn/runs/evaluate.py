"""The mean loss, the accuracy and the metrics of a network on whole splits."""

import inspect
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from fnn.backprop import feature_major, target_of
from fnn.data import Scaling, Split
from fnn.metrics import OF_REGRESSION, Metric
from fnn.reductions import Weights
from fnn.runs.in_units import for_loss, in_units, without_mean
from fnn.types import Layer, Loss, Params, State

NO_METRICS: Mapping[str, Metric] = {}
PREDICTION = "prediction"
CHUNK = 4096  # examples at a time: bounds the memory of the activations; small data are one chunk


class HeldOut(NamedTuple):
    """Splits that are evaluated at once: their examples, one split after the other."""

    examples: Split
    sizes: dict[str, int]
    weights: Weights = None


def held_out(
    splits: Mapping[str, Split], weights: Mapping[str, Array] | None = None
) -> list[HeldOut]:
    """Join splits that fit into a chunk: one evaluation is compiled in less time than two."""
    sizes = {name: split.x.shape[0] for name, split in splits.items()}
    kinds = {(split.x.dtype, split.y.dtype) for split in splits.values()}
    given = weights or {}
    if len(kinds) > 1 or sum(sizes.values()) > CHUNK:
        return [
            HeldOut(split, {name: sizes[name]}, given.get(name)) for name, split in splits.items()
        ]
    xs, ys = zip(*splits.values(), strict=True)
    joined: Any = jnp.concatenate(xs), jnp.concatenate(ys)
    all_weights = jnp.concatenate([given[name] for name in splits]) if given else None
    return [HeldOut(Split(*joined), sizes, all_weights)]


def evaluate(
    net: Layer,
    loss: Loss,
    params: Params,
    state: State,
    splits: HeldOut,
    metrics: Mapping[str, Metric] = NO_METRICS,
    units: Scaling | None = None,
) -> dict[str, Float[Array, ""]]:
    """Compute the mean "…_loss" over each split, "…_accuracy" where the loss has one, and metrics.

    The network is in evaluation mode. Sums are in the default float dtype, whatever that of the
    network: bfloat16 cannot count beyond 256. Where examples have weights the means are weighted,
    and so are the metrics that take `weights`. Metrics are in the
    target's own `units`, losses as `for_loss` has it.
    """
    found = values_of_examples(net, loss, params, state, splits.examples, bool(metrics), units)
    prediction = found.pop(PREDICTION) if metrics else jnp.empty(0)
    means, start = {}, 0
    for name, size in splits.sizes.items():
        part = slice(start, start + size)
        weights = None if splits.weights is None else jnp.asarray(splits.weights)[part]
        for mean, of_examples in found.items():
            means[f"{name}_{mean}"] = mean_of(of_examples[part], weights)
        for metric, compute in metrics.items():
            counted = {"weights": weights} if weights is not None and takes_weights(compute) else {}
            target = jnp.asarray(splits.examples.y)[part]
            own = without_mean(units) if metric in OF_REGRESSION else units
            pair = in_units(own, *paired(prediction[part], target))
            value = compute(*pair, **counted)
            means[f"{name}_{metric}"] = jnp.asarray(value, float)
        start += size
    return means


def mean_of(values: Float[Array, "examples"], weights: Weights) -> Float[Array, ""]:
    """Return Σ w v/Σ w, or the mean."""
    if weights is None:
        return jnp.sum(values, dtype=float) / len(values)
    counted = jnp.where(weights > 0, weights * values, 0)  # 0 · ∞ is no number
    return jnp.sum(counted, dtype=float) / jnp.sum(weights, dtype=float)


@lru_cache(maxsize=256)
def takes_weights(metric: Metric) -> bool:
    """Return whether a metric has a parameter `weights`."""
    try:
        return "weights" in inspect.signature(metric).parameters
    except (TypeError, ValueError):  # a builtin has no signature
        return False


def paired(prediction: Array, target: Array) -> tuple[Array, Array]:
    """Return both as a metric gets them: one output for a target (examples,) is a vector too.

    (n, 1) − (n,) would silently be (n, n).
    """
    is_vector = prediction.shape[1] == 1 and target.ndim == 1
    return (prediction[:, 0] if is_vector else prediction), target


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
    n = split.x.shape[0]
    chunks, rest = divmod(n, CHUNK)

    def values(part: Split) -> dict[str, Float[Array, "examples ..."]]:
        x, target = feature_major(part.x), target_of(part.y)
        prediction, _, _ = net.forward(params, state, x, key=None, train=False)
        found = {"loss": loss.forward(*for_loss(units, loss, prediction, target))}
        if loss.matches is not None:
            found["accuracy"] = loss.matches(prediction, target)
        if predict:
            found[PREDICTION] = prediction.T
        return found

    parts = []
    if chunks:
        whole = Split(*(a[: n - rest].reshape(chunks, CHUNK, *a.shape[1:]) for a in split))
        stacked = lax.map(values, whole)
        parts.append({k: v.reshape(n - rest, *v.shape[2:]) for k, v in stacked.items()})
    if rest:
        parts.append(values(Split(*(a[n - rest :] for a in split))))
    return {name: jnp.concatenate([part[name] for part in parts]) for name in parts[0]}
