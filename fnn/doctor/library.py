"""Canaries of fnn's own: what a step of training computes, alone, vmapped and scanned.

Each draws sizes at which kernels of XLA change (powers of two and their neighbours) and computes
forward and backward: of every activation, loss, layer and optimizer, and of a whole training.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import activations, layers, losses, optim
from fnn.backprop import value_and_grad
from fnn.data import Arrays, Split
from fnn.doctor.canaries import Canary, Generator, Program, numbers, width
from fnn.runs.step import TrainSpec
from fnn.runs.training import Plan, advance, begin
from fnn.types import Layer, PyTree

MODES = ("single", "vmapped", "scanned")
SEVERAL = 5  # copies of the arguments that are vmapped or scanned
DTYPES = ("float32", "float64")


def mapped(mode: str, function: Callable, arguments: PyTree) -> Program:
    """Return a function of one pytree in one of the modes, over copies that differ a little."""
    if mode == "single":
        return function, (arguments,)
    together = jax.vmap(function) if mode == "vmapped" else partial(lax.map, function)
    return together, (jax.tree.map(several, arguments),)


def several(leaf: Any) -> Any:
    """Return copies of a leaf along a new first axis, each scaled a little if it is real."""
    if not jnp.issubdtype(leaf.dtype, jnp.floating):
        return jnp.stack([jnp.asarray(leaf)] * SEVERAL)
    scales = np.linspace(0.8, 1.0, SEVERAL, dtype=leaf.dtype)
    return scales.reshape(-1, *[1] * np.ndim(leaf)) * np.asarray(leaf)


def each_activation(generator: Generator, mode: str, dtype: str) -> Program:
    """Compute σ(z) and the backward pass of every activation but the step, which has none."""
    shape = width(generator), width(generator)
    da = numbers(generator, *shape, dtype=dtype)
    known = {name: sigma for name, sigma in activations.REGISTRY.items() if name != "step"}
    z = {name: uniform(generator, sigma.domain, shape, dtype) for name, sigma in known.items()}

    def passes(arguments):
        z, da = arguments
        found = {}
        for name, sigma in known.items():
            found[name] = sigma.value(z[name]), sigma.backward(z[name], da)
        return found

    return mapped(mode, passes, (z, da))


def uniform(
    generator: Generator, ends: tuple[float, float], shape: tuple[int, int], dtype: str
) -> np.ndarray:
    """Draw numbers between two ends."""
    low, high = ends
    return generator.uniform(low, high, shape).astype(dtype)


def each_loss(generator: Generator, mode: str, dtype: str) -> Program:
    """Compute value, gradient and accuracy of every loss."""
    outputs, batch = 1 + width(generator, 16), width(generator)
    logits = numbers(generator, outputs, batch, dtype=dtype)
    probabilities = generator.uniform(0.05, 0.95, (outputs, batch)).astype(dtype)
    labels = generator.integers(outputs, size=batch).astype(np.int32)
    bits = generator.integers(2, size=(outputs, batch)).astype(dtype)
    real = numbers(generator, outputs, batch, dtype=dtype)

    def prediction_and_target(name: str, arguments: dict) -> tuple:
        takes_probabilities = name in ("binary_cross_entropy", "categorical_cross_entropy")
        prediction = arguments["probabilities" if takes_probabilities else "logits"]
        if name in ("softmax_cross_entropy", "categorical_cross_entropy"):
            return prediction, arguments["labels"]
        return prediction, arguments["bits" if "entropy" in name else "real"]

    def passes(arguments):
        found = {}
        for name, loss in losses.REGISTRY.items():
            pair = prediction_and_target(name, arguments)
            correct = () if loss.matches is None else loss.matches(*pair)
            found[name] = loss.forward(*pair), loss.backward(*pair), correct
        return found

    arrays = {"logits": logits, "probabilities": probabilities, "labels": labels}
    return mapped(mode, passes, arrays | {"bits": bits, "real": real})


def networks(generator: Generator) -> dict[str, Layer]:
    """Draw networks that hold every layer between them."""
    n, h, k = width(generator, 33), 1 + width(generator, 33), width(generator, 10)
    dense, activation = layers.dense, layers.activation
    nodes: dict[str, Any] = {"h": (("x1", "x2"), "tanh", h), "y": (("x1", "h"), "identity")}
    return {
        "batch norm, dense, dropout": layers.serial(
            layers.batch_norm(n), dense(n, h), activation("relu"), layers.dropout(0.3), dense(h, k)
        ),
        "repeat": layers.serial(
            dense(n, h), layers.repeat(layers.serial(dense(h, h), activation("tanh")), 3)
        ),
        "graph": layers.graph(inputs=("x1", "x2"), nodes=nodes, outputs=("y", "h")),
        "padded": layers.serial(
            layers.padded(n, layers.MaskedWidth(h - 1, h + 2), init="he"),
            activation("silu"),
            layers.padded(layers.MaskedWidth(h - 1, h + 2), k),
        ),
    }


def each_layer(generator: Generator, mode: str, dtype: str) -> Program:
    """Go forward and backward through networks that hold every layer between them."""
    nets = networks(generator)
    key = jax.random.key(int(generator.integers(2**31)))
    batch = 1 + width(generator)
    arguments = {}
    for name, net in nets.items():
        params, state = jax.tree.map(
            partial(drawn_like, generator, dtype), jax.eval_shape(net.init, key)
        )
        features = 2 if name == "graph" else jax.tree.leaves(params)[0].shape[-1]
        x = numbers(generator, features, batch, dtype=dtype)
        y, _, _ = jax.eval_shape(partial(net.forward, key=key, train=True), params, state, x)
        arguments[name] = params, state, x, numbers(generator, *y.shape, dtype=dtype)

    def passes(arguments):
        found = {}
        for name, net in nets.items():
            params, state, x, dy = arguments[name]
            evaluated, _, _ = net.forward(params, state, x, key=None, train=False)
            y, new_state, residuals = net.forward(params, state, x, key=key, train=True)
            found[name] = evaluated, y, new_state, net.backward(params, residuals, dy)
        return found

    return mapped(mode, passes, arguments)


def drawn_like(generator: Generator, dtype: str, leaf: Any) -> np.ndarray:
    """Draw numbers in the shape of a leaf of params or state; positive, for some are variances."""
    return generator.uniform(0.1, 0.9, leaf.shape).astype(dtype)


OPTIMIZERS = {
    "sgd": optim.sgd(0.1),
    "momentum": optim.momentum(0.1),
    "nesterov": optim.nesterov(0.1),
    "adagrad": optim.adagrad(0.1),
    "adadelta": optim.adadelta(1.0),
    "rmsprop": optim.rmsprop(0.1),
    "adam": optim.adam(0.1),
    "adamw": optim.adamw(0.1),
    "clip_by_value": optim.clip_by_value(0.5),
    "clip_by_global_norm": optim.clip_by_global_norm(0.5),
}


def each_optimizer(generator: Generator, mode: str, dtype: str) -> Program:
    """Make three updates by every optimizer."""
    shape = width(generator), width(generator)
    params = {name: numbers(generator, *shape[:n], dtype=dtype) for name, n in (("W", 2), ("b", 1))}
    grads = jax.tree.map(lambda leaf: numbers(generator, 3, *leaf.shape, dtype=dtype), params)

    def updates(arguments):
        params, grads = arguments
        return {name: trajectory(rule, params, grads) for name, rule in OPTIMIZERS.items()}

    return mapped(mode, updates, (params, grads))


def trajectory(optimizer: Any, params: PyTree, grads: PyTree) -> PyTree:
    """Return parameters and optimizer state after one update for each of the gradients."""

    def update(carry, gradient):
        params, state = carry
        change, state = optimizer.update(gradient, state, params)
        return (jax.tree.map(jnp.add, params, change), state), None

    return lax.scan(update, (params, optimizer.init(params)), grads)[0]


def training(generator: Generator, mode: str, dtype: str) -> Program:
    """Train a network for two epochs with a short last batch, from its seed to its history."""
    n, h = 1 + width(generator, 16), width(generator, 33)
    net = layers.serial(layers.dense(n, h), layers.activation("tanh"), layers.dense(h, 3))
    spec = TrainSpec(net, losses.softmax_cross_entropy, optim.momentum(0.1))
    plan = Plan(epochs=2, batch_size=16)
    gradient_of = value_and_grad(net, losses.softmax_cross_entropy)

    def split(size: int) -> Split:
        labels = generator.integers(3, size=size).astype(np.int32)
        return Split(numbers(generator, size, n, dtype=dtype), labels)

    data = Arrays(split(33), split(17), split(16))

    def trained(arguments):
        seed, data = arguments
        start = begin(spec, plan, seed)
        end = advance(spec, plan, seed, data, start, plan.epochs)
        return end.current, end.history, gradient_of(end.current.params, *data.train)

    return mapped(mode, trained, (np.uint32(generator.integers(2**31)), data))


KINDS = {
    "activations": each_activation,
    "losses": each_loss,
    "layers": each_layer,
    "optimizers": each_optimizer,
    "training": training,
}


def library() -> Iterator[Canary]:
    """Yield the canaries of the library: each kind, in each mode, in both dtypes."""
    for kind, draw in KINDS.items():
        for mode in MODES:
            for dtype in DTYPES:
                name = f"{kind}, {mode}, {dtype}"
                yield Canary(name, partial(draw, mode=mode, dtype=dtype), x64=dtype == "float64")


def soon_tried() -> list[Canary]:
    """Return those that the doctor has time for, all in float32.

    Everything vmapped and scanned (the body of a scan is what stands alone elsewhere), and a
    training alone, which is a scan itself.
    """

    def is_soon_tried(name: str) -> bool:
        return ("single" in name) == name.startswith("training")

    longest_first = reversed(list(library()))
    return [each for each in longest_first if not each.x64 and is_soon_tried(each.name)]
