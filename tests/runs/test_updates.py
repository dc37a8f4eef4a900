"""Optimizers that look at more than the gradient: what they are given, and what is refused."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn import losses, optim
from fnn.runs.updates import accepted_arguments
from tests.problems import blobs

NET = fnn.mlp((3, 8, 3), activation="tanh")
CE = losses.softmax_cross_entropy
D = blobs()
ALL = len(D.train.x)


def quick(optimizer, **options):
    options = {"epochs": 4, "batch_size": 10, "progress": False} | options
    return fnn.train(NET, CE, optimizer, D, **options)


def swept(optimizer, **options):
    options = {"epochs": 4, "batch_size": 10, "seeds": [0, 1], "progress": False} | options
    return fnn.sweep(lambda hyper: (NET, CE, optimizer), D, **options)


def params_at_the_start():
    """Those of seed 0."""
    return jax.jit(NET.init)(jax.random.fold_in(jax.random.key(0), 0))[0]


def loss_of(params):
    return fnn.value_and_grad(NET, CE)(params, *D.train)[0]


def by_hand(optimizer, steps, **given):
    """Descend with all examples in each step, and what optax's documentation passes on."""
    params = params_at_the_start()
    state = optimizer.init(params)
    for _ in range(steps):
        value, grads = fnn.value_and_grad(NET, CE)(params, *D.train)
        extra = {"value": value, "grad": grads, "value_fn": loss_of}
        updates, state = optimizer.update(
            grads, state, params, **{name: extra.get(name, grad_fn) for name in given or extra}
        )
        params = optax.apply_updates(params, updates)
    return params


def grad_fn(params, _):
    return fnn.value_and_grad(NET, CE)(params, *D.train)[1]


