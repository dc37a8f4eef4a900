"""The command line: `python -m fnn check FILE` and `python -m fnn doctor`."""

import argparse
import json
import runpy
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from fnn.compiled import check_compiled
from fnn.gradcheck import Unusable, check_gradient

EXIT = {"pass": 0, "fail": 1, "unusable": 2, "abstain": 3}  # of a check of a gradient
EXIT |= {"agrees": 0, "disagrees": 1, "abstains": 3}  # of a compiled function

CHECK = """Check a hand-written gradient against automatic differentiation and differences,
or a compiled function against NumPy.

FILE is Python that defines
  loss(params)      a scalar, in JAX or NumPy
  gradient(params)  a pytree like params, in JAX or NumPy
  params            a pytree of floating-point arrays
and, if it likes, key (given to both as key=) and dtype ("float64", "float32", "bfloat16");
or
  function(*arguments)  in JAX
  arguments             a tuple of pytrees of arrays
of which it is then said whether jax.jit computes what it says.
It runs as `python FILE` would. What it prints goes to standard error.

Exit status: 0 the gradient (or the compiled function) is right, 1 it is wrong, 2 nothing could
be compared, 3 nothing can be said: the loss has a kink there and the gradient takes another of its
slopes than autodiff, or rounding leaves too little to judge, or an operation has no witness.
"""

DOCTOR = """Say whether the numbers are right that fnn computes on this machine.

Prints the versions and settings that matter, then compiles and runs a small program for each known
fault of the compiler and for each kind of layer, loss, activation and optimizer, in processes of
their own, and compares their numbers with those of NumPy. A line that begins with → says what to
set. Takes 10 to 30 seconds.

Exit status: 0 fnn's programs are right (your own jax.jit may be exposed: a line says how to protect
it), 1 they are not.
"""


def main(arguments: list[str]) -> int:
    """Run one command and return the exit status."""
    options = parser().parse_args(arguments)
    return options.run(options)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    whole = argparse.ArgumentParser(prog="python -m fnn")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    check = command(commands, "check", CHECK, "check the gradient that a file defines", run_check)
    check.add_argument("file", metavar="FILE", help="Python file with loss, gradient and params")
    command(commands, "doctor", DOCTOR, "are this machine's numbers right?", run_doctor)
    return whole


def command(
    commands: Any, name: str, description: str, summary: str, run: Callable[[Any], int]
) -> argparse.ArgumentParser:
    """Add a command, which prints text or, with --json, JSON."""
    added = commands.add_parser(
        name,
        help=summary,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.add_argument("--json", action="store_true", help="print the report as JSON")
    added.set_defaults(run=run)
    return added


def run_doctor(options: Any) -> int:
    """Print what the doctor finds."""
    from fnn.doctor import examine

    report = examine()
    print(report.to_json() if options.json else report)
    return 0 if report.right else 1


def run_check(options: Any) -> int:
    """Print the report about a file."""
    try:
        with redirect_stdout(sys.stderr):
            report = check_file(options.file)
    except (Unusable, OSError) as error:
        unusable = {"verdict": "unusable", "passed": False, "error": str(error)}
        print(json.dumps(unusable) if options.json else error)
        return EXIT["unusable"]
    print(json.dumps(report.to_dict(), indent=2) if options.json else report)
    return EXIT[report.verdict]


def check_file(path: str) -> Any:
    """Return the report about what a file defines.

    Raises `Unusable` where a name is missing or the file's own code raises.
    """
    sys.path.insert(0, str(Path(path).resolve().parent))
    names = run_code_of(path, lambda: runpy.run_path(path))
    if "function" in names and "arguments" in names:
        arguments = names["arguments"]
        if not isinstance(arguments, (tuple, list)):
            raise Unusable(f"{path}: arguments is {arguments!r}, expected a tuple, such as (x,).")
        return run_code_of(path, lambda: check_compiled(names["function"], *arguments))
    if "function" in names and "gradient" not in names:
        raise Unusable(f"{path}: defines function, but no arguments, a tuple such as (x,).")
    missing = [name for name in ("loss", "gradient", "params") if name not in names]
    if missing:
        raise Unusable(
            f"{path}: does not define {', '.join(missing)}; "
            "expected loss(params), gradient(params) and params, or function(*arguments) and "
            "arguments."
        )
    options = {name: names[name] for name in ("key", "dtype") if name in names}
    functions = names["loss"], names["gradient"]
    return run_code_of(path, lambda: check_gradient(*functions, names["params"], **options))


def run_code_of(path: str, run: Callable[[], Any]) -> Any:
    """Return run(); what the file's code raises is `Unusable`, after its traceback is printed."""
    try:
        return run()
    except (Unusable, OSError):
        raise
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        raise Unusable(f"{path}: raised {type(error).__name__}: {error}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
