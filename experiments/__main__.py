"""The command line: `python -m experiments list | run NAME [options] | report [options]`."""

import sys
import textwrap
import time

import fnn
from experiments.experiment import claims_of, files, header, load, topics

HELP = """python -m experiments: one file per question

  list                    the experiments, what each asks and what it costs
  run NAME [options]      run one; it prints the claims that it settles, and writes config.json, results.npz,
                          env.json and its figures into runs/NAME/<date>-<time>/
  run NAME --help         its options
  report [options]        every claim of the five course documents with its verdict, numbers and figure: runs what is
                          missing, writes index.html and claims.json into report/
  report --help           its options
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
        case ["report", *options]:
            from experiments.report.command import report

            report(options)
        case ["list", *_]:
            raise ValueError(f"list: takes no options, got {' '.join(arguments[1:])}.")
        case [] | ["-h"] | ["--help"]:
            print(HELP)
        case [command, *_]:
            raise ValueError(f"got {command!r}, expected one of: list, run NAME, report. See --help.")


def run(name: str, options: list[str]) -> None:
    """Parses the options, runs the experiment, prints its table and its claims, saves its results and says where."""
    import tyro

    from experiments.common import draw, result_folder, save

    fnn.use_all_devices()
    module = load(name)
    default = module.QUICK if "--quick" in options else module.Config()
    config = tyro.cli(
        module.Config,
        default=default,
        args=options,
        prog=f"python -m experiments run {name}",
        description="\n\n".join(f"{title}: {text}" for title, text in header(files()[name]).items()),
    )
    try:
        config.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"out: got {config.out}, expected a folder that can be written ({error}).") from error
    start = time.perf_counter()
    results = module.run(config)
    seconds = time.perf_counter() - start
    folder = result_folder(config.out, name)
    save(folder, config, results, seconds=seconds)
    if hasattr(module, "table"):
        print(f"\n{module.table(results, config)}")
    for claim in claims_of(module):
        found = claim.rule(results)
        print(f"\n{claim.id:<5}{found.word.upper()}: {claim.statement}")
        print(textwrap.fill(found.evidence, 110, initial_indent="     ", subsequent_indent="     "))
    draw(folder, module.plot(results, config))
    print(f"\n{seconds:.1f} s; results in {folder}/")


def listing() -> str:
    """Name, question and cost of each experiment, topic by topic, from the headers of files that are not imported."""
    lines = []
    for topic, names in topics().items():
        lines.append(f"{topic}\n{'-' * len(topic)}")
        for name in names:
            fields = header(files()[name])
            lines.append(f"{name}\n  {fields['Question']}\n  Cost: {fields['Cost']}")
    return "\n\n".join(lines)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"error: {error}")
