"""Find a simple pattern of error within one tensor: given = pattern(reference)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnn.gradcheck.compare import Comparison, max_abs

FEW_ROWS = 512  # rows that are compared pair by pair
MISTYPED = 0.1  # a factor 1 ± less than this may be one that was mistyped


class TensorHypothesis(NamedTuple):
    """Why one tensor is wrong.

    cause        one of `fnn.gradcheck.CAUSES`
    explanation  a sentence about this tensor
    number       the number in it, where there is one
    familiar     whether people forget or mistype this number: a whole one, its inverse, or 1 ± a
                 little of two digits
    """

    cause: str
    explanation: str
    number: float | None = None
    familiar: bool = False


def of(
    compared: Comparison, wrong: np.ndarray, closeness: float, *, vague: bool
) -> TensorHypothesis | None:
    """Return the first pattern that reproduces a tensor.

    vague  whether patterns that only say where it is wrong are tried too
    """
    is_zero = np.all(np.abs(compared.given) <= compared.tolerance)
    if is_zero:  # to rounding: no other pattern says anything then
        return _of_zeros(compared) if vague or not np.any(compared.given) else None
    guesses = (*EXACT, *VAGUE) if vague else EXACT
    for guess in guesses:
        hypothesis = guess(compared, wrong, closeness)
        if hypothesis is not None:
            return hypothesis
    return None


# -------------------------------------------------------------------------------------------- zeros


ZERO = TensorHypothesis(
    "missing gradient", "the gradient is all zero: it was never computed, or never stored."
)


def _of_zeros(compared: Comparison) -> TensorHypothesis:
    """Explain zeros: nothing was computed, or numbers that add up to zero were summed."""
    given = compared.given
    reference = compared.reference
    if reference.size < 2 or not np.any(reference):
        return ZERO
    adds_up = abs(np.sum(reference)) <= np.sum(compared.tolerance)
    if not adds_up:
        return ZERO
    if np.any(given) and np.ptp(given) <= 1e-3 * max_abs(given):
        return TensorHypothesis(
            "sum over every axis",
            "every entry is the same number, zero up to rounding, as is the sum of the true ones: "
            "they were summed over every axis instead of the examples.",
        )
    sentence = ZERO.explanation.removesuffix(".")
    return ZERO._replace(
        explanation=f"{sentence}, or summed over every axis: the true ones add up to 0."
    )


# ------------------------------------------------------------------------------------------ factors


def _factor(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    given = compared.given
    reference = compared.reference
    if reference.size < 2 and not (given.size and reference.ravel()[0]):
        return None
    square = float(np.sum(reference * reference))
    product = float(np.sum(given * reference))
    factor = product / square if square > 0 else 0.0
    if abs(factor) < 1e-9:
        return None
    if not compared.is_reproduced_by(factor * reference, closeness * 1e-2):
        return None
    if abs(factor + 1) < 1e-6:
        return TensorHypothesis("sign", "hand-written = −truth: the sign is turned.", -1.0)
    tolerance = float(np.linalg.norm(compared.tolerance))
    uncertainty = tolerance / np.sqrt(square)
    return TensorHypothesis(
        "constant factor",
        f"hand-written = {_named(factor)} × truth.",
        number=1 + float(f"{factor - 1:.6g}"),
        familiar=_has_a_meaning(factor) or _is_mistyped(factor, uncertainty),
    )


def _is_mistyped(factor: float, uncertainty: float) -> bool:
    """Return whether a factor is 1 ± a little of two digits, up to its uncertainty."""
    deviation = float(f"{factor - 1:.2g}")
    if deviation == 0 or not abs(deviation) < MISTYPED:
        return False
    slack = max(1e-6, min(uncertainty / abs(deviation), 0.02))
    return abs(factor - 1 - deviation) < slack * abs(deviation)


def _has_a_meaning(factor: float) -> bool:
    return _whole(factor) is not None or _whole(1 / factor) is not None


def _whole(number: float) -> int | None:
    """Return the whole number of at least 2 that a number is up to rounding, or None."""
    whole = round(number)
    if abs(whole) < 2:
        return None
    is_whole = abs(number - whole) < 1e-6 * abs(number)
    return whole if is_whole else None


def _named(factor: float) -> str:
    """Return a factor with its usual reason."""
    whole = _whole(factor)
    if whole is not None:
        return f"{whole} ({_meaning(whole)})"
    inverse = _whole(1 / factor)
    if inverse is not None:
        return f"1/{inverse} ({_meaning(inverse)})"
    return f"{factor:.6g}"


def _meaning(whole: int) -> str:
    if abs(whole) == 2:
        return "a square's 2 or a loss's ½"
    return "perhaps the number of examples or classes: a sum for a mean, or the reverse"


# -------------------------------------------------------------------- right numbers in wrong places


def _transposed(
    compared: Comparison, wrong: np.ndarray, closeness: float
) -> TensorHypothesis | None:
    reference = compared.reference
    if reference.ndim != 2 or min(reference.shape) < 2:
        return None
    is_square = reference.shape[0] == reference.shape[1]
    if is_square and compared.is_reproduced_by(reference.T, closeness):
        return TensorHypothesis("transpose", "hand-written = truthᵀ.")
    if compared.is_reproduced_by(reference.T.reshape(reference.shape), closeness):
        return TensorHypothesis("transpose", "hand-written = truthᵀ, reshaped to fit.")
    return None


def _permuted(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Try whether the wrong rows (columns, entries) are the true ones in another order."""
    for axis, name in _axes(wrong):
        numbers = np.flatnonzero(_any_wrong(wrong, axis))
        if not 2 <= len(numbers) <= FEW_ROWS:
            continue
        given = _lines(compared.given, axis)[numbers]
        reference = _lines(compared.reference, axis)[numbers]
        same = _same(given, reference, closeness)
        match = np.argmax(same, axis=1)
        each_has_one = same.any(axis=1).all()
        is_permutation = len(set(match.tolist())) == len(numbers)
        moves = np.any(match != np.arange(len(numbers)))
        if each_has_one and is_permutation and moves:
            return TensorHypothesis("swapped rows", _order(numbers, match, name))
    return None


