"""`python -m experiments playground`: sweeps that one can touch, of four tasks in the plane.

Some 18,000 networks are trained, and for each task a page is written on which a learner moves
sliders and sees all seeds of a setting, not one network.
"""

import html
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

import fnn
from fnn import data, initializers, losses, optim
from fnn.explorer.page import chart_code
from fnn.layers import MaskedWidth

WIDEST = 16
TASKS = {
    "moons": "Two moons",
    "circles": "Circles",
    "spirals": "Two spirals",
    "xor": "XOR",
}
SMALL: dict[str, list[Any]] = {
    "learning_rate": [1e-2, 1e-1],
    "width": [2, 16],
    "depth": [1],
    "activation": ["tanh"],
}
GRID: dict[str, list[Any]] = {
    "learning_rate": [1e-3, 1e-2, 3e-2, 1e-1],
    "width": [2, 4, 16],
    "depth": [1, 2],
    "activation": ["relu", "tanh", "sigmoid"],
    "init": ["he", "glorot"],
    "batch_size": [32, 256],
}
CODE = """import fnn
from fnn import data, initializers, losses, optim

run = fnn.train(
    fnn.mlp(
        (2, *[{{width}}] * {{depth}}, 2),
        activation={{activation}},
        init=initializers.by_unit({{init}}),
    ),
    losses.softmax_cross_entropy,
    optim.adam({{learning_rate}}),
    data.load({task!r}),
    epochs={epochs},
    batch_size={{batch_size}},
    seed={{seed}},
)
print(run)"""


@dataclass(frozen=True)
class Options:
    """Sweeps of two moons, circles, spirals and XOR, as pages with sliders.

    Every page shows the table of all settings, curves, a heatmap over two hyperparameters, and the
    decision regions of all seeds. It opens in a browser without a server.
    """

    out: Path = Path("playground")
    """Folder for index.html and the pages."""
    seeds: int = 16
    """Runs of each setting."""
    epochs: int = 40
    """Of each run; XOR, which has four rows, gets ten times as many."""
    quick: bool = False
    """Four settings and four seeds."""


def build(hyper: dict[str, Any]) -> tuple[fnn.Layer, fnn.Loss, Any]:
    """Return the network, the loss and the optimizer of a setting; all widths share a program."""
    hidden = [MaskedWidth(hyper["width"], WIDEST)] * hyper["depth"]
    init = initializers.by_unit(hyper["init"])
    net = fnn.mlp((2, *hidden, 2), activation=hyper["activation"], init=init)
    return net, losses.softmax_cross_entropy, optim.adam(hyper["learning_rate"])


def playground(arguments: list[str]) -> None:
    """Run the command: sweep the four tasks and write the pages."""
    options = tyro.cli(Options, args=arguments, prog="python -m experiments playground")
    fnn.use_all_devices()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "charts.js").write_text(chart_code(), encoding="utf-8")
    lines = []
    for task, title in TASKS.items():
        start = time.perf_counter()
        sweep, epochs = swept(task, options)
        page = sweep.explore(
            options.out / f"{task}.html",
            title=title,
            code=CODE.format(task=task, epochs=epochs),
            charts="charts.js",
        )
        runs = int(sweep.finished.sum())
        print(f"{title}: {runs} runs, {time.perf_counter() - start:.0f} s, {page}", flush=True)
        lines.append(f'<li><a href="{page.name}">{html.escape(title)}</a>, {runs:,} runs</li>')
    (options.out / "index.html").write_text(index(lines), encoding="utf-8")
    print(options.out / "index.html")


def swept(task: str, options: Options) -> tuple[fnn.Sweep, int]:
    """Sweep a task; return the sweep and its number of epochs."""
    grid = GRID | {"batch_size": [2, 4]} if task == "xor" else GRID
    if options.quick:
        grid = {name: SMALL.get(name, values[:1]) for name, values in grid.items()}
    epochs = 10 * options.epochs if task == "xor" else options.epochs
    sweep = fnn.sweep(
        build,
        data.load(task),
        hyper=grid,
        seeds=range(4 if options.quick else options.seeds),
        epochs=epochs,
        batch_size=32,  # of no setting: each has its own
        static=("depth", "activation", "init"),
    )
    return sweep, epochs


def index(lines: list[str]) -> str:
    """Return the page that leads to the others."""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Playground</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
<style>
body {{ font: 18px/1.6 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; }}
</style>
</head><body><h1>Playground</h1>
<p>Choose a task. On its page, choose a setting in the table and move the slider of the seeds: one
network says little, all of them say what the setting does.</p>
<ul>{"".join(lines)}</ul>
</body></html>
"""
