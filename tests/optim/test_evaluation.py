"""The parameters at which a rule is evaluated."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn import optim


def test_schedule_free_is_evaluated_at_its_average():
    optimizer = optax.contrib.schedule_free(optax.sgd(0.1), learning_rate=0.1, b1=0.9)
    params = jnp.array([1.0, -2.0])
    state = optimizer.init(params)
    for gradient in ([1.0, 0.5], [-2.0, 1.0]):
        updates, state = optimizer.update(jnp.array(gradient), state, params)
        params = optax.apply_updates(params, updates)
    average = optim.evaluation_params(optimizer, state, params)
    # y = b₁ x + (1 − b₁) z, where y is trained and x is the average.
    expected = (np.asarray(params) - 0.1 * np.asarray(state.z)) / 0.9
    np.testing.assert_allclose(average, expected, rtol=1e-6)
    assert not np.allclose(average, params)


@pytest.mark.parametrize("optimizer", [optim.adam(0.1), optax.adam(0.1)])
def test_other_rules_are_evaluated_where_they_train(optimizer):
    params = jnp.ones(2)
    assert optim.evaluation_params(optimizer, optimizer.init(params), params) is None
