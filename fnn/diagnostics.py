"""Signals of a network layer by layer, and breakpoints of a curve.

Activations flow forward through the layers of a chain, gradients flow backward. A breakpoint is a
point at which a piecewise linear curve bends.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from fnn import checks, reductions
from fnn.backprop import Rows, check_batch, check_mode, check_net, feature_major, target_of
from fnn.layers.parts import parts_of
from fnn.renamed import renamed
from fnn.types import ArrayLike, Features, Layer, Loss, Params, PRNGKey, State, TargetRows


class Signals(NamedTuple):
    """The signals of a chain: one entry for each of net.parts, in the order of the forward pass.

    outputs     output of the part, (features, batch)
    cotangents  ∂L/∂output, (features, batch); of the part before an activation it is δ
    gradients   ∂L/∂params of the part, with their structure
    """

    outputs: tuple[Features, ...]
    cotangents: tuple[Features, ...]
    gradients: tuple[Params, ...]


def signals(
    net: Layer,
    loss: Loss,
    params: Params,
    x: Rows,
    y: TargetRows,
    *,
    state: State = (),
    reduction: str = "mean",
    train: bool = True,
    key: PRNGKey | None = None,
) -> Signals:
    """Run the passes of `fnn.value_and_grad` and return all values in between.

    net        a chain, such as fnn.mlp or fnn.layers.serial
    loss       a Loss
    params     of the network
    x          (batch, features)
    y          (batch,) or (batch, outputs)
    state      the state that net.init returned
    reduction  "mean", "sum" or "half_sum"
    train      whether batch statistics and dropout act as in training
    key        random key for dropout, or None

    It can be jitted and vmapped, over parameters for instance. Raises ValueError for a network
    that is not a chain, and for what `fnn.value_and_grad` refuses.

    >>> import fnn, jax.numpy as jnp
    >>> net = fnn.layers.serial(fnn.layers.dense(2, 1), fnn.layers.activation("relu"))
    >>> dense = fnn.layers.DenseParams(W=jnp.array([[3.0, -1.0]]), b=jnp.array([0.5]))
    >>> loss, x, y = fnn.losses.squared_error, [[1.0, 2.0]], [0.0]
    >>> outputs, cotangents, gradients = fnn.diagnostics.signals(net, loss, (dense, ()), x, y)
    >>> print(outputs[0], cotangents[0], gradients[0].W)
    [[1.5]] [[3.]] [[3. 6.]]
    """
    check_net(net)
    if not net.parts:
        raise ValueError(
            f"net: got a {net.name} without parts, expected a chain such as fnn.mlp or "
            "fnn.layers.serial."
        )
    reduce = reductions.get(reduction)
    check_mode(net, state, key, train)
    check_batch(net, loss, params, state, x, y, None)
    a, target = feature_major(x), target_of(y)
    outputs, passes = [], []
    for part in parts_of(net, params, state, key):
        a, _, residuals = part.forward(a, train=train)
        outputs.append(a)
        passes.append((part, residuals))
    c = reductions.coefficients(reduce, None, a)
    da = c[None, :] * loss.backward(a, target)
    cotangents, gradients = [], []
    for part, residuals in reversed(passes):
        cotangents.append(da)
        gradient, da = part.layer.backward(part.params, residuals, da)
        gradients.append(gradient)
    cotangents.reverse()
    gradients.reverse()
    return Signals(tuple(outputs), tuple(cotangents), tuple(gradients))


def breakpoints(
    x: Num[ArrayLike, "points"], y: Num[ArrayLike, "points"], *, tolerance: float = 1e-9
) -> Float[np.ndarray, "breakpoints"]:
    """Return the points at which a piecewise linear curve bends, ascending.

    x          (points,), equidistant and ascending
    y          (points,), the network's outputs there, in float64
    tolerance  second differences up to this fraction of the largest |y| count as rounding

    Each breakpoint is found to within a step of x. A curve with n breakpoints has n + 1 straight
    pieces. Breakpoints within two steps of each other count as one. Raises ValueError for x and y
    that are not (points,) of at least three, and for x that is not equidistant.

    >>> import fnn, numpy as np
    >>> x = np.linspace(0.0, 1.0, 9)
    >>> print(fnn.diagnostics.breakpoints(x, np.abs(x - 0.5)))
    [0.5]
    """
    x = np.asarray(checks.numbers("x", x), float)
    y = np.asarray(checks.numbers("y", y), float)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 3:
        raise ValueError(
            f"x, y: got shapes {x.shape} and {y.shape}, expected (points,) of both, three points "
            "or more."
        )
    checks.finite("x", x)
    checks.finite("y", y)
    checks.positive("tolerance", tolerance)
    steps = np.diff(x)
    is_equidistant = np.allclose(steps, steps[0])
    if steps[0] <= 0 or not is_equidistant:
        raise ValueError(
            f"x: its steps run from {steps.min()} to {steps.max()}, expected equal ones above 0; "
            "use np.linspace."
        )
    bends = np.abs(np.diff(y, 2))
    largest = np.abs(y).max()
    is_bent = bends > tolerance * largest
    bent = 1 + np.flatnonzero(is_bent)  # diff(y, 2)[i] belongs to x[i + 1]
    is_gap = np.diff(bent) > 1
    gaps = 1 + np.flatnonzero(is_gap)
    points = []
    for neighbours in np.split(bent, gaps):
        if neighbours.size:
            points.append(x[neighbours].mean())
    return np.array(points)


renamed(__name__, {"joints": "fnn.diagnostics.breakpoints"})
