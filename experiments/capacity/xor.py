"""XOR: what one layer cannot do, and how often two layers do it.

Question: A single neuron never learns XOR; with how many hidden units does a network, and from how
          many starts?
Source:   Sharif (claims 2.1, 2.5, 2.6) and the deep-learning notes (3.2).
Command:  python -m experiments run xor
Expected: no hidden layer and a perceptron: 3 of 4 rows at best. Two units solve it from about a
          quarter of the starts with ReLU, whose units can be dead on all four rows, and nearly half
          with tanh; eight tanh units from all.
Cost:     about 30 s on 2 cores, nearly all of it compiling one program for each width.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.claims import share_interval
from experiments.common import Common
from fnn import data, losses, optim
from fnn import plot as draw
from fnn.course import perceptron
from fnn.layers import DenseParams


@dataclass(frozen=True)
class Config(Common):
    """Widths, starts and training."""

    seeds: int = 256
    """Starts of each network."""
    widths: tuple[int, ...] = (0, 1, 2, 3, 4, 8, 16)
    """Hidden units; 0 is no hidden layer."""
    activations: tuple[str, ...] = ("relu", "tanh")
    epochs: int = 1000
    """Each is one step on all four rows."""
    learning_rate: float = 0.03
    """Adam's."""


QUICK = Config(seeds=64, widths=(0, 2, 8), activations=("tanh",), epochs=500, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """solved is (activations, widths, seeds): whether all four rows were right after the last
    epoch.
    """
    solved = [
        [solves(config, activation, width) for width in config.widths]
        for activation in config.activations
    ]
    table = data.load("xor").train
    fit = perceptron.fit(table.x, table.y, key=jax.random.key(0), epochs=100)
    return {
        "solved": np.array([[rows == 4 for rows in each] for each in solved]),
        "rows_right": np.array(solved),
        "perceptron_mistakes": np.asarray(fit.mistakes),
        "best_threshold_rows": np.array(best_threshold_rows()),
        "widths": np.array(config.widths),
        "least_squares": np.linalg.lstsq(
            np.column_stack([table.x, np.ones(4)]), table.y, rcond=None
        )[0],
        "exact_error": np.array(exact_error()),
    }


def solves(config: Config, activation: str, width: int) -> np.ndarray:
    """Rows of the table that each seed's network gets right, (seeds,)."""
    net = fnn.mlp((2, width, 1) if width else (2, 1), activation=activation)
    optimizer = optim.adam(config.learning_rate)
    sweep = fnn.sweep(
        lambda hyper: (net, losses.sigmoid_cross_entropy, optimizer),
        data.load("xor"),
        epochs=config.epochs,
        batch_size=4,
        seeds=range(config.seeds),
    )
    return np.rint(4 * sweep.final("train_accuracy")[0])


def best_threshold_rows() -> int:
    """The most rows that any threshold unit 1[w₁x₁ + w₂x₂ + b ≥ 0] gets right, w₁, w₂, b on a 21³
    grid of [−1, 1].
    """
    grid = np.linspace(-1, 1, 21).round(1)
    w1, w2, b = np.meshgrid(grid, grid, grid, indexing="ij")
    table = data.load("xor").train
    right = [
        (w1 * x1 + w2 * x2 + b >= 0) == label
        for (x1, x2), label in zip(table.x, table.y, strict=True)
    ]
    return int(np.sum(right, axis=0).max())


def exact_error() -> float:
    """The largest error on the four rows of max(0, s) − 2 max(0, s − 1), s = x₁ + x₂, as a 2-2-1
    network.
    """
    net, table = fnn.mlp((2, 2, 1)), data.load("xor").train
    hidden = DenseParams(W=jnp.ones((2, 2)), b=jnp.array([0.0, -1.0]))
    output = DenseParams(W=jnp.array([[1.0, -2.0]]), b=jnp.zeros(1))
    return float(np.abs(fnn.apply(net, (hidden, (), output), table.x)[:, 0] - table.y).max())


def table(results: dict[str, np.ndarray], config: Config) -> str:
    """Share of starts that solve XOR by width."""
    lines = [
        f"rows of XOR that a threshold unit can get right, at best: "
        f"{results['best_threshold_rows']} of 4",
        f"perceptron mistakes in epochs 1 to 3 and 98 to 100: "
        f"{results['perceptron_mistakes'][[0, 1, 2, -3, -2, -1]]}",
        f"share of {config.seeds} starts that solve it (95% interval)",
        "  hidden units  " + "  ".join(name.center(19) for name in config.activations),
    ]
    for w, width in enumerate(config.widths):
        cells = [share_interval(results["solved"][a, w]) for a in range(len(config.activations))]
        text = "  ".join(f"{p:.3f} ({low:.3f}-{high:.3f})" for p, low, high in cells)
        lines.append(f"  {width:12d}  {text}")
    return "\n".join(lines)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Share of starts that solve XOR over the width."""
    figure, (axis,) = draw.figure()
    positions = np.arange(len(config.widths))
    for a, name in enumerate(config.activations):
        shares = np.array([share_interval(solved) for solved in results["solved"][a]])
        middle, low, high = shares.T
        beside = 0.08 * (
            a - (len(config.activations) - 1) / 2
        )  # centred on the tick: -0.04 and 0.04 for two
        axis.errorbar(
            positions + beside,
            middle,
            (middle - low, high - middle),
            marker="o",
            capsize=3,
            label=name,
        )
    axis.set(xlabel="hidden units", ylabel="share of starts that solve XOR", ylim=(-0.03, 1.03))
    axis.set_xticks(positions, [str(width) for width in config.widths])
    axis.set_title(f"{config.seeds} starts each, 95% interval", fontsize=10)
    axis.legend(frameon=False)
    return {"solved": figure}
