"""Draw canaries of fnn's own programs: the parts of a training step, and a whole training.

Each draws sizes at which kernels of XLA change (powers of two and their neighbours), and computes
forward and backward passes: of every activation, loss, layer and optimizer, and of a training. Each
kind comes in three modes: alone, vmapped and scanned.
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
from fnn.doctor.canaries import Canary, Generator, Program, integer, numbers, width
from fnn.runs.step import TrainSpec
from fnn.runs.training import Plan, advance, begin
from fnn.types import Layer, PyTree

MODES = ("single", "vmapped", "scanned")
SEVERAL = 5  # copies of the arguments that are vmapped or scanned
DTYPES = ("float32", "float64")


def in_mode(mode: str, function: Callable, arguments: PyTree) -> Program:
    """Return a function of one pytree in a mode, vmapped or scanned over slightly scaled copies."""
    if mode == "single":
        return function, (arguments,)
    copies = jax.tree.map(scaled_copies, arguments)
    if mode == "vmapped":
        vmapped = jax.vmap(function)
        return vmapped, (copies,)
    scanned = partial(lax.map, function)
    return scanned, (copies,)


def scaled_copies(leaf: Any) -> Any:
    """Return copies of a leaf along a new first axis, scaled by 0.8 to 1 if it is real."""
    is_real = jnp.issubdtype(leaf.dtype, jnp.floating)
    if not is_real:
        copies = [jnp.asarray(leaf)] * SEVERAL
        return jnp.stack(copies)
    scales = np.linspace(0.8, 1.0, SEVERAL, dtype=leaf.dtype)
    ones = [1] * np.ndim(leaf)
    first_axis = scales.reshape(-1, *ones)
    return first_axis * np.asarray(leaf)


def each_activation(generator: Generator, mode: str, dtype: str) -> Program:
    """Compute σ(z) and the backward pass of every activation but the step, which has none."""
    shape = width(generator), width(generator)
    da = numbers(generator, *shape, dtype=dtype)
    sigmas = dict(activations.REGISTRY)
    del sigmas["step"]
    z = {}
    for name, sigma in sigmas.items():
        low, high = sigma.domain
        z[name] = uniform(generator, low, high, shape, dtype)

    def passes(arguments):
        z, da = arguments
        outputs = {}
        for name, sigma in sigmas.items():
            a = sigma.value(z[name])
            dz = sigma.backward(z[name], da)
            outputs[name] = a, dz
        return outputs

    return in_mode(mode, passes, (z, da))


def uniform(
    generator: Generator, low: float, high: float, shape: tuple[int, ...], dtype: str
) -> np.ndarray:
    """Draw numbers between two ends."""
    drawn = generator.uniform(low, high, shape)
    return drawn.astype(dtype)


def each_loss(generator: Generator, mode: str, dtype: str) -> Program:
    """Compute value, gradient and accuracy of every loss."""
    outputs = 1 + width(generator, 16)
    batch = width(generator)
    shape = (outputs, batch)
    logits = numbers(generator, *shape, dtype=dtype)
    probabilities = uniform(generator, 0.05, 0.95, shape, dtype)
    labels = generator.integers(outputs, size=batch)
    bits = generator.integers(2, size=shape)
    real = numbers(generator, *shape, dtype=dtype)
    arrays = {
        "logits": logits,
        "probabilities": probabilities,
        "labels": labels.astype(np.int32),
        "bits": bits.astype(dtype),
        "real": real,
    }

    def passes(arrays):
        results = {}
        for name, loss in losses.REGISTRY.items():
            prediction = arrays[prediction_of(name)]
            target = arrays[target_of(name)]
            value = loss.forward(prediction, target)
            gradient = loss.backward(prediction, target)
            correct: Any = ()
            if loss.matches is not None:
                correct = loss.matches(prediction, target)
            results[name] = value, gradient, correct
        return results

    return in_mode(mode, passes, arrays)


def prediction_of(loss_name: str) -> str:
    """Return which of the drawn arrays a loss takes as its prediction."""
    if loss_name in ("binary_cross_entropy", "categorical_cross_entropy"):
        return "probabilities"
    return "logits"


def target_of(loss_name: str) -> str:
    """Return which of the drawn arrays a loss takes as its target."""
    if loss_name in ("softmax_cross_entropy", "categorical_cross_entropy"):
        return "labels"
    if "entropy" in loss_name:
        return "bits"
    return "real"


def networks(generator: Generator) -> dict[str, Layer]:
    """Draw networks that have every layer between them."""
    n = width(generator, 33)
    h = 1 + width(generator, 33)
    k = width(generator, 10)
    activation, dense, padded = layers.activation, layers.dense, layers.padded
    masked = layers.MaskedWidth(h - 1, h + 2)
    block = layers.serial(dense(h, h), activation("tanh"))
    nodes: dict[str, Any] = {
        "h": (("x1", "x2"), "tanh", h),
        "y": (("x1", "h"), "identity"),
    }
    return {
        "batch norm, dense, dropout": layers.serial(
            layers.batch_norm(n),
            dense(n, h),
            activation("relu"),
            layers.dropout(0.3),
            dense(h, k),
        ),
        "repeat": layers.serial(dense(n, h), layers.repeat(block, 3)),
        "graph": layers.graph(inputs=("x1", "x2"), nodes=nodes, outputs=("y", "h")),
        "padded": layers.serial(
            padded(n, masked, init="he"),
            activation("silu"),
            padded(masked, k),
        ),
    }


def each_layer(generator: Generator, mode: str, dtype: str) -> Program:
    """Go forward and backward through networks that have every layer between them."""
    nets = networks(generator)
    seed = integer(generator, 0, 2**31)
    key = jax.random.key(seed)
    batch = 1 + width(generator)
    draw = partial(drawn_like, generator, dtype)
    arguments = {}
    for name, net in nets.items():
        shapes = jax.eval_shape(net.init, key)
        params, state = jax.tree.map(draw, shapes)
        features = 2 if name == "graph" else features_of(params)
        x = numbers(generator, features, batch, dtype=dtype)
        forward = partial(net.forward, key=key, train=True)
        y, _, _ = jax.eval_shape(forward, params, state, x)
        dy = numbers(generator, *y.shape, dtype=dtype)
        arguments[name] = params, state, x, dy

    def passes(arguments):
        outputs = {}
        for name, net in nets.items():
            params, state, x, dy = arguments[name]
            evaluated, _, _ = net.forward(params, state, x, key=None, train=False)
            y, new_state, residuals = net.forward(params, state, x, key=key, train=True)
            gradients = net.backward(params, residuals, dy)
            outputs[name] = evaluated, y, new_state, gradients
        return outputs

    return in_mode(mode, passes, arguments)


def features_of(params: PyTree) -> int:
    """Return how many features the first layer of a network takes."""
    first, *_ = jax.tree.leaves(params)
    return first.shape[-1]


def drawn_like(generator: Generator, dtype: str, leaf: Any) -> np.ndarray:
    """Draw numbers in the shape of a leaf of params or state; positive, for some are variances."""
    return uniform(generator, 0.1, 0.9, leaf.shape, dtype)


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
    W = numbers(generator, *shape, dtype=dtype)
    b = numbers(generator, shape[0], dtype=dtype)
    params = {"W": W, "b": b}

    def drawn_gradients(leaf):
        return numbers(generator, 3, *leaf.shape, dtype=dtype)

    grads = jax.tree.map(drawn_gradients, params)

    def updates(arguments):
        params, grads = arguments
        trajectories = {}
        for name, optimizer in OPTIMIZERS.items():
            trajectories[name] = trajectory(optimizer, params, grads)
        return trajectories

    return in_mode(mode, updates, (params, grads))


def trajectory(optimizer: Any, params: PyTree, grads: PyTree) -> PyTree:
    """Return parameters and optimizer state after one update for each of the gradients."""

    def update(carry, gradient):
        params, state = carry
        change, state = optimizer.update(gradient, state, params)
        params = jax.tree.map(jnp.add, params, change)
        return (params, state), None

    start = params, optimizer.init(params)
    end, _ = lax.scan(update, start, grads)
    return end


def training(generator: Generator, mode: str, dtype: str) -> Program:
    """Train a network for two epochs with a short last batch, from its seed to its history."""
    n = 1 + width(generator, 16)
    h = width(generator, 33)
    hidden = layers.dense(n, h)
    tanh = layers.activation("tanh")
    last = layers.dense(h, 3)
    net = layers.serial(hidden, tanh, last)
    loss = losses.softmax_cross_entropy
    optimizer = optim.momentum(0.1)
    spec = TrainSpec(net, loss, optimizer)
    plan = Plan(epochs=2, batch_size=16)
    gradient_of = value_and_grad(net, loss)

    def split(size: int) -> Split:
        labels = generator.integers(3, size=size)
        x = numbers(generator, size, n, dtype=dtype)
        return Split(x, labels.astype(np.int32))

    train = split(33)
    validation = split(17)
    test = split(16)
    data = Arrays(train, validation, test)
    drawn_seed = generator.integers(2**31)
    seed = np.uint32(drawn_seed)

    def trained(arguments):
        seed, data = arguments
        start = begin(spec, plan, seed)
        end = advance(spec, plan, seed, data, start, plan.epochs)
        current = end.current
        gradient = gradient_of(current.params, *data.train)
        return current, end.history, gradient

    return in_mode(mode, trained, (seed, data))


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
                draw_in_mode = partial(draw, mode=mode, dtype=dtype)
                yield Canary(name, draw_in_mode, x64=dtype == "float64")


def quick_library() -> list[Canary]:
    """Return the canaries of the library that the doctor has time for, all in float32.

    These are the vmapped and scanned ones and a training alone. The body of a scan is compiled as
    the same program alone would be, and a training is a scan.
    """
    canaries = []
    for canary in library():
        is_training = canary.name.startswith("training")
        is_single = "single" in canary.name
        if is_single == is_training and not canary.x64:
            canaries.append(canary)
    return canaries[::-1]  # the longest first
