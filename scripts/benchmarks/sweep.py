"""Sweeps of small networks: fnn beside PyTorch, scikit-learn, and JAX as one writes it by hand,
with Equinox, with NNX.

Everybody does the same work: ⌈N/B⌉ Adam updates an epoch on ReLU layers with softmax cross-entropy,
training loss recorded, loss and accuracy on validation and test (200 examples each) after every
epoch. Every contender is a process of its own; they take turns, and times are medians over the
turns. Compiling is counted apart. PyTorch's loop and scikit-learn train one network after the
other, so they are timed on fewer lanes. "of ceiling" is the rate of 6 Σ in·out operations for each
example seen, over the best rate of square float32 matrix products in the same run.
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
    Case((16, *[width] * depth, 10), 512, 64, 2, lanes)
    for width, depth, lanes in product((4, 16, 64, 256), (1, 3), (1, 8, 64, 512))
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
ONE_BY_ONE = {"scikit-learn": 8, LOOP: 2}  # lanes that are timed: each costs the same
FOR_THE_GRID = (OURS, USER)


@dataclass(frozen=True)
class Options:
    """What is timed."""

    rounds: int = 5
    """Turns of each contender."""
    cases: tuple[int, ...] = (1, 2, 3, 4)
    """The cases of the table, by number."""
    contenders: tuple[str, ...] = tuple(RIVALS)
    """Who takes part in the cases."""
    grid: bool = True
    """Also widths x depths x lanes, against the JAX user alone."""
    json: bool = False
    """Print JSON instead of tables."""


def main(options: Options) -> None:
    """Prints a table for each case, then the grid."""
    results = [timed(CASES[i - 1], options.contenders, options.rounds) for i in options.cases]
    grid = [timed(case, FOR_THE_GRID, options.rounds) for case in GRID] if options.grid else []
    if options.json:
        print(json.dumps({"options": asdict(options), "cases": results, "grid": grid}, indent=2))
    else:
        print("\n\n".join([*map(table, results), *([grid_table(grid)] if grid else [])]))


def timed(case: Case, names: tuple[str, ...], rounds: int) -> dict[str, Any]:
    """Seconds a lane of every contender, the median over turns taken one after the other."""
    contenders = {
        name: Contender(RIVALS[name], case, min(case.lanes, ONE_BY_ONE.get(name, 10**9)))
        for name in names
    }
    turns: dict[str, list] = {name: [] for name in names}
    for _ in tqdm(range(rounds), desc=str(case), unit="round", leave=False):
        for name, contender in contenders.items():
            turns[name].append(contender.train())
    for contender in contenders.values():
        contender.leave()
    rows = {
        name: {
            "seconds_per_lane": median(turn.seconds for turn in turns[name]) / contender.lanes,
            "compile_seconds": contender.compile_seconds,
            "test_accuracy": turns[name][-1].accuracy,
            "timed_lanes": contender.lanes,
        }
        for name, contender in contenders.items()
        if name != CEILING
    }
    ceiling = max((turn.accuracy for turn in turns.get(CEILING, [])), default=None)
    return {"case": case._asdict(), "title": str(case), "ceiling": ceiling, "rows": rows}


def table(result: dict[str, Any]) -> str:
    """A row for each contender."""
    case = Case(**result["case"])
    ceiling = result["ceiling"] or math.nan
    lines = [
        f"{result['title']}; ceiling {ceiling / 1e9:.0f} GFLOP/s",
        f"{'':14}{'ms a lane':>11}{'times fnn':>11}{'of ceiling':>12}"
        f"{'compile s':>11}{'accuracy':>10}{'lanes':>7}",
    ]
    ours = result["rows"][OURS]["seconds_per_lane"]
    for name, row in result["rows"].items():
        seconds = row["seconds_per_lane"]
        share = case.operations / seconds / ceiling
        lines.append(
            f"{name:14}{1e3 * seconds:11.3f}{seconds / ours:11.2f}{share:12.1%}"
            f"{row['compile_seconds']:11.1f}"
            f"{row['test_accuracy']:10.3f}{row['timed_lanes']:7d}"
        )
    return "\n".join(lines)


def grid_table(results: list[dict[str, Any]]) -> str:
    """How many times as long the JAX user takes, a row for each network, a column for each number
    of lanes.
    """
    ratios: dict[str, dict[int, float]] = {}
    for result in results:
        case, rows = Case(**result["case"]), result["rows"]
        network = f"{case.sizes[1]} x {len(case.sizes) - 2}"
        ratio = rows[USER]["seconds_per_lane"] / rows[OURS]["seconds_per_lane"]
        ratios.setdefault(network, {})[case.lanes] = ratio
    lanes = list(next(iter(ratios.values())))
    lines = ["JAX user / fnn; 16-…-10, N=512, batch 64, 2 epochs; width x depth down, lanes across"]
    lines.append(f"{'':10}" + "".join(f"{n:9d}" for n in lanes))
    for network, row in ratios.items():
        lines.append(f"{network:10}" + "".join(f"{row[n]:9.2f}" for n in lanes))
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
