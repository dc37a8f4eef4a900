"""Search for mistakes about the data: another key, examples left out or shifted, a lost target."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnn.gradcheck.compare import max_abs
from fnn.gradcheck.flat_jaxpr import Variable, is_key
from fnn.gradcheck.hypotheses.hypothesis import (
    BackwardHypothesis,
    Change,
    Observed,
    change_by,
    fit,
    fit_changes,
)
from fnn.gradcheck.hypotheses.softmaxes import targets
from fnn.gradcheck.replay import Replay, Rule

MOST_EXAMPLES = 128  # along an axis, tried one by one
NEAR = 1e-5  # the error of a fitted weight


# -------------------------------------------------------------------------------------- random keys


def of_keys(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield the gradient for another key, and masks of another key in the backward pass alone."""
    for variable, key in replay.flat.constants.items():
        if not is_key(key) or np.shape(key):
            continue
        for name, other_key in other_keys(key).items():
            backward = replay.run({}, {variable: other_key})
            yield BackwardHypothesis(
                "another key",
                f"it is the gradient for {name} instead of key: the loss drew other random "
                "numbers.",
                backward.grads,
            )
            masks = {
                each: value
                for each, value in backward.values.items()
                if each not in replay.flat.dependent and not is_key(value)
            }
            yield BackwardHypothesis(
                "another key",
                f"the backward pass multiplies by a mask drawn from {name}, the forward pass by "
                "that from key.",
                _with_masks(replay, masks),
            )


def _with_masks(replay: Replay, masks: dict[Variable, Any]) -> list[np.ndarray]:
    """Return the gradient of a backward pass that multiplies by other masks."""
    rules: dict[Variable, Rule] = {}
    for operation in replay.flat.operations:
        if operation.primitive != "mul":
            continue
        for a, mask in (operation.inputs, operation.inputs[::-1]):
            if a not in replay.deltas or mask not in masks:
                continue
            change = np.asarray(masks[mask]) - replay.values[mask]
            if np.any(change):
                rules[a] = _times(operation.outputs[0], change)
    return replay.with_rules(rules).grads


def _times(out: Variable, change: np.ndarray) -> Rule:
    return lambda backward: backward.deltas[out] * change


def other_keys(key: Any) -> dict[str, Any]:
    """Return the keys that may have been used by mistake for `key`."""
    first, second = jax.random.split(key)
    keys = {"split(key)[0]": first, "split(key)[1]": second}
    keys["key(0)"] = jax.random.key(0)
    for i in range(4):
        keys[f"fold_in(key, {i})"] = jax.random.fold_in(key, i)
    return keys


# ----------------------------------------------------------------------------------------- examples


def of_examples(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield data shifted by one example or broadcast, and examples with another weight than 1."""
    for variable, constant in replay.flat.constants.items():
        if is_key(constant) or not np.ndim(constant):
            continue
        array = np.asarray(constant)
        for axis in range(array.ndim):
            yield from _shifted(replay, variable, array, axis)
            if array.dtype.kind == "f" and array.shape[axis] > 1:
                yield from _broadcast(replay, variable, array, axis)
    yield from _of_counts(replay, observed)


def _shifted(
    replay: Replay, variable: Variable, array: np.ndarray, axis: int
) -> Iterator[BackwardHypothesis]:
    for shift in (1, -1):
        yield BackwardHypothesis(
            "wrong examples",
            f"an array of shape {array.shape} that the loss uses is shifted by {shift:+d} along "
            f"axis {axis}: each example meets another one's.",
            replay.run({}, {variable: np.roll(array, shift, axis)}).grads,
        )


def _broadcast(
    replay: Replay, variable: Variable, array: np.ndarray, axis: int
) -> Iterator[BackwardHypothesis]:
    average = array.mean(axis=axis, keepdims=True)
    constant = np.array(np.broadcast_to(average, array.shape))
    grads = replay.run({}, {variable: constant}).grads
    text = (
        f"an array of shape {array.shape} is broadcast against another along axis {axis}, all with "
        "all"
    )
    yield BackwardHypothesis("silent broadcast", f"{text}, and averaged.", grads)
    n = array.shape[axis]
    added_up = [n * grad for grad in grads]
    yield BackwardHypothesis("silent broadcast", f"{text}, and added up.", added_up)


def _of_counts(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield examples that are left out or counted twice.

    They have whole-number weights along an axis of an array that the loss sums up.
    """
    tried: set[int] = set()
    for summed, _ in replay.sums():
        for axis, n in enumerate(replay.deltas[summed].shape):
            if n not in tried and 1 < n <= MOST_EXAMPLES:
                tried.add(n)
                yield from _counts_along(replay, observed, summed, axis)


def _counts_along(
    replay: Replay, observed: Observed, summed: Variable, axis: int
) -> Iterator[BackwardHypothesis]:
    delta = replay.deltas[summed]
    n = delta.shape[axis]
    slices = [delta * _only(i, axis, delta.shape) for i in range(n)]
    right = replay.grads
    changes = [change_by(replay, {summed: each}, right) for each in slices]
    extra = fit_changes(replay, observed, replay.right, changes, right)
    for text, counts in _guesses(extra, n):
        yield BackwardHypothesis(
            "wrong examples",
            f"of what the loss sums up, along an axis of length {n}, {text}.",
            _with_counts(right, changes, counts),
        )


def _with_counts(
    right: list[np.ndarray], changes: list[Change], counts: np.ndarray
) -> list[np.ndarray]:
    """Return the gradient in which each number counts so many times more, by its own change."""
    grads = list(right)
    for i in np.flatnonzero(counts):
        grads = [grad + counts[i] * own for grad, own in zip(grads, changes[i], strict=True)]
    return grads


def _guesses(extra: np.ndarray | None, n: int) -> list[tuple[str, np.ndarray]]:
    """Return sentences and the counts of n examples beyond 1.

    extra  fitted counts; None where there are too few numbers to fit them all
    """
    if extra is not None:
        whole = np.round(extra)
        if np.any(whole) and max_abs(extra - whole) < NEAR:
            parts = []
            for i in np.flatnonzero(whole):
                times = 1 + whole[i]
                parts.append(f"number {i} counts {times:.0f} times")
            return [(", ".join(parts), whole)]
    one_less = -np.eye(n)
    return [(f"number {i} is left out", one_less[i]) for i in range(n)]


def _only(i: int, axis: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array with ones at number i of an axis, and zeros elsewhere."""
    chosen = np.zeros(shape)
    np.moveaxis(chosen, axis, 0)[i] = 1.0
    return chosen


# ------------------------------------------------------------------------------------------ targets


def of_targets(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield a fitted multiple of a constant array that is missing in the δ of some value.

    The target in p − y is such an array.
    """
    for z in sorted(replay.deltas, reverse=True):
        if np.ndim(replay.values[z]) == 0:
            continue
        for y in targets(replay, z):
            c = fit(replay, observed, replay.right, [{z: y}])
            if c is None:
                continue
            yield BackwardHypothesis(
                "wrong target",
                f"δ of an array of shape {y.shape} is off by {c[0]:.4g} × a constant array of the "
                "loss, such as the target: it is left out or counted twice.",
                replay.run({z: c[0] * y}).grads,
            )
