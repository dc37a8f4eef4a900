"""Limits of a sweep: seconds to the first number, compiling of deep networks, and bytes.

Everything is a fresh process. The two of a pair take turns, and a row is the ratio of their
medians.

first result   64-32-10 on digits, 64 seeds, 40 epochs: from the start of Python to the mean test
               accuracy, fnn over JAX with optax written by hand
deep           compiling a run of a homogeneous network with 64 layers (fnn.layers.repeat), over one
               with 4
widths         64-w-10 on digits for 5 widths up to 64, 64 seeds each, 20 epochs, with compiling:
               all widths in one program (fnn.layers.MaskedWidth) over a program for each
memory         the largest resident size of 100,000 runs of 2-16-16-2, 20 epochs of 1,000 examples,
               over 1,000 runs
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import tyro

DIGITS = ((64, 32, 10), 1257, 64, 40)
SMALL = ((2, 16, 16, 2), 1000, 32, 20)


def first_result(who: str) -> float:
    """Return the mean test accuracy. The benchmark times this process until it ends."""
    from rivals.case import Case, Problem

    from fnn import data

    if who == "fnn":
        from rivals.ours import trainer as prepare
    else:
        from rivals.jax_user import prepare
    digits = data.load("digits")
    case = Case(*DIGITS, runs=64)
    train = prepare(case, Problem(*digits[:3]), case.runs)
    accuracy = train()
    return float(accuracy[:, -1].mean())


def compiling(depth: int) -> float:
    """Return the seconds of compiling a run of `depth` layers of width 32."""
    import fnn
    from fnn import data, layers, losses, optim

    block = layers.serial(layers.dense(32, 32), layers.activation("relu"))
    net = layers.serial(
        layers.dense(64, 32),
        layers.activation("relu"),
        layers.repeat(block, depth - 2),
        layers.dense(32, 10),
    )
    run = fnn.train(
        net,
        losses.softmax_cross_entropy,
        optim.adam(1e-3),
        data.load("digits"),
        epochs=1,
        batch_size=64,
        progress=False,
    )
    return run.compile_seconds


def widths(together: bool) -> float:
    """Return the seconds of the sweep of widths, with compiling.

    together  whether all widths are one program
    """
    import fnn
    from fnn import data, layers, losses, optim

    fnn.use_all_devices()

    def builder(hyper):
        width = layers.MaskedWidth(hyper["width"], 64) if together else hyper["width"]
        return fnn.mlp((64, width, 10)), losses.softmax_cross_entropy, optim.adam(1e-3)

    digits = data.load("digits")
    start = time.perf_counter()
    fnn.sweep(
        builder,
        digits,
        epochs=20,
        batch_size=64,
        seeds=range(64),
        hyper={"width": [4, 8, 16, 32, 64]},
        progress=False,
    )
    return time.perf_counter() - start


def memory(runs: int) -> float:
    """Return the largest resident size of a sweep, in bytes."""
    from rivals import ours
    from rivals.case import Case, problem_of

    case = Case(*SMALL, runs)
    train = ours.trainer(case, problem_of(case), runs)
    train()
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


PAIRS: dict[str, tuple[Callable, tuple, tuple]] = {
    "first result": (first_result, ("fnn",), ("jax user",)),
    "deep": (compiling, (64,), (4,)),
    "widths": (widths, (True,), (False,)),
    "memory": (memory, (100_000,), (1_000,)),
}


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    pairs: tuple[str, ...] = tuple(PAIRS)
    """Rows of the table."""
    rounds: int = 5
    """Turns. Memory has one, since 100,000 runs take minutes and their bytes do not vary."""
    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> None:
    """Print a row for each pair."""
    rows = {}
    for name in options.pairs:
        _, our_arguments, other_arguments = PAIRS[name]
        ours, others = [], []
        for _ in range(1 if name == "memory" else options.rounds):
            ours.append(measured(name, our_arguments))
            others.append(measured(name, other_arguments))
        numerator, denominator = median(ours), median(others)
        ratio = numerator / denominator
        rows[name] = {"ours": numerator, "other": denominator, "ratio": ratio}
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for name, row in rows.items():
        scale, unit = (2**20, "MiB") if name == "memory" else (1, "s")
        first = f"{row['ours'] / scale:9.2f} {unit}"
        second = f"{row['other'] / scale:8.2f} {unit}"
        print(f"{name:14}{first} over {second}: {row['ratio']:.2f}")


def measured(name: str, arguments: tuple) -> float:
    """Call a pair's function in a fresh process, and return its result.

    For "first result" return the seconds of the process.
    """
    function, *_ = PAIRS[name]
    code = f"import limits; print(limits.{function.__name__}(*{arguments!r}))"
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    if name == "first result":
        return time.perf_counter() - start
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
