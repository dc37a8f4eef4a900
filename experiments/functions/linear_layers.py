"""Layers without a nonlinearity between them: one linear map, however many there are.

Question: What do more linear layers add, and what does ReLU between two of them add on the same
          data?
Source:   Sharif (claim 2.4) and Piccoli (4.17).
Command:  python -m experiments run linear_layers
Expected: a linear network is the product of its matrices, whose rank is at most the smallest width;
          two linear layers end where least squares does, and with ReLU between them they fit the
          curve.
Cost:     about 10 s on 2 cores, quick 6 s.
"""

from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim

CHAINS = ((6, 3, 5, 4), (6, 8, 8, 4), (10, 2, 10))
BETWEEN = ("identity", "relu")


@dataclass(frozen=True)
class Config(Common):
    """Two layers, without and with ReLU between them, on sin 2x."""

    seeds: int = 64
    points: int = 64
    hidden: int = 16
    epochs: int = 3000
    """Each is one step on all points."""
    learning_rate: float = 0.01
    """Adam's."""


QUICK = Config(seeds=16, epochs=1500, quick=True)


def run(config: Config) -> Results:
    """Return errors and ranks of products of matrices, and what two layers learn of sin 2x."""
    return products() | fits(config)


def products(draws: int = 100) -> Results:
    """Return the error and the rank of W_L … W₁ for each chain of layers, (chains, draws)."""
    errors, ranks = [], []
    with jax.enable_x64(True):
        for sizes in CHAINS:
            error, rank = product(sizes, draws)
            errors.append(error)
            ranks.append(rank)
    return {
        "product_error": np.array(errors),
        "rank": np.array(ranks),
        "narrowest": np.array([min(sizes) for sizes in CHAINS]),
    }


def product(sizes: tuple[int, ...], draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the relative distance of a linear network from W_L … W₁ x + b, and that rank."""
    net, params, x = random_network(sizes, draws)
    over_draws = jax.jit(jax.vmap(lambda p: fnn.apply(net, p, x)))
    outputs = np.asarray(over_draws(params))
    inputs = sizes[0]
    W = np.broadcast_to(np.eye(inputs), (draws, inputs, inputs))
    b = np.zeros((draws, inputs, 1))
    for dense in params[::2]:
        W = dense.W @ W
        b = dense.W @ b + dense.b[..., None]
    single = x @ W.swapaxes(1, 2) + b.swapaxes(1, 2)
    distance = np.abs(outputs - single).max(axis=(1, 2))
    size = np.abs(single).max(axis=(1, 2))
    return distance / size, np.linalg.matrix_rank(W)


def random_network(sizes: tuple[int, ...], draws: int):
    """Return a linear network, normal weights and biases of each draw, and 20 normal inputs."""
    rng = np.random.default_rng(0)
    net = fnn.mlp(sizes, activation="identity")
    one_draw, _ = jax.eval_shape(net.init, jax.random.key(0))

    def normal(leaf):
        return rng.normal(size=(draws, *leaf.shape))

    params = jax.tree.map(normal, one_draw)
    x = rng.normal(size=(20, sizes[0]))
    return net, params, x


def fits(config: Config) -> Results:
    """Return loss (without and with ReLU, seeds, epochs), curves, and the loss of a line."""
    x = np.linspace(-2, 2, config.points)
    y = np.sin(2 * x)
    sweep = trained(config, x, y)
    inputs = x[:, None].astype(np.float32)
    curves = []
    for row in range(len(BETWEEN)):
        over_seeds = jax.vmap(partial(fnn.apply, sweep.net(row)), in_axes=(0, None))
        curves.append(over_seeds(sweep.params(row), inputs)[..., 0])
    line = np.column_stack([x, np.ones(len(x))])
    _, residual, *_ = np.linalg.lstsq(line, y, rcond=None)
    return {
        "loss": sweep.history["validation_loss"],
        "curves": np.array(curves),
        "x": x,
        "y": y,
        "least_squares": residual[0] / len(x),
    }


def trained(config: Config, x: np.ndarray, y: np.ndarray) -> fnn.Sweep:
    """Train two layers on all points, without and with ReLU between them."""
    inputs = x[:, None].astype(np.float32)
    points = data.Split(inputs, y.astype(np.float32))

    def two_layers(hyper):
        net = fnn.mlp((1, config.hidden, 1), activation=hyper["between"])
        return net, losses.squared_error, optim.adam(config.learning_rate)

    return fnn.sweep(
        two_layers,
        data.Dataset(points, points, points),
        epochs=config.epochs,
        batch_size=config.points,
        seeds=range(config.seeds),
        hyper={"between": list(BETWEEN)},
    )


def plot(results: Results, config: Config) -> Figures:
    """Draw the fits of the start in the middle, and the loss of all starts."""
    figure, axes = draw.figure(rows=2)
    fit, curve = axes
    x = results["x"]
    epochs = np.arange(1, config.epochs + 1)
    fit.plot(x, results["y"], ".", color="gray", label="data")
    for row, name in enumerate(("without ReLU", "with ReLU")):
        style = draw.LINES[4 * row]
        loss = results["loss"][row]
        by_loss = np.argsort(loss[:, -1])
        middle = by_loss[len(loss) // 2]
        fit.plot(x, results["curves"][row, middle], label=name, **style)
        draw.quantile_band(curve, epochs, loss.T, name, **style)
    line = float(results["least_squares"])
    curve.axhline(line, color="gray", linestyle=":", label="least squares")
    fit.set(xlabel="x", ylabel="y", title="two layers, the start in the middle")
    curve.set(xlabel="epoch", ylabel="mean squared error", xscale="log", yscale="log")
    curve.set_title("median, 5% to 95%")
    draw.legends(axes)
    return {"fits": figure}
