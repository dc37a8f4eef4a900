"""The cell of lesson 7, and how it is judged.

Answer to the question: four times, because √4 = 2.
"""

import numpy as np

from judging import Verdict, not_filled, raised


# %% your cell
def batches(n, size, rng):
    """Return a list of index arrays, one a batch."""
    order = rng.permutation(n)
    return [order[first : first + size] for first in range(0, n, size)]


# %% how it is judged
SOLUTION = batches


def verdict(answer) -> Verdict:
    """Judge 22 numbers in batches of 5: sizes, numbers, and the order, twice."""
    rng = np.random.default_rng(0)
    try:
        first = answer(22, 5, rng)
        if first is None or first is ...:
            return not_filled()
        first = [np.asarray(batch) for batch in first]
        again = [np.asarray(batch) for batch in answer(22, 5, rng)]
        return Verdict(*judged(first, again))
    except Exception as error:
        return raised(error)


def judged(first: list[np.ndarray], again: list[np.ndarray]) -> tuple[bool, str]:
    """Return whether two epochs are right, and what is wrong."""
    sizes = [len(batch) for batch in first]
    order = np.concatenate(first)
    if sizes == [5, 5, 5, 5]:
        return False, (
            "You dropped the last, shorter batch: 2 of 22 examples are never seen. There are "
            "⌈n/size⌉ batches."
        )
    if len(np.unique(order)) < len(order):
        return False, (
            "Some numbers come twice, and others never. Draw one permutation, and cut it; "
            "rng.integers and rng.choice draw with replacement."
        )
    if len(sizes) == 5 and set(sizes) == {4, 5} and len(order) == 22:
        return False, (
            f"The batches have {sizes} numbers. np.array_split makes them nearly equal; here all "
            "have `size` but the last one."
        )
    if sizes != [5, 5, 5, 5, 2] or not np.array_equal(np.sort(order), np.arange(22)):
        return False, f"22 numbers in batches of 5 are [5, 5, 5, 5, 2]; yours are {sizes}."
    if np.array_equal(order, np.arange(22)):
        return False, "The order is not random: cut rng.permutation(n), not range(n)."
    if np.array_equal(order, np.concatenate(again)):
        return False, (
            "The second epoch has the order of the first. Use the rng that the function is given; "
            "do not make one inside."
        )
    return True, "Every example comes once an epoch, each time in another order."
