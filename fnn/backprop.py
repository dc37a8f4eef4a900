"""The surface of one forward and one backward pass: `apply` and `value_and_grad`.

backprop(…) is what both the surface and the trainer run: forward, the loss gradient, backward.
Nothing here differentiates automatically; a Layer brings its own derivative.
"""

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, Scalar

from fnn import checks, reductions, tree
from fnn.reductions import Reduction, Weights
from fnn.types import ArrayLike, Features, Layer, Loss, Params, PRNGKey, State, Target


class Pass(NamedTuple):
    """What one forward and one backward pass yield."""

    value: Scalar
    grads: Params
    state: State
    prediction: Features


def backprop(
    net: Layer,
    loss: Loss,
    reduction: Reduction,
    params: Params,
    state: State,
    x: Features,
    target: Target,
    *,
    key: PRNGKey | None,
    train: bool,
    weights: Weights = None,
) -> Pass:
    """L = Σ cᵢ ℓᵢ + penalty and ∂L/∂params. x is (features, batch), target as `Loss` takes it.

    Raises ValueError, while it is traced, for a Layer that breaks the contract of `fnn.Layer`."""
    prediction, state, residuals = forward(net, params, state, x, key=key, train=train)
    c = reductions.coefficients(reduction, weights, prediction)
    losses, slopes = loss.forward(prediction, target), loss.backward(prediction, target)
    if (
        weights is not None
    ):  # an example that does not count may have an infinite loss, and 0 · ∞ is no number
        losses, slopes = jnp.where(c > 0, losses, 0), jnp.where(c[None, :] > 0, slopes, 0)
    value = jnp.sum(c * losses)
    returned = net.backward(params, residuals, c[None, :] * slopes)
    grads, dx = unpacked("backward", returned, "grads", "dx")
    _check_gradients(grads, params, dx, x)
    if loss.penalty is not None:
        value = value + loss.penalty.value(params)
        grads = tree.add(grads, loss.penalty.gradient(params))
    return Pass(value, grads, state, prediction)


def apply(
    net: Layer,
    params: Params,
    x: Num[ArrayLike, "batch features"],
    *,
    state: State = (),
    train: bool = False,
    key: PRNGKey | None = None,
) -> Float[Array, "batch outputs"]:
    """The network's output for x, one row an example: y = net(x).

    `state` is what net.init returned beside params, needed where the network has batch
    normalisation. With train=True batch statistics and dropout act as in training; the new state is
    not returned. Raises ValueError for x that is not (examples, features), has another feature
    count than the network, or holds NaN, infinity or numbers that JAX would change (values are
    checked outside jit only), and for parameters or a state of another network.
    """
    check_net(net)
    checks.features(x)
    check_params(net, params)
    check_mode(net, state, key, train)
    y, _, _ = forward(net, params, state, feature_major(x), key=key, train=train)
    return y.T


def value_and_grad(net: Layer, loss: Loss, *, reduction: str = "mean", has_state: bool = False):
    """A function of (params, x, y) that returns the loss and its gradient, by the hand-written
    backward pass.

    reduction  "mean" (Σ wᵢℓᵢ/Σw), "sum" (Σ wᵢℓᵢ) or "half_sum" (½Σ wᵢℓᵢ)
    has_state  return ((value, new_state), grads) instead of (value, grads)

    The function is f(params, x, y, *, state=(), key=None, train=True, weights=None) with x (batch,
    features), y (batch,) or (batch, outputs), weights (batch,) or None. grads has the structure of
    params. It can be jitted and vmapped; outside jit it also checks values: ValueError for NaN or
    infinity, numbers that JAX would change, labels out of range or not integral, mismatched
    lengths, another feature count, parameters of another network.
    """
    reduce = reductions.get(reduction)
    check_net(net)
    check_loss(loss)
    checks.truth("has_state", has_state)

    def value_and_grad_of(
        params: Params,
        x: Num[ArrayLike, "batch features"],
        y: Num[ArrayLike, "batch ..."],
        *,
        state: State = (),
        key: PRNGKey | None = None,
        train: bool = True,
        weights: Weights = None,
    ):
        check_mode(net, state, key, train)
        check_batch(net, loss, params, state, x, y, weights)
        done = backprop(
            net,
            loss,
            reduce,
            params,
            state,
            feature_major(x),
            target_of(y),
            key=key,
            train=train,
            weights=weights,
        )
        return ((done.value, done.state) if has_state else done.value), done.grads

    return value_and_grad_of


# -------------------- what a Layer returns


