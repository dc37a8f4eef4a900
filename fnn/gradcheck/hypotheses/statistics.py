"""Search for batch statistics that are taken as constants in the backward pass."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from fnn.gradcheck.flat_jaxpr import Variable
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed
from fnn.gradcheck.replay import Backward, Replay


def of_statistics(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield sums over an axis (means, variances) taken as constants.

    All sums over the same axes are tried together, then each alone.
    """
    by_axes = _sums_by_axes(replay)
    for axes in sorted(by_axes):
        variables = by_axes[axes]
        where = f"over axis {axes[0]}" if len(axes) == 1 else f"over axes {axes}"
        yield BackwardHypothesis(
            "constant statistics",
            f"statistics {where} (batch mean and variance) are treated as constants, but they "
            "depend on the input.",
            _constant(replay, variables),
        )
        for variable in variables:
            yield BackwardHypothesis(
                "constant statistics",
                f"one of the sums {where} (a batch mean or variance) is treated as a constant.",
                _constant(replay, [variable]),
            )


def _sums_by_axes(replay: Replay) -> dict[tuple[int, ...], list[Variable]]:
    """Return the sums that are arrays themselves, by their axes."""
    by_axes: dict[tuple[int, ...], list[Variable]] = {}
    for operation in replay.flat.operations:
        total = operation.outputs[0]
        is_sum = operation.primitive == "reduce_sum" and total in replay.deltas
        if is_sum and np.ndim(replay.values[total]):
            axes = tuple(operation.equation.params["axes"])
            by_axes.setdefault(axes, []).append(total)
    return by_axes


def _constant(replay: Replay, variables: list[Variable]) -> list[np.ndarray]:
    rules = {variable: partial(_cancelled, variable) for variable in variables}
    return replay.with_rules(rules).grads


def _cancelled(variable: Variable, backward: Backward) -> np.ndarray:
    """Return the error that makes δ of a value zero."""
    return -backward.deltas[variable]
