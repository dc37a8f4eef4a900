"""Sweeps: many runs, over seeds and hyperparameters, as blocks of compiled programs."""

from fnn.sweeping.fill import SweepInterrupted
from fnn.sweeping.results import Sweep
from fnn.sweeping.run import sweep
from fnn.sweeping.summary import Summary

__all__ = ["Summary", "Sweep", "SweepInterrupted", "sweep"]
