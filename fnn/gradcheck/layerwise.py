"""Judging one layer at a time: its backward is fed the true δ, and compared with autodiff of its own forward."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import reductions
from fnn.gradcheck.check import check_gradient
from fnn.gradcheck.compare import relative_error
from fnn.gradcheck.oracle import compiled
from fnn.gradcheck.records import LayerReport
from fnn.gradcheck.report import Report
from fnn.types import Features, Layer, Loss, Params, PRNGKey, State, Target

SUSPICIOUS = 1e-9  # relative error in float64 from which a layer is examined closely; rounding stays below 1e-12


class Link(NamedTuple):
    """A layer in its place: everything that its forward pass was given, and what it yielded."""

    name: str
    layer: Layer
    params: Params
    state: State
    x: Features
    key: PRNGKey | None
    train: bool
    output: Features


def chain(net: Layer, params: Params, state: State, x: Features, key: PRNGKey | None, train: bool) -> list[Link]:
    """The layers of a network in the order of the forward pass, a chain within a chain unrolled."""
    if not net.parts:
        forward = compiled(lambda params, state, x: net.forward(params, state, x, key=key, train=train)[0])
        return [Link(net.name, net, params, state, x, key, train, forward(params, state, x))]
    links: list[Link] = []
    states = state or ((),) * len(net.parts)
    for i, part in enumerate(net.parts):
        part_key = None if key is None else jax.random.fold_in(key, i)
        links += chain(part, params[i], states[i], x, part_key, train)
        x = links[-1].output
    return [link._replace(name=f"{i} {link.layer.name}") for i, link in enumerate(links)]


def examine_loss(
    loss: Loss, reduce: Any, prediction: Features, target: Target
) -> tuple[LayerReport, Any, Report | None]:
    """The loss's gradient with respect to the prediction: a line, the true δ, and a report if it is wrong."""
    c = reductions.coefficients(reduce, None, prediction)

    def value(prediction):
        return jnp.sum(c * loss.value(prediction, target))

    def gradient(prediction):
        return c[None, :] * loss.gradient(prediction, target)

    truth, hand = compiled(lambda prediction: (jax.grad(value)(prediction), gradient(prediction)))(prediction)
    error = relative_error(np.asarray(hand), np.asarray(truth))
    inner = _closely(value, gradient, prediction, error)
    return _line(f"loss {loss.name}", inner, truth, error, 0.0), truth, inner


def examine_layer(link: Link, delta: Features) -> tuple[LayerReport, Any, Report | None]:
    """One layer, given the true ∂L/∂y: a line, the true ∂L/∂x, and a report if its backward is wrong."""
    forward = _forward(link)

    def value(inputs):
        return jnp.sum(delta * forward(inputs["params"], inputs["x"]))

    def gradient(inputs):
        _, _, residuals = link.layer.forward(inputs["params"], link.state, inputs["x"], key=link.key, train=link.train)
        grads, dx = link.layer.backward(inputs["params"], residuals, delta)
        return {"params": grads, "x": dx}

    inputs = {"params": link.params, "x": link.x}
    truth, hand = compiled(lambda inputs: (jax.grad(value)(inputs), gradient(inputs)))(inputs)
    x_error = relative_error(np.asarray(hand["x"]), np.asarray(truth["x"]))
    own_error = _tree_error(hand["params"], truth["params"])
    inner = _closely(value, gradient, inputs, max(x_error, own_error))
    return _line(link.name, inner, truth["x"], x_error, own_error), truth["x"], inner


def _forward(link: Link):
    """The layer's forward as a jitted function of its name, so that the diagnosis can speak of it as one step."""

    def forward(params, x):
        return link.layer.forward(params, link.state, x, key=link.key, train=link.train)[0]

    forward.__name__ = link.layer.name
    return jax.jit(forward)


def _closely(value, gradient, at, error: float) -> Report | None:
    """A full check where the error is suspicious; None where there is nothing wrong."""
    if error <= SUSPICIOUS:
        return None
    report = check_gradient(value, gradient, at)
    return None if report.passed else report


def _line(name: str, inner: Report | None, delta: Any, delta_error: float, own_error: float) -> LayerReport:
    verdict = "pass" if inner is None else inner.verdict
    return LayerReport(name, verdict, float(jnp.linalg.norm(delta)), delta_error, own_error, "")


def _tree_error(hand: Params, truth: Params) -> float:
    """The largest error of a layer's own gradients, relative to the largest of them: one of its tensors may be zero up
    to rounding, as a bias before batch normalisation is."""
    pairs = [(np.asarray(h), np.asarray(t)) for h, t in zip(jax.tree.leaves(hand), jax.tree.leaves(truth), strict=True)]
    scale = max((np.max(np.abs(t), initial=0.0) for _, t in pairs), default=0.0)
    error = max((np.max(np.abs(h - t), initial=0.0) for h, t in pairs), default=0.0)
    return 0.0 if error == 0 else float(error / scale) if scale > 0 else float("inf")
