"""What optax tests of each of its optimizers, asked of ours."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn import optim
from tests.optim.test_properties import RULES, descend, every_rule, gradient, parameters, rosenbrock

PARABOLA = ([-1.0, 10.0, 1.0], [1.0, -1.0, 1.0])
ROSENBROCK = ([0.0, 0.0], [1.0, 1.0])
STEPS = 20_000

RATES = {  # for the parabola, for Rosenbrock's valley
    "sgd": (1e-2, 1e-3),
    "momentum library": (1e-2, 1e-3),
    "momentum classical": (1e-2, 1e-3),
    "momentum ema": (1e-2, 3e-3),
    "nesterov library": (1e-2, 1e-3),
    "nesterov lookahead": (1e-2, 5e-4),
    "adagrad": (1.0, 1.0),
    "adadelta": (1.0, 0.01),
    "adadelta printed": (1e-2, 1e-3),
    "rmsprop": (5e-3, 5e-3),
    "adam": (1e-2, 1e-2),
    "adam uncorrected": (1e-2, 1e-2),
    "adamw": (1e-2, 1e-2),
}
FACTORIES = {
    "sgd": optim.sgd,
    "momentum": optim.momentum,
    "nesterov": optim.nesterov,
    "adagrad": optim.adagrad,
    "adadelta": optim.adadelta,
    "rmsprop": optim.rmsprop,
    "adam": optim.adam,
    "adamw": optim.adamw,
}
every_factory = pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)


def parabola(x):
    return jnp.sum(jnp.square(x - jnp.array(PARABOLA[1])))


@pytest.mark.every(2)
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("target", ["parabola", "rosenbrock"])
def test_it_finds_the_minimum(name, target):
    """From optax's starting points, in float32, to within 3%."""
    rate = RATES[name][target == "rosenbrock"]
    loss = {"parabola": parabola, "rosenbrock": rosenbrock}[target]
    start, end = {"parabola": PARABOLA, "rosenbrock": ROSENBROCK}[target]
    options = {"weight_decay": 1e-5} if name == "adamw" else {}
    optimizer = RULES[name](rate, **options)

    found = descend(loss, optimizer, start, STEPS)
    np.testing.assert_allclose(found, end, rtol=0.03, atol=0.03)


@every_rule
def test_the_parameters_within_a_state_can_be_mapped(rule):
    optimizer = rule(0.1)
    state = optimizer.init(parameters(jnp.float32))
    same = optax.tree.map_params(optimizer, lambda leaf: leaf, state)
    chex.assert_trees_all_equal(same, state)
    doubled = optax.tree.map_params(optimizer, lambda leaf: 2 * leaf + 1, state)
    assert doubled.steps == state.steps
    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(doubled), strict=True):
        is_count = one.dtype == jnp.int32
        np.testing.assert_array_equal(other, one if is_count else 2 * one + 1)


@every_rule
def test_extra_arguments_are_accepted_and_ignored(rule):
    params = parameters(jnp.float32)
    optimizer = rule(0.1)
    state = optimizer.init(params)
    without = optimizer.update(gradient(params), state, params)
    extra = optimizer.update(gradient(params), state, params, value=1.0, nobody_expects=2)
    chex.assert_trees_all_equal(without, extra)
    assert isinstance(optimizer, optax.GradientTransformationExtraArgs)


@pytest.mark.parametrize("clip", [optim.clip_by_value(0.1), optim.clip_by_global_norm(0.1)])
def test_clipping_accepts_extra_arguments(clip):
    grads, _ = clip.update(jnp.ones(3), clip.init(jnp.ones(3)), None, value=1.0)
    assert float(jnp.max(grads)) <= 0.1 + 1e-7


@pytest.mark.every(1)
@every_factory
def test_hyperparameters_can_be_injected(x64, factory):
    """The injected rule takes the same steps, and another rate may be put into its state."""
    params = parameters(jnp.float64)
    plain, injected = factory(0.1), optax.inject_hyperparams(factory)(learning_rate=0.1)
    state, injected_state = jax.jit(plain.init)(params), jax.jit(injected.init)(params)
    updates, after = jax.jit(plain.update)(gradient(params), state, params)
    by_injected, injected_after = jax.jit(injected.update)(gradient(params), injected_state, params)
    chex.assert_trees_all_close(by_injected, updates, rtol=1e-6)
    chex.assert_trees_all_close(injected_after.inner_state, after, rtol=1e-6)

    injected_state.hyperparams["learning_rate"] = jnp.asarray(0.2, jnp.float64)
    doubled, _ = jax.jit(injected.update)(gradient(params), injected_state, params)
    expected, _ = factory(0.2).update(gradient(params), state, params)
    chex.assert_trees_all_close(doubled, expected, rtol=1e-6)


@every_factory
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_updates_have_the_dtype_of_the_parameters(factory, dtype):
    params = parameters(dtype)
    optimizer = factory(0.1)
    updates, state = optimizer.update(gradient(params), optimizer.init(params), params)
    assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}
    chex.assert_trees_all_equal_dtypes(state, optimizer.init(params))


@pytest.mark.every(1)
@every_rule
@pytest.mark.parametrize("every", [1, 4])
def test_gradients_can_be_accumulated(rule, every):
    """MultiSteps takes the step of the mean gradient at each `every`-th call, and none between."""
    params = parameters(jnp.float32)
    optimizer = rule(0.1)
    steps = optax.MultiSteps(optimizer, every)
    state = steps.init(params)
    update = jax.jit(steps.update)
    for call in range(1, 2 * every + 1):
        grads = jax.tree.map(lambda leaf, call=call: leaf + call, gradient(params))
        updates, state = update(grads, state, params)
        is_due = call % every == 0
        assert is_due == any(bool(jnp.any(leaf != 0)) for leaf in jax.tree.leaves(updates))
        if call == every:
            mean = jax.tree.map(lambda leaf: leaf + (every + 1) / 2, gradient(params))
            expected, _ = optimizer.update(mean, optimizer.init(params), params)
            chex.assert_trees_all_close(updates, expected, rtol=1e-4, atol=1e-6)


@every_rule
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_the_state_keeps_shapes_and_dtypes(rule, dtype):
    """Over some steps, so that it can be carried by a compiled loop."""
    params = parameters(dtype)
    optimizer = rule(0.1)
    state = optimizer.init(params)
    for _ in range(3):
        updates, after = optimizer.update(gradient(params), state, params)
        chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
        params, state = optax.apply_updates(params, updates), after
