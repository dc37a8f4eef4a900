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
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim

STATISTICS = ("mean", "low", "high", "min", "max", "n", "diverged")
"""Of the test accuracy over seeds, as `Sweep.summary` names them."""


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


def run(config: Config) -> Results:
    """Train every seed; histories are (seeds, epochs)."""
    sweep = train(config)
    results = {name: values[0] for name, values in sweep.history.items()}
    accuracy = sweep.summary("test_accuracy", at="last").rows[0]
    for name in STATISTICS:
        results[name] = np.asarray(accuracy[name])
    results["compile_seconds"] = np.asarray(sweep.compile_seconds)
    results["run_seconds"] = np.asarray(sweep.run_seconds)
    return results


def train(config: Config) -> fnn.Sweep:
    """Train one network for each seed."""
    net = fnn.mlp((64, config.hidden, 10), activation=config.activation)
    optimizer = optim.adam(config.learning_rate)
    return fnn.sweep(
        lambda hyper: (net, losses.softmax_cross_entropy, optimizer),
        data.load("digits"),
        epochs=config.epochs,
        batch_size=config.batch_size,
        seeds=range(config.seeds),
    )


def table(results: Results, config: Config) -> str:
    """Return the test accuracy over seeds and its cost as text."""
    numbers = {name: float(value) for name, value in results.items() if value.ndim == 0}
    half = (numbers["high"] - numbers["low"]) / 2
    rate = config.seeds / numbers["run_seconds"]
    network = f"64-{config.hidden}-10 {config.activation} on digits"
    compiling, running = numbers["compile_seconds"], numbers["run_seconds"]
    lines = [
        f"{network}, {config.seeds} seeds, {config.epochs} epochs",
        f"  test accuracy    {numbers['mean']:.4f} ± {half:.4f} (mean, 95% interval)",
        f"  over seeds       min {numbers['min']:.4f}   max {numbers['max']:.4f}   "
        f"diverged {numbers['diverged']:.0f}",
        f"  runs per second  {rate:.0f}",
        f"  seconds          compile {compiling:.2f}   run {running:.2f}",
    ]
    return "\n".join(lines)


def plot(results: Results, config: Config) -> Figures:
    """Draw loss and accuracy curves with a band over seeds, and the final test accuracies."""
    figure, (loss, accuracy, final) = draw.figure(3, width=4.2)
    draw.learning_curves(loss, results, "loss")
    loss.set_yscale("log")
    draw.learning_curves(accuracy, results, "accuracy")
    draw_final(final, results)
    network = f"64-{config.hidden}-10 {config.activation} on digits"
    figure.suptitle(f"{network}: median and 5-95% band over {config.seeds} seeds")
    return {"figure": figure}


def draw_final(axis: Axes, results: Results) -> None:
    """Draw how many seeds end at each test accuracy, and the mean with its interval."""
    accuracies, seeds = np.unique(results["test_accuracy"][:, -1], return_counts=True)
    mean, low, high = (float(results[name]) for name in ("mean", "low", "high"))
    axis.bar(accuracies, seeds, width=0.003, color=draw.COLORS["test"])
    span = axis.axvspan(low, high, label="95% interval of the mean")
    span.set(color="black", alpha=0.15, linewidth=0, zorder=0)
    axis.axvline(mean, color="black", linewidth=1, label=f"mean {mean:.4f}")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="test accuracy after the last epoch", ylabel="seeds")
    axis.set_ylim(0, 1.35 * seeds.max())  # room for the legend
    axis.legend(framealpha=1, edgecolor="none")  # the mean passes behind it
