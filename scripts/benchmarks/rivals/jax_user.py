"""A JAX user: jit(vmap(train)) by hand, with jax.grad, optax and jax.random.permutation."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from rivals.case import LEARNING_RATE, Case, Problem


def prepare(case: Case, problem: Problem, runs: int):
    """Compile, and return a function that gives the test accuracies (runs, epochs)."""
    keys = jax.vmap(jax.random.key)(jnp.arange(runs))
    compiled = jax.jit(jax.vmap(training(case, problem))).lower(keys).compile()
    return lambda: np.asarray(compiled(keys)["test_accuracy"])


def training(case: Case, problem: Problem):
    """Return a function key -> history that trains a multilayer perceptron written by hand."""
    optimizer = optax.adam(LEARNING_RATE)

    def init(key):
        keys = jax.random.split(key, len(case.sizes) - 1)
        return [
            {"W": jax.random.normal(k, (a, b)) * jnp.sqrt(2 / a), "b": jnp.zeros(b)}
            for k, a, b in zip(keys, case.sizes[:-1], case.sizes[1:], strict=True)
        ]

    def logits_of(params, x):
        for layer in params[:-1]:
            x = jax.nn.relu(x @ layer["W"] + layer["b"])
        return x @ params[-1]["W"] + params[-1]["b"]

    return whole_training(case, problem, optimizer, init, logits_of)


def whole_training(case: Case, problem: Problem, optimizer, init, logits_of):
    """Return a function key -> history for a network.

    init       key -> params
    logits_of  (params, x) -> logits
    """
    x, y = map(jnp.asarray, problem.train)
    full, rest = divmod(case.examples, case.batch_size)

    def loss_of(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(logits_of(params, x), y).mean()

    def step(carry, rows):
        params, state = carry
        loss, grads = jax.value_and_grad(loss_of)(params, x[rows], y[rows])
        updates, state = optimizer.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), loss

    def evaluate(params, split):
        logits = logits_of(params, split[0])
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, split[1]).mean()
        return loss, jnp.mean(jnp.argmax(logits, axis=1) == split[1])

    def epoch(carry, key):
        order = jax.random.permutation(key, case.examples)
        carry, losses = lax.scan(
            step, carry, order[: case.examples - rest].reshape(full, case.batch_size)
        )
        total = jnp.sum(losses) * case.batch_size
        if rest:
            carry, loss = step(carry, order[case.examples - rest :])
            total += loss * rest
        row = {"train_loss": total / case.examples}
        for name in ("validation", "test"):
            row[f"{name}_loss"], row[f"{name}_accuracy"] = evaluate(
                carry[0], getattr(problem, name)
            )
        return carry, row

    def train(key):
        init_key, shuffle_key = jax.random.split(key)
        params = init(init_key)
        _, history = lax.scan(
            epoch, (params, optimizer.init(params)), jax.random.split(shuffle_key, case.epochs)
        )
        return history

    return train
