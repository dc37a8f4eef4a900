"""Check a tensor that is too large for a difference quotient for each entry, along directions.

The slope of the loss along a random direction through a tensor is wrong if any of its entries is.
Then the tensor is halved, and the halves again, until single rows, columns or entries are left,
which are measured one by one. An entry that was not measured counts as right only where the
directions say so.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fnn.gradcheck.compare import ALLOWED, usual_size
from fnn.gradcheck.differences import Slope, Values, slope_along
from fnn.gradcheck.problem import Problem

DIRECTIONS = 4  # through a whole tensor

# Entries that are always measured: the largest of the gradient, and some at random.
LARGEST, RANDOM = 4, 12

FOUND = 24  # wrong entries after which the search stops
LINES = 4  # wrong rows or columns that are measured entry by entry
WIDEST = 2000  # entries of these lines in all
MOST = 300  # directions in one search for rows, columns or entries


class Sample(NamedTuple):
    """The differences of some entries of a tensor.

    measured  flat index -> slope
    missed    whether a direction is wrong and no measured entry is
    whole     whether everything that is wrong was measured: a few rows or columns
    """

    measured: dict[int, Slope]
    missed: bool = False
    whole: bool = False


class Tensor(NamedTuple):
    """A tensor of a problem.

    values   the loss beside the point
    given    the hand-written gradient
    start    the place of its first entry among all parameters
    scale    the size of a step that matters to it
    measure  (flat indices) -> the slope at each, by differences
    """

    problem: Problem
    values: Values
    path: str
    given: np.ndarray
    start: int
    scale: float
    measure: Callable[[np.ndarray], dict[int, Slope]]


def sample(tensor: Tensor, rng: np.random.Generator) -> Sample:
    """Look at a tensor along directions, at some entries, and closer where a direction is wrong."""
    given = tensor.given.ravel()
    finite = np.nan_to_num(given)
    sizes = np.abs(finite)
    from_largest = np.argsort(-sizes)
    largest = from_largest[:LARGEST]
    at_random = rng.integers(0, given.size, RANDOM)
    always = np.unique([*largest, *at_random])
    measured = tensor.measure(always)
    is_finite = np.isfinite(given)
    if not is_finite.all():
        return Sample(measured)
    every_entry = np.arange(given.size)
    if not any(is_wrong(tensor, every_entry, rng) for _ in range(DIRECTIONS)):
        return Sample(measured)
    wrong, whole = wrong_entries(tensor, rng)
    further = np.setdiff1d(wrong, list(measured))
    measured |= tensor.measure(further)
    is_missed = len(wrong) == 0
    return Sample(measured, missed=is_missed, whole=whole)


def wrong_entries(tensor: Tensor, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Return entries to be measured: those of a few wrong rows or columns, or a few single ones.

    The second value says whether they are rows or columns, beside which nothing is wrong.
    """
    given = tensor.given
    numbers = np.arange(given.size)
    places = numbers.reshape(given.shape)
    for axis in range(places.ndim):
        count: int = places.shape[axis]
        first = np.moveaxis(places, axis, 0)
        lines = first.reshape(count, -1)
        wrong = search(tensor, lines, rng, LINES + 1)
        is_few = 0 < len(wrong) <= LINES
        if not is_few:
            continue
        entries = lines[wrong].ravel()
        if entries.size <= WIDEST:
            return entries, True
    single_entries = places.reshape(-1, 1)
    single = search(tensor, single_entries, rng, FOUND)
    return np.array(single, int), False


def is_wrong(tensor: Tensor, entries: np.ndarray, rng: np.random.Generator) -> bool:
    """Return whether the loss has another slope along a random direction through some entries."""
    problem = tensor.problem
    count = len(entries)
    signs = rng.choice([-1.0, 1.0], count)
    lengths = rng.uniform(0.5, 1.5, count)
    signs = signs * lengths
    parameters = sum(leaf.size for leaf in problem.leaves)
    direction = np.zeros(parameters)
    places = tensor.start + entries
    direction[places] = tensor.scale * signs
    given = tensor.given.ravel()
    products = given[entries] * tensor.scale * signs
    slack = slack_of(tensor, direction, products)
    slope = slope_along(problem, tensor.values, direction)
    claim = float(np.sum(products))
    return slope.contradicts(claim, slack)


def slack_of(tensor: Tensor, direction: np.ndarray, products: np.ndarray) -> float:
    """Return how far rounding may move the slope along a direction.

    products  the terms of the slope by the given gradient
    """
    problem = tensor.problem
    rounding = ALLOWED[problem.dtype] * problem.epsilon
    length = np.linalg.norm(direction)
    usual_product = usual_size(tensor.given) * length
    size = np.linalg.norm(products) + usual_product
    return rounding * float(size)


def search(tensor: Tensor, lines: np.ndarray, rng: np.random.Generator, most: int) -> list[int]:
    """Halve lines that are wrong together until single ones are left; return up to `most`."""
    wrong: list[int] = []
    directions_left = MOST

    def halve(numbers: np.ndarray) -> None:
        nonlocal directions_left
        directions_left -= 1
        if directions_left < 0:
            return
        if len(wrong) >= most:
            return
        entries = lines[numbers].ravel()
        if not is_wrong(tensor, entries, rng):
            return
        if len(numbers) == 1:
            number = int(numbers[0])
            wrong.append(number)
            return
        for half in np.array_split(numbers, 2):
            halve(half)

    all_numbers = np.arange(len(lines))
    halve(all_numbers)
    return wrong
