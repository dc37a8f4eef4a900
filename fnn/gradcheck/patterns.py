"""Find a simple pattern of error within one tensor: given = pattern(reference)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnn.gradcheck.compare import Comparison, max_abs

FEW_ROWS = 512  # rows that are compared pair by pair
MISTYPED = 0.1  # a factor 1 ± less than this may be one that was mistyped


class TensorHypothesis(NamedTuple):
    """Why one tensor is wrong.

    cause        the text of a `fnn.gradcheck.Cause`
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
    sizes = np.abs(compared.given)
    is_zero = np.all(sizes <= compared.tolerance)
    if is_zero:  # to rounding: no other pattern says anything then
        is_exactly_zero = not np.any(compared.given)
        if vague or is_exactly_zero:
            return _of_zeros(compared)
        return None
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

SUMMED = TensorHypothesis(
    "sum over every axis",
    "every entry is the same number, zero up to rounding, as is the sum of the true ones: "
    "they were summed over every axis instead of the examples.",
)


def _of_zeros(compared: Comparison) -> TensorHypothesis:
    """Explain zeros: nothing was computed, or numbers that add up to zero were summed."""
    given = compared.given
    reference = compared.reference
    if reference.size < 2:
        return ZERO
    if not np.any(reference):
        return ZERO
    total = abs(np.sum(reference))
    tolerance = np.sum(compared.tolerance)
    if not total <= tolerance:
        return ZERO
    if np.any(given):
        spread = np.ptp(given)
        if spread <= 1e-3 * max_abs(given):
            return SUMMED
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
    factor = _best_factor(given, reference, square)
    if abs(factor) < 1e-9:
        return None
    candidate = factor * reference
    if not compared.is_reproduced_by(candidate, closeness * 1e-2):
        return None
    if abs(factor + 1) < 1e-6:
        return TensorHypothesis("sign", "hand-written = −truth: the sign is turned.", -1.0)
    tolerance = float(np.linalg.norm(compared.tolerance))
    uncertainty = tolerance / np.sqrt(square)
    text = f"hand-written = {_named(factor)} × truth."
    shown = float(f"{factor - 1:.6g}")
    is_familiar = _has_a_meaning(factor) or _is_mistyped(factor, uncertainty)
    return TensorHypothesis("constant factor", text, number=1 + shown, familiar=is_familiar)


def _best_factor(given: np.ndarray, reference: np.ndarray, square: float) -> float:
    """Return the factor with which the reference is closest to the given numbers.

    square  the sum of the squares of the reference
    """
    if not square > 0:
        return 0.0
    product = float(np.sum(given * reference))
    return product / square


def _is_mistyped(factor: float, uncertainty: float) -> bool:
    """Return whether a factor is 1 ± a little of two digits, up to its uncertainty."""
    deviation = float(f"{factor - 1:.2g}")
    size = abs(deviation)
    if size == 0:
        return False
    if not size < MISTYPED:
        return False
    relative = min(uncertainty / size, 0.02)
    slack = max(1e-6, relative)
    rest = abs(factor - 1 - deviation)
    return rest < slack * size


def _has_a_meaning(factor: float) -> bool:
    if _whole(factor) is not None:
        return True
    return _whole(1 / factor) is not None


def _whole(number: float) -> int | None:
    """Return the whole number of at least 2 that a number is up to rounding, or None."""
    whole = round(number)
    if abs(whole) < 2:
        return None
    rest = abs(number - whole)
    if rest < 1e-6 * abs(number):
        return whole
    return None


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
    shape = reference.shape
    if reference.ndim != 2:
        return None
    if min(shape) < 2:
        return None
    turned = reference.T
    is_square = shape[0] == shape[1]
    if is_square and compared.is_reproduced_by(turned, closeness):
        return TensorHypothesis("transpose", "hand-written = truthᵀ.")
    reshaped = turned.reshape(shape)
    if compared.is_reproduced_by(reshaped, closeness):
        return TensorHypothesis("transpose", "hand-written = truthᵀ, reshaped to fit.")
    return None


