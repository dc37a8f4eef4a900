"""Mistakes about softmax: its Jacobian replaced by the diagonal, p ⊙ (1 − p), with p in the loss or only its logits."""

from collections.abc import Iterator

import numpy as np

from fnn.gradcheck.flow import Number
from fnn.gradcheck.mistakes.mistake import Given, Mistake, fit
from fnn.gradcheck.replay import Replay

TEXT = "the Jacobian of softmax is replaced by its diagonal, ⊙ p(1 − p); its outputs depend on every input."


def of_softmaxes(replay: Replay, given: Given) -> Iterator[Mistake]:
    """The diagonal for every value p = softmax(z), and δ = −y (1 − p) for the logits of a cross-entropy with y."""
    logits = [n for n in replay.right.deltas if np.ndim(replay.right.values[n]) >= 1]
    for z in logits:
        for axis in range(np.ndim(replay.right.values[z])):
            p = softmax(replay.right.values[z], axis)
            if p is not None:
                yield from _explicit(replay, z, axis, p)
                yield from _of_logits(replay, given, z, p)


def _explicit(replay: Replay, z: Number, axis: int, p: np.ndarray) -> Iterator[Mistake]:
    for a in replay.right.deltas:
        if a > z and _equal(replay.right.values[a], p):

            def rule(found, a=a):
                delta = found.deltas[a]
                return p * (1 - p) * delta - p * (delta - (p * delta).sum(axis=axis, keepdims=True))

            yield Mistake("elementwise softmax", TEXT, replay.mistaken({z: rule}).grads)


def _of_logits(replay: Replay, given: Given, z: Number, p: np.ndarray) -> Iterator[Mistake]:
    for y in targets(replay, z):
        c = fit(replay, given, replay.right, [{z: y * (1 - p)}], apart={z: -replay.right.deltas[z]})
        if c is not None:
            error = c[0] * y * (1 - p) - replay.right.deltas[z]
            yield Mistake("elementwise softmax", TEXT, replay.run({z: error}).grads)


def targets(replay: Replay, z: Number) -> list[np.ndarray]:
    """Values of the shape of z that do not depend on the parameters."""
    shape = np.shape(replay.right.values[z])
    fixed = [v for n, v in replay.right.values.items() if n not in replay.flow.dependent and np.shape(v) == shape]
    floats = [np.asarray(v, np.float64) for v in fixed if np.asarray(v).dtype.kind in "fb"]
    return [v for i, v in enumerate(floats) if np.ptp(v) > 0 and not any(_equal(v, w) for w in floats[:i])]


def softmax(z: np.ndarray, axis: int) -> np.ndarray | None:
    """eᶻ/Σ eᶻ; None where there is but one class, or nothing finite."""
    if z.shape[axis] < 2 or not np.isfinite(z).all():
        return None
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return np.shape(one) == np.shape(other) and bool(np.allclose(one, other, rtol=1e-9, atol=1e-12))
