"""Search for a δ that is too large or too small by a constant factor somewhere in the loss."""

from collections.abc import Iterator

import numpy as np

from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, fit
from fnn.gradcheck.replay import Replay


def of_scales(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield a fitted factor on δ of one value.

    Other ways back, such as that of a penalty, are right.
    """
    for variable in sorted(replay.deltas, reverse=True):
        delta = replay.deltas[variable]
        if not np.any(delta):
            continue
        c = fit(replay, observed, replay.right, [{variable: delta}])
        if c is None:
            continue
        factor = 1 + c[0]
        if abs(factor) <= 1e-9:
            continue
        shape = np.shape(delta)
        where = f"an array of shape {shape}" if shape else "a term of the loss"
        yield BackwardHypothesis(
            "constant factor" if c[0] > -1 else "sign",
            f"what passes back through {where} is {factor:.6g} × what it should be.",
            replay.run({variable: c[0] * delta}).grads,
        )
