"""Seconds of `import fnn` beside `import jax, optax`, which it needs.

Each import is in a fresh process, and they take turns.
"""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass

import tyro

CONTENDERS = {"fnn": "import fnn", "jax and optax": "import jax, optax", "jax": "import jax"}


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    rounds: int = 15
    """Fresh processes of each kind."""
    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> None:
    """Print the medians, and the ratio that should stay below 1.15."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(options.rounds):
        for name, code in CONTENDERS.items():
            seconds[name].append(import_seconds(code))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = medians["fnn"] / medians["jax and optax"]
    if options.json:
        row = {"rounds": options.rounds, "seconds": medians, "ratio": ratio}
        print(json.dumps(row, indent=2))
        return
    for name, code in CONTENDERS.items():
        fastest, slowest = min(seconds[name]), max(seconds[name])
        print(f"{code:20} {medians[name]:6.3f} s  ({fastest:.3f} to {slowest:.3f})")
    print(f"ratio of the first two {ratio:6.3f}")


def import_seconds(code: str) -> float:
    """Return the seconds of one import in a fresh process, without the start of Python."""
    timed = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
    command = [sys.executable, "-c", timed]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
