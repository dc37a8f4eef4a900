"""`check_network`: a network's backward pass as a whole, and layer by layer with the true δ."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks, compiler, reductions
from fnn.backprop import check_loss, check_net, feature_major, target_of, value_and_grad
from fnn.gradcheck.check import check_gradient
from fnn.gradcheck.layerwise import chain, check_layers
from fnn.gradcheck.report import Report
from fnn.reductions import Weights
from fnn.types import Layer, Loss, Params, PRNGKey, State


def check_network(
    net: Layer,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    params: Params | None = None,
    state: State | None = None,
    key: PRNGKey | None = None,
    train: bool = True,
    reduction: str = "mean",
    weights: Weights = None,
    dtype: str = "float64",
) -> Report:
    """Is the backward pass of a network right, and if not, which layer is wrong?

    net, loss, x, y    as for fnn.value_and_grad: x (batch, features), y (batch,) or (batch,
                       outputs)
    params, state      where to check; unless given those of net.init from key 0, every parameter
                       moved a little, since a factor of 1 or a term of 0, as they often start,
                       would hide that it was forgotten
    key, train         as for the forward pass; key 0 unless given
    reduction, weights as for fnn.value_and_grad
    dtype              as for check_gradient

    The gradient as a whole is checked as `check_gradient` does. Beside it each layer's backward is
    fed the true δ of its output, so that a layer is judged by its own mistakes alone; the report
    lists them from the output backwards, and its diagnosis is about the first wrong one. Raises
    ValueError for what value_and_grad refuses, and `Unusable` for what check_gradient does.
    """
    check_net(net)
    check_loss(loss)
    checks.lookup("dtype", dtype, dict.fromkeys(("float64", "float32", "bfloat16")))
    with jax.enable_x64(True):
        key = jax.random.key(0) if key is None else key
        if params is None:
            params, drawn = net.init(jax.random.key(0))
            params = _moved(params)
            state = drawn if state is None else state
        state = () if state is None else state
        x, y = (_as("float64", _as(dtype, np.asarray(array))) for array in (x, y))
        gradient_of = value_and_grad(net, loss, reduction=reduction)
        reduce = reductions.get(reduction)

        def coefficients(prediction):
            return reductions.coefficients(reduce, weights, prediction)

        def objective(params, *, key):
            prediction, _, _ = net.forward(params, state, feature_major(x), key=key, train=train)
            value = jnp.sum(coefficients(prediction) * loss.forward(prediction, target_of(y)))
            return value if loss.penalty is None else value + loss.penalty.value(params)

        @compiler.jit
        def gradient(params, *, key):
            return gradient_of(
                params,
                _as(dtype, x),
                _as(dtype, y),
                state=state,
                key=key,
                train=train,
                weights=weights,
            )[1]

        whole = check_gradient(objective, gradient, params, key=key, dtype=dtype)
        links = chain(net, _widened(params), _widened(state), key, train)
        lines, wrong = check_layers(links, loss, coefficients, feature_major(x), target_of(y))
    layers = tuple(reversed(lines))
    if not wrong:
        return whole._replace(layers=layers)
    name, closer = wrong[0]
    return whole._replace(
        verdict=closer.verdict if whole.verdict == "pass" else whole.verdict,
        cause=closer.cause or whole.cause,
        diagnosis=f"the first wrong layer from the output is {name}. "
        f"{closer.diagnosis or whole.diagnosis}",
        layers=layers,
    )


def _as(dtype: str, array: Any) -> Any:
    """Floating-point numbers in another precision, others as they are."""
    return array.astype(dtype) if jnp.issubdtype(array.dtype, jnp.floating) else array


def _moved(params: Params) -> Params:
    """Parameters at no special value."""
    draw = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: leaf + 0.1 * draw.normal(size=np.shape(leaf)), params)


def _widened(tree: Any) -> Any:
    """Floating leaves in float64."""
    return jax.tree.map(
        lambda leaf: (
            jnp.asarray(leaf, np.float64)
            if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
            else leaf
        ),
        tree,
    )
