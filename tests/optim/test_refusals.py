"""Wrong settings are refused where they are given: when the optimizer is made, not at its first
update.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn import optim
from fnn.course import printed as printed_form

RULES = {
    "sgd": optim.sgd,
    "momentum": optim.momentum,
    "nesterov": optim.nesterov,
    "adagrad": optim.adagrad,
    "adadelta": optim.adadelta,
    "adadelta printed": printed_form.adadelta,
    "rmsprop": optim.rmsprop,
    "adam": optim.adam,
    "adamw": optim.adamw,
}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


@every_rule
@pytest.mark.parametrize(
    "rate",
    [
        0,
        0.0,
        -0.1,
        float("nan"),
        float("inf"),
        "0.1",
        "adam",
        True,
        [0.1],
        np.array([0.1, 0.2]),
        np.float32(-1),
    ],
    ids=repr,
)
def test_learning_rate_must_be_a_positive_number(rule, rate):
    with pytest.raises(
        ValueError, match=r"learning_rate: got .*, expected a finite number above 0"
    ):
        rule(rate)


@every_rule
def test_concrete_arrays_are_checked_like_numbers(rule):
    with pytest.raises(ValueError, match="learning_rate"):
        rule(jnp.array(-0.1))
    with pytest.raises(ValueError, match="learning_rate"):
        rule(jnp.array([0.1]))


@every_rule
@pytest.mark.parametrize(
    "rate",
    [1e-3, 1, np.float64(0.1), np.array(0.1), optax.constant_schedule(0.1)],
    ids=lambda rate: type(rate).__name__,
)
def test_numbers_and_schedules_pass(rule, rate):
    assert isinstance(rule(rate), optax.GradientTransformation)


@every_rule
def test_traced_rates_pass(rule):
    """Whatever they turn out to be: at rate 0 nothing moves."""

    @jax.vmap
    def first_update(rate):
        optimizer = rule(rate)
        return optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)), jnp.ones(2))[0]

    still, moved = first_update(jnp.array([0.0, 0.1]))
    assert not still.any()
    assert (moved < 0).all()


DECAYS = [
    ("momentum", "decay"),
    ("nesterov", "decay"),
    ("adadelta", "decay"),
    ("adadelta printed", "decay"),
    ("rmsprop", "decay"),
    ("adam", "b1"),
    ("adam", "b2"),
    ("adamw", "b1"),
    ("adamw", "b2"),
]
EPSILONS = [
    ("adagrad", "eps"),
    ("adadelta", "eps"),
    ("adadelta printed", "eps"),
    ("rmsprop", "eps"),
    ("adam", "eps"),
    ("adamw", "eps"),
]
AMOUNTS = [
    ("adagrad", "initial_accumulator"),
    ("adamw", "weight_decay"),
]
CHOICES = [  # with a wrong name and the closest known one
    ("momentum", "convention", "clasical", "classical"),
    ("momentum", "convention", "libary", "library"),
    ("nesterov", "form", "look-ahead", "lookahead"),
]


@pytest.mark.parametrize(("rule", "argument"), DECAYS)
def test_decays_lie_in_0_1(rule, argument):
    make = RULES[rule]
    for decay in (-0.1, 1, 1.0, 1.5, float("nan"), "0.9", [0.9]):
        with pytest.raises(ValueError, match=rf"{argument}: got .*, expected a number in \[0, 1\)"):
            make(0.1, **{argument: decay})
    for decay in (0, 0.0, 0.999):
        make(0.1, **{argument: decay})


@pytest.mark.parametrize(("rule", "argument"), EPSILONS)
def test_epsilon_is_positive(rule, argument):
    message = rf"{argument}: got .*, expected a finite number above 0"
    for eps in (0, 0.0, -1e-8, float("nan"), float("inf"), "1e-8"):
        with pytest.raises(ValueError, match=message):
            RULES[rule](0.1, **{argument: eps})


@pytest.mark.parametrize(("rule", "argument"), AMOUNTS)
def test_amounts_are_not_negative(rule, argument):
    message = rf"{argument}: got .*, expected a finite number of at least 0"
    for amount in (-0.1, float("nan"), float("inf"), "0.1"):
        with pytest.raises(ValueError, match=message):
            RULES[rule](0.1, **{argument: amount})
    RULES[rule](0.1, **{argument: 0})


@pytest.mark.parametrize(("rule", "argument", "wrong", "closest"), CHOICES)
def test_unknown_names_are_answered_with_the_closest_known_one(rule, argument, wrong, closest):
    message = rf"{argument}: '{wrong}' is not known; did you mean '{closest}'\?"
    with pytest.raises(ValueError, match=message):
        RULES[rule](0.1, **{argument: wrong})
    with pytest.raises(ValueError, match=rf"{argument}: None is not known.* Known: "):
        RULES[rule](0.1, **{argument: None})


def test_adamw_wants_the_parameters():
    optimizer = optim.adamw(0.1)
    with pytest.raises(ValueError, match=r"params: got None.* call update\(grads, state, params\)"):
        optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))


@pytest.mark.parametrize("name", [name for name in RULES if name != "adamw"])
def test_the_others_do_without_the_parameters(name):
    optimizer = RULES[name](0.1)
    updates, _ = optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))
    assert (updates < 0).all()
