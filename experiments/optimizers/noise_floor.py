"""Where descent by mini-batches ends, and where descent on the whole set does.

Question: Does descent by mini-batches converge to what descent on the whole set converges to?
Source:   the deep-learning notes (claim 3.8).
Command:  python -m experiments run noise_floor
Expected: on a strongly convex loss a constant rate keeps a distance that is proportional to η/B,
          and a rate that decays like 1/t goes on to the minimum; a small network often ends in
          another place.
Cost:     quick 8 s, full 30 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.common import Common, Figures, Results
from fnn import layers, losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.data.shuffle import permutation
from fnn.layers import DenseParams

N = 64  # examples
POINTS = 40  # of a curve


@dataclass(frozen=True)
class Config(Common):
    """Least squares of a line and a 1-3-1 tanh network, both on 64 points."""

    seeds: int = 100
    """Sequences of batches for the line; starts of the network."""
    batch_sizes: tuple[int, ...] = (1, 4, 16)
    rates: tuple[float, ...] = (0.01, 0.02, 0.04)
    steps: int = 4000
    network_steps: int = 10_000
    network_rate: float = 0.1


QUICK = Config(seeds=40, steps=2000, network_steps=8000, quick=True)


def run(config: Config) -> Results:
    """Return what `line` and `network` measure."""
    return (
        line(config)
        | network(config)
        | {"rates": np.array(config.rates), "batch_sizes": np.array(config.batch_sizes)}
    )


def descend(net, x, y, params, B, rate, decay, key, steps: int):
    """Descend with the rate η/(1 + decay · t) on batches of B drawn anew at every step."""
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)

    def gradient(params, key):
        return loss_and_gradient(params, x, y, weights=permutation(key, N) < B)[1]

    return descent.trajectory(
        gradient, optim.sgd(lambda t: rate / (1 + decay * t)), params, steps=steps, key=key
    )


def line(config: Config) -> Results:
    """Fit a line with a constant and with a decaying rate: the loss above its minimum.

    It is averaged within each of POINTS stretches of the path: (2, batch sizes, rates, seeds,
    POINTS).
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 1))
    y = 2 * x[:, 0] - 1 + rng.normal(size=N)
    design = np.column_stack([x, np.ones(N)])
    best, H = np.linalg.lstsq(design, y, rcond=None)[0], design.T @ design / N
    start = DenseParams(W=jnp.zeros((1, 1)), b=jnp.zeros(1))

    def excess(decay, B, rate, key):
        path = descend(layers.dense(1, 1), x, y, start, B, rate, decay, key, config.steps)
        away = jnp.column_stack([path.W[1:, 0, 0], path.b[1:, 0]]) - best
        return jnp.mean(jnp.sum(away @ H * away, axis=1).reshape(POINTS, -1), axis=1)

    over = excess
    for axes in (
        (None, None, None, 0),
        (None, None, 0, None),
        (None, 0, None, None),
        (0, None, None, None),
    ):
        over = jax.vmap(over, axes)
    keys = jax.random.split(jax.random.key(0), config.seeds)
    decays, sizes = jnp.array([0.0, 0.02]), jnp.array(config.batch_sizes)
    return {"excess": np.asarray(jax.jit(over)(decays, sizes, jnp.array(config.rates), keys))}


def network(config: Config) -> Results:
    """Train a network from the same starts by batches of 4 and by the whole set.

    The rate decays in the same way.

    network_loss      in the end, (2, seeds)
    network_distance  of the two networks' outputs, root mean square over the points, (seeds,)
    """
    net = fnn.mlp((1, 3, 1), activation="tanh", init="glorot")
    x = np.linspace(-2, 2, N)[:, None]
    y = np.sin(3 * x[:, 0])
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)

    def end(B, key):
        init_key, path_key = jax.random.split(key)
        params, _ = net.init(init_key)
        path = descend(
            net,
            x,
            y,
            params,
            B,
            config.network_rate,
            10 / config.network_steps,
            path_key,
            config.network_steps,
        )
        last = jax.tree.map(lambda leaf: leaf[-1], path)
        return loss_and_gradient(last, x, y)[0], fnn.apply(net, last, x)[:, 0]

    keys = jax.random.split(jax.random.key(1), config.seeds)
    loss, outputs = jax.jit(jax.vmap(jax.vmap(end, (None, 0)), (0, None)))(jnp.array([4, N]), keys)
    return {
        "network_loss": np.asarray(loss),
        "network_distance": np.sqrt(np.mean((outputs[0] - outputs[1]) ** 2, axis=-1)),
    }


def plot(results: Results, config: Config) -> Figures:
    """Draw the loss of the line along the path, its floor over η/B, and the network's ends."""
    figure, (curve, floor, ends) = draw.figure(rows=3, height=3)
    excess, steps = results["excess"], (np.arange(POINTS) + 0.5) * config.steps / POINTS
    for b, B in enumerate(config.batch_sizes):
        color = draw.LINES[b]["color"]
        for kind, dash, name in ((0, "-", "constant"), (1, "--", "decaying")):
            curve.plot(
                steps,
                excess[kind, b, -1].mean(axis=0),
                dash,
                color=color,
                label=f"B = {B}, {name} rate",
            )
        last = excess[0, b, :, :, -POINTS // 4 :].mean(axis=(-1, -2))
        floor.plot(results["rates"] / B, last, "o", color=color, label=f"B = {B}")
    curve.set(
        yscale="log",
        xlabel="update",
        ylabel="loss − minimum",
        title=f"a line, first rate {config.rates[-1]:g}",
    )
    curve.legend(frameon=False, fontsize=7, ncols=2)
    floor.set(
        xscale="log",
        yscale="log",
        xlabel="η/B",
        ylabel="loss − minimum",
        title="the floor at a constant rate",
    )
    floor.legend(frameon=False)
    ends.plot(results["network_loss"][1], results["network_loss"][0], ".", alpha=0.6)
    ends.plot(
        *[[results["network_loss"].min(), results["network_loss"].max()]] * 2,
        color="gray",
        linewidth=0.8,
    )
    ends.set(xlabel="loss at the end, whole set", ylabel="loss at the end, batches of 4")
    ends.set_title("a 1-3-1 network, a point for each start", fontsize=10)
    return {"floor": figure}
