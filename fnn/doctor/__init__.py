"""`python -m fnn doctor`: are the numbers right that this machine computes?

canaries.py   a program for each known fault of XLA, in sizes at which it was seen
library.py    forward and backward of every layer, loss, activation and optimizer, and a training
trial.py      a canary is compiled, run and compared with what NumPy makes of it
children.py   trials in child processes, for one known fault is a crash
report.py     versions, settings and the trials as lines to read, and the exit status
"""

from fnn.doctor.report import Report, examine

__all__ = ["Report", "examine"]
