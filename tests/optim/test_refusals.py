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


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (optim.momentum, "decay"),
        (optim.nesterov, "decay"),
        (optim.adadelta, "decay"),
        (RULES["adadelta printed"], "decay"),
        (optim.rmsprop, "decay"),
        (optim.adam, "b1"),
        (optim.adam, "b2"),
        (optim.adamw, "b1"),
        (optim.adamw, "b2"),
    ],
)
def test_decays_lie_in_0_1(rule, name):
    for decay in (-0.1, 1, 1.0, 1.5, float("nan"), "0.9", [0.9]):
        with pytest.raises(ValueError, match=rf"{name}: got .*, expected a number in \[0, 1\)"):
            rule(0.1, **{name: decay})
    for decay in (0, 0.0, 0.999):
        rule(0.1, **{name: decay})


@pytest.mark.parametrize(
    "name", ["adagrad", "adadelta", "adadelta printed", "rmsprop", "adam", "adamw"]
)
def test_epsilon_is_positive(name):
    for eps in (0, 0.0, -1e-8, float("nan"), float("inf"), "1e-8"):
        with pytest.raises(ValueError, match=r"eps: got .*, expected a finite number above 0"):
            RULES[name](0.1, eps=eps)


@pytest.mark.parametrize(
    ("rule", "name"), [(optim.adagrad, "initial_accumulator"), (optim.adamw, "weight_decay")]
)
def test_amounts_are_not_negative(rule, name):
    for amount in (-0.1, float("nan"), float("inf"), "0.1"):
        with pytest.raises(
            ValueError, match=rf"{name}: got .*, expected a finite number of at least 0"
        ):
            rule(0.1, **{name: amount})
    rule(0.1, **{name: 0})


@pytest.mark.parametrize(
    ("rule", "kind", "wrong", "closest"),
    [
        (optim.momentum, "convention", "clasical", "classical"),
        (optim.momentum, "convention", "libary", "library"),
        (optim.nesterov, "form", "look-ahead", "lookahead"),
    ],
)
def test_unknown_names_are_answered_with_the_closest_known_one(rule, kind, wrong, closest):
    with pytest.raises(
        ValueError, match=rf"{kind}: '{wrong}' is not known; did you mean '{closest}'\?"
    ):
        rule(0.1, **{kind: wrong})
    with pytest.raises(ValueError, match=rf"{kind}: None is not known.* Known: "):
        rule(0.1, **{kind: None})


def test_adamw_wants_the_parameters():
    optimizer = optim.adamw(0.1)
    with pytest.raises(ValueError, match=r"params: got None.* call update\(grads, state, params\)"):
        optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))


@pytest.mark.parametrize("name", [name for name in RULES if name != "adamw"])
def test_the_others_do_without_the_parameters(name):
    optimizer = RULES[name](0.1)
    updates, _ = optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))
    assert (updates < 0).all()
