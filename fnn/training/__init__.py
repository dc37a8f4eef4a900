"""Training: one run is one compiled program."""

from fnn.training.program import Plan, Training, advance, begin, examine
from fnn.training.run import Run, train
from fnn.training.step import Task

__all__ = ["Plan", "Run", "Task", "Training", "advance", "begin", "examine", "train"]