def _permuted(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Try whether the wrong rows (columns, entries) are the true ones in another order."""
    for axis, name in _axes(wrong):
        is_wrong = _any_wrong(wrong, axis)
        numbers = np.flatnonzero(is_wrong)
        if not 2 <= len(numbers) <= FEW_ROWS:
            continue
        given = _lines(compared.given, axis)
        reference = _lines(compared.reference, axis)
        same = _same(given[numbers], reference[numbers], closeness)
        match = np.argmax(same, axis=1)
        each_has_one = same.any(axis=1).all()
        if each_has_one and _is_another_order(match):
            text = _order(numbers, match, name)
            return TensorHypothesis("swapped rows", text)
    return None


def _is_another_order(match: np.ndarray) -> bool:
    """Return whether numbers are 0, 1, 2, … in another order."""
    different = set(match.tolist())
    if len(different) != len(match):
        return False
    in_place = np.arange(len(match))
    return bool(np.any(match != in_place))


def _order(numbers: np.ndarray, match: np.ndarray, name: str) -> str:
    """Return a sentence about lines in another order."""
    count = len(numbers)
    sources = numbers[match]
    pairs = zip(numbers, sources, strict=True)
    moves = [f"{line}←{source}" for line, source in pairs]
    shown = ", ".join(moves[:4])
    if count > 4:
        shown = f"{shown}, …"
    verb = "swapped" if count == 2 else "in another order"
    plural = "entries" if name == "entry" else f"{name}s"
    return f"{plural} are {verb} ({shown})."


def _copied(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Try whether the wrong rows hold another row's gradient."""
    if wrong.ndim < 2:
        return None
    for axis, name in _axes(wrong):
        is_wrong = _any_wrong(wrong, axis)
        numbers = np.flatnonzero(is_wrong)
        given = _lines(compared.given, axis)
        reference = _lines(compared.reference, axis)
        half = len(reference) // 2
        most = min(FEW_ROWS, half)
        if len(numbers) > most:
            continue
        same = _same(given[numbers], reference, closeness)
        own = np.arange(len(numbers))
        same[own, numbers] = False  # a line is no copy of itself
        if same.any(axis=1).all():
            sources = np.argmax(same, axis=1)
            shown = _copies(numbers[:4], sources[:4])
            return TensorHypothesis("stale row", f"{name} {shown}.")
    return None


def _copies(numbers: np.ndarray, sources: np.ndarray) -> str:
    """Say which line each of some lines is a copy of."""
    pairs = zip(numbers, sources, strict=True)
    parts = [f"{i} holds that of {j}" for i, j in pairs]
    return ", ".join(parts)


def _same(given: np.ndarray, reference: np.ndarray, closeness: float) -> np.ndarray:
    """Return (i, j): whether line i of the given ones is line j of the reference."""
    scale = max_abs(reference)
    slack = closeness * scale
    rows = []
    for line in given:
        difference = np.abs(line - reference)
        distances = np.max(difference, axis=1, initial=0.0)
        rows.append(distances <= slack)
    return np.array(rows)


# ------------------------------------------------------------------------ clipped, masked, repeated


def _clipped(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    given = compared.given
    reference = compared.reference
    limit = float(max_abs(given))
    is_at_limit = np.abs(given) == limit
    if np.sum(is_at_limit) < 2:  # one entry is always the largest
        return None
    largest = max_abs(reference)
    if not limit < largest * 0.999:
        return None
    clipped = np.clip(reference, -limit, limit)
    if not compared.is_reproduced_by(clipped, closeness):
        return None
    text = f"entries beyond ±{limit:.6g} are clipped to it."
    return TensorHypothesis("clipped", text, limit)


def _masked(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Try whether it is right where neither is zero, and zero in other places."""
    in_given = compared.given != 0
    in_reference = compared.reference != 0
    both = in_given & in_reference
    only_given = in_given & ~in_reference
    only_reference = in_reference & ~in_given
    for places in (both, only_given, only_reference):
        if not places.any():
            return None
    error = compared.error[both]
    tolerance = compared.tolerance[both]
    if not np.all(error <= tolerance):
        return None
    return TensorHypothesis(
        "another key", "the zeros are in other places: the mask is not that of the forward pass."
    )


def _zeroed(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Try whether whole rows or columns are zero, or a single entry."""
    if np.any(compared.given[wrong]):
        return None
    if wrong.ndim > 1:
        for axis, name in _axes(wrong):
            is_wrong = _any_wrong(wrong, axis)
            lines = _lines(compared.given, axis)[is_wrong]
            if np.any(lines) or is_wrong.all():
                continue
            numbers = np.flatnonzero(is_wrong)
            return TensorHypothesis("zeroed row", f"{name} {_some(numbers)} is zero.")
    if wrong.sum() != 1:
        return None
    return _few_zeros(compared, wrong, closeness)


def _few_zeros(
    compared: Comparison, wrong: np.ndarray, closeness: float
) -> TensorHypothesis | None:
    given = compared.given[wrong]
    if np.any(given):
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
        length = reference.shape[axis]
        if length < 2:
            continue
        first = np.take(given, [0], axis)
        repeated = np.repeat(first, length, axis)
        spread = np.ptp(reference, axis=axis)
        largest = np.abs(reference).max()
        varies = spread.max() > 1e-3 * largest
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
        lines = _lines(wrong, axis)
        share = lines[is_wrong].mean()
        count = len(is_wrong)
        few = max(1, count // 4)
        is_few = 0 < is_wrong.sum() <= few < count
        if is_few and share > 0.8 and _others_are_right(wrong, compared):
            numbers = np.flatnonzero(is_wrong)
            text = f"only {name} {_some(numbers)} is wrong: stale, or never updated."
            return TensorHypothesis("stale row", text)
    return None


def _entries(compared: Comparison, wrong: np.ndarray, closeness: float) -> TensorHypothesis | None:
    """Say that a small share of entries is wrong."""
    if wrong.size < 4:
        return None
    if wrong.mean() > 0.25:
        return None
    if not _others_are_right(wrong, compared):
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
    relative_errors = compared.error[wrong] / wrong_sizes
    usual = np.median(relative_errors)
    others = ~wrong
    would_show = 0.1 * usual * sizes[others]
    tolerance = compared.tolerance[others]
    is_hidden = tolerance > would_show
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
        word = words.get(axis, f"slice of axis {axis}")
        yield axis, word


def _lines(array: np.ndarray, axis: int) -> np.ndarray:
    """Return the lines across an axis as rows of a matrix."""
    count = array.shape[axis]
    first = np.moveaxis(array, axis, 0)
    return first.reshape(count, -1)


def _any_wrong(wrong: np.ndarray, axis: int) -> np.ndarray:
    """Return which lines across an axis hold a wrong entry."""
    lines = _lines(wrong, axis)
    return np.any(lines, axis=1)


def _first(wrong: np.ndarray) -> list[int]:
    places = np.argwhere(wrong)
    return [int(i) for i in places[0]]


def _some(numbers: np.ndarray) -> str:
    first = [str(int(number)) for number in numbers[:5]]
    shown = ", ".join(first)
    if len(numbers) > 5:
        return f"{shown}, …"
    return shown
