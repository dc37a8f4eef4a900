"""Rungs: after how many epochs, and with how many seeds, settings are compared."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeAlias

from fnn import checks

Guarantee: TypeAlias = Literal["final", "rung"]
GUARANTEES = ("final", "rung")
HALVINGS = 3  # of the epochs, before the last rung
FEW_SEEDS = 4  # enough for a first look


class Rung(NamedTuple):
    """Settings are compared after so many epochs of their first so many seeds."""

    epochs: int
    seeds: int


def rungs_of(
    asked: Sequence[tuple[int, int]] | None, guarantee: Guarantee, epochs: int, seeds: int
) -> list[Rung]:
    """Return the rungs of a race.

    asked  pairs (epochs, seeds); None: for "rung" half the seeds after 1/8 and 1/4 of the epochs,
           and all after 1/2 and after the last; for "final" 4, 8, 16, … seeds after all epochs

    Raises ValueError for rungs that do not grow, or do not end with all epochs and seeds, and for
    comparisons before the last epoch where the guarantee is for the last.
    """
    if asked is None:
        return by_epochs(epochs, seeds) if guarantee == "rung" else by_seeds(epochs, seeds)
    rungs = [checked(pair) for pair in asked]
    last = Rung(epochs, seeds)
    if not rungs or rungs[-1] != last:
        raise ValueError(
            f"rungs: got {asked}, expected (epochs, seeds) that end with {tuple(last)}."
        )
    for one, other in pairwise(rungs):
        if other == one or other.epochs < one.epochs or other.seeds < one.seeds:
            raise ValueError(
                f"rungs: {tuple(other)} comes after {tuple(one)}; epochs and seeds may not fall, "
                "and one of them must rise."
            )
    if guarantee == "final" and rungs[0].epochs < epochs:
        raise ValueError(
            f"rungs: {tuple(rungs[0])} compares before epoch {epochs}, which says nothing of the "
            "last one, where curves cross; take guarantee='rung', or rungs of seeds alone."
        )
    return rungs


def checked(pair: Any) -> Rung:
    """Return a rung; ValueError for what is no pair of whole numbers."""
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise ValueError(f"rungs: got {pair!r}, expected pairs (epochs, seeds).")
    return Rung(checks.count("rungs", pair[0]), checks.count("rungs", pair[1]))


def by_epochs(epochs: int, seeds: int) -> list[Rung]:
    """Return rungs at doubling numbers of epochs, the first of half the seeds.

    Of 64 rates and penalties, 16 seeds each, on digits and on MNIST-1D they train a seventh of the
    full sweep's epochs, or less. All seeds from 1/16 of the epochs on trained a ninth, and
    lost slow settings that end better more often.
    """
    half = min(seeds, max(FEW_SEEDS, -(-seeds // 2)))
    numbers = {max(1, -(-epochs // 2**halving)) for halving in range(HALVINGS + 1)}
    return [Rung(number, half if 2 * number < epochs else seeds) for number in sorted(numbers)]


def by_seeds(epochs: int, seeds: int) -> list[Rung]:
    """Return rungs of all epochs, at doubling numbers of seeds."""
    numbers, number = {seeds}, FEW_SEEDS
    while number < seeds:
        numbers.add(number)
        number *= 2
    return [Rung(epochs, number) for number in sorted(numbers)]
