"""A JAX user with Flax NNX: the whole-run program of jax_user around nnx.Linear layers."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from rivals.case import LEARNING_RATE, Case, Problem
from rivals.jax_user import whole_training


class MLP(nnx.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, sizes: tuple[int, ...], rngs: nnx.Rngs):
        self.layers = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(sizes)])

    def __call__(self, x):
        """Return the logits of x (batch, features)."""
        for layer in self.layers[:-1]:
            x = nnx.relu(layer(x))
        return self.layers[-1](x)


def prepare(case: Case, problem: Problem, runs: int):
    """Compile, and return a function that gives the test accuracies (runs, epochs)."""
    graph = nnx.graphdef(MLP(case.sizes, nnx.Rngs(0)))

    def init(key):
        return nnx.state(MLP(case.sizes, nnx.Rngs(key)), nnx.Param)

    def logits_of(params, x):
        return nnx.merge(graph, params)(x)

    train = whole_training(case, problem, optax.adam(LEARNING_RATE), init, logits_of)
    keys = jax.vmap(jax.random.key)(jnp.arange(runs))
    compiled = jax.jit(jax.vmap(train)).lower(keys).compile()
    return lambda: np.asarray(compiled(keys)["test_accuracy"])
