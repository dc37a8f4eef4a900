"""Mistakes about softmax, with p in the loss or only its logits: its Jacobian's diagonal, p − y
with another y or p.
"""

from collections.abc import Iterator

import numpy as np

from fnn.gradcheck.flat_jaxpr import Variable, is_key
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed
from fnn.gradcheck.replay import Replay

DIAGONAL = (
    "the Jacobian of softmax is replaced by its diagonal, ⊙ p(1 − p); its outputs depend "
    "on every input."
)


def of_softmaxes(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """The diagonal for every value p = softmax(z), and for logits z whose δ is c (p − y) other
    forms of that.
    """
    for z in replay.right.deltas:
        for axis in range(np.ndim(replay.right.values[z])):
            p = softmax(replay.right.values[z], axis)
            if p is not None:
                yield from _of_probabilities(replay, z, axis, p)
                yield from _of_logits(replay, z, axis, p)


def _of_probabilities(
    replay: Replay, z: Variable, axis: int, p: np.ndarray
) -> Iterator[BackwardHypothesis]:
    for a in replay.right.deltas:
        if a > z and _equal(replay.right.values[a], p):

            def rule(found, a=a):
                delta = found.deltas[a]
                return p * (1 - p) * delta - p * (delta - (p * delta).sum(axis=axis, keepdims=True))

            yield BackwardHypothesis(
                "elementwise softmax", DIAGONAL, replay.with_rules({z: rule}).grads
            )


def _of_logits(
    replay: Replay, z: Variable, axis: int, p: np.ndarray
) -> Iterator[BackwardHypothesis]:
    delta = replay.right.deltas[z]
    for y in (*targets(replay, z), _labels(delta, axis)):
        c = _factor(delta, p - y, axis)
        if c is None:
            continue
        for cause, text, wrong in _forms(replay.right.values[z], axis, p, y):
            yield BackwardHypothesis(cause, text, replay.run({z: c * wrong - delta}).grads)


def _forms(
    z: np.ndarray, axis: int, p: np.ndarray, y: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray]]:
    """What stands in the place of p − y, and what to say of it."""
    yield "elementwise softmax", DIAGONAL, -y * (1 - p)
    yield "wrong target", "δ of the logits is p: the target is not subtracted.", p
    yield (
        "derivative twice",
        "δ of the logits is (p − y) p (1 − p), but p − y is all of it.",
        (p - y) * p * (1 - p),
    )
    for other in range(np.ndim(z)):
        for shift in (1, -1):
            shifted = np.roll(y, shift, other)
            if other == axis:
                yield "wrong target", f"in p − y every label is off by {shift:+d}.", p - shifted
            else:
                yield (
                    "wrong examples",
                    f"in p − y each example meets the label of another, {shift:+d}.",
                    p - shifted,
                )
        wrong = softmax(z, other)
        if other != axis and wrong is not None:
            yield "wrong axis", f"p is a softmax over axis {other} instead of {axis}.", wrong - y


def _labels(delta: np.ndarray, axis: int) -> np.ndarray:
    """One-hot targets, from the one entry along the axis in which p − y is negative."""
    label = np.argmin(delta, axis=axis, keepdims=True)
    y = np.zeros(delta.shape)
    np.put_along_axis(y, label, 1.0, axis)
    return y


def _factor(delta: np.ndarray, error: np.ndarray, axis: int) -> np.ndarray | None:
    """c with δ = c (p − y), a number for each example; None if there is none."""
    square = (error**2).sum(axis=axis, keepdims=True)
    product = (delta * error).sum(axis=axis, keepdims=True)
    c = np.divide(product, square, out=np.zeros(square.shape), where=square > 0)
    return (
        c
        if np.any(c) and np.max(np.abs(delta - c * error)) <= 1e-9 * np.max(np.abs(delta))
        else None
    )


def targets(replay: Replay, z: Variable) -> list[np.ndarray]:
    """Values of the shape of z that do not depend on the parameters."""
    shape = np.shape(replay.right.values[z])
    fixed = (
        v
        for n, v in replay.right.values.items()
        if n not in replay.flat.dependent and not is_key(v)
    )
    floats = [
        np.asarray(v, np.float64)
        for v in fixed
        if np.shape(v) == shape and np.asarray(v).dtype.kind in "fb"
    ]
    return [
        v
        for i, v in enumerate(floats)
        if np.ptp(v) > 0 and not any(_equal(v, w) for w in floats[:i])
    ]


def softmax(z: np.ndarray, axis: int) -> np.ndarray | None:
    """eᶻ/Σ eᶻ; None where there is but one class, or nothing finite."""
    if z.shape[axis] < 2 or not np.isfinite(z).all():
        return None
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return np.shape(one) == np.shape(other) and bool(np.allclose(one, other, rtol=1e-9, atol=1e-12))
