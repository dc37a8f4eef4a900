"""A tensor too large to have a difference quotient for each entry: directions find what is wrong.

The slope of the loss along a random direction through a tensor is wrong if any of its entries is.
Where it is, the tensor is halved, and the halves again, until single rows, columns or entries are
left, which are measured one by one. What was not measured is taken as right only where the
directions say so.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fnn.gradcheck.compare import ALLOWED, usual_size
from fnn.gradcheck.differences import Slope, Values, slope_along
from fnn.gradcheck.problem import Problem

DIRECTIONS = 4  # through a whole tensor
LARGEST, RANDOM = (
    4,
    12,
)  # entries that are measured in any case: the largest of the gradient, and some at random
FOUND = 24  # wrong entries after which no more are looked for
LINES = 4  # wrong rows or columns that are measured entry by entry
WIDEST = 2000  # entries of these lines in all
MOST = 300  # directions along which rows, columns or entries are looked for


class Sample(NamedTuple):
    """What differences say of a tensor.

    measured  flat index -> slope
    missed    whether a direction is wrong and no measured entry is
    whole     whether everything that is wrong was measured: a few rows or columns
    """

    measured: dict[int, Slope]
    missed: bool = False
    whole: bool = False


class Tensor(NamedTuple):
    """A tensor of a problem, its hand-written gradient, and how its entries are measured.

    start  the place of its first entry among all parameters
    """

    problem: Problem
    values: Values
    given: np.ndarray
    start: int
    scale: float
    measure: Callable[[np.ndarray], dict[int, Slope]]


def sample(tensor: Tensor, rng: np.random.Generator) -> Sample:
    """Look at a tensor along directions, at some entries, and closer where a direction is wrong."""
    given = tensor.given.ravel()
    everything = np.arange(given.size)
    largest = np.argsort(-np.abs(np.nan_to_num(given)))[:LARGEST]
    entries = np.unique([*largest, *rng.integers(0, given.size, RANDOM)])
    measured = tensor.measure(entries)
    if not np.isfinite(given).all() or not any(
        is_wrong(tensor, everything, rng) for _ in range(DIRECTIONS)
    ):
        return Sample(measured)
    found, whole = wrong_entries(tensor, rng)
    measured |= tensor.measure(np.setdiff1d(found, list(measured)))
    return Sample(measured, not len(found), whole)


def wrong_entries(tensor: Tensor, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Return entries to be measured: those of a few wrong rows or columns, or a few single ones.

    The second says whether they are rows or columns, beside which nothing is wrong.
    """
    places = np.arange(tensor.given.size).reshape(tensor.given.shape)
    for axis in range(places.ndim):
        lines = np.moveaxis(places, axis, 0).reshape(places.shape[axis], -1)
        wrong: list[int] = []
        search(tensor, lines, rng, wrong, LINES + 1)
        if 0 < len(wrong) <= LINES and lines[wrong].size <= WIDEST:
            return lines[wrong].ravel(), True
    single: list[int] = []
    search(tensor, places.reshape(-1, 1), rng, single, FOUND)
    return np.array(single, int), False


def is_wrong(tensor: Tensor, entries: np.ndarray, rng: np.random.Generator) -> bool:
    """Return whether the loss has another slope along a random direction through some entries."""
    direction = np.zeros(sum(leaf.size for leaf in tensor.problem.leaves))
    signs = rng.choice([-1.0, 1.0], len(entries)) * rng.uniform(0.5, 1.5, len(entries))
    direction[tensor.start + entries] = tensor.scale * signs
    products = tensor.given.ravel()[entries] * tensor.scale * signs
    rounding = ALLOWED[tensor.problem.dtype] * tensor.problem.epsilon
    sizes = np.linalg.norm(products) + usual_size(tensor.given) * np.linalg.norm(direction)
    slope = slope_along(tensor.problem, tensor.values, direction)
    return slope.contradicts(float(np.sum(products)), rounding * float(sizes))


def search(
    tensor: Tensor, lines: np.ndarray, rng: np.random.Generator, found: list[int], most: int
) -> None:
    """Halve lines that are wrong together until single ones are left; add them to `found`."""
    left = MOST

    def halve(numbers: np.ndarray) -> None:
        nonlocal left
        left -= 1
        if len(found) >= most or left < 0 or not is_wrong(tensor, lines[numbers].ravel(), rng):
            return
        if len(numbers) == 1:
            found.append(int(numbers[0]))
            return
        for half in np.array_split(numbers, 2):
            halve(half)

    halve(np.arange(len(lines)))
