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

import jax
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import data, losses, optim
from fnn import plot as draw

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


def run(config: Config) -> dict[str, np.ndarray]:
    """Errors and ranks of products of matrices (chains, draws); the training loss (without and with
    ReLU, seeds, epochs), fitted curves (without and with, seeds, points), and the loss of least
    squares.
    """
    with jax.enable_x64(True):
        products = [product(sizes) for sizes in CHAINS]
    x = np.linspace(-2, 2, config.points)
    table = data.Split(x[:, None].astype(np.float32), np.sin(2 * x).astype(np.float32))
    points = data.Dataset(table, table, table)
    sweep = fnn.sweep(
        lambda hyper: (
            fnn.mlp((1, config.hidden, 1), activation=hyper["between"]),
            losses.squared_error,
            optim.adam(config.learning_rate),
        ),
        points,
        epochs=config.epochs,
        batch_size=config.points,
        seeds=range(config.seeds),
        hyper={"between": list(BETWEEN)},
    )
    curves = [
        jax.vmap(lambda p, row=r: fnn.apply(sweep.net(row), p, table.x))(sweep.params(r))
        for r in range(2)
    ]
    _, residual, *_ = np.linalg.lstsq(
        np.column_stack([x, np.ones(len(x))]), np.sin(2 * x), rcond=None
    )
    return {
        "product_error": np.array([error for error, _ in products]),
        "rank": np.array([rank for _, rank in products]),
        "narrowest": np.array([min(sizes) for sizes in CHAINS]),
        "loss": sweep.history["validation_loss"],
        "curves": np.array(curves)[..., 0],
        "x": x,
        "y": np.sin(2 * x),
        "least_squares": residual[0] / len(x),
    }


def product(sizes: tuple[int, ...], draws: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Relative distance of a linear network from W_L … W_1 x + its bias, and the rank of the
    product, (draws,).
    """
    net, rng = fnn.mlp(sizes, activation="identity"), np.random.default_rng(0)
    shapes, _ = jax.eval_shape(net.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: rng.normal(size=(draws, *leaf.shape)), shapes)
    x = rng.normal(size=(20, sizes[0]))
    outputs = np.asarray(jax.jit(jax.vmap(lambda p: fnn.apply(net, p, x)))(params))
    W, b = (
        np.broadcast_to(np.eye(sizes[0]), (draws, sizes[0], sizes[0])),
        np.zeros((draws, sizes[0])),
    )
    for dense in params[::2]:
        W, b = dense.W @ W, (dense.W @ b[..., None])[..., 0] + dense.b
    single = x @ W.swapaxes(1, 2) + b[:, None]
    return np.abs(outputs - single).max(axis=(1, 2)) / np.abs(single).max(
        axis=(1, 2)
    ), np.linalg.matrix_rank(W)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The fits of the start in the middle, and the loss of all starts."""
    figure, (fit, curve) = draw.figure(rows=2)
    fit.plot(results["x"], results["y"], ".", color="gray", label="data")
    epochs = np.arange(1, config.epochs + 1)
    for r, name in enumerate(("without ReLU", "with ReLU")):
        style, loss = draw.LINES[4 * r], results["loss"][r]
        middle = np.argsort(loss[:, -1])[len(loss) // 2]
        fit.plot(results["x"], results["curves"][r, middle], label=name, **style)
        low, median, high = np.percentile(loss, [5, 50, 95], axis=0)
        curve.plot(epochs, median, label=name, **style)
        curve.fill_between(epochs, low, high, alpha=0.2, color=style["color"], linewidth=0)
    curve.axhline(
        float(results["least_squares"]), color="gray", linestyle=":", label="least squares"
    )
    fit.set(xlabel="x", ylabel="y", title="two layers, the start in the middle")
    curve.set(
        xlabel="epoch",
        ylabel="mean squared error",
        xscale="log",
        yscale="log",
        title="median, 5% to 95%",
    )
    for axis in (fit, curve):
        axis.legend(frameon=False, fontsize=8)
    return {"fits": figure}
