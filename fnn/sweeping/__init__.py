"""Sweeps: many runs, over seeds and hyperparameters, as blocks of compiled programs."""

from fnn.sweeping.function import FunctionSweep, sweep_function
from fnn.sweeping.interrupted import SweepFailed, SweepInterrupted
from fnn.sweeping.results import Sweep
from fnn.sweeping.run import sweep
from fnn.sweeping.summary import Summary

__all__ = ["FunctionSweep", "Summary", "Sweep", "SweepFailed", "SweepInterrupted", "sweep", "sweep_function"]
