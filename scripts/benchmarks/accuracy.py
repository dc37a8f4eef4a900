"""Test accuracy of 64-32-10 on digits, fnn beside scikit-learn's MLPClassifier: same split, sizes,
epochs, optimizer.

Both: ReLU, softmax cross-entropy, Adam with the same rate and epsilon, batches of 64, no
regularisation, no early stopping, 64 seeds. They differ in the order of the batches and in the
start: scikit-learn draws weights and biases from Glorot's uniform rule; fnn draws weights by He's,
or by Glorot's normal rule, and starts biases at zero. The differences between fnn and scikit-learn
are Welch's, over seeds, and say nothing of other data or settings. Times are medians over rounds in
which the two take turns; compiling is counted apart.
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


@dataclass(frozen=True)
class Options:
    """What both are given."""

    seeds: int = 64
    rounds: int = 3
    """How often all seeds are timed, fnn and scikit-learn taking turns."""
    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 3e-3
    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> None:
    """Runs both in turns and prints what they reached."""
    warnings.simplefilter(
        "ignore", ConvergenceWarning
    )  # it says that all epochs were used, as is meant here
    fnn.use_all_devices()
    digits = data.load("digits")
    examples = len(digits.test.y)
    optimizer = optim.adam(options.learning_rate)
    nets = {
        f"fnn, {init}": fnn.mlp((64, 32, 10), activation="relu", init=init)
        for init in ("he", "glorot")
    }

    def ours(net: fnn.Layer) -> fnn.Sweep:
        return fnn.sweep(
            lambda hyper: (net, losses.softmax_cross_entropy, optimizer),
            digits,
            epochs=options.epochs,
            batch_size=options.batch_size,
            seeds=range(options.seeds),
            progress=False,
        )

    def theirs(seed: int) -> float:
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
        return (
            np.count_nonzero(rival.fit(*digits.train).predict(digits.test.x) == digits.test.y)
            / examples
        )

    seconds: dict[str, list[float]] = {name: [] for name in (*nets, "scikit-learn")}
    accuracy: dict[str, np.ndarray] = {}
    compile_seconds: dict[str, float] = {}
    for _ in tqdm(range(options.rounds), unit="round"):
        for name, net in nets.items():
            sweep = ours(net)
            accuracy[name], compile_seconds[name] = (
                counted(sweep.final("test_accuracy")[0], examples),
                sweep.compile_seconds,
            )
            seconds[name].append(sweep.run_seconds)
        start = time.perf_counter()
        accuracy["scikit-learn"] = np.array([theirs(seed) for seed in range(options.seeds)])
        seconds["scikit-learn"].append(time.perf_counter() - start)
    rows = {
        name: statistics(values)
        | difference(values, accuracy["scikit-learn"])
        | {
            "seconds_per_run": float(np.median(seconds[name])) / options.seeds,
            "compile_seconds": compile_seconds.get(name, 0.0),
        }
        for name, values in accuracy.items()
    }
    if options.json:
        print(json.dumps({"options": asdict(options), "rows": rows}, indent=2))
    else:
        print(table(options, rows))


def counted(shares: np.ndarray, examples: int) -> np.ndarray:
    """Shares of right answers in float64, as the whole number of right answers over the
    examples.
    """
    return np.rint(shares.astype(np.float64) * examples) / examples


def difference(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Mean of ours minus mean of theirs, and its 95% interval by Welch's t."""
    interval = ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    return {
        "difference": float(ours.mean() - theirs.mean()),
        "difference_low": float(interval.low),
        "difference_high": float(interval.high),
    }


def table(options: Options, rows: dict[str, dict[str, float]]) -> str:
    """A row for each contender."""
    lines = [
        f"64-32-10 ReLU on digits, {options.seeds} seeds, {options.epochs} epochs, Adam "
        f"{options.learning_rate:g}",
        f"{'':14}{'mean':>9}{'95% interval':>17}{'min':>8}{'max':>8}{'minus scikit-learn':>28}"
        f"{'ms a run':>10}{'times faster':>14}{'compile s':>11}",
    ]
    for name, row in rows.items():
        interval = f"{row['low']:.4f}-{row['high']:.4f}"
        against = (
            f"{row['difference']:+.4f} ({row['difference_low']:+.4f}, "
            f"{row['difference_high']:+.4f})"
        )
        ratio = rows["scikit-learn"]["seconds_per_run"] / row["seconds_per_run"]
        lines.append(
            f"{name:14}{row['mean']:9.5f}{interval:>17}{row['min']:8.4f}{row['max']:8.4f}"
            f"{against if name != 'scikit-learn' else '':>28}"
            f"{1e3 * row['seconds_per_run']:10.2f}{ratio:14.1f}{row['compile_seconds']:11.1f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
