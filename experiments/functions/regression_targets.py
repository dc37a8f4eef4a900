"""Four things to estimate, of which one is no regression: a question of a quiz.

Question: Which of the four targets is a label, so that a small change of its cause makes it jump?
Source:   Piccoli (claim 4.20).
Command:  python -m experiments run regression_targets
Expected: the arrival of a bus, an age and the price of a house follow their causes continuously; a
          time zone jumps.
Cost:     about 1 s on 2 cores, quick or full.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from experiments.common import Common
from experiments.functions.scans import shrinks
from fnn import plot as draw

TARGETS = {  # of a cause from 0 to 1
    "bus arrival from a radio delay": lambda u: (
        3e8 * 30e-6 * u / 10
    ),  # s at 10 m/s, for up to 30 µs
    "age from a face": lambda u: 90 * u,  # years
    "time zone from a picture": lambda u: np.round(24 * u - 12),  # by longitude
    "house price from a recording": lambda u: 400 - 160 * u,  # thousands, for 40 to 80 dB
}


@dataclass(frozen=True)
class Config(Common):
    """The scan."""

    points: int = 1000
    """Of the cause, and ten times as many."""


QUICK = Config(quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """targets (tasks, points), whether each is continuous and how many different values it has."""
    coarse, fine = (np.linspace(0, 1, n) for n in (config.points, 10 * config.points))
    return {
        "cause": coarse,
        "targets": np.array([target(coarse) for target in TARGETS.values()]),
        "continuous": np.array(
            [shrinks(np.diff(f(coarse)), np.diff(f(fine))) for f in TARGETS.values()]
        ),
        "different": np.array([len(np.unique(target(fine))) for target in TARGETS.values()]),
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Each target over its cause."""
    figure, axes = draw.figure(rows=len(TARGETS), height=1.6)
    for axis, target, name in zip(axes, results["targets"], TARGETS, strict=True):
        axis.plot(results["cause"], target)
        axis.set_title(name, fontsize=9)
    for axis, unit in zip(axes, ("s", "years", "hours", "thousands"), strict=True):
        axis.set_ylabel(unit)
    axes[-1].set_xlabel("cause, from its lowest to its highest value")
    return {"targets": figure}
