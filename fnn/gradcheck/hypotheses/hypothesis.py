"""What every search for a mistake yields, and fitting the numbers that a mistake leaves open."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fnn.gradcheck import compare
from fnn.gradcheck.flat_jaxpr import Variable
from fnn.gradcheck.hypotheses.entrywise import Entrywise
from fnn.gradcheck.replay import Backward, Replay


class BackwardHypothesis(NamedTuple):
    """A cause in a few fixed words, what it is here, and the gradient that it makes, a
    leaf each.
    """

    cause: str
    explanation: str
    gradient: Sequence[np.ndarray]


class Observed(NamedTuple):
    """The hand-written gradient and by how much rounding may move an entry, a leaf each; the
    functions f: z -> a in the loss; the names of the leaves.
    """

    given: list[np.ndarray]
    slack: list[np.ndarray]
    functions: list[Entrywise]
    paths: list[str]


Search = Callable[[Replay, Observed], Iterator[BackwardHypothesis]]
ENOUGH = 2000  # entries of a tensor that coefficients are fitted to
Errors = Mapping[Variable, np.ndarray]


def fit(
    replay: Replay,
    observed: Observed,
    start: Backward,
    bases: Sequence[Errors],
    apart: Errors | None = None,
) -> np.ndarray | None:
    """The coefficients c for which the errors apart + Σ cᵢ basesᵢ make the hand-written gradient,
    or None.

    Only tensors that `start`, a backward pass with other errors, leaves alone take part: where
    several places hold the same mistake, those that the first of them alone reaches. More numbers
    must be explained than are fitted.
    """
    apart = apart or {}
    base = replay.run(apart).grads if apart else replay.right.grads
    sizes = [_size(replay, basis) for basis in bases]
    scaled = [
        {n: size * e for n, e in basis.items()} for size, basis in zip(sizes, bases, strict=True)
    ]
    moved = [replay.run(_sum(apart, basis)).grads for basis in scaled]
    rows, right = [], []
    for t, given in enumerate(observed.given):
        if not np.array_equal(start.grads[t], replay.right.grads[t]):
            continue
        columns = np.stack([(m[t] - base[t]).ravel() for m in moved], axis=1)
        if not np.isfinite(columns).all():
            return None
        size = np.max(np.abs(columns), initial=0.0) or 1.0
        touched = np.flatnonzero(
            np.any(np.abs(columns) > observed.slack[t].ravel()[:, None], axis=1)
        )
        if len(touched) > ENOUGH:
            touched = np.random.default_rng(0).choice(touched, ENOUGH, replace=False)
        rows.append(columns[touched] / size)
        right.append((given - base[t]).ravel()[touched] / size)
    if sum(map(len, rows)) <= len(bases):
        return None
    A, b = np.concatenate(rows), np.concatenate(right)
    if not np.isfinite(b).all():
        return None
    c, _, rank, _ = np.linalg.lstsq(A, b, rcond=1e-10)
    close = np.max(np.abs(A @ c - b), initial=0.0) <= 1e-6 * max(np.max(np.abs(b)), 1e-300)
    return c * np.array(sizes) if rank == len(bases) and close else None


def _size(replay: Replay, errors: Errors) -> float:
    """The factor that makes errors as large as the δ's, so that their rounding is known too."""
    largest = max((np.max(np.abs(e), initial=0.0) for e in errors.values()), default=0.0)
    usual = max(np.max(np.abs(replay.right.deltas[n]), initial=0.0) for n in errors)
    return float(usual / largest) if usual > 0 and largest > 0 else 1.0


def _sum(one: Errors, other: Errors) -> Errors:
    return {**one, **other} | {n: one[n] + other[n] for n in set(one) & set(other)}


def reproduces(
    candidate: Sequence[np.ndarray],
    observed: Observed,
    reference: Sequence[np.ndarray],
    closeness: float,
) -> bool:
    """Whether a gradient is the hand-written one, tensor by tensor, in view of the largest error of
    all of them.
    """
    error = max(
        np.max(np.abs(h - t), initial=0.0) for h, t in zip(observed.given, reference, strict=True)
    )
    return all(
        compare.reproduces(given, made, np.max(slack), error, closeness)
        for given, made, slack in zip(observed.given, candidate, observed.slack, strict=True)
    )
