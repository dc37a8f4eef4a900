"""Test accuracy of 64-32-10 on digits, fnn beside scikit-learn's MLPClassifier: same split, sizes, epochs, optimizer.

Both: ReLU, softmax cross-entropy, Adam with the same rate and epsilon, batches of 64, no regularisation, no early
stopping, 64 seeds. They differ in the initialisation (He against scikit-learn's own, Glorot uniform).
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
    net = fnn.mlp((64, 32, 10), activation="relu", init="he")
    optimizer = optim.adam(options.learning_rate)

    def builder(hyper):
        return net, losses.softmax_cross_entropy, optimizer

    def ours() -> fnn.Sweep:
        return fnn.sweep(
            builder, digits,
            epochs=options.epochs, batch_size=options.batch_size, seeds=range(options.seeds), progress=False,
        )  # fmt: skip

    def theirs(seed: int) -> float:
        rival = MLPClassifier(
            (32,), solver="adam", alpha=0.0, batch_size=options.batch_size, learning_rate_init=options.learning_rate,
            max_iter=options.epochs, n_iter_no_change=options.epochs + 1, random_state=seed,
        )  # fmt: skip
        return rival.fit(*digits.train).score(*digits.test)

    seconds: dict[str, list[float]] = {"fnn": [], "scikit-learn": []}
    sweep = ours()
    compile_seconds = sweep.compile_seconds
    for _ in tqdm(range(options.rounds), unit="round"):
        seconds["fnn"].append(ours().run_seconds)
        start = time.perf_counter()
        scores = [theirs(seed) for seed in range(options.seeds)]
        seconds["scikit-learn"].append(time.perf_counter() - start)
    accuracy = {"fnn": sweep.final("test_accuracy")[0], "scikit-learn": np.array(scores)}
    per_run = {name: float(np.median(times)) / options.seeds for name, times in seconds.items()}
    report(options, accuracy, per_run, compile_seconds)


def report(options: Options, accuracy: dict, seconds: dict, compile_seconds: float) -> None:
    """The table, or the same as JSON."""
    rows = {name: {**statistics(values), "seconds_per_run": seconds[name]} for name, values in accuracy.items()}
    if options.json:
        print(json.dumps({"options": asdict(options), "rows": rows, "compile_seconds": compile_seconds}, indent=2))
        return
    print(f"64-32-10 ReLU on digits, {options.seeds} seeds, {options.epochs} epochs, Adam {options.learning_rate:g}")
    print(f"{'':14}{'mean':>8}{'95% interval':>18}{'min':>8}{'max':>8}{'ms per run':>12}")
    for name, row in rows.items():
        interval = f"{row['low']:.4f}-{row['high']:.4f}"
        print(
            f"{name:14}{row['mean']:8.5f}{interval:>18}{row['min']:8.4f}{row['max']:8.4f}"
            f"{1e3 * row['seconds_per_run']:12.2f}"
        )
    ratio = seconds["scikit-learn"] / seconds["fnn"]
    print(f"fnn is {ratio:.1f} times as fast, after {compile_seconds:.1f} s of compiling")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
