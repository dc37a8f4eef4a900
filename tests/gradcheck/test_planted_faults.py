"""Every kind of fault that the benchmark of gradient checkers plants, once: detected, and named by
its cause.

The networks and faults are those of scripts/benchmarks/planted, code that uses nothing of fnn.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from planted.backward import gradient
from planted.catalogue import FAULTS, clean_draws, fault_draws
from planted.fault import is_silent
from planted.manners import arguments

import fnn
from fnn.gradcheck import Unusable

UNNAMED = {"whole gradient stale", "momentum: g + 0.9 of a stale g"}
"""The gradient of another point cannot be told from that of another loss."""

DRAWS = {FAULTS[draw.fault].name: draw for draw in fault_draws(1, large=False)}


@pytest.fixture(autouse=True)
def _broadcasting_as_users_have_it():
    with jax.numpy_rank_promotion("allow"):
        yield


def check(case, gradient_of, dtype=None, manner="function"):
    """The cause, or None for a gradient that passes."""
    in_numpy = "numpy" in (case.network.gradient_in, case.network.loss_in)
    with jax.enable_x64(True):
        params = case.params if in_numpy else jax.tree.map(jnp.asarray, case.params)
    options = {} if case.key is None else {"key": case.key}
    try:
        report = fnn.check_gradient(
            *arguments(case, gradient_of, manner), params, dtype=dtype, **options
        )
    except Unusable:
        return "refused"
    return None if report.passed else report.cause


@pytest.mark.every(22)
@pytest.mark.parametrize("name", DRAWS)
def test_a_planted_fault_is_detected_and_named(name):
    draw = DRAWS[name]
    fault = FAULTS[draw.fault]
    narrow = fault.causes == {"precision loss"}  # which passes by default, and says so
    cause = check(draw.case, fault.plant(draw.case), "float64" if narrow else None)
    assert cause is not None
    assert cause in fault.causes | ({"unknown"} if name in UNNAMED else set())


@pytest.mark.long
def test_every_fault_changes_the_gradient_where_it_is_planted():
    with jax.enable_x64(True):
        for name, draw in DRAWS.items():
            case = draw.case
            params = jax.tree.map(
                np.asarray if case.network.gradient_in == "numpy" else jnp.asarray, case.params
            )
            planted = FAULTS[draw.fault].plant(case)(params, case.key)
            assert not is_silent(gradient(case, params, case.key), planted), name


DELICATE = {  # by seed: what makes a right gradient look wrong there
    20821: "1 + tanh z underflows where autodiff does not",
    20409: "p − y cancels in the hand-written gradient",
    20113: "the loss, in NumPy, rounds far coarser than its own value suggests",
    20406: "log Σ eᶻ is 1e-16 apart from one double to the next, and the loss 1e-13",
    20241: "an entry is 1e-52 by autodiff, 1e-266 by hand, and the largest of its tensor 1e-3",
    20874: "five units stand on their kinks: no direction has one slope",
    20117: "the same, and the loss does not move at all",
}
SOME = {*DELICATE, *range(20_000, 20_147, 10), *range(50_000, 50_100, 9)}
CLEAN = [draw for draw in clean_draws(2058, 0) if draw.case.seed in SOME]
"""Right gradients: every condition and manner, most networks, and delicate points."""


@pytest.mark.every(7)
@pytest.mark.parametrize("draw", CLEAN, ids=lambda draw: f"{draw.condition}, {draw.case.network}")
def test_right_gradients_pass(draw):
    assert check(draw.case, partial(gradient, draw.case), manner=draw.manner) is None
