"""What every rule and convention must do, one table for all."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from fnn import optim
from fnn.course import printed as printed_form

RULES = {
    "sgd": optim.sgd,
    "momentum library": functools.partial(optim.momentum, convention="library"),
    "momentum classical": functools.partial(optim.momentum, convention="classical"),
    "momentum ema": functools.partial(optim.momentum, convention="ema"),
    "nesterov library": functools.partial(optim.nesterov, form="library"),
    "nesterov lookahead": functools.partial(optim.nesterov, form="lookahead"),
    "adagrad": optim.adagrad,
    "adadelta": optim.adadelta,
    "adadelta printed": printed_form.adadelta,
    "rmsprop": optim.rmsprop,
    "adam": optim.adam,
    "adam uncorrected": functools.partial(optim.adam, bias_correction=False),
    "adamw": optim.adamw,
}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
DTYPES = {"bfloat16": jnp.bfloat16, "float32": jnp.float32, "float64": jnp.float64}


def parameters(dtype):
    """A matrix, a vector and a scalar."""
    W, b, s = (
        jnp.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]),
        jnp.array([1.0, -0.5, 0.125]),
        jnp.array(-1.5),
    )
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), {"W": W, "b": b, "s": s})


def gradient(params):
    """Of ½ Σ x² + ¼ Σ x⁴."""
    return jax.tree.map(lambda x: x + x**3, params)


def step(optimizer, params, state):
    updates, state = optimizer.update(gradient(params), state, params)
    return optax.apply_updates(params, updates), state


def after(optimizer, params, steps):
    """The parameters after some steps, op by op."""
    state = optimizer.init(params)
    for _ in range(steps):
        params, state = step(optimizer, params, state)
    return params


@every_rule
def test_is_a_gradient_transformation_that_counts_its_updates(rule):
    optimizer = rule(0.1)
    assert isinstance(optimizer, optax.GradientTransformation)
    params = parameters(jnp.float32)
    state = optimizer.init(params)
    assert state.steps == 0
    assert state.steps.dtype == jnp.int32
    assert step(optimizer, params, state)[1].steps == 1


@every_rule
@pytest.mark.parametrize("rate", ["a number", "a traced float32", "a schedule"])
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_structure_shapes_and_dtypes_are_kept(x64, rule, rate, dtype):
    """Weak types too, since they would make the second call of a jitted update compile again."""
    schedule = optax.cosine_decay_schedule(0.1, 100)

    def once(params, traced):
        optimizer = rule(
            {"a number": 0.1, "a traced float32": traced, "a schedule": schedule}[rate]
        )
        state = optimizer.init(params)
        updates, new_state = optimizer.update(gradient(params), state, params)
        return params, updates, state, new_state

    traced = jax.ShapeDtypeStruct((), jnp.float32)
    params, updates, state, new_state = jax.eval_shape(once, parameters(dtype), traced)
    assert _signature(updates) == _signature(params)
    assert _signature(new_state) == _signature(state)
    assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}


def _signature(tree):
    leaves, structure = jax.tree.flatten(tree)
    return structure, [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in leaves]


@pytest.mark.every(3)
@every_rule
@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.bfloat16, 0.05), (jnp.float32, 2e-5)])
def test_narrow_parameters_follow_the_float64_ones(x64, rule, dtype, tolerance):
    """20 steps: a constant that the dtype rounds away, such as 0.999 in bfloat16, leaves another
    rule.
    """
    start = parameters(dtype)
    wide, _ = ravel_pytree(
        after(rule(0.05), jax.tree.map(lambda x: x.astype(jnp.float64), start), 20)
    )
    narrow, _ = ravel_pytree(after(rule(0.05), start, 20))
    np.testing.assert_allclose(narrow.astype(jnp.float64), wide, rtol=0, atol=tolerance)


@every_rule
def test_second_jitted_update_compiles_nothing(rule):
    optimizer = rule(optax.cosine_decay_schedule(0.1, 9))
    chex.clear_trace_counter()  # it counts by source text, and so over all the rules together

    @jax.jit
    @chex.assert_max_traces(n=1)
    def update(params, state):
        return step(optimizer, params, state)

    params = parameters(jnp.float32)
    state = optimizer.init(params)
    for _ in range(3):
        params, state = update(params, state)
    assert state.steps == 3


@pytest.mark.every(1)
@every_rule
def test_vmapped_rates_are_their_own_runs(x64, rule):
    rates = [0.001, 0.02, 0.1]
    params = parameters(jnp.float64)

    def twenty(rate):
        optimizer = rule(rate)

        def body(carry, _):
            return step(optimizer, *carry), None

        (last, _), _ = jax.lax.scan(body, (params, optimizer.init(params)), length=20)
        return ravel_pytree(last)[0]

    runs = jax.jit(jax.vmap(twenty))(jnp.array(rates))
    alone = jnp.stack([ravel_pytree(after(rule(rate), params, 20))[0] for rate in rates])
    np.testing.assert_allclose(runs, alone, rtol=0, atol=1e-14)
    assert float(jnp.abs(runs[0] - runs[2]).max()) > 1e-3


@every_rule
def test_a_schedule_is_asked_for_the_updates_already_done(rule):
    asked = []

    def schedule(count):
        asked.append(int(count))
        return 0.1

    after(rule(schedule), parameters(jnp.float32), 3)
    assert sorted(set(asked)) == [0, 1, 2]
    assert asked == sorted(asked)


@every_rule
def test_composes_with_masked(x64, rule):
    """The masked leaf gets no step, the others the one that they would get without it."""
    params = parameters(jnp.float64)
    frozen = {"W": False, "b": True, "s": False}
    trained = jax.tree.map(lambda frozen: not frozen, frozen)
    part = optax.chain(optax.masked(rule(0.1), trained), optax.masked(optax.set_to_zero(), frozen))
    whole = after(rule(0.1), params, 3)
    chex.assert_trees_all_equal(after(part, params, 3), whole | {"b": params["b"]})


@every_rule
def test_composes_with_chain(x64, rule):
    """Doubled updates are the updates of the doubled rate, and a state under a chain is the state
    alone.
    """
    params = parameters(jnp.float64)
    doubled = optax.chain(rule(0.1), optax.scale(2.0))
    chex.assert_trees_all_close(
        step(doubled, params, doubled.init(params))[0],
        after(rule(0.2), params, 1),
        rtol=0,
        atol=1e-15,
    )
    identity = optax.chain(optim.clip_by_global_norm(1e9), rule(0.1))
    chex.assert_trees_all_equal(after(identity, params, 3), after(rule(0.1), params, 3))


# Rates for the valley below and for Rosenbrock's. A rule that normalises the gradient takes steps
# of about its rate,
# whatever the gradient, and so comes no nearer than that; AdaGrad's rate falls by itself and has to
# start large.
RATES = {
    "sgd": (0.05, 1e-3),
    "momentum library": (0.01, 5e-4),
    "momentum classical": (0.01, 5e-4),
    "momentum ema": (0.05, 2e-3),
    "nesterov library": (0.01, 5e-4),
    "nesterov lookahead": (0.01, 5e-4),
    "adagrad": (1.0, 0.5),
    "adadelta": (0.1, 0.01),
    "adadelta printed": (1e-3, 1e-3),
    "rmsprop": (1e-3, 1e-3),
    "adam": (1e-2, 1e-3),
    "adam uncorrected": (1e-2, 1e-3),
    "adamw": (1e-2, 1e-3),
}


def valley(x):
    """13 at (1, 1); the minimum 0 is at (0, 0), and the condition number 25."""
    return (x[0] ** 2 + 25 * x[1] ** 2) / 2


def rosenbrock(x):
    """24.2 at (−1.2, 1); the minimum 0 is at (1, 1)."""
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def descend(loss, optimizer, start, steps):
    """Where some steps end, in one compiled loop."""

    def body(carry, _):
        x, state = carry
        updates, state = optimizer.update(jax.grad(loss)(x), state, x)
        return (optax.apply_updates(x, updates), state), None

    @jax.jit
    def run(x):
        (x, _), _ = jax.lax.scan(body, (x, optimizer.init(x)), length=steps)
        return x

    return run(jnp.array(start))


@pytest.mark.every(1)
@pytest.mark.parametrize("name", RULES)
def test_converges_on_a_quadratic_and_on_rosenbrock(x64, name):
    """From 13 to 1e-4 in 3000 steps, and from 24.2 to 0.01 in 20 000."""
    on_valley, on_rosenbrock = (RULES[name](rate) for rate in RATES[name])
    assert valley(descend(valley, on_valley, (1.0, 1.0), 3_000)) < 1e-4
    assert rosenbrock(descend(rosenbrock, on_rosenbrock, (-1.2, 1.0), 20_000)) < 1e-2
