"""Simple patterns of error within one tensor: hand-written = pattern(truth)."""

from typing import NamedTuple

import numpy as np

from fnn.gradcheck.compare import Comparison

FEW_ROWS = 512  # rows that are compared pair by pair


class TensorHypothesis(NamedTuple):
    """A cause, a sentence about this tensor, and the number in it where there is one: `familiar` if
    it is a whole one, its inverse, or 1 ± a little of two digits: what people forget or mistype.
    """

    cause: str
    explanation: str
    number: float | None = None
    familiar: bool = False


def of(
    compared: Comparison, wrong: np.ndarray, closeness: float, *, vague: bool
) -> TensorHypothesis | None:
    """The first pattern that reproduces the tensor; with `vague` also those that only say where it
    is wrong.
    """
    if np.all(
        np.abs(compared.given) <= compared.tolerance
    ):  # to rounding, of which nothing else can be said
        return _of_zeros(compared) if vague or not np.any(compared.given) else None
    exact = (_factor, _transposed, _permuted, _clipped, _masked, _zeroed, _copied, _constant)
    for guess in (*exact, _few_zeros, _rows, _entries) if vague else exact:
        found = guess(compared.given, compared.reference, wrong, compared, closeness)
        if found is not None:
            return found
    return None


ZERO = TensorHypothesis(
    "missing gradient", "the gradient is all zero: it was never computed, or never stored."
)


def _of_zeros(compared: Comparison) -> TensorHypothesis:
    """What may have made zeros: nothing at all, or a sum over every axis of what adds up
    to zero.
    """
    given, reference = compared.given, compared.reference
    adds_up = (
        reference.size > 1
        and np.any(reference)
        and abs(np.sum(reference)) <= np.sum(compared.tolerance)
    )
    if adds_up and np.any(given) and np.ptp(given) <= 1e-3 * np.max(np.abs(given)):
        return TensorHypothesis(
            "sum over every axis",
            "every entry is the same number, zero up to rounding, as is the sum of the true ones: "
            "they were summed "
            "over every axis instead of the examples.",
        )
    if adds_up:
        return ZERO._replace(
            explanation=f"{ZERO.explanation[:-1]}, or summed over every axis: the true ones add "
            f"up to 0."
        )
    return ZERO


