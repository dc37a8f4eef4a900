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

    cause        the text of a `fnn.gradcheck.Cause`
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
        errors = [max_abs(given - true) for given, true in pairs]
        error = max(errors)
        for given, candidate, slack in zip(self.given, gradient, self.slack, strict=True):
            tolerance = np.max(slack)
            if not reproduces(given, candidate, tolerance, error, closeness):
                return False
        return True


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
    sizes = []
    changes = []
    for basis in bases:
        size = _size(replay, basis)
        errors = _sum(apart, _scaled(basis, size))
        sizes.append(size)
        changes.append(change_by(replay, errors, base))
    coefficients = fit_changes(replay, observed, start, changes, base)
    if coefficients is None:
        return None
    return coefficients * np.array(sizes)


Change = list[np.ndarray]
"""The change of a gradient, a leaf each."""


def change_by(replay: Replay, errors: Errors, base: Sequence[np.ndarray]) -> Change:
    """Return how errors change a gradient."""
    moved = replay.run(errors).grads
    return [grad - before for grad, before in zip(moved, base, strict=True)]


def fit_changes(
    replay: Replay,
    observed: Observed,
    start: Backward,
    changes: Sequence[Change],
    base: Sequence[np.ndarray],
) -> np.ndarray | None:
    """Fit coefficients c so that base + Σ cᵢ changesᵢ is the given gradient, as `fit` does."""
    rows = []
    targets = []
    for t, given in enumerate(observed.given):
        if not np.array_equal(start.grads[t], replay.grads[t]):
            continue
        columns = _columns([change[t] for change in changes])
        if not np.isfinite(columns).all():
            return None
        scale = max_abs(columns) or 1.0
        touched = _touched(columns, observed.slack[t])
        target = (given - base[t]).ravel()
        rows.append(columns[touched] / scale)
        targets.append(target[touched] / scale)
    if sum(map(len, rows)) <= len(changes):
        return None
    A = np.concatenate(rows)
    b = np.concatenate(targets)
    return _solved(A, b)


def _columns(changes: Sequence[np.ndarray]) -> np.ndarray:
    """Return the matrix with the entries of each change in a column."""
    vectors = [change.ravel() for change in changes]
    return np.stack(vectors, axis=1)


def _touched(columns: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """Return the entries that a basis changes by more than rounding, at most ENOUGH of them."""
    changes = np.abs(columns)
    rounding = slack.ravel()
    beyond_rounding = changes > rounding[:, None]
    is_touched = np.any(beyond_rounding, axis=1)
    touched = np.flatnonzero(is_touched)
    if len(touched) <= ENOUGH:
        return touched
    rng = np.random.default_rng(0)
    return rng.choice(touched, ENOUGH, replace=False)


def _solved(A: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """Return the c with A c = b up to rounding, if there is exactly one."""
    if not np.isfinite(b).all():
        return None
    c, _, rank, _ = np.linalg.lstsq(A, b, rcond=1e-10)
    if rank != A.shape[1]:
        return None
    residual = max_abs(A @ c - b)
    scale = max(max_abs(b), 1e-300)
    if residual <= 1e-6 * scale:
        return c
    return None


def _size(replay: Replay, errors: Errors) -> float:
    """Return the factor that makes errors as large as the δ's, so that their rounding is known."""
    error_sizes = [max_abs(error) for error in errors.values()]
    delta_sizes = [max_abs(replay.deltas[variable]) for variable in errors]
    largest = max(error_sizes, default=0.0)
    usual = max(delta_sizes)
    if usual > 0 and largest > 0:
        return float(usual / largest)
    return 1.0


def _scaled(errors: Errors, size: float) -> Errors:
    return {variable: size * error for variable, error in errors.items()}


def _sum(first: Errors, second: Errors) -> Errors:
    total = {**first, **second}
    in_both = set(first) & set(second)
    for variable in in_both:
        total[variable] = first[variable] + second[variable]
    return total
