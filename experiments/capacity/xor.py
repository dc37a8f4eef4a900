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

import fnn
from experiments.claims import share_interval
from experiments.common import Common, Figures, Results
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


def run(config: Config) -> Results:
    """Return what no hidden layer can do with XOR, and how often each network learns it.

    solved  (activations, widths, seeds): whether all four rows are right after the last epoch
    """
    rows_right = np.array(
        [[learn(config, name, width) for width in config.widths] for name in config.activations]
    )
    x, y = data.load("xor").train
    fit = perceptron.fit(x, y, key=jax.random.key(0), epochs=100)
    with_one = np.column_stack([x, np.ones(4)])
    least_squares, *_ = np.linalg.lstsq(with_one, y, rcond=None)
    return {
        "solved": rows_right == 4,
        "rows_right": rows_right,
        "perceptron_mistakes": np.asarray(fit.mistakes),
        "best_threshold_rows": np.array(best_threshold_rows()),
        "widths": np.array(config.widths),
        "least_squares": least_squares,
        "exact_error": np.array(exact_error()),
    }


def learn(config: Config, activation: str, width: int) -> np.ndarray:
    """Return the rows of the table that each seed's network gets right, (seeds,)."""
    sizes = (2, width, 1) if width else (2, 1)
    net = fnn.mlp(sizes, activation=activation)
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
    """Return the most rows that any threshold unit 1[w₁x₁ + w₂x₂ + b ≥ 0] gets right.

    w₁, w₂, b are on a 21³ grid of [−1, 1].
    """
    grid = np.linspace(-1, 1, 21).round(1)
    w1, w2, b = np.meshgrid(grid, grid, grid, indexing="ij")
    rows = data.load("xor").train
    right = np.zeros(w1.shape, int)
    for (x1, x2), label in zip(rows.x, rows.y, strict=True):
        says_one = w1 * x1 + w2 * x2 + b >= 0
        right += says_one == label
    return int(right.max())


def exact_error() -> float:
    """Return the largest error on the four rows of a 2-2-1 network that is set by hand.

    It is max(0, s) − 2 max(0, s − 1), s = x₁ + x₂.
    """
    net = fnn.mlp((2, 2, 1))
    x, y = data.load("xor").train
    biases = jnp.array([0.0, -1.0])
    weights = jnp.array([[1.0, -2.0]])
    hidden = DenseParams(W=jnp.ones((2, 2)), b=biases)
    output = DenseParams(W=weights, b=jnp.zeros(1))
    predicted = fnn.apply(net, (hidden, (), output), x)[:, 0]
    return float(np.abs(predicted - y).max())


def table(results: Results, config: Config) -> str:
    """Return the share of starts that solve XOR by width, as text."""
    best = results["best_threshold_rows"]
    ends = [0, 1, 2, -3, -2, -1]
    mistakes = results["perceptron_mistakes"][ends]
    names = "  ".join(name.center(19) for name in config.activations)
    lines = [
        f"rows of XOR that a threshold unit can get right, at best: {best} of 4",
        f"perceptron mistakes in epochs 1 to 3 and 98 to 100: {mistakes}",
        f"share of {config.seeds} starts that solve it (95% interval)",
        f"  hidden units  {names}",
    ]
    for column, width in enumerate(config.widths):
        shares = [share_interval(solved) for solved in results["solved"][:, column]]
        cells = [f"{p:.3f} ({low:.3f}-{high:.3f})" for p, low, high in shares]
        lines.append("  ".join([f"  {width:12d}", *cells]))
    return "\n".join(lines)


def plot(results: Results, config: Config) -> Figures:
    """Draw the share of starts that solve XOR over the width."""
    figure, (axis,) = draw.figure()
    ticks = np.arange(len(config.widths))
    centre = (len(config.activations) - 1) / 2
    for row, name in enumerate(config.activations):
        shares = np.array([share_interval(solved) for solved in results["solved"][row]])
        middle, low, high = shares.T
        bars = (middle - low, high - middle)
        places = ticks + 0.08 * (row - centre)
        axis.errorbar(places, middle, bars, marker="o", capsize=3, label=name)
    axis.set(xlabel="hidden units", ylabel="share of starts that solve XOR", ylim=(-0.03, 1.03))
    axis.set_xticks(ticks, [str(width) for width in config.widths])
    axis.set_title(f"{config.seeds} starts each, 95% interval", fontsize=10)
    axis.legend(frameon=False)
    return {"solved": figure}
