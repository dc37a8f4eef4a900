"""Search for mistakes about softmax: its Jacobian's diagonal, or p − y with another y or p.

The probabilities p may stand in the loss, or only its logits.
"""

from collections.abc import Iterator

import numpy as np

from fnn.gradcheck.compare import max_abs
from fnn.gradcheck.flat_jaxpr import Variable, is_key
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed
from fnn.gradcheck.replay import Replay

DIAGONAL = (
    "the Jacobian of softmax is replaced by its diagonal, ⊙ p(1 − p); its outputs depend on every "
    "input."
)


def of_softmaxes(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield the diagonal for every value p = softmax(z), and other forms of p − y.

    The latter are tried for logits z whose δ is c (p − y).
    """
    for z in replay.deltas:
        for axis in range(np.ndim(replay.values[z])):
            p = softmax(replay.values[z], axis)
            if p is not None:
                yield from _of_probabilities(replay, z, axis, p)
                yield from _of_logits(replay, z, axis, p)


def _of_probabilities(
    replay: Replay, z: Variable, axis: int, p: np.ndarray
) -> Iterator[BackwardHypothesis]:
    for a in replay.deltas:
        if a <= z or not _equal(replay.values[a], p):
            continue

        def rule(backward, a=a):
            delta = backward.deltas[a]
            by_diagonal = p * (1 - p) * delta
            total = (p * delta).sum(axis=axis, keepdims=True)
            by_jacobian = p * (delta - total)
            return by_diagonal - by_jacobian

        gradient = replay.with_rules({z: rule}).grads
        yield BackwardHypothesis("elementwise softmax", DIAGONAL, gradient)


def _of_logits(
    replay: Replay, z: Variable, axis: int, p: np.ndarray
) -> Iterator[BackwardHypothesis]:
    delta = replay.deltas[z]
    for y in (*targets(replay, z), _labels(delta, axis)):
        c = _factor(delta, p - y, axis)
        if c is None:
            continue
        for cause, text, wrong in _forms(replay.values[z], axis, p, y):
            gradient = replay.run({z: c * wrong - delta}).grads
            yield BackwardHypothesis(cause, text, gradient)


def _forms(
    z: np.ndarray, axis: int, p: np.ndarray, y: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield a cause, a sentence, and an array that may stand in the place of p − y."""
    yield "elementwise softmax", DIAGONAL, -y * (1 - p)
    yield "wrong target", "δ of the logits is p: the target is not subtracted.", p
    twice = "δ of the logits is (p − y) p (1 − p), but p − y is all of it."
    yield "derivative twice", twice, (p - y) * p * (1 - p)
    for other_axis in range(np.ndim(z)):
        for shift in (1, -1):
            shifted = p - np.roll(y, shift, other_axis)
            if other_axis == axis:
                yield "wrong target", f"in p − y every label is off by {shift:+d}.", shifted
            else:
                text = f"in p − y each example meets the label of another, {shift:+d}."
                yield "wrong examples", text, shifted
        other_p = softmax(z, other_axis)
        if other_axis != axis and other_p is not None:
            text = f"p is a softmax over axis {other_axis} instead of {axis}."
            yield "wrong axis", text, other_p - y


def _labels(delta: np.ndarray, axis: int) -> np.ndarray:
    """Return one-hot targets, from the one entry along the axis in which p − y is negative."""
    label = np.argmin(delta, axis=axis, keepdims=True)
    y = np.zeros(delta.shape)
    np.put_along_axis(y, label, 1.0, axis)
    return y


def _factor(delta: np.ndarray, error: np.ndarray, axis: int) -> np.ndarray | None:
    """Return c with δ = c (p − y), a number for each example; None if there is none."""
    square = (error**2).sum(axis=axis, keepdims=True)
    product = (delta * error).sum(axis=axis, keepdims=True)
    zeros = np.zeros(square.shape)
    c = np.divide(product, square, out=zeros, where=square > 0)
    residual = max_abs(delta - c * error)
    is_exact = residual <= 1e-9 * max_abs(delta)
    return c if np.any(c) and is_exact else None


def targets(replay: Replay, z: Variable) -> list[np.ndarray]:
    """Return the different arrays of the shape of z that do not depend on the parameters."""
    shape = np.shape(replay.values[z])
    arrays: list[np.ndarray] = []
    for variable, value in replay.values.items():
        is_fixed = variable not in replay.flat.dependent and not is_key(value)
        if not is_fixed or np.shape(value) != shape:
            continue
        if np.asarray(value).dtype.kind in "fb":
            arrays.append(np.asarray(value, np.float64))
    return [
        array
        for i, array in enumerate(arrays)
        if np.ptp(array) > 0 and not any(_equal(array, before) for before in arrays[:i])
    ]


def softmax(z: np.ndarray, axis: int) -> np.ndarray | None:
    """Return eᶻ/Σ eᶻ; None where there is only one class, or a number is not finite."""
    if z.shape[axis] < 2 or not np.isfinite(z).all():
        return None
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _equal(first: np.ndarray, second: np.ndarray) -> bool:
    same_shape = np.shape(first) == np.shape(second)
    return same_shape and bool(np.allclose(first, second, rtol=1e-9, atol=1e-12))
