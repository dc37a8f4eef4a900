"""Check a network's backward pass as a whole, and layer by layer with the true δ."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks, compiler, reductions
from fnn.backprop import check_loss, check_net, feature_major, target_of, value_and_grad
from fnn.gradcheck.causes import Cause
from fnn.gradcheck.check import check_gradient
from fnn.gradcheck.layerwise import chain, check_layers
from fnn.gradcheck.problem import EPSILONS
from fnn.gradcheck.records import LayerReport
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
    """Check whether the backward pass of a network is right, and if not, which layer is wrong.

    net, loss           as for fnn.value_and_grad
    x, y                x (batch, features), y (batch,) or (batch, outputs)
    params, state       where to check. None (the default): those of net.init from key 0, with every
                        parameter moved a little. A factor of 1 or a term of 0, as they often start,
                        would hide that it was forgotten
    key, train          as for the forward pass; key 0 and True by default
    reduction, weights  as for fnn.value_and_grad
    dtype               as for check_gradient; "float64" by default

    The gradient as a whole is checked as `check_gradient` does. Beside it each layer's backward
    gets the true δ of its output, so that a layer is judged by its own mistakes alone. The report
    lists the layers from the output backwards, and its diagnosis is about the first wrong one.

    Takes seconds, most of them compiling.

    Returns a `Report`. Raises ValueError for arguments that value_and_grad refuses, and `Unusable`
    for those that check_gradient refuses.

    >>> import fnn
    >>> net = fnn.mlp((2, 3, 1))
    >>> x, y = [[0.0, 1.0], [1.0, 1.0]], [[1.0], [0.0]]
    >>> fnn.check_network(net, fnn.losses.squared_error, x, y).verdict  # doctest: +SKIP
    'pass'
    """
    check_net(net)
    check_loss(loss)
    checks.lookup("dtype", dtype, EPSILONS)
    with jax.enable_x64(True):
        key = jax.random.key(0) if key is None else key
        params, state = _point(net, params, state)
        x, y = (_rounded_to(dtype, array) for array in (x, y))
        gradient_of = value_and_grad(net, loss, reduction=reduction)
        reduce = reductions.get(reduction)

        def coefficients(prediction):
            return reductions.coefficients(reduce, weights, prediction)

        def objective(params, *, key):
            prediction, _, _ = net.forward(params, state, feature_major(x), key=key, train=train)
            factors = coefficients(prediction)
            losses = loss.forward(prediction, target_of(y))
            value = jnp.sum(factors * losses)
            return value if loss.penalty is None else value + loss.penalty.value(params)

        @compiler.jit
        def gradient(params, *, key):
            narrow_x = _as(dtype, x)
            narrow_y = _as(dtype, y)
            options = dict(state=state, key=key, train=train, weights=weights)
            _, grads = gradient_of(params, narrow_x, narrow_y, **options)
            return grads

        whole = check_gradient(objective, gradient, params, key=key, dtype=dtype)
        links = chain(net, _widened(params), _widened(state), key, train)
        lines, wrong = check_layers(links, loss, coefficients, feature_major(x), target_of(y))
    return _combined(whole, lines, wrong)


def _combined(whole: Report, lines: list[LayerReport], wrong: list[tuple[str, Report]]) -> Report:
    """Return the report on the whole gradient with the layers and the first wrong one of them."""
    whole = whole._replace(layers=tuple(reversed(lines)))
    if not wrong:
        return whole
    name, layer = wrong[0]
    cause = layer.cause or whole.cause
    diagnosis = layer.diagnosis or whole.diagnosis
    has_no_params = [tensor.path for tensor in layer.tensors] == ["x"]
    if cause == Cause.UNKNOWN and has_no_params:
        cause = Cause.WRONG_DERIVATIVE.value
        diagnosis = (
            "Its ∂L/∂x is not the derivative of its forward pass. For an activation, compare "
            "derivative(z) with jax.grad of value."
        )
    return whole._replace(
        verdict=layer.verdict if whole.verdict == "pass" else whole.verdict,
        cause=cause,
        diagnosis=f"the first wrong layer from the output is {name}. {diagnosis}",
    )


def _point(net: Layer, params: Params | None, state: State | None) -> tuple[Params, State]:
    """Return the parameters and the state at which to check."""
    if params is None:
        drawn, drawn_state = net.init(jax.random.key(0))
        params = _moved(drawn)
        state = drawn_state if state is None else state
    return params, () if state is None else state


def _moved(params: Params) -> Params:
    """Return parameters at no special value."""
    draw = np.random.default_rng(0)

    def moved(leaf):
        return leaf + 0.1 * draw.normal(size=np.shape(leaf))

    return jax.tree.map(moved, params)


def _rounded_to(dtype: str, array: Any) -> Any:
    """Return floating-point numbers in float64, at values that the dtype can hold."""
    return _as("float64", _as(dtype, np.asarray(array)))


def _as(dtype: str, array: Any) -> Any:
    """Return floating-point numbers in another precision, and others unchanged."""
    return array.astype(dtype) if jnp.issubdtype(array.dtype, jnp.floating) else array


def _widened(tree: Any) -> Any:
    """Return the tree with its floating-point leaves in float64."""

    def widened(leaf):
        is_floating = jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
        return jnp.asarray(leaf, np.float64) if is_floating else leaf

    return jax.tree.map(widened, tree)
