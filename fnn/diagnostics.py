"""What flows through a network, layer by layer: activations forward, gradients backward."""

from typing import NamedTuple

import jax
from jaxtyping import Num

from fnn import reductions
from fnn.backprop import check_batch, check_mode, check_net, feature_major, target_of
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

    It can be jitted and vmapped, over parameters for instance. Raises ValueError for a network without parts (one that
    is not a chain) and for what `fnn.value_and_grad` refuses.
    """
    check_net(net)
    if not net.parts:
        raise ValueError(f"net: got a {net.name} without parts, expected a chain such as fnn.mlp or fnn.layers.serial.")
    reduce = reductions.get(reduction)
    check_mode(net, state, key, train)
    check_batch(net, loss, params, state, x, y, None)
    a, target = feature_major(x), target_of(y)
    outputs, residuals = [], []
    for number, (part, own) in enumerate(zip(net.parts, params, strict=True)):
        part_key = None if key is None else jax.random.fold_in(key, number)
        a, _, residual = part.forward(own, state[number] if state else (), a, key=part_key, train=train)
        outputs.append(a)
        residuals.append(residual)
    da = reductions.coefficients(reduce, None, a)[None, :] * loss.gradient(a, target)
    cotangents, gradients = [], []
    for part, own, residual in reversed(list(zip(net.parts, params, residuals, strict=True))):
        cotangents.append(da)
        gradient, da = part.backward(own, residual, da)
        gradients.append(gradient)
    return Signals(tuple(outputs), tuple(reversed(cotangents)), tuple(reversed(gradients)))
