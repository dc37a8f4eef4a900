"""Search for mistakes about softmax: its Jacobian's diagonal, or p − y with another y or p.

The probabilities p may stand in the loss, or only its logits.
"""

from collections.abc import Iterator

import numpy as np

from fnn.gradcheck.compare import max_abs
from fnn.gradcheck.flat_jaxpr import Variable, is_key
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed
from fnn.gradcheck.replay import Replay, Rule

DIAGONAL = (
    "the Jacobian of softmax is replaced by its diagonal, ⊙ p(1 − p); its outputs depend on every "
    "input."
)


def of_softmaxes(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield the diagonal for every value p = softmax(z), and other forms of p − y.

    The latter are tried for logits z whose δ is c (p − y).
    """
    for z in replay.deltas:
        logits = replay.values[z]
        for axis in range(np.ndim(logits)):
            p = softmax(logits, axis)
            if p is not None:
                yield from _of_probabilities(replay, z, axis, p)
                yield from _of_logits(replay, z, axis, p)


def _of_probabilities(
    replay: Replay, z: Variable, axis: int, p: np.ndarray
) -> Iterator[BackwardHypothesis]:
    for a in replay.deltas:
        if a <= z:
            continue
        if not _equal(replay.values[a], p):
            continue
        rules = {z: _diagonal_rule(a, p, axis)}
        gradient = replay.with_rules(rules).grads
        yield BackwardHypothesis("elementwise softmax", DIAGONAL, gradient)


def _diagonal_rule(a: Variable, p: np.ndarray, axis: int) -> Rule:
    """Return the error of δ of the logits when only the diagonal of the Jacobian is used."""

    def rule(backward):
        delta = backward.deltas[a]
        by_diagonal = p * (1 - p) * delta
        products = p * delta
        total = products.sum(axis=axis, keepdims=True)
        by_jacobian = p * (delta - total)
        return by_diagonal - by_jacobian

    return rule


def _of_logits(
    replay: Replay, z: Variable, axis: int, p: np.ndarray
) -> Iterator[BackwardHypothesis]:
    logits = replay.values[z]
    delta = replay.deltas[z]
    fixed = targets(replay, z)
    labels = _labels(delta, axis)
    for y in (*fixed, labels):
        c = _factor(delta, p - y, axis)
        if c is None:
            continue
        for cause, text, wrong in _forms(logits, axis, p, y):
            error = c * wrong - delta
            gradient = replay.run({z: error}).grads
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
        yield from _shifted_forms(other_axis, axis, p, y)
        if other_axis == axis:
            continue
        other_p = softmax(z, other_axis)
        if other_p is not None:
            text = f"p is a softmax over axis {other_axis} instead of {axis}."
            yield "wrong axis", text, other_p - y


def _shifted_forms(
    along: int, axis: int, p: np.ndarray, y: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield p − y with the labels shifted along an axis: that of the classes, or another."""
    for shift in (1, -1):
        other_y = np.roll(y, shift, along)
        shifted = p - other_y
        if along == axis:
            text = f"in p − y every label is off by {shift:+d}."
            yield "wrong target", text, shifted
        else:
            text = f"in p − y each example meets the label of another, {shift:+d}."
            yield "wrong examples", text, shifted


def _labels(delta: np.ndarray, axis: int) -> np.ndarray:
    """Return one-hot targets, from the one entry along the axis in which p − y is negative."""
    label = np.argmin(delta, axis=axis, keepdims=True)
    y = np.zeros(delta.shape)
    np.put_along_axis(y, label, 1.0, axis)
    return y


def _factor(delta: np.ndarray, error: np.ndarray, axis: int) -> np.ndarray | None:
    """Return c with δ = c (p − y), a number for each example; None if there is none."""
    squares = error**2
    products = delta * error
    square = squares.sum(axis=axis, keepdims=True)
    product = products.sum(axis=axis, keepdims=True)
    zeros = np.zeros(square.shape)
    c = np.divide(product, square, out=zeros, where=square > 0)
    rest = delta - c * error
    residual = max_abs(rest)
    is_exact = residual <= 1e-9 * max_abs(delta)
    if is_exact and np.any(c):
        return c
    return None


def targets(replay: Replay, z: Variable) -> list[np.ndarray]:
    """Return the different arrays of the shape of z that do not depend on the parameters."""
    shape = np.shape(replay.values[z])
    arrays = _fixed_arrays(replay, shape)
    different = []
    for i, array in enumerate(arrays):
        is_repeated = any(_equal(array, before) for before in arrays[:i])
        if np.ptp(array) > 0 and not is_repeated:
            different.append(array)
    return different


def _fixed_arrays(replay: Replay, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return the arrays of a shape that do not depend on the parameters."""
    dependent = replay.flat.dependent
    arrays = []
    for variable, value in replay.values.items():
        if variable in dependent or is_key(value):
            continue
        if np.shape(value) != shape:
            continue
        array = np.asarray(value)
        if array.dtype.kind in "fb":
            arrays.append(array.astype(np.float64))
    return arrays


def softmax(z: np.ndarray, axis: int) -> np.ndarray | None:
    """Return eᶻ/Σ eᶻ; None where there is only one class, or a number is not finite."""
    if z.shape[axis] < 2:
        return None
    if not np.isfinite(z).all():
        return None
    largest = z.max(axis=axis, keepdims=True)
    e = np.exp(z - largest)
    total = e.sum(axis=axis, keepdims=True)
    return e / total


def _equal(first: np.ndarray, second: np.ndarray) -> bool:
    if np.shape(first) != np.shape(second):
        return False
    return bool(np.allclose(first, second, rtol=1e-9, atol=1e-12))
