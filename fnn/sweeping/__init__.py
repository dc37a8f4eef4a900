"""Sweeps: many runs, over seeds and hyperparameters, as blocks of one compiled program."""

from fnn.sweeping.results import Summary, Sweep
from fnn.sweeping.run import sweep

__all__ = ["Summary", "Sweep", "sweep"]
