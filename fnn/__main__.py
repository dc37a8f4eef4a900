"""The command line of the gradient checker: `python -m fnn check FILE [--json]`."""

import argparse
import json
import runpy
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from fnn.gradcheck import Unusable, check_gradient

EXIT = {"pass": 0, "fail": 1, "unusable": 2, "abstain": 3}
DESCRIPTION = """Checks a hand-written gradient against automatic differentiation and differences.

FILE is Python that defines
  loss(params)      a scalar, in JAX or NumPy
  gradient(params)  a pytree like params, in JAX or NumPy
  params            a pytree of floating-point arrays
and, if it likes, key (given to both as key=) and dtype ("float64", "float32", "bfloat16").
It runs as `python FILE` would. What it prints goes to standard error.

Exit status: 0 the gradient is right, 1 it is wrong, 2 nothing could be compared, 3 nothing can
be said at this point: the loss has a kink there and the gradient takes another of its slopes
than autodiff, or rounding leaves too little to judge.
"""


def main(arguments: list[str]) -> int:
    """Runs one command and returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fnn", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["check"])
    parser.add_argument("file", metavar="FILE", help="Python file with loss, gradient and params")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    try:
        with redirect_stdout(sys.stderr):
            found = check_file(options.file)
    except (Unusable, OSError) as error:
        print(json.dumps({"verdict": "unusable", "passed": False, "error": str(error)}) if options.json else error)
        return EXIT["unusable"]
    print(json.dumps(found.to_dict(), indent=2) if options.json else found)
    return EXIT[found.verdict]


def check_file(path: str) -> Any:
    """The report about what a file defines. `Unusable` where a name is missing or the file's own code raises."""
    sys.path.insert(0, str(Path(path).resolve().parent))
    names = _of_the_file(path, lambda: runpy.run_path(path))
    missing = [name for name in ("loss", "gradient", "params") if name not in names]
    if missing:
        raise Unusable(
            f"{path}: does not define {', '.join(missing)}; expected loss(params), gradient(params) and params."
        )
    given = {name: names[name] for name in ("key", "dtype") if name in names}
    return _of_the_file(path, lambda: check_gradient(names["loss"], names["gradient"], names["params"], **given))


def _of_the_file(path: str, run: Any) -> Any:
    """run(), what the file's code raises being told with its traceback as a reason why nothing can be compared."""
    try:
        return run()
    except (Unusable, OSError):
        raise
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        raise Unusable(f"{path}: raised {type(error).__name__}: {error}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
