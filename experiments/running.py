"""The command `python -m experiments run NAME`, which runs one experiment."""

import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import tyro

import fnn
from experiments.common import draw, result_folder, save
from experiments.experiment import claims_of, files, header, load

TEXT_WIDTH = 110


def run(name: str, options: Sequence[str]) -> None:
    """Run an experiment, save its results and print their folder.

    options  of the command line

    Raises ValueError for an unknown name or a wrong option.
    """
    fnn.use_all_devices()
    module = load(name)
    config = parse(module, name, options)
    make_folder(config.out)
    start = time.perf_counter()
    results = module.run(config)
    seconds = time.perf_counter() - start
    folder = result_folder(config.out, name)
    save(folder, config, results, seconds=seconds)
    print_verdicts(name, module, config, results)
    draw(folder, module.plot(results, config))
    print(f"\n{seconds:.1f} s; results in {folder}/")


def parse(module: ModuleType, name: str, options: Sequence[str]) -> Any:
    """Read the options of an experiment's command line into its Config."""
    is_quick = "--quick" in options
    fields = header(files()[name])
    description = "\n\n".join(f"{title}: {text}" for title, text in fields.items())
    return tyro.cli(
        module.Config,
        default=module.QUICK if is_quick else module.Config(),
        args=options,
        prog=f"python -m experiments run {name}",
        description=description,
    )


def make_folder(out: Path) -> None:
    """Make the folder for results. Raises ValueError if it cannot be made."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"out: got {out}, expected a folder that can be written ({error})."
        raise ValueError(message) from error


def print_verdicts(name: str, module: ModuleType, config: Any, results: dict[str, Any]) -> None:
    """Print the table of an experiment, if it has one, and the verdict on each claim."""
    if hasattr(module, "table"):
        print(f"\n{module.table(results, config)}")
    indent = " " * 5
    for claim in claims_of(name):
        verdict = claim.rule(results)
        evidence = textwrap.fill(verdict.evidence, TEXT_WIDTH - len(indent))
        print(f"\n{claim.id:<5}{verdict.word.upper()}: {claim.statement}")
        print(textwrap.indent(evidence, indent))