def forward(
    net: Layer, params: Params, state: State, x: Features, *, key: PRNGKey | None, train: bool
):
    """net.forward: y, state, residuals."""
    return unpacked(
        "forward", net.forward(params, state, x, key=key, train=train), "y", "state", "residuals"
    )


def shapes_of(net: Layer) -> tuple[Params, State]:
    """The parameters and the state of a network as shapes, by tracing its init once."""
    return _shapes_of(net, checks.is_x64())  # on which the dtypes depend


@lru_cache(maxsize=256)
def _shapes_of(net: Layer, x64: bool) -> tuple[Params, State]:
    return unpacked("init", jax.eval_shape(net.init, jax.random.key(0)), "params", "state")


def unpacked(function: str, returned: Any, *names: str) -> tuple:
    """What a function of a Layer returned. A plain tuple is asked for: a NamedTuple of two arrays
    is params alone.
    """
    if type(returned) is not tuple or len(returned) != len(names):
        what = (
            f"{len(returned)} values" if type(returned) is tuple else f"a {type(returned).__name__}"
        )
        raise ValueError(f"net.{function}: returned {what}, expected ({', '.join(names)}).")
    return returned


def _check_gradients(grads: Params, params: Params, dx: Any, x: Features) -> None:
    difference = checks.difference(grads, params)
    if difference:
        raise ValueError(
            f"net.backward: grads{difference}; expected the structure and the shapes of params."
        )
    if jnp.shape(dx) != x.shape:
        raise ValueError(
            f"net.backward: dx has shape {jnp.shape(dx)}, expected {x.shape}, that of x."
        )


# -------------------- from the surface to inside


def feature_major(x: Any) -> Features:
    """(batch, features) -> (features, batch); whole numbers and booleans become floats."""
    x = jnp.asarray(x)
    return (x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(float)).T


def target_of(y: Any) -> Target:
    """(batch,) as it is, (batch, outputs) -> (outputs, batch)."""
    return jnp.asarray(y).T


@lru_cache(maxsize=256)
def outputs_of(net: Layer, n_features: int) -> int:
    """How many outputs the network has for that many features, by tracing its forward pass once."""
    x = jax.ShapeDtypeStruct((n_features, 2), jnp.result_type(float))
    evaluate = partial(forward, net, key=None, train=False)
    return jax.eval_shape(lambda *inputs: evaluate(*inputs)[0], *shapes_of(net), x).shape[0]


# -------------------- refusals


def check_batch(
    net: Layer, loss: Loss, params: Params, state: State, x: Any, y: Any, weights: Weights
) -> None:
    """Every refusal of `value_and_grad`: shapes always, values where they are concrete."""
    checks.examples(x, y)
    check_params(net, params)
    if weights is not None:
        checks.weights(weights, np.shape(x)[0])
    if loss.check is not None and checks.is_concrete(y):
        loss.check(np.asarray(y).T, outputs_of(net, np.shape(x)[1]))


def check_net(net: Any) -> None:
    """Refuses what is not a Layer."""
    checks.instance("net", net, isinstance(net, Layer), "a Layer such as fnn.mlp((64, 32, 10))")


def check_loss(loss: Any) -> None:
    """Refuses what is not a Loss."""
    checks.instance("loss", loss, isinstance(loss, Loss), "a Loss such as fnn.losses.squared_error")


def check_params(net: Layer, params: Params) -> None:
    """Refuses parameters of another structure or other shapes than the network's, traced
    ones too.
    """
    expected, state = shapes_of(net)
    difference = checks.difference(params, expected)
    if difference:
        pair = not checks.difference(params, (expected, state))
        got = (
            "got the pair (params, state)"
            if pair
            else f"params{difference}, unlike those of this network"
        )
        raise ValueError(
            f"params: {got}; net.init(key) returns (params, state): pass the one as params, the "
            f"other as state=."
        )
    checks.floating("params", params)


def check_mode(net: Layer, state: State, key: Any, train: Any) -> None:
    """Refuses a state of another network, whose statistics would be stretched where they have one
    feature, a key that is none, and a `train` that is no Python bool. A layer says itself that it
    needs a state or a key.
    """
    checks.truth("train", train)
    if key is not None:
        checks.key("key", key)
    difference = (
        "" if type(state) is tuple and state == () else checks.difference(state, shapes_of(net)[1])
    )
    if difference:
        raise ValueError(
            f"state: state{difference}, unlike that of this network; pass what net.init(key) "
            f"returned."
        )
