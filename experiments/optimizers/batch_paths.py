"""The path of descent by batches of different sizes, and how fast their gradients are.

Question: What does the batch size do to the path, to the loss along it, and to the throughput?
Source:   Sharif (claims 2.39, 2.40).
Command:  python -m experiments run batch_paths
Expected: the roughness of a path falls like 1/√B, a single example raises the loss in a good third
          of its steps, and examples a second rise with the batch until the machine is busy.
Cost:     quick 6 s, full 15 s on 2 cores.
"""

import time
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import data, layers, losses, optim
from fnn.course import descent
from fnn.data.shuffle import permutation
from fnn.layers import DenseParams

N = 256  # examples of the line


@dataclass(frozen=True)
class Config(Common):
    """Paths on the loss of a line, and batches whose speed is measured."""

    seeds: int = 60
    """Paths of each batch size."""
    batch_sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 64, 256)
    """Of the paths, out of 256 examples."""
    learning_rate: float = 0.02
    steps: int = 400
    timed_batches: tuple[int, ...] = (1, 4, 16, 64, 256, 1024)
    """Of the 1,257 digits, for a 64-64-10 network."""
    repeats: int = 30
    """The fastest counts."""


QUICK = Config(seeds=30, timed_batches=(1, 32, 1024), quick=True)
ALONE = True  # it measures time


def run(config: Config) -> Results:
    """Return what `paths` finds, and the examples a second for each of the timed batches."""
    speed = [examples_a_second(B, config.repeats) for B in config.timed_batches]
    return paths(config) | {
        "timed_batches": np.array(config.timed_batches),
        "speed": np.array(speed),
    }


def paths(config: Config) -> Results:
    """Descend on the loss of a line fitted to 256 points, every step on B of them drawn anew.

    paths      the first of each B, (batch sizes, steps + 1, 2)
    loss       over all points, (batch sizes, seeds, steps + 1)
    roughness  the root mean square change from one step to the next in the second half,
               (batch sizes, seeds)
    """
    rng = np.random.default_rng(0)
    x = rng.normal(0.5, 1, (N, 1))
    y = 2 * x[:, 0] - 1 + rng.normal(0, 1, N)
    design = np.column_stack([x, np.ones(N)])
    minimum, *_ = np.linalg.lstsq(design, y, rcond=None)
    over_seeds = jax.vmap(partial(descend, config, x, y), (None, 0))
    over_sizes = jax.jit(jax.vmap(over_seeds, (0, None)))
    keys = jax.random.split(jax.random.key(0), config.seeds)
    points, loss, roughness = over_sizes(jnp.array(config.batch_sizes), keys)
    return {
        "paths": np.asarray(points)[:, 0],
        "loss": np.asarray(loss),
        "roughness": np.asarray(roughness),
        "batch_sizes": np.array(config.batch_sizes),
        "hessian": 2 * design.T @ design / N,
        "minimum": minimum,
    }


def descend(config: Config, x: np.ndarray, y: np.ndarray, B, key):
    """Fit a line by batches of B: the path (steps + 1, 2), the loss along it, and its roughness."""
    loss_and_gradient = fnn.value_and_grad(layers.dense(1, 1), losses.squared_error)
    start = DenseParams(W=jnp.full((1, 1), -1.0), b=jnp.full(1, 2.0))
    sgd = optim.sgd(config.learning_rate)

    def gradient(params, key):
        is_in_batch = permutation(key, N) < B
        _, grads = loss_and_gradient(params, x, y, weights=is_in_batch)
        return grads

    path = descent.trajectory(gradient, sgd, start, steps=config.steps, key=key)
    loss, _ = jax.vmap(lambda params: loss_and_gradient(params, x, y))(path)
    points = jnp.stack([path.W[:, 0, 0], path.b[:, 0]], axis=1)
    changes = jnp.diff(points[config.steps // 2 :], n=2, axis=0)
    return points, loss, jnp.sqrt(jnp.mean(changes**2))


def examples_a_second(B: int, repeats: int) -> float:
    """Time the gradient of a batch: examples a second, at the fastest of the repeats."""
    net, digits = fnn.mlp((64, 64, 10)), data.load("digits").train
    gradient = jax.jit(fnn.value_and_grad(net, losses.softmax_cross_entropy))
    params, _ = net.init(jax.random.key(0))
    arguments = params, jnp.asarray(digits.x[:B]), jnp.asarray(digits.y[:B])
    jax.block_until_ready(gradient(*arguments))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(gradient(*arguments))
        seconds.append(time.perf_counter() - start)
    return B / min(seconds)


def plot(results: Results, config: Config) -> Figures:
    """Draw three paths over the contours of the loss.

    A second figure has roughness, rises and speed over the batch size.
    """
    figure, axes = draw.figure(rows=3, height=2.8)
    H, minimum = results["hessian"], results["minimum"]

    def loss(a, b):
        away = np.stack([a - minimum[0], b - minimum[1]])
        return np.einsum("i...,ij,j...->...", away, H, away)

    for axis, B in zip(axes, (1, 16, N), strict=True):
        draw.landscape(axis, loss, (-1.6, 3.2), (-2.2, 2.6))
        path = results["paths"][results["batch_sizes"] == B][0]
        axis.plot(*path.T, color=draw.LINES[0]["color"], linewidth=0.9)
        axis.plot(*minimum, "*", color=draw.LINES[4]["color"], markersize=9)
        axis.set(
            xlabel="slope", ylabel="offset", title=f"batches of {B}" + (" = all" if B == N else "")
        )
    measures, (rough, rises, speed) = draw.figure(rows=3, height=2.8)
    sizes = results["batch_sizes"]
    parts = sizes < N
    rough.plot(sizes[parts], np.median(results["roughness"], axis=1)[parts], "o-", label="paths")
    rough.plot(
        sizes[:5], np.median(results["roughness"][0]) / np.sqrt(sizes[:5]), "--", label="1/√B"
    )
    rough.set(
        xscale="log",
        yscale="log",
        xlabel="batch size",
        ylabel="change from step to step",
        title="roughness",
    )
    rough.legend(frameon=False)
    draw.mean_band(
        rises, sizes, 100 * (np.diff(results["loss"][:, :, :101], axis=-1) > 0).mean(axis=-1).T, ""
    )
    rises.set(
        xscale="log",
        xlabel="batch size",
        ylabel="%",
        title="steps that raise the loss, of the first 100",
    )
    speed.plot(results["timed_batches"], results["speed"], "o-")
    speed.set(
        xscale="log",
        yscale="log",
        xlabel="batch size",
        ylabel="examples a second",
        title="throughput",
    )
    return {"paths": figure, "measures": measures}