def _order(numbers: np.ndarray, match: np.ndarray, name: str) -> str:
    """Return a sentence about lines in another order."""
    sources = numbers[match]
    pairs = [f"{line}←{source}" for line, source in zip(numbers, sources, strict=True)]
    shown = ", ".join(pairs[:4])
    more = ", …" if len(pairs) > 4 else ""
    verb = "swapped" if len(pairs) == 2 else "in another order"
    plural = "entries" if name == "entry" else f"{name}s"
    return f"{plural} are {verb} ({shown}{more})."


def _copied(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Try whether the wrong rows hold another row's gradient."""
    if wrong.ndim < 2:
        return None
    for axis, name in _axes(wrong):
        numbers = np.flatnonzero(_any_wrong(wrong, axis))
        given = _lines(compared.given, axis)
        reference = _lines(compared.reference, axis)
        if len(numbers) > min(FEW_ROWS, len(reference) // 2):
            continue
        same = _same(given[numbers], reference, closeness)
        same[np.arange(len(numbers)), numbers] = False  # a line is no copy of itself
        if same.any(axis=1).all():
            sources = np.argmax(same, axis=1)
            pairs = zip(numbers[:4], sources[:4], strict=True)
            parts = [f"{i} holds that of {j}" for i, j in pairs]
            shown = ", ".join(parts)
            return TensorHypothesis("stale row", f"{name} {shown}.")
    return None


def _same(given: np.ndarray, reference: np.ndarray, closeness: float) -> np.ndarray:
    """Return (i, j): whether line i of the given ones is line j of the reference."""
    slack = closeness * max_abs(reference)
    rows = []
    for line in given:
        distances = np.max(np.abs(line - reference), axis=1, initial=0.0)
        rows.append(distances <= slack)
    return np.array(rows)


# ------------------------------------------------------------------------ clipped, masked, repeated


def _clipped(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    given = compared.given
    reference = compared.reference
    limit = float(max_abs(given))
    at_limit = np.sum(np.abs(given) == limit)
    if at_limit < 2:  # one entry is always the largest
        return None
    if not limit < max_abs(reference) * 0.999:
        return None
    if not compared.is_reproduced_by(np.clip(reference, -limit, limit), closeness):
        return None
    return TensorHypothesis("clipped", f"entries beyond ±{limit:.6g} are clipped to it.", limit)


def _masked(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Try whether it is right where neither is zero, and zero in other places."""
    in_given = compared.given != 0
    in_reference = compared.reference != 0
    both = in_given & in_reference
    only_given = in_given & ~in_reference
    only_reference = in_reference & ~in_given
    if not (both.any() and only_given.any() and only_reference.any()):
        return None
    if not np.all(compared.error[both] <= compared.tolerance[both]):
        return None
    return TensorHypothesis(
        "another key", "the zeros are in other places: the mask is not that of the forward pass."
    )


def _zeroed(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Try whether whole rows or columns are zero, or a single entry."""
    if np.any(compared.given[wrong]):
        return None
    axes = _axes(wrong) if wrong.ndim > 1 else []
    for axis, name in axes:
        is_wrong = _any_wrong(wrong, axis)
        lines = _lines(compared.given, axis)[is_wrong]
        if not np.any(lines) and not is_wrong.all():
            numbers = _some(np.flatnonzero(is_wrong))
            return TensorHypothesis("zeroed row", f"{name} {numbers} is zero.")
    return _few_zeros(compared, wrong, closeness) if wrong.sum() == 1 else None


def _few_zeros(
    compared: Comparison, wrong: np.ndarray, closeness: float
) -> TensorHypothesis | None:
    if np.any(compared.given[wrong]):
        return None
    count = int(wrong.sum())
    first = _first(wrong)
    text = f"{count} entry(s) are zero, the first at {first}."
    return TensorHypothesis("zeroed entries", text)


def _constant(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Try whether one value is repeated along an axis along which the reference varies."""
    given = compared.given
    reference = compared.reference
    for axis, _ in _axes(wrong):
        if reference.shape[axis] < 2:
            continue
        first = np.take(given, [0], axis)
        repeated = np.repeat(first, reference.shape[axis], axis)
        spread = np.ptp(reference, axis=axis).max()
        varies = spread > 1e-3 * np.abs(reference).max()
        if varies and compared.is_reproduced_by(repeated, closeness):
            return TensorHypothesis(
                "silent broadcast",
                f"the gradient is the same all along axis {axis}: a value was broadcast, or summed "
                "over it.",
            )
    return None


# -------------------------------------------------------------------------------- where it is wrong


def _rows(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Say that a few whole rows are wrong."""
    if wrong.ndim < 2:
        return None
    for axis, name in _axes(wrong):
        is_wrong = _any_wrong(wrong, axis)
        share = _lines(wrong, axis)[is_wrong].mean()
        few = max(1, len(is_wrong) // 4)
        is_few = 0 < is_wrong.sum() <= few < len(is_wrong)
        if is_few and share > 0.8 and _others_are_right(wrong, compared):
            numbers = _some(np.flatnonzero(is_wrong))
            text = f"only {name} {numbers} is wrong: stale, or never updated."
            return TensorHypothesis("stale row", text)
    return None


def _entries(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Say that a small share of entries is wrong."""
    if wrong.size < 4 or wrong.mean() > 0.25 or not _others_are_right(wrong, compared):
        return None
    count = int(wrong.sum())
    first = _first(wrong)
    text = f"only {count} of {wrong.size} entries are wrong, the first at {first}."
    return TensorHypothesis("wrong entries", text)


def _others_are_right(wrong: np.ndarray, compared: Comparison) -> bool:
    """Return whether an error like that of the wrong entries would show in most others.

    Coarse rounding may hide it there.
    """
    sizes = np.abs(compared.reference)
    wrong_sizes = np.maximum(sizes[wrong], 1e-300)
    usual = np.median(compared.error[wrong] / wrong_sizes)
    others = ~wrong
    would_show = 0.1 * usual * sizes[others]
    is_hidden = compared.tolerance[others] > would_show
    return bool(np.mean(is_hidden) < 0.5)


EXACT = (_factor, _transposed, _permuted, _clipped, _masked, _zeroed, _copied, _constant)
"""Patterns that reproduce every entry, in the order in which they are tried."""

VAGUE = (_few_zeros, _rows, _entries)
"""Patterns that only say where a tensor is wrong."""


# -------------------------------------------------------------------------------------------- lines


def _axes(array: np.ndarray) -> Iterator[tuple[int, str]]:
    """Yield each axis with the word for a line across it."""
    if array.ndim == 1:
        yield 0, "entry"
        return
    words = {0: "row", 1: "column"}
    for axis in range(array.ndim):
        yield axis, words.get(axis, f"slice of axis {axis}")


def _lines(array: np.ndarray, axis: int) -> np.ndarray:
    """Return the lines across an axis as rows of a matrix."""
    count = array.shape[axis]
    return np.moveaxis(array, axis, 0).reshape(count, -1)


def _any_wrong(wrong: np.ndarray, axis: int) -> np.ndarray:
    """Return which lines across an axis hold a wrong entry."""
    return np.any(_lines(wrong, axis), axis=1)


def _first(wrong: np.ndarray) -> list[int]:
    return [int(i) for i in np.argwhere(wrong)[0]]


def _some(numbers: np.ndarray) -> str:
    first = [str(int(number)) for number in numbers[:5]]
    shown = ", ".join(first)
    return f"{shown}, …" if len(numbers) > 5 else shown
