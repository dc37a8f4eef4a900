"""Test accuracy of 64-32-10 on digits, fnn beside scikit-learn's MLPClassifier: same split, sizes, epochs, optimizer.

Both: ReLU, softmax cross-entropy, Adam with the same rate and epsilon, batches of 64, no regularisation, no early
stopping, 64 seeds. Scikit-learn initialises by Glorot's uniform rule; fnn by He's, and by Glorot's normal rule.
Times are medians over rounds in which the two take turns; compiling is counted apart.
"""

import json
import time
from dataclasses import asdict, dataclass

import numpy as np
import tyro
from sklearn.neural_network import MLPClassifier
from tqdm import tqdm

import fnn
from fnn import data, losses, optim
from fnn.sweeping.results import statistics


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
    fnn.use_all_devices()
    digits = data.load("digits")
    optimizer = optim.adam(options.learning_rate)
    nets = {f"fnn, {init}": fnn.mlp((64, 32, 10), activation="relu", init=init) for init in ("he", "glorot")}

    def ours(net: fnn.Layer) -> fnn.Sweep:
        return fnn.sweep(
            lambda hyper: (net, losses.softmax_cross_entropy, optimizer), digits,
            epochs=options.epochs, batch_size=options.batch_size, seeds=range(options.seeds), progress=False,
        )  # fmt: skip

    def theirs(seed: int) -> float:
        rival = MLPClassifier(
            (32,), solver="adam", alpha=0.0, batch_size=options.batch_size, learning_rate_init=options.learning_rate,
            max_iter=options.epochs, n_iter_no_change=options.epochs + 1, random_state=seed,
        )  # fmt: skip
        return rival.fit(*digits.train).score(*digits.test)

    seconds: dict[str, list[float]] = {name: [] for name in (*nets, "scikit-learn")}
    accuracy: dict[str, np.ndarray] = {}
    compile_seconds: dict[str, float] = {}
    for _ in tqdm(range(options.rounds), unit="round"):
        for name, net in nets.items():
            sweep = ours(net)
            accuracy[name], compile_seconds[name] = sweep.final("test_accuracy")[0], sweep.compile_seconds
            seconds[name].append(sweep.run_seconds)
        start = time.perf_counter()
        accuracy["scikit-learn"] = np.array([theirs(seed) for seed in range(options.seeds)])
        seconds["scikit-learn"].append(time.perf_counter() - start)
    rows = {
        name: statistics(values)
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


def table(options: Options, rows: dict[str, dict[str, float]]) -> str:
    """A row for each contender."""
    lines = [
        f"64-32-10 ReLU on digits, {options.seeds} seeds, {options.epochs} epochs, Adam {options.learning_rate:g}",
        f"{'':14}{'mean':>9}{'95% interval':>17}{'min':>8}{'max':>8}"
        f"{'ms a run':>10}{'times faster':>14}{'compile s':>11}",
    ]
    for name, row in rows.items():
        interval = f"{row['low']:.4f}-{row['high']:.4f}"
        ratio = rows["scikit-learn"]["seconds_per_run"] / row["seconds_per_run"]
        lines.append(
            f"{name:14}{row['mean']:9.5f}{interval:>17}{row['min']:8.4f}{row['max']:8.4f}"
            f"{1e3 * row['seconds_per_run']:10.2f}{ratio:14.1f}{row['compile_seconds']:11.1f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
