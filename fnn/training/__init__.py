"""Training: one run is one compiled program."""

from fnn.training.program import Outcome, Plan, trajectory
from fnn.training.run import Run, train

__all__ = ["Outcome", "Plan", "Run", "train", "trajectory"]
