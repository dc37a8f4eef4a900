"""Test accuracy of 64-32-10 on digits: fnn beside scikit-learn's MLPClassifier.

Both have the same split and sizes, ReLU, softmax cross-entropy, Adam with the same rate and
epsilon, batches of 64, the same number of epochs and 64 seeds. Neither has regularisation or early
stopping. They differ in the order of the batches and in the start: scikit-learn samples weights and
biases by Glorot's uniform rule. fnn samples weights by He's or by Glorot's normal rule, and starts
biases at zero.

The intervals of the differences are Welch's over seeds. They do not cover other data or settings.
Times are medians over rounds in which the two take turns. Compiling is counted apart.
"""

import json
import time
import warnings
from dataclasses import asdict, dataclass

import numpy as np
import tyro
from scipy.stats import ttest_ind
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from tqdm import tqdm

import fnn
from fnn import data, losses, optim
from fnn.runs.summary import statistics

SKLEARN = "scikit-learn"
INITS = ("he", "glorot")
COLUMNS = {
    "mean": 9,
    "95% interval": 17,
    "min": 8,
    "max": 8,
    "minus scikit-learn": 28,
    "ms a run": 10,
    "times faster": 14,
    "compile s": 11,
}
"""Columns of the table -> their widths."""


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    seeds: int = 64
    rounds: int = 3
    """Turns of fnn and scikit-learn, each with all seeds."""
    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 3e-3
    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> None:
    """Train both in turns, and print their accuracies and times."""
    # The warning says that all epochs were used, as they should be here.
    warnings.simplefilter("ignore", ConvergenceWarning)
    fnn.use_all_devices()
    digits = data.load("digits")
    examples = len(digits.test.y)
    names = {init: f"fnn, {init}" for init in INITS}
    seconds: dict[str, list[float]] = {name: [] for name in (*names.values(), SKLEARN)}
    accuracy: dict[str, np.ndarray] = {}
    compile_seconds = {SKLEARN: 0.0}
    for _ in tqdm(range(options.rounds), unit="round"):
        for init, name in names.items():
            sweep = train_fnn(init, digits, options)
            accuracy[name] = exact_shares(sweep.final("test_accuracy")[0], examples)
            compile_seconds[name] = sweep.compile_seconds
            seconds[name].append(sweep.run_seconds)
        start = time.perf_counter()
        accuracies = [train_sklearn(seed, digits, options) for seed in range(options.seeds)]
        accuracy[SKLEARN] = np.array(accuracies)
        seconds[SKLEARN].append(time.perf_counter() - start)
    rows = {}
    for name, values in accuracy.items():
        rows[name] = statistics(values) | difference(values, accuracy[SKLEARN])
        rows[name]["seconds_per_run"] = float(np.median(seconds[name])) / options.seeds
        rows[name]["compile_seconds"] = compile_seconds[name]
    if options.json:
        print(json.dumps({"options": asdict(options), "rows": rows}, indent=2))
    else:
        print(table(options, rows))


def train_fnn(init: str, digits: data.Dataset, options: Options) -> fnn.Sweep:
    """Train all seeds as a sweep."""
    net = fnn.mlp((64, 32, 10), activation="relu", init=init)
    optimizer = optim.adam(options.learning_rate)
    return fnn.sweep(
        lambda hyper: (net, losses.softmax_cross_entropy, optimizer),
        digits,
        epochs=options.epochs,
        batch_size=options.batch_size,
        seeds=range(options.seeds),
        progress=False,
    )


def train_sklearn(seed: int, digits: data.Dataset, options: Options) -> float:
    """Train one network, and return its test accuracy."""
    rival = MLPClassifier(
        (32,),
        solver="adam",
        alpha=0.0,
        batch_size=options.batch_size,
        learning_rate_init=options.learning_rate,
        max_iter=options.epochs,
        n_iter_no_change=options.epochs + 1,
        random_state=seed,
    )
    rival.fit(*digits.train)
    are_right = rival.predict(digits.test.x) == digits.test.y
    return np.count_nonzero(are_right) / len(digits.test.y)


def exact_shares(shares: np.ndarray, examples: int) -> np.ndarray:
    """Return float32 shares of right answers as float64 numbers of right answers over examples."""
    right = np.rint(shares.astype(np.float64) * examples)
    return right / examples


def difference(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Return the mean of ours minus the mean of theirs, and its 95% interval by Welch's t."""
    interval = ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    return {
        "difference": float(ours.mean() - theirs.mean()),
        "difference_low": float(interval.low),
        "difference_high": float(interval.high),
    }


def table(options: Options, rows: dict[str, dict[str, float]]) -> str:
    """Write a row for each contender."""
    call = f"{options.seeds} seeds, {options.epochs} epochs, Adam {options.learning_rate:g}"
    title = f"64-32-10 ReLU on digits, {call}"
    columns = "".join(f"{column:>{width}}" for column, width in COLUMNS.items())
    lines = [title, f"{'':14}{columns}"]
    for name, row in rows.items():
        cells = [
            f"{row['mean']:.5f}",
            f"{row['low']:.4f}-{row['high']:.4f}",
            f"{row['min']:.4f}",
            f"{row['max']:.4f}",
            "" if name == SKLEARN else lead_of(row),
            f"{1e3 * row['seconds_per_run']:.2f}",
            f"{rows[SKLEARN]['seconds_per_run'] / row['seconds_per_run']:.1f}",
            f"{row['compile_seconds']:.1f}",
        ]
        widths = zip(cells, COLUMNS.values(), strict=True)
        aligned = "".join(f"{cell:>{width}}" for cell, width in widths)
        lines.append(f"{name:14}{aligned}")
    return "\n".join(lines)


def lead_of(row: dict[str, float]) -> str:
    """Write the difference to scikit-learn with its interval."""
    low = row["difference_low"]
    high = row["difference_high"]
    return f"{row['difference']:+.4f} ({low:+.4f}, {high:+.4f})"


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
