"""What flows through a network, layer by layer, activations forward and gradients backward; and
where a curve bends.
"""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Num

from fnn import checks, reductions
from fnn.backprop import check_batch, check_mode, check_net, feature_major, target_of
from fnn.renamed import renamed
from fnn.types import ArrayLike, Features, Layer, Loss, Params, PRNGKey, State


class Signals(NamedTuple):
    """One entry for each of net.parts, in the order of the forward pass.

    outputs    what the part returned, (features, batch)
    cotangents ∂L/∂ of that, (features, batch); of the part before an activation it is δ
    gradients  ∂L/∂params of the part, with their structure
    """

    outputs: tuple[Features, ...]
    cotangents: tuple[Features, ...]
    gradients: tuple[Params, ...]


def signals(
    net: Layer,
    loss: Loss,
    params: Params,
    x: Num[ArrayLike, "batch features"],
    y: Num[ArrayLike, "batch ..."],
    *,
    state: State = (),
    reduction: str = "mean",
    train: bool = True,
    key: PRNGKey | None = None,
) -> Signals:
    """The forward and the backward pass of `fnn.value_and_grad`, everything in between kept.

    It can be jitted and vmapped, over parameters for instance. Raises ValueError for a network
    without parts (one that is not a chain) and for what `fnn.value_and_grad` refuses.
    """
    check_net(net)
    if not net.parts:
        raise ValueError(
            f"net: got a {net.name} without parts, expected a chain such as fnn.mlp or "
            f"fnn.layers.serial."
        )
    reduce = reductions.get(reduction)
    check_mode(net, state, key, train)
    check_batch(net, loss, params, state, x, y, None)
    a, target = feature_major(x), target_of(y)
    outputs, residuals = [], []
    for number, (part, own) in enumerate(zip(net.parts, params, strict=True)):
        part_key = None if key is None else jax.random.fold_in(key, number)
        a, _, residual = part.forward(
            own, state[number] if state else (), a, key=part_key, train=train
        )
        outputs.append(a)
        residuals.append(residual)
    da = reductions.coefficients(reduce, None, a)[None, :] * loss.backward(a, target)
    cotangents, gradients = [], []
    for part, own, residual in reversed(list(zip(net.parts, params, residuals, strict=True))):
        cotangents.append(da)
        gradient, da = part.backward(own, residual, da)
        gradients.append(gradient)
    return Signals(tuple(outputs), tuple(reversed(cotangents)), tuple(reversed(gradients)))


def breakpoints(
    x: Num[ArrayLike, "points"], y: Num[ArrayLike, "points"], *, tolerance: float = 1e-9
) -> Float[np.ndarray, "breakpoints"]:
    """Where the curve of a piecewise linear network bends, ascending, each to within a step of x.

    x          equidistant points, ascending
    y          the network's outputs there, in float64
    tolerance  second differences up to this fraction of the largest |y| count as rounding

    A curve with n breakpoints has n + 1 straight pieces. Breakpoints within two steps of each other
    count as one. Raises ValueError for x and y that are not (points,) of at least three, and for x
    that is not equidistant.
    """
    x, y = np.asarray(checks.numbers("x", x), float), np.asarray(checks.numbers("y", y), float)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 3:
        raise ValueError(
            f"x, y: got shapes {x.shape} and {y.shape}, expected (points,) of both, three points "
            f"or more."
        )
    checks.finite("x", x)
    checks.finite("y", y)
    checks.positive("tolerance", tolerance)
    steps = np.diff(x)
    if steps[0] <= 0 or not np.allclose(steps, steps[0]):
        raise ValueError(
            f"x: its steps run from {steps.min()} to {steps.max()}, expected equal ones above 0; "
            f"use np.linspace."
        )
    bent = 1 + np.flatnonzero(np.abs(np.diff(y, 2)) > tolerance * np.abs(y).max())
    runs = np.split(bent, 1 + np.flatnonzero(np.diff(bent) > 1))
    return np.array([x[run].mean() for run in runs if run.size])


__getattr__ = renamed(__name__, {"joints": "fnn.diagnostics.breakpoints"})
