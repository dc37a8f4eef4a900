"""The hypotheses about a backward pass, and the fit of the numbers that they leave open."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from fnn.gradcheck.compare import max_abs, reproduces
from fnn.gradcheck.hypotheses.entrywise import Entrywise
from fnn.gradcheck.replay import Backward, Errors, Replay

ENOUGH = 2000  # entries of a tensor that coefficients are fitted to


class BackwardHypothesis(NamedTuple):
    """A mistake that may be in a backward pass.

    cause        one of `fnn.gradcheck.CAUSES`
    explanation  a sentence about this backward pass
    gradient     the gradient that the mistake makes, a leaf each
    """

    cause: str
    explanation: str
    gradient: Sequence[np.ndarray]


class Observed(NamedTuple):
    """The gradient that a hypothesis must reproduce.

    given      the given gradient, a leaf each
    slack      how far rounding may move its entries, a leaf each
    functions  the functions f: z -> a in the loss
    paths      the names of the leaves
    """

    given: list[np.ndarray]
    slack: list[np.ndarray]
    functions: list[Entrywise]
    paths: list[str]

    def is_reproduced_by(
        self, gradient: Sequence[np.ndarray], right: Sequence[np.ndarray], closeness: float
    ) -> bool:
        """Return whether a gradient equals the given one in every tensor.

        right  the true gradient: the largest error of all tensors is to be explained
        """
        pairs = zip(self.given, right, strict=True)
        error = max(max_abs(given - true) for given, true in pairs)
        triples = zip(self.given, gradient, self.slack, strict=True)
        return all(
            reproduces(given, candidate, np.max(slack), error, closeness)
            for given, candidate, slack in triples
        )


Search = Callable[[Replay, Observed], Iterator[BackwardHypothesis]]


def fit(
    replay: Replay,
    observed: Observed,
    start: Backward,
    bases: Sequence[Errors],
    apart: Errors | None = None,
) -> np.ndarray | None:
    """Fit coefficients c so that the errors apart + Σ cᵢ basesᵢ make the given gradient.

    start  a backward pass with other errors; only the tensors that it leaves alone take part. Where
           several places hold the same mistake, these are the tensors that the first place alone
           reaches
    bases  the errors to be added up
    apart  errors without a coefficient

    Returns None where they do not make it, or where no more numbers are explained than are fitted.
    """
    apart = apart or {}
    base = replay.run(apart).grads if apart else replay.grads
    sizes = [_size(replay, basis) for basis in bases]
    moved = [
        replay.run(_sum(apart, _scaled(basis, size))).grads
        for basis, size in zip(bases, sizes, strict=True)
    ]
    rows = []
    targets = []
    for t, given in enumerate(observed.given):
        if not np.array_equal(start.grads[t], replay.grads[t]):
            continue
        changes = [grads[t] - base[t] for grads in moved]
        columns = np.stack([change.ravel() for change in changes], axis=1)
        if not np.isfinite(columns).all():
            return None
        size = max_abs(columns) or 1.0
        touched = _touched(columns, observed.slack[t])
        target = (given - base[t]).ravel()
        rows.append(columns[touched] / size)
        targets.append(target[touched] / size)
    if sum(map(len, rows)) <= len(bases):
        return None
    coefficients = _solved(np.concatenate(rows), np.concatenate(targets))
    return None if coefficients is None else coefficients * np.array(sizes)


def _touched(columns: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """Return the entries that a basis changes by more than rounding, at most ENOUGH of them."""
    beyond_rounding = np.abs(columns) > slack.ravel()[:, None]
    is_touched = np.any(beyond_rounding, axis=1)
    touched = np.flatnonzero(is_touched)
    if len(touched) > ENOUGH:
        return np.random.default_rng(0).choice(touched, ENOUGH, replace=False)
    return touched


def _solved(A: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """Return the c with A c = b up to rounding, if there is exactly one."""
    if not np.isfinite(b).all():
        return None
    c, _, rank, _ = np.linalg.lstsq(A, b, rcond=1e-10)
    residual = max_abs(A @ c - b)
    scale = max(max_abs(b), 1e-300)
    is_close = residual <= 1e-6 * scale
    return c if rank == A.shape[1] and is_close else None


def _size(replay: Replay, errors: Errors) -> float:
    """Return the factor that makes errors as large as the δ's, so that their rounding is known."""
    largest = max((max_abs(error) for error in errors.values()), default=0.0)
    deltas = [replay.deltas[variable] for variable in errors]
    usual = max(max_abs(delta) for delta in deltas)
    return float(usual / largest) if usual > 0 and largest > 0 else 1.0


def _scaled(errors: Errors, size: float) -> Errors:
    return {variable: size * error for variable, error in errors.items()}


def _sum(first: Errors, second: Errors) -> Errors:
    total = {**first, **second}
    for variable in set(first) & set(second):
        total[variable] = first[variable] + second[variable]
    return total
