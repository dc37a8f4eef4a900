"""One tensor's gradient put together from the wrong pieces: dW = δ vᵀ with another δ or another v,
db = another Σδ.

Every δ of the backward pass and every value of the forward pass is at hand, so that all such
products are tried. Each is compared through random projections first; only what passes there is
computed.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnn.gradcheck.compare import reproduces
from fnn.gradcheck.hypotheses.hypothesis import Observed
from fnn.gradcheck.hypotheses.products import gradient_of_factor, products
from fnn.gradcheck.replay import Replay


class Hypothesis(NamedTuple):
    """What a tensor is made of by mistake."""

    cause: str
    explanation: str


def assembled(replay: Replay, observed: Observed, leaf: int, closeness: float) -> Hypothesis | None:
    """The wrong pieces that make up what should be the gradient of a leaf, if there are any. Where
    the leaf enters the loss twice, as in a product and in a penalty, the other part is taken to be
    right.
    """
    given, slack = observed.given[leaf], observed.slack[leaf]
    error = np.max(np.abs(given - replay.right.grads[leaf]), initial=0.0)
    if not np.any(given):
        return None
    for part in (
        given,
        *(given - (replay.right.grads[leaf] - own) for own in _parts(replay, leaf)),
    ):
        for pieces, candidate in _candidates(replay, part):
            if candidate.shape == part.shape and reproduces(
                part, candidate, np.max(slack), error, closeness
            ):
                return pieces
    return None


def _parts(replay: Replay, leaf: int) -> Iterator[np.ndarray]:
    """What each product contributes to the gradient of a leaf, where it does not contribute all."""
    for product in products(replay, of_parameters=True):
        own, whole = gradient_of_factor(replay, product), replay.right.grads[leaf]
        if product.a == replay.flat.leaves[leaf] and np.any(own != whole):
            yield own


def _candidates(replay: Replay, given: np.ndarray) -> Iterator[tuple[Hypothesis, np.ndarray]]:
    deltas = {n: d for n, d in replay.right.deltas.items() if n not in replay.flat.leaves}
    if given.ndim == 2:
        yield from _products(replay, deltas, given)
    for number, delta in deltas.items():
        yield from _copies(delta, given, f"δ of {name(replay, number)}")
        yield from _sums(delta, given, f"δ of {name(replay, number)}")
    if given.ndim == 1:
        for number, delta in deltas.items():
            for other, value in _values(replay):
                if np.shape(value) == delta.shape and delta.ndim == 2:
                    for axis in (0, 1):
                        text = (
                            f"it is Σ δ ⊙ v, δ of {name(replay, number)} and v "
                            f"{name(replay, other)}"
                        )
                        yield (
                            Hypothesis("wrong layer input", f"{text}: another v belongs there."),
                            (delta * value).sum(axis),
                        )


def _products(
    replay: Replay, deltas: dict, given: np.ndarray
) -> Iterator[tuple[Hypothesis, np.ndarray]]:
    rng = np.random.default_rng(0)
    r, s = rng.normal(size=given.shape[1]), rng.normal(size=given.shape[0])
    right, left = given @ r, s @ given
    for number, delta in deltas.items():
        for D in (delta, delta.T) if delta.ndim == 2 else ():
            if D.shape[0] != given.shape[0]:
                continue
            for other, value in _values(replay):
                for V in (value, value.T) if np.ndim(value) == 2 else ():
                    if V.shape != (given.shape[1], D.shape[1]):
                        continue
                    if _near(D @ (V.T @ r), right) and _near((s @ D) @ V.T, left):
                        text = (
                            f"it is δ vᵀ with δ of {name(replay, number)} and v "
                            f"{name(replay, other)}"
                        )
                        yield (
                            Hypothesis("wrong layer input", f"{text}: another pair belongs there."),
                            D @ V.T,
                        )


def _copies(
    delta: np.ndarray, given: np.ndarray, what: str
) -> Iterator[tuple[Hypothesis, np.ndarray]]:
    pieces = Hypothesis(
        "wrong layer input", f"it is {what} itself: the factor aᵀ of the layer's input is left out."
    )
    if given.ndim == 2 and delta.size == given.size:
        yield pieces, delta
        yield pieces, delta.T


def _sums(
    delta: np.ndarray, given: np.ndarray, what: str
) -> Iterator[tuple[Hypothesis, np.ndarray]]:
    if given.ndim == 1:
        for axis in range(delta.ndim):
            lines = np.moveaxis(delta, axis, 0)
            yield (
                Hypothesis("wrong axis", f"it is {what} summed over axis {axis}."),
                lines.sum(axis=0),
            )
            for i in (0, len(lines) - 1):
                yield (
                    Hypothesis(
                        "wrong examples", f"it is {what} at {i} of axis {axis} alone, not summed."
                    ),
                    lines[i],
                )
        yield (
            Hypothesis("wrong axis", f"it is the sum of {what} over every axis."),
            np.full(given.shape, delta.sum()),
        )
    elif given.size == 1:
        text = f"it is the sum of {what}: the factor aᵀ of the layer's input is left out."
        yield Hypothesis("wrong layer input", text), np.full(given.shape, delta.sum())


def _near(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.max(np.abs(one - other)) <= 1e-6 * np.max(np.abs(other), initial=1e-300))


def _values(replay: Replay) -> Iterator[tuple[int, np.ndarray]]:
    """The floating-point arrays of the forward pass."""
    for number, value in replay.right.values.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim:
            yield number, value


def name(replay: Replay, number: int) -> str:
    """What to call a value."""
    shape = np.shape(replay.right.values[number])
    if number in replay.flat.leaves:
        return f"a parameter of shape {shape}"
    step = replay.producer(number)
    return (
        f"a constant of shape {shape}"
        if step is None
        else f"the result of {step.name}, of shape {shape}"
    )
