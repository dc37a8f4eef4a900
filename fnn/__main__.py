"""Run the command line: `python -m fnn check FILE` and `python -m fnn doctor`."""

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

FILE is Python that defines, for a gradient,
  loss(params)      a scalar, in JAX or NumPy
  gradient(params)  a pytree like params, in JAX or NumPy
  params            a pytree of floating-point arrays
  key               optional: a random key, given to both functions as key=
  dtype             optional: "float64", "float32" or "bfloat16"
or, to check whether jax.jit computes what a function says,
  function(*arguments)  in JAX
  arguments             a tuple of pytrees of arrays
FILE runs as `python FILE` would. What it prints goes to standard error.

Exit status:
  0  the gradient (or the compiled function) is right
  1  it is wrong
  2  nothing could be compared
  3  nothing can be said: the loss has a kink there and the gradient takes another of its slopes
     than autodiff, or rounding leaves too little to judge, or an operation has no rule in NumPy
"""

DOCTOR = """Check whether the numbers are right that fnn computes on this machine.

Prints the versions and settings that matter. Then compiles and runs a small program for each known
fault of the compiler and for each kind of layer, loss, activation and optimizer, in child
processes, and compares their numbers with those of NumPy. A line that begins with → says what to
set. Takes 10 to 30 seconds.

Exit status:
  0  fnn's programs are right; if your own jax.jit is exposed to a fault, a line says how to protect
     it
  1  they are not right
"""

REQUIRED = ("loss", "gradient", "params")  # for a gradient, in the order of check_gradient
EXPECTED = (
    "expected loss(params), gradient(params) and params, or function(*arguments) and arguments."
)


def main(arguments: list[str]) -> int:
    """Run one command and return the exit status."""
    options = parser().parse_args(arguments)
    return options.run(options)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m fnn")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    check = add_command(
        commands, "check", CHECK, "check the gradient or the function of a file", run_check
    )
    check.add_argument(
        "file", metavar="FILE", help="Python file with loss, gradient and params, or function"
    )
    add_command(commands, "doctor", DOCTOR, "check this machine's numbers", run_doctor)
    return top


def add_command(
    commands: Any, name: str, description: str, summary: str, run: Callable[[Any], int]
) -> argparse.ArgumentParser:
    """Add a command, which prints text or, with --json, JSON."""
    command = commands.add_parser(
        name,
        help=summary,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    command.set_defaults(run=run)
    return command


def run_doctor(options: Any) -> int:
    """Print the report of the doctor and return the exit status."""
    from fnn.doctor import check_machine

    report = check_machine()
    print(report.to_json() if options.json else report)
    return 0 if report.right else 1


def run_check(options: Any) -> int:
    """Print the report about a file and return the exit status."""
    try:
        with redirect_stdout(sys.stderr):
            report = check_file(options.file)
    except (Unusable, OSError) as error:
        unusable = {"verdict": "unusable", "passed": False, "error": str(error)}
        print(json.dumps(unusable) if options.json else error)
        return EXIT["unusable"]
    text = json.dumps(report.to_dict(), indent=2) if options.json else report
    print(text)
    return EXIT[report.verdict]


def check_file(path: str) -> Any:
    """Return the report about the gradient or the function that a file defines.

    Raises `Unusable` where a name is missing or the file's own code raises.
    """
    folder = Path(path).resolve().parent
    sys.path.insert(0, str(folder))
    names = run_code_of(path, lambda: runpy.run_path(path))
    if "function" in names and "arguments" in names:
        arguments = names["arguments"]
        if not isinstance(arguments, (tuple, list)):
            raise Unusable(f"{path}: arguments is {arguments!r}, expected a tuple, such as (x,).")
        return run_code_of(path, lambda: check_compiled(names["function"], *arguments))
    if "function" in names and "gradient" not in names:
        raise Unusable(f"{path}: defines function, but no arguments, a tuple such as (x,).")
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        undefined = ", ".join(missing)
        raise Unusable(f"{path}: does not define {undefined}; {EXPECTED}")
    options = {name: names[name] for name in ("key", "dtype") if name in names}
    required = [names[name] for name in REQUIRED]
    return run_code_of(path, lambda: check_gradient(*required, **options))


def run_code_of(path: str, run: Callable[[], Any]) -> Any:
    """Return run(); print the traceback of an error of the file's code and raise `Unusable`."""
    try:
        return run()
    except (Unusable, OSError):
        raise
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        kind = type(error).__name__
        raise Unusable(f"{path}: raised {kind}: {error}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