RULES = {
    "polyak_sgd": optax.polyak_sgd(0.5),
    "reduce_on_plateau": optax.chain(
        optim.sgd(0.5), optax.contrib.reduce_on_plateau(patience=1, rtol=0.2)
    ),
    "lbfgs": optax.lbfgs(),
    "backtracking": optax.chain(
        optim.sgd(2.0), optax.scale_by_backtracking_linesearch(8, store_grad=True)
    ),
    "momo": optax.contrib.momo(0.5),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("rule", RULES)
def test_rules_that_want_the_loss_get_it(rule):
    """The steps are those of a loop that passes value, grad and value_fn on, full batch."""
    run = quick(RULES[rule], batch_size=ALL)
    chex.assert_trees_all_close(run.params, by_hand(RULES[rule], 4), rtol=2e-4, atol=2e-5)
    assert run.final("train_loss") < run.history["train_loss"][0]
    sweep = swept(RULES[rule], batch_size=ALL)
    chex.assert_trees_all_close(sweep.run(0, 0).params, run.params, rtol=1e-5, atol=1e-6)


def test_a_rate_falls_on_a_plateau():
    """The scale in the state of the rule is below 1 once the loss stands still."""
    rule = optax.chain(optim.sgd(1e-6), optax.contrib.reduce_on_plateau(patience=2, rtol=0.5))
    assert quick(rule).optimizer_state[1].scale < 1


@pytest.mark.long
def test_lbfgs_beats_gradient_descent_with_all_examples():
    runs = [quick(rule, batch_size=ALL, epochs=20) for rule in (optax.lbfgs(), optim.sgd(0.5))]
    lbfgs, sgd = (run.final("train_loss") for run in runs)
    assert lbfgs < 0.5 * sgd


def test_sharpness_aware_minimisation_gets_the_gradient_elsewhere():
    rule = optax.contrib.sam(optax.sgd(0.5), optax.sgd(0.05), opaque_mode=True)
    expected = by_hand(rule, 4, grad_fn=True)
    chex.assert_trees_all_close(quick(rule, batch_size=ALL).params, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.slow
def test_muon_and_accumulated_steps_train():
    run = quick(optax.contrib.muon(0.05), epochs=20)
    assert run.final("train_loss") < 0.6 * run.history["train_loss"][0]
    whole = optim.sgd(0.5)
    accumulated = quick(optax.MultiSteps(whole, 3), batch_size=ALL // 3)
    at_once = quick(whole, batch_size=ALL)
    chex.assert_trees_all_close(accumulated.params, at_once.params, rtol=1e-4, atol=1e-5)


def test_the_hand_written_loss_is_given_with_its_penalty():
    penalized = CE._replace(penalty=fnn.penalties.l2(0.1))
    seen = []

    def update(grads, state, params, *, value, value_fn, grad, **_):
        jax.debug.callback(lambda *both: seen.append(both), value, value_fn(params))
        chex.assert_trees_all_equal_shapes(grads, grad)
        return jax.tree.map(lambda g: -0.1 * g, grads), state

    rule = optax.GradientTransformationExtraArgs(lambda params: (), update)
    fnn.train(NET, penalized, rule, D, epochs=1, batch_size=ALL, progress=False)
    jax.effects_barrier()
    (value, computed) = seen[0]
    params = params_at_the_start()
    expected, _ = fnn.value_and_grad(NET, penalized)(params, *D.train)
    np.testing.assert_allclose([value, computed], [expected, expected], rtol=1e-5)


def test_only_what_a_rule_names_is_given():
    assert accepted_arguments(optim.adam(0.1).update) == ("value", "grad", "value_fn")
    assert accepted_arguments(lambda grads, state, params: None) == ()
    assert accepted_arguments(lambda grads, state, params, *, value: None) == ("value",)
    sam = optax.contrib.sam(optax.sgd(0.1), optax.sgd(0.1), opaque_mode=True)
    assert accepted_arguments(sam.update) == ("grad_fn",)


def reads_a_loss(grads, state, params=None, **extra):
    return grads, extra["loss"]


REFUSED = {
    "what extra does not have": (
        optax.GradientTransformationExtraArgs(lambda params: (), reads_a_loss),
        "optimizer: its update raises KeyError: 'loss'.* value_fn",
    ),
    "NumPy in its init": (
        optax.GradientTransformation(
            lambda params: np.asarray(params[0].W), lambda grads, state, params=None: (grads, state)
        ),
        "optimizer: .* Write it with jax.numpy",
    ),
    "a Hessian": (
        optax.contrib.sophia(1e-3),
        r"optimizer: optax's hutchinson\w* raises ValueError: obj_fn must be provided.* value_fn",
    ),
    "an unknown argument": (
        optax.GradientTransformationExtraArgs(
            lambda params: (), lambda grads, state, params, *, examples: (grads, state)
        ),
        "optimizer: its update raises TypeError: .*'examples'",
    ),
    "another kind of parameters": (
        optax.lookahead(optax.sgd(0.1), 2, 0.5),
        "optimizer: optax's lookahead raises AttributeError: .* 'fast'",
    ),
    "a schedule in NumPy": (
        optax.adam(lambda count: 0.1 * np.cos(count / 10)),
        r"optimizer: <lambda> \(test_updates.py, line \d+: .*np.cos.* Write it with jax.numpy",
    ),
    "a schedule in NumPy for a rule of fnn": (
        optim.adam(lambda count: float(np.exp(-count))),
        r"optimizer: <lambda> \(test_updates.py, line \d+",
    ),
    "a schedule with an if": (
        optim.sgd(lambda count: 0.1 if count < 5 else 0.01),
        r"optimizer: <lambda> \(test_updates.py, line \d+.* jnp.where",
    ),
}


@pytest.mark.filterwarnings("ignore:Specifying a key")
@pytest.mark.every(3)
@pytest.mark.parametrize("door", [quick, swept, lambda rule: step_of(rule)])
@pytest.mark.parametrize("rule", REFUSED)
def test_what_cannot_work_is_refused_by_name(rule, door):
    optimizer, message = REFUSED[rule]
    with pytest.raises(ValueError, match=message):
        door(optimizer)


def step_of(optimizer):
    step = fnn.train_step(NET, CE, optimizer)
    step.update(step.init(jax.random.key(0)), *D.train)


# ------------------------------------------------------------------------- evaluation parameters


@pytest.mark.slow
def test_schedule_free_is_evaluated_and_returned_at_its_average():
    rule = optax.contrib.schedule_free_adamw(0.05)
    run = quick(rule)
    state, y = run.optimizer_state, run.descent_params
    average = optax.contrib.schedule_free_eval_params(state, y)
    chex.assert_trees_all_close(run.params, average, rtol=1e-5, atol=1e-6)
    for name, params in (("params", run.params), ("best", run.best_params)):
        value, _ = fnn.value_and_grad(NET, CE)(params, *D.validation)
        epoch = -1 if name == "params" else run.best_epoch
        assert float(value) == pytest.approx(run.history["validation_loss"][epoch], rel=1e-5)
    distances = jax.tree.map(lambda a, b: float(jnp.max(jnp.abs(a - b))), run.params, y)
    assert max(jax.tree.leaves(distances)) > 1e-3
    sweep = swept(rule)
    chex.assert_trees_all_close(sweep.run(0, 0).params, run.params, rtol=1e-5, atol=1e-6)
    chained = optax.chain(optax.clip_by_global_norm(1e6), rule)
    chex.assert_trees_all_close(quick(chained).params, run.params, rtol=1e-5, atol=1e-6)


def test_a_search_for_the_worst_place_nearby_is_not_what_one_gets():
    """After 5 steps of pairs the parameters stand where the search left them."""
    rule = optax.contrib.sam(optax.sgd(0.1), optax.sgd(1.0), sync_period=2)
    run = quick(rule, epochs=1)  # 5 batches
    assert run.optimizer_state.steps_since_sync == 1
    chex.assert_trees_all_equal(run.params, run.optimizer_state.cache)
    assert run.descent_params is not None


def doubled(state, params):
    return jax.tree.map(lambda w: 2 * w, params)


@pytest.mark.slow
def test_a_rule_of_ones_own_says_where_it_is_evaluated():
    """Not the rule itself, which may have been compiled before."""
    plain = optax.sgd(0.1)
    before, run, after = (
        quick(rule) for rule in (plain, optim.evaluated_at(plain, doubled), plain)
    )
    chex.assert_trees_all_close(run.descent_params, before.params, rtol=1e-5)
    chex.assert_trees_all_close(run.params, doubled((), before.params), rtol=1e-5)
    chex.assert_trees_all_equal(after.params, before.params)
    with pytest.raises(ValueError, match="start: the run was trained by another call"):
        quick(optim.evaluated_at(plain, doubled), epochs=5, start=before)
    with pytest.raises(ValueError, match=r"evaluation_params: got 3, expected a function"):
        optim.evaluated_at(plain, 3)


def test_it_has_to_be_the_outermost_rule():
    within = optax.chain(optax.clip(1.0), optim.evaluated_at(optax.sgd(0.1), doubled))
    with pytest.raises(ValueError, match="evaluated_at is within another rule"):
        quick(within)


def test_it_gets_the_extra_arguments_of_the_rule_within():
    rule = optim.evaluated_at(optax.polyak_sgd(0.5), doubled)
    assert accepted_arguments(rule.update) == accepted_arguments(optax.polyak_sgd(0.5).update)
    assert quick(rule).descent_params is not None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:optimizer. L-BFGS is for full batches")
@pytest.mark.parametrize(
    "rule",
    [
        optax.chain(
            optax.sgd(0.05), optax.contrib.reduce_on_plateau(patience=2, accumulation_size=9)
        ),
        optax.MultiSteps(optax.lbfgs(), 9),
    ],
    ids=["plateau", "lbfgs"],
)
def test_an_infinity_that_a_rule_begins_with_is_no_divergence(rule):
    """Such as the best loss so far of one that has looked at none in the first epoch."""
    run = quick(rule, epochs=3)
    assert not run.diverged
    assert np.isfinite(run.history["validation_loss"]).all()


def test_other_rules_are_evaluated_where_they_descend():
    run = quick(optim.adam(0.1))
    assert run.descent_params is None
    assert optim.evaluation_params(optim.adam(0.1), run.optimizer_state, run.params) is None


def test_lbfgs_on_batches_is_told():
    with pytest.warns(UserWarning, match="L-BFGS is for full batches; pass batch_size=n") as told:
        quick(optax.lbfgs(memory_size=3), batch_size=10)
    assert told[0].filename == __file__


def test_averages_of_a_part_or_of_several_rules_are_refused():
    average = optax.contrib.schedule_free_sgd(0.1)
    with pytest.raises(ValueError, match="schedule_free stands in it several times"):
        quick(optax.chain(average, average))

    def by_rank(params):
        return jax.tree.map(lambda leaf: "W" if leaf.ndim == 2 else "b", params)

    rules = {"W": average, "b": optax.adam(0.1)}
    with pytest.raises(ValueError, match="schedule_free updates a part of the parameters"):
        quick(optax.partition(rules, by_rank))
