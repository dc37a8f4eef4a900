"""`fnn.train_step`: the jitted train step as (init, update), for loops of one's own."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Integer, Num

from fnn import checks, compiler
from fnn.backprop import check_batch, feature_major, target_of
from fnn.runs import step as steps
from fnn.runs.keys import keys_from
from fnn.runs.refusals import check_parts
from fnn.runs.step import EpochMetrics, TrainSpec, TrainState
from fnn.runs.updates import named_errors
from fnn.types import ArrayLike, Layer, Loss, Params, PRNGKey, PyTree, State

Metrics = dict[str, Float[Array, ""]]


class StepState(NamedTuple):
    """What a loop of one's own carries.

    params, state, optimizer_state  as in `fnn.Run`
    noise                           the key of the dropout masks
    number                          how many steps have been taken
    """

    params: Params
    state: State
    optimizer_state: PyTree
    noise: PRNGKey
    number: Integer[Array, ""]


class TrainStep(NamedTuple):
    """A train step; `state = init(key)`, then `state, metrics = update(state, x, y)`.

    init(key)            -> StepState; `jax.random.key(seed)` gives what fnn.train(seed=seed) starts
                            with
    update(state, x, y, weights=None)  -> StepState, {"loss": …, "accuracy": …}; x (batch,
                            features), y (batch,) or (batch, outputs); the metrics are means over
                            the batch before the update, and "accuracy" is there for classification.
                            With weights w (batch,) losses are Σ wᵢ ℓᵢ/batch: weights of mean 1 over
                            an epoch make what fnn.train makes of them
    """

    init: Callable[[PRNGKey], StepState]
    update: Callable[..., tuple[StepState, Metrics]]


def train_step(net: Layer, loss: Loss, optimizer: optax.GradientTransformation) -> TrainStep:
    """Return the step of `fnn.train`, jitted, to be called in a loop of one's own.

    Given the same key and batches it computes the same numbers as fnn.train, to rounding. (The
    batches of epoch e are those of fnn.data.shuffle.permutation, by the key
    jax.random.fold_in(jax.random.fold_in(key, 1), e).) A batch of another size is another
    compilation. Nothing is checked for divergence. A rule that descends at other parameters than it
    is evaluated at, such as optax.contrib.schedule_free, has those for evaluation in
    fnn.optim.evaluation_params(optimizer, state.optimizer_state, state.params).

    Raises ValueError for arguments that are not a Layer, a Loss and an optimizer. `update` raises
    it for batches of wrong shapes and, unless they are arrays of JAX, of wrong values: NaN,
    infinity, labels out of range. Arrays of JAX stay on the device; their values are not looked at.

    >>> import jax, fnn
    >>> digits = fnn.data.load("digits").train
    >>> net = fnn.mlp((64, 32, 10))
    >>> step = fnn.train_step(net, fnn.losses.softmax_cross_entropy, fnn.optim.adam(1e-3))
    >>> state = step.init(jax.random.key(0))
    >>> for rows in range(0, 256, 64):
    ...     batch = slice(rows, rows + 64)
    ...     state, metrics = step.update(state, digits.x[batch], digits.y[batch])
    >>> sorted(metrics)
    ['accuracy', 'loss']
    """
    check_parts(net, loss, optimizer)
    spec = TrainSpec(net, loss, optimizer)

    def init(key: PRNGKey) -> StepState:
        checks.key("key", key)
        return _init(key)

    @compiler.jit
    def _init(key: PRNGKey) -> StepState:
        keys = keys_from(key)
        params, state = net.init(keys.init)
        with named_errors():
            optimizer_state = optimizer.init(params)
        return StepState(params, state, optimizer_state, keys.noise, jnp.int32(0))

    def update(
        state: StepState,
        x: Num[ArrayLike, "batch features"],
        y: Num[ArrayLike, "batch ..."],
        weights: Any = None,
    ) -> tuple[StepState, Metrics]:
        if not isinstance(state, StepState):
            raise ValueError(
                f"state: got {type(state).__name__}, expected what init(key) returned."
            )
        expected = jax.eval_shape(_init, state.noise).optimizer_state
        if difference := checks.difference(state.optimizer_state, expected):
            raise ValueError(
                f"state: optimizer_state{difference}, unlike that of this optimizer; pass what "
                "init(key) or update of the same step returned."
            )
        x, y = (
            array if isinstance(array, jax.Array) else checks.numbers(name, array)
            for name, array in (("x", x), ("y", y))
        )
        if not isinstance(x, jax.Array) and not isinstance(y, jax.Array):
            check_batch(net, loss, state.params, state.state, x, y, weights)
        return _update(state, x, y, weights)

    @compiler.jit
    def _update(state: StepState, x: Any, y: Any, weights: Any) -> tuple[StepState, Metrics]:
        check_batch(net, loss, state.params, state.state, x, y, weights)
        counts = None if weights is None else jnp.asarray(weights, float)
        before = TrainState(state.params, state.state, state.optimizer_state)
        key = jax.random.fold_in(state.noise, state.number)
        zero = EpochMetrics.zero()
        batch = feature_major(x), target_of(y)
        after, sums = steps.step(spec, before, zero, *batch, key, weights=counts)
        metrics = {"loss": sums.loss / x.shape[0]}
        if loss.matches is not None:
            metrics["accuracy"] = sums.correct / x.shape[0]
        return StepState(*after, state.noise, state.number + 1), metrics

    return TrainStep(init, update)
