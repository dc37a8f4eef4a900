"""What a gradient costs beside the loss: time, and the memory of what the forward pass stores.

Question: Does a gradient take as long as the loss, and memory of ten times the model?
Source:   De Marzo (claims 1.26, 1.28).
Command:  python -m experiments run cost_of_backprop
Expected: 2 to 4 times as long: backward has two matrix products a layer where forward has one; what
          is stored, f and h of every neuron and example, grows with the batch and not with the
          model.
Cost:     quick 6 s, full 40 s on 2 cores, nearly all of it the timing.
"""

import time
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.claims import Interval, mean_interval
from experiments.common import Common
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
    batches: tuple[int, ...] = (1, 4, 16, 64, 256, 1024, 4096)
    """For the memory."""


QUICK = Config(widths=(256, 384), repeats=12, calls=5, quick=True)
ALONE = True  # it measures time


def run(config: Config) -> dict[str, np.ndarray]:
    """ratio (widths, repeats) of the times; stored (widths, batches) and model (widths,),
    in bytes.
    """
    nets = [fnn.mlp((width,) * (LAYERS + 1)) for width in config.widths]
    sizes = np.array([memory(net, config.batches) for net in nets])
    return {
        "widths": np.array(config.widths),
        "batches": np.array(config.batches),
        "batch_size": np.array(config.batch_size),
        "ratio": np.array([time_ratios(net, config) for net in nets]),
        "model": sizes[:, 0],
        "stored": sizes[:, 1:],
        **kept(nets[0]),
    }


def time_ratios(net: fnn.Layer, config: Config) -> list[float]:
    """Median time of loss and gradient over that of the loss alone, calls of the two
    taking turns.
    """
    params, _ = net.init(jax.random.key(0))
    x, y = jax.random.normal(jax.random.key(1), (2, config.batch_size, params[0].W.shape[1]))
    both = fnn.value_and_grad(net, losses.squared_error)
    loss, gradient = (
        jax.jit(lambda params: both(params, x, y)[0]),
        jax.jit(lambda params: both(params, x, y)),
    )
    seconds(loss, params), seconds(gradient, params)  # compiles
    pairs = [
        (seconds(loss, params), seconds(gradient, params))
        for _ in range(config.repeats * config.calls)
    ]
    alone, with_gradient = np.median(np.reshape(pairs, (config.repeats, config.calls, 2)), axis=1).T
    return list(with_gradient / alone)


def seconds(call, params) -> float:
    """Until the result is there."""
    start = time.perf_counter()
    jax.block_until_ready(call(params))
    return time.perf_counter() - start


def memory(net: fnn.Layer, batches: tuple[int, ...]) -> list[int]:
    """Bytes of the parameters, and of the residuals of each batch."""
    params, _ = jax.eval_shape(net.init, jax.random.key(0))
    inputs = [jax.ShapeDtypeStruct((params[0].W.shape[1], batch), jnp.float32) for batch in batches]
    residuals = [
        jax.eval_shape(lambda params, x: net.forward(params, (), x)[2], params, x) for x in inputs
    ]
    return [tree.nbytes(each) for each in (params, *residuals)]


def kept(net: fnn.Layer) -> dict[str, np.ndarray]:
    """Whether the residuals, and the gradients from them, are those of f and h computed anew, bit
    for bit.
    """
    params, _ = net.init(jax.random.key(0))
    h = jax.random.normal(jax.random.key(1), (params[0].W.shape[1], 8))
    output, _, residuals = net.forward(params, (), h)
    anew = []
    for part, own in zip(net.parts, params, strict=True):
        anew.append(h)
        h, _, _ = part.forward(own, (), h)
    grads, other = (
        jax.tree.leaves(net.backward(params, each, output)[0]) for each in (residuals, tuple(anew))
    )
    return {
        "same_residuals": np.array(
            [bool((a == b).all()) for a, b in zip(residuals, anew, strict=True)]
        ),
        "same_gradients": np.array(
            [bool((a == b).all()) for a, b in zip(grads, other, strict=True)]
        ),
    }


def ratio_interval(ratios: np.ndarray) -> Interval:
    """Of their geometric mean, which takes a ratio and its inverse alike."""
    return Interval(*np.exp(mean_interval(np.log(ratios))))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Time of loss and gradient together by width, and stored bytes over the batch size."""
    cost, (axis,) = draw.figure(height=3.0)
    for position, each in enumerate(results["ratio"]):
        axis.plot(np.full(len(each), position), each, ".", color="#999999", markersize=3)
        axis.plot(
            np.full(3, position + 0.1),
            ratio_interval(each),
            color=draw.LINES[0]["color"],
            marker="_",
        )
    axis.axhline(1, color="black", linewidth=1, linestyle=":")
    axis.set_xticks(range(len(results["widths"])), [str(width) for width in results["widths"]])
    axis.set(xlabel="units of each layer", ylabel="times as long as the loss", ylim=(0, None))
    stored, (axis,) = draw.figure(height=3.0)
    for width, model, each in zip(
        results["widths"], results["model"], results["stored"], strict=True
    ):
        axis.plot(
            results["batches"],
            each / model,
            marker="o",
            markersize=4,
            label=f"{width} units a layer",
        )
    axis.axhline(10, color="black", linewidth=1, linestyle=":", label="10 times, as claimed")
    axis.set(xscale="log", yscale="log", xlabel="batch size", ylabel="stored / parameters (bytes)")
    axis.legend(frameon=False, fontsize=8)
    return {"cost": cost, "memory": stored}
