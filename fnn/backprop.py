"""One forward and one backward pass: `apply` and `value_and_grad`.

Both `value_and_grad` and the trainer run `backprop`: forward, the gradient of the loss, backward.
Nothing here differentiates automatically; a Layer brings its own derivative.

    apply, value_and_grad   the surface: x is (batch, features), arguments are checked
    backprop                the passes, on feature-major arrays
    forward, unpack, …      the contract of a Layer, checked
    feature_major, …        from the surface to feature-major arrays
    check_…                 refusals
"""

from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, Scalar

from fnn import checks, reductions, tree
from fnn.reductions import Reduction, Weights
from fnn.types import ArrayLike, Features, Layer, Loss, Params, PRNGKey, State, Target, TargetRows

Rows: TypeAlias = Num[ArrayLike, "batch features"]


class Pass(NamedTuple):
    """The results of one forward and one backward pass.

    value       L, a scalar
    grads       ∂L/∂params, with the structure of params
    state       the new state of the network
    prediction  (outputs, batch)
    """

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
    """Return L and ∂L/∂params.

    L = Σ cᵢ ℓᵢ + penalty(params)

    net, loss      a Layer and a Loss
    reduction      from example weights to the coefficients c
    params, state  of the network
    x              (features, batch)
    target         (batch,) or (outputs, batch), as `Loss` takes it
    key            random key for layers that draw, or None
    train          whether layers act as in training
    weights        (batch,), or None for weights of 1

    Raises ValueError, while it is traced, for a Layer that breaks the contract of `fnn.Layer`.
    """
    prediction, state, residuals = forward(net, params, state, x, key=key, train=train)
    c = reductions.coefficients(reduction, weights, prediction)
    losses = loss.forward(prediction, target)
    slopes = loss.backward(prediction, target)
    if weights is not None:
        # the loss of an example without weight may be infinite, and 0 · ∞ would be NaN
        losses = jnp.where(c > 0, losses, 0)
        slopes = jnp.where(c[None, :] > 0, slopes, 0)
    value = jnp.sum(c * losses)
    dy = c[None, :] * slopes
    returned = net.backward(params, residuals, dy)
    grads, dx = unpack("backward", returned, "grads", "dx")
    _check_gradients(grads, params, dx, x)
    if loss.penalty is not None:
        value = value + loss.penalty.value(params)
        grads = tree.add(grads, loss.penalty.gradient(params))
    return Pass(value, grads, state, prediction)


def apply(
    net: Layer,
    params: Params,
    x: Rows,
    *,
    state: State = (),
    train: bool = False,
    key: PRNGKey | None = None,
) -> Float[Array, "batch outputs"]:
    """Return the network's output y = net(x), one row an example.

    net     a Layer
    params  its parameters
    x       (batch, features)
    state   the state that net.init returned; needed where the network has batch normalisation
    train   True: batch statistics and dropout act as in training
    key     random key; needed for dropout with train=True

    It does not return the new state. Raises ValueError for x that is not (examples, features), has
    another feature count than the network, or holds NaN, infinity or numbers that JAX would change
    (values are checked outside jit only), and for parameters or a state of another network.

    >>> import fnn, jax.numpy as jnp
    >>> net = fnn.layers.dense(2, 1)
    >>> params = fnn.layers.DenseParams(W=jnp.array([[3.0, -1.0]]), b=jnp.array([0.5]))
    >>> print(fnn.apply(net, params, [[1.0, 2.0], [0.0, 1.0]]))
    [[ 1.5]
     [-0.5]]
    """
    check_net(net)
    checks.features(x)
    check_params(net, params)
    check_mode(net, state, key, train)
    columns = feature_major(x)
    y, _, _ = forward(net, params, state, columns, key=key, train=train)
    return y.T


