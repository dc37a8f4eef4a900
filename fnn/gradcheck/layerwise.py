"""Judging one layer at a time: its backward is fed the true δ, and compared with autodiff of its
own forward.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import compiler
from fnn.gradcheck.check import check_gradient
from fnn.gradcheck.compare import relative_error
from fnn.gradcheck.records import LayerReport
from fnn.gradcheck.report import Report
from fnn.types import Features, Layer, Loss, Params, PRNGKey, State, Target

# relative error in float64 from which a layer is examined closely; rounding stays below 1e-12
SUSPICIOUS = 1e-9


class Link(NamedTuple):
    """A layer in its place, with what is given to its forward pass beside x."""

    name: str
    layer: Layer
    params: Params
    state: State
    key: PRNGKey | None
    train: bool

    def forward(self, params: Params, x: Features) -> Features:
        """Its output."""
        return self.layer.forward(params, self.state, x, key=self.key, train=self.train)[0]

    def own_backward(self, params: Params, x: Features, dy: Features) -> dict[str, Any]:
        """The gradients of its parameters and its input by its own backward."""
        _, _, residuals = self.layer.forward(params, self.state, x, key=self.key, train=self.train)
        grads, dx = self.layer.backward(params, residuals, dy)
        return {"params": grads, "x": dx}


class Around(NamedTuple):
    """What goes in and out of a layer: x, the true ∂L/∂y, and {params, x} gradients by autodiff and
    by hand.
    """

    x: Features
    dy: Features
    reference: dict[str, Any]
    given: dict[str, Any]


def chain(net: Layer, params: Params, state: State, key: PRNGKey | None, train: bool) -> list[Link]:
    """The layers of a network in the order of the forward pass, a chain within a chain unrolled."""
    if not net.parts:
        return [Link(net.name, net, params, state, key, train)]
    links: list[Link] = []
    states = state or ((),) * len(net.parts)
    for i, part in enumerate(net.parts):
        part_key = None if key is None else jax.random.fold_in(key, i)
        links += chain(part, params[i], states[i], part_key, train)
    return [link._replace(name=f"{i} {link.layer.name}") for i, link in enumerate(links)]


def check_layers(
    links: Sequence[Link], loss: Loss, coefficients: Any, x: Features, target: Target
) -> tuple[list[LayerReport], list[tuple[str, Report]]]:
    """A line for the loss and each layer, from the output backwards, and the full reports on those
    that are wrong.
    """

    def value(prediction):
        return jnp.sum(coefficients(prediction) * loss.forward(prediction, target))

    def gradient(prediction):
        return coefficients(prediction)[None, :] * loss.backward(prediction, target)

    @compiler.jit
    def passes(params, x):
        inputs = [x]
        for link, own in zip(links, params, strict=True):
            inputs.append(link.forward(own, inputs[-1]))
        dy = jax.grad(value)(inputs[-1])
        found = [Around(inputs[-1], dy, {"x": dy}, {"x": gradient(inputs[-1])})]
        for link, own, below in list(zip(links, params, inputs, strict=False))[::-1]:
            grads, dx = jax.vjp(link.forward, own, below)[1](dy)
            found.append(
                Around(below, dy, {"params": grads, "x": dx}, link.own_backward(own, below, dy))
            )
            dy = dx
        return found

    top, *rest = passes([link.params for link in links], x)
    closer = _closely(value, gradient, top.x, _error(top, "x"))
    name = f"loss {loss.name}"
    lines = [_line(name, closer, top)]
    wrong = [] if closer is None else [(name, closer)]
    for link, around in zip(reversed(links), rest, strict=True):
        closer = _check_layer(link, around)
        lines.append(_line(link.name, closer, around))
        wrong += [] if closer is None else [(link.name, closer)]
    return lines, wrong


def _check_layer(link: Link, around: Around) -> Report | None:
    """A full report on a layer whose backward seems wrong. The forward pass is ⟨∂L/∂y, y⟩, so that
    ∂L/∂y is its δ.
    """

    def value(inputs):
        return jnp.sum(around.dy * link.forward(inputs["params"], inputs["x"]))

    def gradient(inputs):
        return link.own_backward(inputs["params"], inputs["x"], around.dy)

    error = max(_error(around, "x"), _error(around, "params"))
    return _closely(value, gradient, {"params": link.params, "x": around.x}, error)


def _closely(value, gradient, at, error: float) -> Report | None:
    """A full check where the error is suspicious; None where there is nothing wrong."""
    if error <= SUSPICIOUS:
        return None
    report = check_gradient(value, gradient, at)
    return None if report.passed else report


def _line(name: str, closer: Report | None, around: Around) -> LayerReport:
    verdict = "pass" if closer is None else closer.verdict
    norm = float(jnp.linalg.norm(around.reference["x"]))
    return LayerReport(name, verdict, norm, _error(around, "x"), _error(around, "params"))


def _error(around: Around, part: str) -> float:
    """The largest error of a layer's δ, or of its own gradients relative to the largest of them:
    one of its tensors may be zero up to rounding, as a bias before batch normalisation is.
    """
    given, reference = (
        jax.tree.leaves(side.get(part, ())) for side in (around.given, around.reference)
    )
    flat = [
        np.concatenate([np.ravel(leaf) for leaf in leaves] or [np.zeros(0)])
        for leaves in (given, reference)
    ]
    return relative_error(*flat)
