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
    """A comparison of settings after so many epochs, on their first so many seeds."""

    epochs: int
    seeds: int


def rungs_of(
    pairs: Sequence[tuple[int, int]] | None, guarantee: Guarantee, epochs: int, seeds: int
) -> list[Rung]:
    """Return the rungs of a race.

    pairs      (epochs, seeds) of each rung; None chooses them by the guarantee
    guarantee  "rung": None means half the seeds after 1/8 and 1/4 of the epochs, and all seeds
               after 1/2 and after the last epoch. "final": None means 4, 8, 16, … seeds, each
               after all epochs
    epochs     of the whole race
    seeds      of the whole race

    Raises ValueError for rungs that do not grow, for rungs that do not end with all epochs and
    seeds, and for a comparison before the last epoch under the guarantee "final".
    """
    if pairs is None:
        return by_epochs(epochs, seeds) if guarantee == "rung" else by_seeds(epochs, seeds)
    rungs = [checked_rung(pair) for pair in pairs]
    last = Rung(epochs, seeds)
    if not rungs or rungs[-1] != last:
        raise ValueError(
            f"rungs: got {pairs}, expected pairs (epochs, seeds) that end with {tuple(last)}."
        )
    for earlier, later in pairwise(rungs):
        falls = later.epochs < earlier.epochs or later.seeds < earlier.seeds
        if falls or later == earlier:
            raise ValueError(
                f"rungs: {tuple(later)} comes after {tuple(earlier)}; epochs and seeds may not "
                "fall, and one of them must rise."
            )
    if guarantee == "final" and rungs[0].epochs < epochs:
        raise ValueError(
            f"rungs: {tuple(rungs[0])} compares before epoch {epochs}. That does not decide the "
            "last epoch, since curves cross; pass guarantee='rung', or let only the seeds grow."
        )
    return rungs


def checked_rung(pair: Any) -> Rung:
    """Return a pair as a rung. Raises ValueError unless it is two whole numbers of at least 1."""
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise ValueError(f"rungs: got {pair!r}, expected pairs (epochs, seeds).")
    epochs, seeds = pair
    return Rung(checks.count("rungs", epochs), checks.count("rungs", seeds))


def by_epochs(epochs: int, seeds: int) -> list[Rung]:
    """Return rungs at doubling numbers of epochs, the first of them with half the seeds.

    Measured on digits and on MNIST-1D, with 64 settings of rate and penalty and 16 seeds: these
    rungs train a seventh of the full sweep's epochs, or less. Rungs of all seeds from 1/16 of the
    epochs on trained a ninth, but more often lost slow settings that end better.
    """
    half_of_seeds = -(-seeds // 2)
    first_seeds = min(seeds, max(FEW_SEEDS, half_of_seeds))
    numbers = {max(1, -(-epochs // 2**halving)) for halving in range(HALVINGS + 1)}
    rungs = []
    for number in sorted(numbers):
        is_early = 2 * number < epochs
        rungs.append(Rung(number, first_seeds if is_early else seeds))
    return rungs


def by_seeds(epochs: int, seeds: int) -> list[Rung]:
    """Return rungs after all epochs, at doubling numbers of seeds."""
    numbers = {seeds}
    number = FEW_SEEDS
    while number < seeds:
        numbers.add(number)
        number *= 2
    return [Rung(epochs, number) for number in sorted(numbers)]
