"""A JAX user with Equinox: the whole-run program of jax_user around an eqx.nn.MLP."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from rivals.case import LEARNING_RATE, Case, Problem
from rivals.jax_user import whole_training


def prepare(case: Case, problem: Problem, runs: int):
    """Compile, and return a function that gives the test accuracies (runs, epochs).

    All hidden layers have the width of the first one.
    """
    width, depth = case.sizes[1], len(case.sizes) - 2

    def network(key):
        return eqx.nn.MLP(case.sizes[0], case.sizes[-1], width, depth, key=key)

    _, static = eqx.partition(network(jax.random.key(0)), eqx.is_array)

    def init(key):
        return eqx.filter(network(key), eqx.is_array)

    def logits_of(params, x):
        return jax.vmap(eqx.combine(params, static))(x)

    train = whole_training(case, problem, optax.adam(LEARNING_RATE), init, logits_of)
    keys = jax.vmap(jax.random.key)(jnp.arange(runs))
    compiled = jax.jit(jax.vmap(train)).lower(keys).compile()
    return lambda: np.asarray(compiled(keys)["test_accuracy"])
