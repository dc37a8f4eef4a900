"""`fnn.race`: a sweep that stops training what has lost.

In: what `fnn.sweep` takes. Rungs (`rungs.py`) say after how many epochs, and with how many seeds,
settings are compared (`compare.py`). `race.py` trains what is left from rung to rung: runs that go
on are packed into blocks anew, so that what left costs nothing. Out: a `Race` (`result.py`), a
sentence and a table, with the runs that finished as a Sweep.
"""

from fnn.racing.result import Race

__all__ = ["Race"]