def value_and_grad(net: Layer, loss: Loss, *, reduction: str = "mean", has_state: bool = False):
    """Return a function that computes the loss and its gradient, by the hand-written backward.

    net        a Layer
    loss       a Loss
    reduction  "mean" (Σ wᵢℓᵢ/Σw), "sum" (Σ wᵢℓᵢ) or "half_sum" (½Σ wᵢℓᵢ)
    has_state  True: the function returns ((value, new_state), grads), not (value, grads)

    The function is f(params, x, y, *, state=(), key=None, train=True, weights=None):

    params   of the network; grads has the same structure
    x        (batch, features)
    y        (batch,) or (batch, outputs)
    state    the state that net.init returned
    key      random key for dropout, or None
    train    whether batch statistics and dropout act as in training
    weights  (batch,), or None for weights of 1

    It can be jitted and vmapped. It raises ValueError for mismatched lengths, another feature
    count, and parameters of another network. Outside jit it also raises ValueError for NaN or
    infinity, numbers that JAX would change, and labels out of range or not integral.

    >>> import fnn, jax.numpy as jnp
    >>> net = fnn.layers.dense(2, 1)
    >>> params = fnn.layers.DenseParams(W=jnp.array([[3.0, -1.0]]), b=jnp.array([0.5]))
    >>> f = fnn.value_and_grad(net, fnn.losses.squared_error)
    >>> value, grads = f(params, [[1.0, 2.0]], [0.0])
    >>> print(value, grads.W, grads.b)
    2.25 [[3. 6.]] [3.]
    """
    reduce = reductions.get(reduction)
    check_net(net)
    check_loss(loss)
    checks.truth("has_state", has_state)

    def value_and_grad_of(
        params: Params,
        x: Rows,
        y: TargetRows,
        *,
        state: State = (),
        key: PRNGKey | None = None,
        train: bool = True,
        weights: Weights = None,
    ):
        check_mode(net, state, key, train)
        check_batch(net, loss, params, state, x, y, weights)
        value, grads, new_state, _ = backprop(
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
        if has_state:
            return (value, new_state), grads
        return value, grads

    return value_and_grad_of


# -------------------------------------------------------------------------- the contract of a Layer


def forward(
    net: Layer, params: Params, state: State, x: Features, *, key: PRNGKey | None, train: bool
):
    """Return y, state and residuals of net.forward, checked to be three."""
    returned = net.forward(params, state, x, key=key, train=train)
    return unpack("forward", returned, "y", "state", "residuals")


def shapes_of(net: Layer) -> tuple[Params, State]:
    """Return the parameters and the state of a network as shapes, by tracing its init once."""
    return _shapes_of(net, checks.is_x64())


@lru_cache(maxsize=256)
def _shapes_of(net: Layer, x64: bool) -> tuple[Params, State]:
    """Return the shapes. The dtypes depend on x64, so it is a key of the cache."""
    returned = jax.eval_shape(net.init, jax.random.key(0))
    return unpack("init", returned, "params", "state")


def unpack(function: str, returned: Any, *names: str) -> tuple:
    """Return the values that a function of a Layer returned, checked to be as many as the names.

    It expects a plain tuple, because a NamedTuple of two arrays may be params alone.
    """
    is_tuple = type(returned) is tuple
    if not is_tuple or len(returned) != len(names):
        got = f"a {type(returned).__name__}"
        if is_tuple:
            got = f"{len(returned)} values"
        raise ValueError(f"net.{function}: returned {got}, expected ({', '.join(names)}).")
    return returned


def _check_gradients(grads: Params, params: Params, dx: Any, x: Features) -> None:
    """Refuse gradients that have another structure or other shapes than params and x."""
    difference = checks.difference(grads, params)
    if difference:
        raise ValueError(
            f"net.backward: grads{difference}; expected the structure and the shapes of params."
        )
    if jnp.shape(dx) != x.shape:
        raise ValueError(
            f"net.backward: dx has shape {jnp.shape(dx)}, expected {x.shape}, that of x."
        )


# --------------------------------------------------------- from the surface to feature-major arrays


def feature_major(x: Any) -> Features:
    """Transpose (batch, features) to (features, batch), and turn integers and bools to floats."""
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(float)
    return x.T


def target_of(y: Any) -> Target:
    """Transpose (batch, outputs) to (outputs, batch); (batch,) stays as it is."""
    return jnp.asarray(y).T


@lru_cache(maxsize=256)
def outputs_of(net: Layer, n_features: int) -> int:
    """Return the number of outputs of a network for a number of features.

    It traces the forward pass once.
    """
    params, state = shapes_of(net)
    x = jax.ShapeDtypeStruct((n_features, 2), jnp.result_type(float))

    def output(params, state, x):
        y, _, _ = forward(net, params, state, x, key=None, train=False)
        return y

    return jax.eval_shape(output, params, state, x).shape[0]


# ----------------------------------------------------------------------------------------- refusals


def check_batch(
    net: Layer, loss: Loss, params: Params, state: State, x: Any, y: Any, weights: Weights
) -> None:
    """Refuse a batch that `value_and_grad` cannot take.

    It checks shapes always, and values where they are concrete.
    """
    checks.examples(x, y)
    check_params(net, params)
    examples, features = np.shape(x)
    if weights is not None:
        checks.weights(weights, examples)
    if loss.check is not None and checks.is_concrete(y):
        loss.check(np.asarray(y).T, outputs_of(net, features))


def check_net(net: Any) -> None:
    """Refuse an object that is not a Layer."""
    checks.instance("net", net, isinstance(net, Layer), "a Layer such as fnn.mlp((64, 32, 10))")


def check_loss(loss: Any) -> None:
    """Refuse an object that is not a Loss."""
    checks.instance("loss", loss, isinstance(loss, Loss), "a Loss such as fnn.losses.squared_error")


def check_params(net: Layer, params: Params) -> None:
    """Refuse parameters, traced ones too, that do not fit the network in structure or shapes."""
    expected, state = shapes_of(net)
    difference = checks.difference(params, expected)
    if difference:
        is_pair = not checks.difference(params, (expected, state))
        got = f"params{difference}, unlike those of this network"
        if is_pair:
            got = "got the pair (params, state)"
        raise ValueError(
            f"params: {got}; net.init(key) returns (params, state): pass the one as params, the "
            "other as state=."
        )
    checks.floating("params", params)


def check_mode(net: Layer, state: State, key: Any, train: Any) -> None:
    """Refuse a state of another network, a key of another type, and a `train` that is no bool.

    Statistics of one feature would silently be broadcast. A missing state or key passes: the layer
    that needs it refuses.
    """
    checks.truth("train", train)
    if key is not None:
        checks.key("key", key)
    if type(state) is tuple and state == ():
        return
    _, expected = shapes_of(net)
    difference = checks.difference(state, expected)
    if difference:
        raise ValueError(
            f"state: state{difference}, unlike that of this network; pass the state that "
            "net.init(key) returned."
        )