def _factor(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    if reference.size < 2 and not (given.size and reference.ravel()[0]):
        return None
    square = float(np.sum(reference * reference))
    factor = float(np.sum(given * reference)) / square if square > 0 else 0.0
    if abs(factor) < 1e-9 or not compared.is_reproduced_by(factor * reference, closeness * 1e-2):
        return None
    if abs(factor + 1) < 1e-6:
        return TensorHypothesis("sign", "hand-written = −truth: the sign is turned.", -1.0)
    digits = float(f"{factor - 1:.2g}")
    resolution = float(np.linalg.norm(compared.tolerance)) / np.sqrt(
        square
    )  # by which the factor may be another
    rounded = (
        abs(factor - 1 - digits) < max(1e-6, min(resolution / abs(digits), 0.02)) * abs(digits)
        if digits
        else False
    )
    familiar = "(" in _named(factor) or (abs(digits) < 0.1 and rounded)
    return TensorHypothesis(
        "constant factor",
        f"hand-written = {_named(factor)} × truth.",
        1 + float(f"{factor - 1:.6g}"),
        familiar,
    )


def _named(factor: float) -> str:
    """A factor with what it usually comes from."""
    for number in (factor, 1 / factor):
        whole = round(number)
        if abs(whole) >= 2 and abs(number - whole) < 1e-6 * abs(number):
            text = f"{whole}" if number == factor else f"1/{whole}"
            meaning = (
                "a square's 2 or a loss's ½"
                if abs(whole) == 2
                else "perhaps the number of examples or classes: a sum for a mean, or the reverse"
            )
            return f"{text} ({meaning})"
    return f"{factor:.6g}"


def _transposed(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    if reference.ndim != 2 or min(reference.shape) < 2:
        return None
    if reference.shape[0] == reference.shape[1] and compared.is_reproduced_by(
        reference.T, closeness
    ):
        return TensorHypothesis("transpose", "hand-written = truthᵀ.")
    if compared.is_reproduced_by(reference.T.reshape(reference.shape), closeness):
        return TensorHypothesis("transpose", "hand-written = truthᵀ, reshaped to fit.")
    return None


def _permuted(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    """Wrong rows (columns, entries) that are a rearrangement of the true ones."""
    for axis, name in _axes(reference):
        lines = np.flatnonzero(_any_other(wrong, axis))
        if not 2 <= len(lines) <= FEW_ROWS:
            continue
        h, t = (np.moveaxis(a, axis, 0)[lines].reshape(len(lines), -1) for a in (given, reference))
        same = _same(h, t, compared, closeness)
        match = np.argmax(same, axis=1)
        if (
            same.any(axis=1).all()
            and len(set(match.tolist())) == len(lines)
            and np.any(match != np.arange(len(lines)))
        ):
            shown = ", ".join(f"{lines[i]}←{lines[j]}" for i, j in list(enumerate(match))[:4])
            verb = "swapped" if len(lines) == 2 else "in another order"
            plural = "entries" if name == "entry" else f"{name}s"
            return TensorHypothesis(
                "swapped rows", f"{plural} are {verb} ({shown}{', …' if len(lines) > 4 else ''})."
            )
    return None


def _same(h, t, compared, closeness) -> np.ndarray:
    """(i, j): whether line i of h is line j of t."""
    slack = closeness * np.max(np.abs(t), initial=0.0)
    return np.array([np.max(np.abs(line - t), axis=1, initial=0.0) <= slack for line in h])


def _clipped(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    limit = float(np.max(np.abs(given)))
    if np.sum(np.abs(given) == limit) < 2:  # one entry is always the largest
        return None
    if limit < np.max(np.abs(reference)) * 0.999 and compared.is_reproduced_by(
        np.clip(reference, -limit, limit), closeness
    ):
        return TensorHypothesis("clipped", f"entries beyond ±{limit:.6g} are clipped to it.", limit)
    return None


def _masked(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    """Right wherever neither is zero, but zero in other places."""
    both = (given != 0) & (reference != 0)
    here, there = (given == 0) & (reference != 0), (given != 0) & (reference == 0)
    if not (both.any() and here.any() and there.any()) or not np.all(
        np.abs(given - reference)[both] <= compared.tolerance[both]
    ):
        return None
    return TensorHypothesis(
        "another key", "the zeros are in other places: the mask is not that of the forward pass."
    )


def _zeroed(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    """Whole rows or columns of zeros, or a single entry."""
    if np.any(given[wrong]):
        return None
    for axis, name in _axes(reference)[: reference.ndim if reference.ndim > 1 else 0]:
        lines = _any_other(wrong, axis)
        if not np.any(np.moveaxis(given, axis, 0)[lines]) and not lines.all():
            return TensorHypothesis("zeroed row", f"{name} {_some(np.flatnonzero(lines))} is zero.")
    return _few_zeros(given, reference, wrong, compared, closeness) if wrong.sum() == 1 else None


def _few_zeros(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    if np.any(given[wrong]):
        return None
    return TensorHypothesis(
        "zeroed entries", f"{int(wrong.sum())} entry(s) are zero, the first at {_first(wrong)}."
    )


def _copied(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    """Wrong rows that hold another row's gradient."""
    for axis, name in _axes(reference):
        lines = np.flatnonzero(_any_other(wrong, axis))
        h, t = (
            np.moveaxis(a, axis, 0).reshape(reference.shape[axis], -1) for a in (given, reference)
        )
        if len(lines) > min(FEW_ROWS, len(t) // 2) or reference.ndim < 2:
            continue
        same = _same(h[lines], t, compared, closeness)
        same[np.arange(len(lines)), lines] = False  # a line is no copy of itself
        if same.any(axis=1).all():
            shown = ", ".join(
                f"{i} holds that of {int(np.argmax(s))}"
                for i, s in zip(lines[:4], same[:4], strict=True)
            )
            return TensorHypothesis("stale row", f"{name} {shown}.")
    return None


def _constant(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    """One value repeated along an axis, where the truth varies."""
    for axis, _ in _axes(reference):
        if reference.shape[axis] < 2:
            continue
        flat = np.repeat(np.take(given, [0], axis), reference.shape[axis], axis)
        varies = np.ptp(reference, axis=axis).max() > 1e-3 * np.abs(reference).max()
        if varies and compared.is_reproduced_by(flat, closeness):
            return TensorHypothesis(
                "silent broadcast",
                f"the gradient is the same all along axis {axis}: a value was broadcast, or "
                f"summed over it.",
            )
    return None


def _rows(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    """A few whole rows are wrong, and nothing says how."""
    if reference.ndim < 2:
        return None
    for axis, name in _axes(reference):
        lines = _any_other(wrong, axis)
        whole = np.moveaxis(wrong, axis, 0)[lines].mean()
        few = 0 < lines.sum() <= max(1, len(lines) // 4) < len(lines)
        if few and whole > 0.8 and _others_are_right(wrong, compared):
            return TensorHypothesis(
                "stale row",
                f"only {name} {_some(np.flatnonzero(lines))} is wrong: stale, or never updated.",
            )
    return None


def _entries(given, reference, wrong, compared, closeness) -> TensorHypothesis | None:
    """A small share of entries is wrong."""
    if wrong.size < 4 or wrong.mean() > 0.25 or not _others_are_right(wrong, compared):
        return None
    return TensorHypothesis(
        "wrong entries",
        f"only {int(wrong.sum())} of {wrong.size} entries are wrong, the first at {_first(wrong)}.",
    )


def _others_are_right(wrong: np.ndarray, compared: Comparison) -> bool:
    """Whether an error such as that of the wrong entries would show in most others: coarse rounding
    may hide it.
    """
    usual = np.median(compared.error[wrong] / np.maximum(np.abs(compared.reference[wrong]), 1e-300))
    hidden = compared.tolerance[~wrong] > 0.1 * usual * np.abs(compared.reference[~wrong])
    return bool(np.mean(hidden) < 0.5)


def _axes(array: np.ndarray) -> list[tuple[int, str]]:
    """(axis, what a slice across it is called)."""
    if array.ndim == 1:
        return [(0, "entry")]
    return [
        (axis, ("row", "column")[axis] if axis < 2 else f"slice of axis {axis}")
        for axis in range(array.ndim)
    ]


def _any_other(wrong: np.ndarray, axis: int) -> np.ndarray:
    """Which lines across an axis hold a wrong entry."""
    return np.any(np.moveaxis(wrong, axis, 0).reshape(wrong.shape[axis], -1), axis=1)


def _first(wrong: np.ndarray) -> list[int]:
    return [int(i) for i in np.argwhere(wrong)[0]]


def _some(lines: np.ndarray) -> str:
    return ", ".join(str(int(line)) for line in lines[:5]) + (", …" if len(lines) > 5 else "")
