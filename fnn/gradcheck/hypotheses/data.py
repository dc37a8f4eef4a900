"""Mistakes about what goes into the loss: another random key, examples left out or out of step, a
forgotten target.
"""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnn.gradcheck.flat_jaxpr import is_key
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, fit
from fnn.gradcheck.hypotheses.softmaxes import targets
from fnn.gradcheck.replay import Replay

MOST_EXAMPLES = 128  # along an axis, tried one by one


def of_keys(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """The whole gradient for another key, or a mask drawn from another key in the backward pass
    alone.
    """
    keys = {n: c for n, c in replay.flat.constants.items() if is_key(c) and not np.shape(c)}
    for number, key in keys.items():
        for name, other in other_keys(key).items():
            found = replay.run({}, {number: other})
            yield BackwardHypothesis(
                "another key",
                f"it is the gradient for {name} instead of key: the loss drew other random "
                f"numbers.",
                found.grads,
            )
            masks = {
                n: v
                for n, v in found.values.items()
                if n not in replay.flat.dependent and not is_key(v)
            }
            yield BackwardHypothesis(
                "another key",
                f"the backward pass multiplies by a mask drawn from {name}, the forward pass by "
                f"that from key.",
                _other_masks(replay, masks),
            )


def _other_masks(replay: Replay, masks: dict[int, Any]) -> list[np.ndarray]:
    rules = {}
    for step in replay.flat.operations:
        if step.equation.primitive.name != "mul":
            continue
        for a, mask in (step.inputs, step.inputs[::-1]):
            if a in replay.right.deltas and mask in masks:
                change = np.asarray(masks[mask]) - replay.right.values[mask]
                if np.any(change):
                    rules[a] = lambda found, out=step.outputs[0], change=change: (
                        found.deltas[out] * change
                    )
    return replay.with_rules(rules).grads


def other_keys(key: Any) -> dict[str, Any]:
    """Keys that may have been used by mistake for `key`."""
    first, second = jax.random.split(key)
    folded = {f"fold_in(key, {i})": jax.random.fold_in(key, i) for i in range(4)}
    return {"split(key)[0]": first, "split(key)[1]": second, "key(0)": jax.random.key(0)} | folded


def of_examples(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Data out of step by one example, averaged by a broadcast, or examples with a weight other
    than 1.
    """
    for number, constant in replay.flat.constants.items():
        if is_key(constant) or not np.ndim(constant):
            continue
        array = np.asarray(constant)
        for axis in range(array.ndim):
            for shift in (1, -1):
                yield BackwardHypothesis(
                    "wrong examples",
                    f"an array of shape {array.shape} that the loss uses is shifted by {shift:+d} "
                    f"along axis {axis}: "
                    "each example meets another one's.",
                    replay.run({}, {number: np.roll(array, shift, axis)}).grads,
                )
            if array.dtype.kind == "f" and array.shape[axis] > 1:
                flat = np.broadcast_to(array.mean(axis=axis, keepdims=True), array.shape)
                grads = replay.run({}, {number: np.array(flat)}).grads
                text = (
                    f"an array of shape {array.shape} is broadcast against another along axis "
                    f"{axis}, all with all"
                )
                yield BackwardHypothesis("silent broadcast", f"{text}, and averaged.", grads)
                n = array.shape[axis]
                yield BackwardHypothesis(
                    "silent broadcast", f"{text}, and added up.", [n * g for g in grads]
                )
    yield from _of_weights(replay, observed)


def _of_weights(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Examples left out or counted twice: whole-number weights along an axis of what the loss sums
    up.
    """
    tried: set[int] = set()
    for step in reversed(replay.flat.operations):
        if (
            step.equation.primitive.name != "reduce_sum"
            or step.inputs[0] not in replay.right.deltas
        ):
            continue
        summed = step.inputs[0]
        delta = replay.right.deltas[summed]
        for axis, n in enumerate(delta.shape):
            if n in tried or not 1 < n <= MOST_EXAMPLES:
                continue
            tried.add(n)
            slices = [{summed: delta * _only(i, axis, delta.shape)} for i in range(n)]
            extra = fit(replay, observed, replay.right, slices)
            if (
                extra is not None
                and np.any(np.round(extra))
                and np.max(np.abs(extra - np.round(extra))) < 1e-5
            ):
                counts = (
                    f"number {i} counts {1 + e:.0f} times"
                    for i, e in enumerate(np.round(extra))
                    if e
                )
                tries = [(", ".join(counts), np.round(extra))]
            else:  # too few numbers to fit them all: one by one
                tries = [(f"number {i} is left out", -np.eye(n)[i]) for i in range(n)]
            for what, extra in tries:
                error = sum(e * s[summed] for e, s in zip(extra, slices, strict=True))
                text = f"of what the loss sums up, along an axis of length {n}, {what}."
                yield BackwardHypothesis("wrong examples", text, replay.run({summed: error}).grads)


def _only(i: int, axis: int, shape: tuple[int, ...]) -> np.ndarray:
    chosen = np.zeros(shape)
    np.moveaxis(chosen, axis, 0)[i] = 1.0
    return chosen


def of_targets(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """δ of some value lacks a multiple of a constant array of its shape, such as the target in p −
    y.
    """
    for z in sorted(replay.right.deltas, reverse=True):
        if np.ndim(replay.right.values[z]) < 1:
            continue
        for y in targets(replay, z):
            c = fit(replay, observed, replay.right, [{z: y}])
            if c is not None:
                yield BackwardHypothesis(
                    "wrong target",
                    f"δ of an array of shape {y.shape} is off by {c[0]:.4g} × a constant array of "
                    f"the loss, such as "
                    "the target: it is left out or counted twice.",
                    replay.run({z: c[0] * y}).grads,
                )
