"""`fnn.optimize`: ask for a batch of settings, train all of it as one program, tell, and go on.

In: a space, and an Optuna study or nothing. `asking.py` asks and tells; `optimize.py` trains each
batch by `fnn.sweep`, or by `fnn.race` where losers are pruned. Out: an `Optimized` (`result.py`).
"""

from fnn.optimizing.result import Optimized

__all__ = ["Optimized"]
