"""The jitted step of `fnn.train` for training loops that users write themselves: `fnn.train_step`.

A step is a pair of functions: init(key) makes the first state, update(state, x, y) takes one step.
"""

from collections.abc import Callable
from functools import cache
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
Update = Callable[..., tuple["StepState", Metrics]]


class StepState(NamedTuple):
    """The state between two steps.

    params           the parameters
    state            the state of the network, as in `fnn.Run`
    optimizer_state  the state of the optimizer
    noise            the key of the dropout masks
    number           how many steps have been taken
    """

    params: Params
    state: State
    optimizer_state: PyTree
    noise: PRNGKey
    number: Integer[Array, ""]


class TrainStep(NamedTuple):
    """A train step as two functions.

    init    init(key) -> StepState. jax.random.key(seed) gives the start of fnn.train(seed=seed)
    update  update(state, x, y, weights=None) -> (StepState, metrics)

        x        (batch, features)
        y        (batch,) or (batch, outputs)
        weights  (batch,) weights w of the examples. None: all 1

    The metrics are {"loss": …, "accuracy": …}, means over the batch before the update. "accuracy"
    is there for classification. With weights the loss ℓ of a batch is

        Σ wᵢ ℓᵢ / batch

    so weights of mean 1 over an epoch have the effect that they have in fnn.train.
    """

    init: Callable[[PRNGKey], StepState]
    update: Update


def train_step(net: Layer, loss: Loss, optimizer: optax.GradientTransformation) -> TrainStep:
    """Return the jitted step of `fnn.train`, to be called in a loop of your own.

    net        a network, such as fnn.mlp returns it
    loss       one of `fnn.losses`
    optimizer  one of `fnn.optim`, or any transformation of optax

    Returns a `TrainStep`: a pair of functions, init(key) and update(state, x, y, weights=None).

    Raises ValueError for arguments that are not a Layer, a Loss and an optimizer. `update` raises
    it for batches of wrong shapes and, unless they are arrays of JAX, of wrong values: NaN,
    infinity, labels out of range. Arrays of JAX stay on the device; their values are not checked.

    With the same key and batches it computes the numbers of fnn.train, to rounding. The batches of
    epoch e are those of fnn.data.shuffle.permutation, by the key

        jax.random.fold_in(jax.random.fold_in(key, 1), e)

    A batch of another size is compiled again. No step is checked for divergence. An optimizer that
    descends at other parameters than it evaluates at, such as optax.contrib.schedule_free, has the
    latter in fnn.optim.evaluation_params(optimizer, state.optimizer_state, state.params).

    >>> import fnn, jax
    >>> xor = fnn.data.load("xor").train
    >>> net = fnn.mlp((2, 4, 1))
    >>> step = fnn.train_step(net, fnn.losses.sigmoid_cross_entropy, fnn.optim.adam(0.1))
    >>> state = step.init(jax.random.key(0))
    >>> for _ in range(30):
    ...     state, metrics = step.update(state, xor.x, xor.y)
    >>> float(metrics["accuracy"]), int(state.number)
    (1.0, 30)
    """
    check_parts(net, loss, optimizer)
    program = StepProgram(TrainSpec(net, loss, optimizer))
    first_state = compiler.jit(program.init)
    jitted_update = compiler.jit(program.update)

    @cache  # tracing it at every step would take longer than a small step
    def expected_state(key_dtype: Any, x64: bool) -> StepState:
        key = jax.ShapeDtypeStruct((), key_dtype)
        return jax.eval_shape(first_state, key)

    def init(key: PRNGKey) -> StepState:
        checks.key("key", key)
        return first_state(key)

    def update(
        state: StepState,
        x: Num[ArrayLike, "batch features"],
        y: Num[ArrayLike, "batch ..."],
        weights: Any = None,
    ) -> tuple[StepState, Metrics]:
        check_state(state, expected_state)
        if not isinstance(x, jax.Array):
            x = checks.numbers("x", x)
        if not isinstance(y, jax.Array):
            y = checks.numbers("y", y)
        if not isinstance(x, jax.Array) and not isinstance(y, jax.Array):
            check_batch(net, loss, state.params, state.state, x, y, weights)
        return jitted_update(state, x, y, weights)

    return TrainStep(init, update)


class StepProgram(NamedTuple):
    """The two functions of a step before they are jitted."""

    spec: TrainSpec

    def init(self, key: PRNGKey) -> StepState:
        """Return the first state."""
        keys = keys_from(key)
        params, state = self.spec.net.init(keys.init)
        with named_errors():
            optimizer_state = self.spec.optimizer.init(params)
        return StepState(params, state, optimizer_state, keys.noise, jnp.int32(0))

    def update(self, state: StepState, x: Any, y: Any, weights: Any) -> tuple[StepState, Metrics]:
        """Take one step on a batch."""
        net, loss = self.spec.net, self.spec.loss
        check_batch(net, loss, state.params, state.state, x, y, weights)
        counts = None if weights is None else jnp.asarray(weights, float)
        before = TrainState(state.params, state.state, state.optimizer_state)
        key = jax.random.fold_in(state.noise, state.number)
        zero = EpochMetrics.zero()
        features, target = feature_major(x), target_of(y)
        after, sums = steps.step(self.spec, before, zero, features, target, key, weights=counts)
        examples = x.shape[0]
        metrics = {"loss": sums.loss / examples}
        if loss.matches is not None:
            metrics["accuracy"] = sums.correct / examples
        return StepState(*after, state.noise, state.number + 1), metrics


def check_state(state: Any, expected_state: Callable[[Any, bool], StepState]) -> None:
    """Refuse a state that `init` or `update` of this step did not return.

    expected_state  (dtype of the key, whether JAX has 64-bit numbers) -> the shapes of a state
    """
    if not isinstance(state, StepState):
        raise ValueError(
            f"state: got {type(state).__name__}, expected a StepState, as init(key) and update "
            "return it."
        )
    expected = expected_state(state.noise.dtype, checks.is_x64())
    difference = checks.difference(state.optimizer_state, expected.optimizer_state)
    if difference:
        raise ValueError(
            f"state: optimizer_state{difference}, unlike that of this optimizer; pass the "
            "state that init(key) or update of the same step returned."
        )
