"""64 seeds of a small ReLU network on scikit-learn's handwritten digits.

Question: How well does a 64-32-10 network recognise 8x8 digits, and how much of that is the luck of
          the seed?
Source:   scikit-learn's bundled digits (1797 images, UCI optical recognition set); learning curves
          as in De Marzo (claims 1.30, 1.31), the starting point's influence as in Adornetto (0.24).
Command:  python -m experiments run digits
Expected: mean test accuracy 0.97 to 0.98, seeds between about 0.955 and 0.99.
Cost:     under 10 s on 2 cores, most of it compiling.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import fnn
from experiments import drawing as draw
from experiments.common import Common
from fnn import data, losses, optim


@dataclass(frozen=True)
class Config(Common):
    """Network, training and number of seeds."""

    seeds: int = 64
    """Seeds 0 … seeds − 1, one network each."""
    hidden: int = 32
    """Width of the hidden layer."""
    activation: str = "relu"
    """Activation of the hidden layer."""
    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 3e-3
    """Adam's."""


QUICK = Config(seeds=8, epochs=10, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Trains every seed; histories are (seeds, epochs)."""
    digits = data.load("digits")
    net = fnn.mlp((64, config.hidden, 10), activation=config.activation)
    optimizer = optim.adam(config.learning_rate)
    sweep = fnn.sweep(
        lambda hyper: (net, losses.softmax_cross_entropy, optimizer),
        digits,
        epochs=config.epochs,
        batch_size=config.batch_size,
        seeds=range(config.seeds),
    )
    history = {name: values[0] for name, values in sweep.history.items()}
    row = sweep.summary("test_accuracy", at="last").rows[0]
    numbers = {name: row[name] for name in ("mean", "low", "high", "min", "max", "n", "diverged")}
    times = {"compile_seconds": sweep.compile_seconds, "run_seconds": sweep.run_seconds}
    return {name: np.asarray(value) for name, value in (history | numbers | times).items()}


def table(results: dict[str, np.ndarray], config: Config) -> str:
    """Test accuracy over seeds, and what it cost."""
    r = {name: float(value) for name, value in results.items() if value.ndim == 0}
    half = (r["high"] - r["low"]) / 2
    return "\n".join(
        [
            f"64-{config.hidden}-10 {config.activation} on digits, {config.seeds} seeds, "
            f"{config.epochs} epochs",
            f"  test accuracy    {r['mean']:.4f} ± {half:.4f} (mean, 95% interval)",
            f"  over seeds       min {r['min']:.4f}   max {r['max']:.4f}   diverged "
            f"{r['diverged']:.0f}",
            f"  runs per second  {config.seeds / r['run_seconds']:.0f}",
            f"  seconds          compile {r['compile_seconds']:.2f}   run {r['run_seconds']:.2f}",
        ]
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Loss and accuracy curves with a band over seeds, and the final test accuracies."""
    figure, (loss, accuracy, spread) = draw.figure(3, width=4.2)
    draw.learning_curves(loss, results, "loss")
    loss.set_yscale("log")
    draw.learning_curves(accuracy, results, "accuracy")
    final, seeds = np.unique(results["test_accuracy"][:, -1], return_counts=True)
    spread.bar(final, seeds, width=0.003, color=draw.COLORS["test"])
    mean, low, high = (float(results[name]) for name in ("mean", "low", "high"))
    spread.axvspan(
        low,
        high,
        color="black",
        alpha=0.15,
        linewidth=0,
        zorder=0,
        label="95% interval of the mean",
    )
    spread.axvline(mean, color="black", linewidth=1, label=f"mean {mean:.4f}")
    spread.yaxis.set_major_locator(MaxNLocator(integer=True))
    spread.set(xlabel="test accuracy after the last epoch", ylabel="seeds")
    spread.set_ylim(0, 1.35 * seeds.max())  # room for the legend
    spread.legend(framealpha=1, edgecolor="none")  # the mean passes behind it
    figure.suptitle(
        f"64-{config.hidden}-10 {config.activation} on digits: median and 5-95% band over "
        f"{config.seeds} seeds"
    )
    return {"figure": figure}
