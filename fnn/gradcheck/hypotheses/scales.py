"""A δ that is too large or too small by a constant factor somewhere inside the loss."""

from collections.abc import Iterator

import numpy as np

from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, fit
from fnn.gradcheck.replay import Replay


def of_scales(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """One factor on what passes back through one value, while other ways back, such as a penalty's,
    are right.
    """
    for number in sorted(replay.right.deltas, reverse=True):
        delta = replay.right.deltas[number]
        if not np.any(delta):
            continue
        c = fit(replay, observed, replay.right, [{number: delta}])
        if c is not None and abs(1 + c[0]) > 1e-9:
            shape = np.shape(delta)
            what = f"an array of shape {shape}" if shape else "a term of the loss"
            yield BackwardHypothesis(
                "constant factor" if c[0] > -1 else "sign",
                f"what passes back through {what} is {1 + c[0]:.6g} × what it should be.",
                replay.run({number: c[0] * delta}).grads,
            )
