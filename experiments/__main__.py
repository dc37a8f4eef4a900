"""The command line: `python -m experiments list | run | report | playground`.

Modules that load JAX are imported only after it is known that no package is missing.
"""

import sys

from experiments import needs

HELP = """usage: python -m experiments COMMAND

  list                    lists the experiments, what each asks and what it costs
  run NAME [options]      runs one; prints the claims that it settles, and writes config.json,
                          results.npz, env.json and its figures into runs/NAME/<date>-<time>/
  run NAME --help         shows its options
  report [options]        gives every claim of the five course documents its verdict, numbers and
                          figure: runs what is missing, writes index.html and claims.json into
                          report/
  report --help           shows its options
  playground [options]    trains some 18,000 small networks on four tasks in the plane, and writes
                          pages with sliders into playground/
  playground --help       shows its options
"""


def main(arguments: list[str]) -> None:
    """Runs one command; ValueError for an unknown one or for a missing package."""
    match arguments:
        case [] | ["-h" | "--help", *_] | ["list" | "run", "-h" | "--help"]:
            print(HELP)
        case ["list"]:
            from experiments.experiment import listing

            print(listing())
        case ["list", *options]:
            raise ValueError(f"list: got {' '.join(options)}, expected no options.")
        case ["run", name, *options]:
            needs.check_run(name)
            from experiments.running import run

            run(name, options)
        case ["run"]:
            from experiments.experiment import files

            raise ValueError(f"run: expected the name of an experiment: {', '.join(files())}.")
        case ["report", *options]:
            needs.check_report()
            from experiments.report.command import report

            report(options)
        case ["playground", *options]:
            needs.check_playground()
            from experiments.playground import playground

            playground(options)
        case [command, *_]:
            expected = "expected one of: list, run NAME, report, playground. See --help."
            raise ValueError(f"got {command!r}, {expected}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"error: {error}")
