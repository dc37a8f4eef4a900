"""The command line: `python -m experiments list | run NAME [options]`."""

import ast
import importlib
import sys
import time
from pathlib import Path
from types import ModuleType

import fnn
from fnn import checks

HERE = Path(__file__).parent
HELP = """python -m experiments: one file per question

  list                    the experiments, what each asks and what it costs
  run NAME [options]      run one; it prints a table and writes config.json, results.npz,
                          figure.png and env.json into runs/NAME/<date>-<time>/
  run NAME --help         its options
"""


def main(arguments: list[str]) -> None:
    """Runs one command; ValueError for what it does not know."""
    match arguments:
        case ["list"]:
            print(listing())
        case ["run", name, *options]:
            run(name, options)
        case ["run"]:
            raise ValueError(f"run: expected the name of an experiment: {', '.join(files())}.")
        case [] | ["-h"] | ["--help"]:
            print(HELP)
        case [command, *_]:
            raise ValueError(f"got {command!r}, expected one of: list, run NAME. See --help.")


def run(name: str, options: list[str]) -> None:
    """Parses the options, runs the experiment, prints its table, saves its results and says where."""
    import tyro

    from experiments.common import result_folder, save

    fnn.use_all_devices()
    module = load(name)
    default = module.QUICK if "--quick" in options else module.Config()
    config = tyro.cli(
        module.Config,
        default=default,
        args=options,
        prog=f"python -m experiments run {name}",
        description="\n\n".join(f"{title}: {text}" for title, text in header(HERE / f"{name}.py").items()),
    )
    start = time.perf_counter()
    results = module.run(config)
    print(f"\n{module.table(results, config)}\n")
    folder = result_folder(config.out, name)
    save(folder, config, results, module.plot(results, config))
    print(f"{time.perf_counter() - start:.1f} s; results in {folder}/")


def files() -> dict[str, Path]:
    """Experiment name -> its file: every module here that asks a question."""
    return {path.stem: path for path in sorted(HERE.glob("*.py")) if "Question" in header(path)}


def load(name: str) -> ModuleType:
    """The module of an experiment. ValueError for unknown names."""
    checks.lookup("experiment", name, files())
    return importlib.import_module(f"experiments.{name}")


def listing() -> str:
    """Name, question and cost of each experiment, from the headers of files that are not imported."""
    headers = {name: header(path) for name, path in files().items()}
    return "\n\n".join(f"{name}\n  {h['Question']}\n  Cost: {h['Cost']}" for name, h in headers.items())


def header(path: Path) -> dict[str, str]:
    """The fields of a module's docstring below its title, such as Question and Cost, each on one line."""
    fields: dict[str, str] = {}
    for line in (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[1:]:
        title, colon, text = line.partition(":")
        if colon and title.isalpha():
            fields[title] = text.strip()
        elif line.startswith(" ") and fields:
            fields[next(reversed(fields))] += f" {line.strip()}"
    return fields


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"error: {error}")
