"""Sweeps of small networks: fnn beside PyTorch, scikit-learn, and JAX written by hand.

JAX is used alone, with Equinox and with NNX. All contenders do the same work: ⌈N/B⌉ Adam updates an
epoch on ReLU layers with softmax cross-entropy. They record the training loss, and after every
epoch loss and accuracy on validation and test (200 examples each).

Every contender is a process of its own. They take turns, and times are medians over the turns.
Compiling is counted apart. PyTorch's loop and scikit-learn train one network after the other, so
they are timed on fewer runs. "of ceiling" is the rate of 6 Σ in·out operations for each example
seen, divided by the best rate of square float32 matrix products of the same benchmark.
"""

import json
import math
from dataclasses import asdict, dataclass
from itertools import product
from statistics import median
from typing import Any

import tyro
from rivals.case import Case
from rivals.worker import Contender
from tqdm import tqdm

CASES = [
    Case((2, 16, 16, 2), 1000, 32, 20, 256),
    Case((64, 32, 10), 1792, 64, 20, 256),
    Case((784, 128, 10), 20_000, 128, 1, 16),
    Case((784, 1024, 1024, 10), 20_000, 128, 1, 1),
]
GRID = [
    Case((16, *[width] * depth, 10), 512, 64, 2, runs)
    for width, depth, runs in product((4, 16, 64, 256), (1, 3), (1, 8, 64, 512))
]
OURS, USER, LOOP, CEILING = "fnn", "jax user", "torch loop", "ceiling"
RIVALS = {
    OURS: "ours",
    USER: "jax_user",
    "equinox": "equinox_user",
    "flax nnx": "nnx_user",
    "torch bmm": "torch_bmm",
    "scikit-learn": "sklearn_pool",
    LOOP: "torch_loop",
    CEILING: "ceiling",
}
ONE_BY_ONE = {"scikit-learn": 8, LOOP: 2}  # runs that are timed, since each costs the same
FOR_THE_GRID = (OURS, USER)
COLUMNS = {
    "ms a run": 11,
    "times fnn": 11,
    "of ceiling": 12,
    "compile s": 11,
    "accuracy": 10,
    "runs": 7,
}
"""Columns of a table -> their widths."""


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    rounds: int = 5
    """Turns of each contender."""
    cases: tuple[int, ...] = (1, 2, 3, 4)
    """The cases of the table, by number."""
    contenders: tuple[str, ...] = tuple(RIVALS)
    """The contenders of the cases."""
    grid: bool = True
    """Also time widths x depths x runs, only beside the JAX user."""
    json: bool = False
    """Print JSON instead of tables."""


def main(options: Options) -> None:
    """Print a table for each case, then the grid."""
    cases = [CASES[number - 1] for number in options.cases]
    results = [timed(case, options.contenders, options.rounds) for case in cases]
    grid = []
    if options.grid:
        grid = [timed(case, FOR_THE_GRID, options.rounds) for case in GRID]
    if options.json:
        print(json.dumps({"options": asdict(options), "cases": results, "grid": grid}, indent=2))
        return
    tables = [table(result) for result in results]
    if grid:
        tables.append(grid_table(grid))
    print("\n\n".join(tables))


def timed(case: Case, names: tuple[str, ...], rounds: int) -> dict[str, Any]:
    """Time every contender, turn by turn, and return the median seconds of a run."""
    contenders = {}
    for name in names:
        runs = min(case.runs, ONE_BY_ONE.get(name, case.runs))
        contenders[name] = Contender(RIVALS[name], case, runs)
    turns: dict[str, list] = {name: [] for name in names}
    for _ in tqdm(range(rounds), desc=str(case), unit="round", leave=False):
        for name, contender in contenders.items():
            turns[name].append(contender.train())
    for contender in contenders.values():
        contender.leave()
    ceiling_rates = [turn.accuracy for turn in turns.pop(CEILING, [])]
    ceiling = max(ceiling_rates, default=None)
    rows = {}
    for name, own_turns in turns.items():
        contender = contenders[name]
        seconds = median(turn.seconds for turn in own_turns)
        rows[name] = {
            "seconds_per_run": seconds / contender.runs,
            "compile_seconds": contender.compile_seconds,
            "test_accuracy": own_turns[-1].accuracy,
            "timed_runs": contender.runs,
        }
    return {"case": case._asdict(), "title": str(case), "ceiling": ceiling, "rows": rows}


def table(result: dict[str, Any]) -> str:
    """Write a row for each contender."""
    case = Case(**result["case"])
    ceiling = result["ceiling"] or math.nan
    columns = "".join(f"{column:>{width}}" for column, width in COLUMNS.items())
    lines = [
        f"{result['title']}; ceiling {ceiling / 1e9:.0f} GFLOP/s",
        f"{'':14}{columns}",
    ]
    ours = result["rows"][OURS]["seconds_per_run"]
    for name, row in result["rows"].items():
        seconds = row["seconds_per_run"]
        rate = case.operations / seconds
        cells = [
            f"{1e3 * seconds:.3f}",
            f"{seconds / ours:.2f}",
            f"{rate / ceiling:.1%}",
            f"{row['compile_seconds']:.1f}",
            f"{row['test_accuracy']:.3f}",
            f"{row['timed_runs']}",
        ]
        widths = zip(cells, COLUMNS.values(), strict=True)
        aligned = "".join(f"{cell:>{width}}" for cell, width in widths)
        lines.append(f"{name:14}{aligned}")
    return "\n".join(lines)


def grid_table(results: list[dict[str, Any]]) -> str:
    """Write how many times as long the JAX user takes.

    There is a row for each network, and a column for each number of runs.
    """
    ratios: dict[str, dict[int, float]] = {}
    for result in results:
        case = Case(**result["case"])
        width = case.sizes[1]
        depth = len(case.sizes) - 2
        row = ratios.setdefault(f"{width} x {depth}", {})
        ours = result["rows"][OURS]["seconds_per_run"]
        theirs = result["rows"][USER]["seconds_per_run"]
        row[case.runs] = theirs / ours
    numbers_of_runs = list(next(iter(ratios.values())))
    title = "JAX user / fnn; 16-…-10, N=512, batch 64, 2 epochs; width x depth down, runs across"
    head = "".join(f"{runs:9d}" for runs in numbers_of_runs)
    lines = [title, f"{'':10}{head}"]
    for network, row in ratios.items():
        cells = "".join(f"{row[runs]:9.2f}" for runs in numbers_of_runs)
        lines.append(f"{network:10}{cells}")
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
