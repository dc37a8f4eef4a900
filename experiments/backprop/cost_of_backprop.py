"""What a gradient costs beside the loss: time, and the memory in which it is computed.

Question: Does a gradient take as long as the loss, and memory of ten times the model?
Source:   De Marzo (claims 1.26, 1.28).
Command:  python -m experiments run cost_of_backprop
Expected: 2 to 4 times as long: backward has two matrix products a layer where forward has one. The
          temporary arrays of the compiled program take about what f and h of every neuron and
          example take. They grow with the batch and not with the model, and are near ten times the
          model at a batch of four to five times the width.
Cost:     quick 15 s, full 50 s on 2 cores, half of it compiling and half the timing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import fnn
from experiments.claims import Interval, mean_interval
from experiments.common import Common, Figures, Results
from fnn import losses, tree
from fnn import plot as draw

LAYERS = 4


@dataclass(frozen=True)
class Config(Common):
    """Networks, batches and repeats."""

    widths: tuple[int, ...] = (256, 384, 512)
    """Units of each of 4 ReLU layers."""
    batch_size: int = 256
    """Of the networks that are timed."""
    repeats: int = 30
    """Ratios of two medians, for the interval."""
    calls: int = 9
    """For each median."""
    batches: tuple[int, ...] = (1, 4, 16, 64, 256, 1024, 2048, 4096)
    """For the memory."""


QUICK = Config(widths=(256, 384), repeats=12, calls=5, quick=True)
ALONE = True  # it measures time


def run(config: Config) -> Results:
    """Measure time and memory of the gradient, and look at what the forward pass keeps.

    ratio (widths, repeats) is the time with the gradient over that of the loss alone. temporaries
    and residuals (widths, batches), and model (widths,), are in bytes.
    """
    nets = [fnn.mlp((width,) * (LAYERS + 1)) for width in config.widths]
    ratios = [time_ratios(net, config) for net in nets]
    temporaries = [[temporary_bytes(net, batch) for batch in config.batches] for net in nets]
    residuals = [[residual_bytes(net, batch) for batch in config.batches] for net in nets]
    return {
        "widths": np.array(config.widths),
        "batches": np.array(config.batches),
        "batch_size": np.array(config.batch_size),
        "ratio": np.array(ratios),
        "model": np.array([tree.nbytes(shapes_of_params(net)) for net in nets]),
        "temporaries": np.array(temporaries),
        "residuals": np.array(residuals),
        **compare_residuals(nets[0]),
    }


def time_ratios(net: fnn.Layer, config: Config) -> np.ndarray:
    """Return the median time of loss and gradient over that of the loss alone, (repeats,).

    Calls of the two take turns.
    """
    params, _ = net.init(jax.random.key(0))
    x, y = jax.random.normal(jax.random.key(1), (2, config.batch_size, units_of(net)))
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    loss = jax.jit(lambda params: loss_and_gradient(params, x, y)[0])
    both = jax.jit(lambda params: loss_and_gradient(params, x, y))
    seconds(loss, params)  # the first calls compile
    seconds(both, params)
    times = []
    for _ in range(config.repeats * config.calls):
        times.append([seconds(loss, params), seconds(both, params)])
    calls = np.reshape(times, (config.repeats, config.calls, 2))
    loss_alone, with_gradient = np.median(calls, axis=1).T
    return with_gradient / loss_alone


def seconds(call: Callable, params) -> float:
    """Return the time until the result of a call is there."""
    start = time.perf_counter()
    jax.block_until_ready(call(params))
    return time.perf_counter() - start


def temporary_bytes(net: fnn.Layer, batch: int) -> int:
    """Return the bytes that the compiled loss and gradient allocates for intermediate arrays.

    XLA counts them; parameters, examples and the returned gradient are not among them.
    """
    params = shapes_of_params(net)
    examples = jax.ShapeDtypeStruct((batch, units_of(net)), jnp.float32)
    loss_and_gradient = jax.jit(fnn.value_and_grad(net, losses.squared_error))
    program = loss_and_gradient.lower(params, examples, examples).compile()
    analysis: Any = program.memory_analysis()
    return analysis.temp_size_in_bytes


def residual_bytes(net: fnn.Layer, batch: int) -> int:
    """Return the bytes of what the forward pass keeps for the backward pass."""
    params = shapes_of_params(net)
    columns = jax.ShapeDtypeStruct((units_of(net), batch), jnp.float32)
    _, _, residuals = jax.eval_shape(lambda params, x: net.forward(params, (), x), params, columns)
    return tree.nbytes(residuals)


def shapes_of_params(net: fnn.Layer):
    """Return the shapes of a network's parameters."""
    params, _ = jax.eval_shape(net.init, jax.random.key(0))
    return params


