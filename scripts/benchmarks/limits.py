"""What a sweep asks of one's patience and memory: seconds to the first number, compiling of deep
networks, bytes.

Everything is a fresh process; the two of a pair take turns, and a row is the ratio of their
medians.

first result   64-32-10 on digits, 64 seeds, 40 epochs: from the start of Python to the mean test
               accuracy, fnn over JAX with optax as one writes it by hand
deep           compiling a run of a homogeneous network with 64 layers (fnn.layers.repeat), over one
               with 4
widths         64-w-10 on digits for 5 widths up to 64, 64 seeds each, 20 epochs, compiling
               included: all widths in one program (fnn.layers.MaskedWidth) over a program for each
memory         the largest resident size of 100,000 lanes of 2-16-16-2, 20 epochs of 1,000 examples,
               over 1,000 lanes
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
    """The mean test accuracy; what counts is the time until this process ends."""
    from rivals.case import Case, Problem

    from fnn import data

    if who == "fnn":
        from rivals.ours import trainer as prepare
    else:
        from rivals.jax_user import prepare
    digits = data.load("digits")
    return float(prepare(Case(*DIGITS, 64), Problem(*digits[:3]), 64)()[:, -1].mean())


def compiling(depth: int) -> float:
    """Seconds of compiling a run of `depth` layers of width 32."""
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
    """Seconds of the sweep, compiling included."""
    import fnn
    from fnn import data, layers, losses, optim

    fnn.use_all_devices()

    def builder(hyper):
        width = layers.MaskedWidth(hyper["width"], 64) if together else hyper["width"]
        return fnn.mlp((64, width, 10)), losses.softmax_cross_entropy, optim.adam(1e-3)

    digits, hyper = data.load("digits"), {"width": [4, 8, 16, 32, 64]}
    start = time.perf_counter()
    fnn.sweep(
        builder, digits, epochs=20, batch_size=64, seeds=range(64), hyper=hyper, progress=False
    )
    return time.perf_counter() - start


def memory(lanes: int) -> float:
    """Bytes of the largest resident size of a sweep."""
    from rivals import ours
    from rivals.case import Case, problem_of

    case = Case(*SMALL, lanes)
    ours.trainer(case, problem_of(case), lanes)()
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


PAIRS: dict[str, tuple[Callable, tuple, tuple]] = {
    "first result": (first_result, ("fnn",), ("jax user",)),
    "deep": (compiling, (64,), (4,)),
    "widths": (widths, (True,), (False,)),
    "memory": (memory, (100_000,), (1_000,)),
}


@dataclass(frozen=True)
class Options:
    """What is measured."""

    pairs: tuple[str, ...] = tuple(PAIRS)
    """Rows of the table."""
    rounds: int = 5
    """Turns; memory takes one, since 100,000 lanes take minutes and their bytes do not vary."""
    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> None:
    """Prints a row for each pair."""
    found = {}
    for name in options.pairs:
        sides: tuple[list[float], list[float]] = ([], [])
        for _ in range(1 if name == "memory" else options.rounds):
            for values, arguments in zip(sides, PAIRS[name][1:], strict=True):
                values.append(measured(name, arguments))
        ours, theirs = map(median, sides)
        found[name] = {"ours": ours, "other": theirs, "ratio": ours / theirs}
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, row in found.items():
        scale, unit = (2**20, "MiB") if name == "memory" else (1, "s")
        print(
            f"{name:14}{row['ours'] / scale:9.2f} {unit} over {row['other'] / scale:8.2f} {unit}: "
            f"{row['ratio']:.2f}"
        )


def measured(name: str, arguments: tuple) -> float:
    """A pair's function in a fresh process: what it returns, or for "first result" the seconds of
    the process.
    """
    code = f"import limits; print(limits.{PAIRS[name][0].__name__}(*{arguments!r}))"
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return time.perf_counter() - start if name == "first result" else float(done.stdout.split()[-1])


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
