"""Mistakes about sums over examples: batch statistics treated as constants, a δ summed where it
should not be.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from fnn.gradcheck.flat_jaxpr import Variable
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed
from fnn.gradcheck.replay import Backward, Replay


def of_statistics(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Sums over an axis (means, variances) treated as constants: all over the same axes, or one of
    them.
    """
    sums = [
        (step.outputs[0], tuple(step.equation.params["axes"]))
        for step in replay.flat.operations
        if step.equation.primitive.name == "reduce_sum" and step.outputs[0] in replay.right.deltas
    ]
    inner = [(number, axes) for number, axes in sums if np.ndim(replay.right.values[number])]
    for axes in sorted({axes for _, axes in inner}):
        group = [number for number, its in inner if its == axes]
        words = f"over axis {axes[0]}" if len(axes) == 1 else f"over axes {axes}"
        yield BackwardHypothesis(
            "constant statistics",
            f"statistics {words} (batch mean and variance) are treated as constants, but they "
            f"depend on the input.",
            _constant(replay, group),
        )
        for number in group:
            yield BackwardHypothesis(
                "constant statistics",
                f"one of the sums {words} (a batch mean or variance) is treated as a constant.",
                _constant(replay, [number]),
            )


def _constant(replay: Replay, numbers: list[Variable]) -> list[np.ndarray]:
    return replay.with_rules({number: partial(_cancelled, number) for number in numbers}).grads


def _cancelled(number: Variable, found: Backward) -> np.ndarray:
    return -found.deltas[number]