def units_of(net: fnn.Layer) -> int:
    """Return the width of a network's layers."""
    return shapes_of_params(net)[0].W.shape[1]


def compare_residuals(net: fnn.Layer) -> Results:
    """Return whether residuals, and gradients from them, have the bits of f and h made anew."""
    params, _ = net.init(jax.random.key(0))
    h = jax.random.normal(jax.random.key(1), (units_of(net), 8))
    output, _, residuals = net.forward(params, (), h)
    made_anew = []
    for layer, layer_params in zip(net.parts, params, strict=True):
        made_anew.append(h)
        h, _, _ = layer.forward(layer_params, (), h)
    gradients, _ = net.backward(params, residuals, output)
    gradients_anew, _ = net.backward(params, tuple(made_anew), output)
    return {
        "same_residuals": same_bits(residuals, made_anew),
        "same_gradients": same_bits(gradients, gradients_anew),
    }


def same_bits(some, others) -> np.ndarray:
    """Return for each array of two trees whether all its entries are equal."""
    pairs = zip(jax.tree.leaves(some), jax.tree.leaves(others), strict=True)
    return np.array([np.array_equal(one, other) for one, other in pairs])


def ratio_interval(ratios: np.ndarray) -> Interval:
    """Return the geometric mean, which treats a ratio and its inverse alike, with its interval."""
    return Interval(*np.exp(mean_interval(np.log(ratios))))


def plot(results: Results, config: Config) -> Figures:
    """Draw the time with the gradient by width, and the memory over the batch size."""
    figure, (top, bottom) = draw.figure(rows=2, height=3.0)
    draw_times(top, results)
    draw_memory(bottom, results)
    return {"cost": figure}


def draw_times(axis: Axes, results: Results) -> None:
    """Draw the ratios of each width as dots, and their mean with its interval beside them."""
    color = draw.LINES[0]["color"]
    for position, ratios in enumerate(results["ratio"]):
        axis.plot(np.full(len(ratios), position), ratios, ".", color="#999999", markersize=3)
        interval = ratio_interval(ratios)
        axis.plot(np.full(3, position + 0.1), interval, color=color, marker="_")
    axis.axhline(1, color="black", linewidth=1, linestyle=":")
    names = results["widths"].astype(str)
    axis.set_xticks(range(len(names)), names)
    axis.set(xlabel="units of each layer", ylabel="times as long as the loss", ylim=(0, None))


def draw_memory(axis: Axes, results: Results) -> None:
    """Draw measured temporaries as dots and what f and h take as lines, over the batch size."""
    batches = results["batches"]
    for row, width in enumerate(results["widths"]):
        model = results["model"][row]
        color = draw.LINES[row % len(draw.LINES)]["color"]
        measured = results["temporaries"][row] / model
        kept = results["residuals"][row] / model
        axis.plot(batches, measured, "o", color=color, markersize=4, label=f"{width} units a layer")
        axis.plot(batches, kept, "-", color=color, linewidth=1)
    axis.axhline(10, color="black", linewidth=1, linestyle=":", label="10 times, as claimed")
    axis.set(xscale="log", yscale="log", xlabel="batch size", ylabel="bytes / parameters' bytes")
    axis.set_title("dots: temporary arrays, lines: f and h", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
