"""Check one layer at a time: its backward gets the true δ and is compared with autodiff."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import compiler
from fnn.gradcheck.check import check_gradient
from fnn.gradcheck.compare import relative_error
from fnn.gradcheck.records import LayerReport
from fnn.gradcheck.report import Report
from fnn.layers.parts import parts_of
from fnn.types import Features, Layer, Loss, Params, PRNGKey, State, Target

# The relative error in float64 from which a layer is checked closely. Rounding stays below 1e-12.
SUSPICIOUS = 1e-9


class Link(NamedTuple):
    """A layer in its place, with the arguments of its forward pass beside x."""

    name: str
    layer: Layer
    params: Params
    state: State
    key: PRNGKey | None
    train: bool

    def forward(self, params: Params, x: Features) -> Features:
        """Return the layer's output."""
        y, _, _ = self._forward(params, x)
        return y

    def own_backward(self, params: Params, x: Features, dy: Features) -> dict[str, Any]:
        """Return the gradients of the parameters and of x by the layer's own backward."""
        _, _, residuals = self._forward(params, x)
        grads, dx = self.layer.backward(params, residuals, dy)
        return {"params": grads, "x": dx}

    def _forward(self, params: Params, x: Features) -> tuple[Features, State, Any]:
        options = dict(key=self.key, train=self.train)
        return self.layer.forward(params, self.state, x, **options)


class Around(NamedTuple):
    """The arrays around a layer.

    x          its input
    dy         the true ∂L/∂y of its output
    reference  {params, x}: gradients by autodiff
    given      {params, x}: gradients by its own backward
    """

    x: Features
    dy: Features
    reference: dict[str, Any]
    given: dict[str, Any]


def chain(net: Layer, params: Params, state: State, key: PRNGKey | None, train: bool) -> list[Link]:
    """List the layers in the order of the forward pass; a chain within a chain is unrolled."""
    if not net.parts:
        link = Link(net.name, net, params, state, key, train)
        return [link]
    links: list[Link] = []
    parts = parts_of(net, params, state, key)
    for part in parts:
        links += chain(part.layer, part.params, part.state, part.key, train)
    numbered = []
    for i, link in enumerate(links):
        name = f"{i} {link.layer.name}"
        numbered.append(link._replace(name=name))
    return numbered


def check_layers(
    links: Sequence[Link], loss: Loss, coefficients: Any, x: Features, target: Target
) -> tuple[list[LayerReport], list[tuple[str, Report]]]:
    """Check the loss and each layer, from the output backwards.

    coefficients  prediction -> the factor of each example in the loss

    Returns a record for each of them, and the name and full report of those that are wrong.
    """

    def value(prediction):
        factors = coefficients(prediction)
        losses = loss.forward(prediction, target)
        return jnp.sum(factors * losses)

    def gradient(prediction):
        factors = coefficients(prediction)
        delta = loss.backward(prediction, target)
        return factors[None, :] * delta

    passes = _passes(links, value, gradient)
    params = [link.params for link in links]
    top, *arounds = passes(params, x)
    name = f"loss {loss.name}"
    error = _error(top, "x")
    full = _closely(value, gradient, top.x, error)
    lines = [_line(name, full, top)]
    wrong = []
    if full is not None:
        wrong.append((name, full))
    from_output = reversed(links)
    for link, around in zip(from_output, arounds, strict=True):
        full = _check_layer(link, around)
        line = _line(link.name, full, around)
        lines.append(line)
        if full is not None:
            wrong.append((link.name, full))
    return lines, wrong


def _passes(links: Sequence[Link], value: Callable, gradient: Callable) -> Callable:
    """Compile (params, x) -> the arrays around the loss and each layer, the output first."""

    @compiler.jit
    def passes(params, x):
        inputs = [x]
        for link, own in zip(links, params, strict=True):
            y = link.forward(own, inputs[-1])
            inputs.append(y)
        *layer_inputs, prediction = inputs
        slope = jax.grad(value)
        dy = slope(prediction)
        reference = {"x": dy}
        given = {"x": gradient(prediction)}
        arounds = [Around(prediction, dy, reference, given)]
        layers = list(zip(links, params, layer_inputs, strict=True))
        for link, own, below in reversed(layers):
            around, dx = _around(link, own, below, dy)
            arounds.append(around)
            dy = dx
        return arounds

    return passes


def _around(link: Link, params: Params, x: Features, dy: Features) -> tuple[Around, Features]:
    """Compute the arrays around a layer, and δ of its input by autodiff."""
    _, vjp = jax.vjp(link.forward, params, x)
    grads, dx = vjp(dy)
    reference = {"params": grads, "x": dx}
    given = link.own_backward(params, x, dy)
    return Around(x, dy, reference, given), dx


def _check_layer(link: Link, around: Around) -> Report | None:
    """Return a full report on a layer whose backward seems wrong.

    The checked loss is ⟨∂L/∂y, y⟩ of its output y, so that ∂L/∂y is its δ.
    """

    def value(inputs):
        y = link.forward(inputs["params"], inputs["x"])
        return jnp.sum(around.dy * y)

    def gradient(inputs):
        params = inputs["params"]
        x = inputs["x"]
        return link.own_backward(params, x, around.dy)

    delta_error = _error(around, "x")
    gradient_error = _error(around, "params")
    error = max(delta_error, gradient_error)
    point = {"params": link.params, "x": around.x}
    return _closely(value, gradient, point, error)


def _closely(value: Callable, gradient: Callable, at: Any, error: float) -> Report | None:
    """Make a full check where the error is suspicious; return None where nothing is wrong."""
    if error <= SUSPICIOUS:
        return None
    report = check_gradient(value, gradient, at)
    if report.passed:
        return None
    return report


def _line(name: str, full: Report | None, around: Around) -> LayerReport:
    verdict = "pass" if full is None else full.verdict
    delta = around.reference["x"]
    norm = float(jnp.linalg.norm(delta))
    delta_error = _error(around, "x")
    gradient_error = _error(around, "params")
    return LayerReport(name, verdict, norm, delta_error, gradient_error)


def _error(around: Around, part: str) -> float:
    """Return the largest error of a layer's δ, or of its gradients, relative to the largest entry.

    All of the gradients share one scale. One of its tensors may be zero up to rounding, as a bias
    before batch normalisation is.
    """
    given = around.given.get(part, ())
    reference = around.reference.get(part, ())
    return relative_error(_flat(given), _flat(reference))


def _flat(tree: Any) -> np.ndarray:
    leaves = jax.tree.leaves(tree)
    vectors = [np.ravel(leaf) for leaf in leaves]
    if not vectors:
        return np.zeros(0)
    return np.concatenate(vectors)
