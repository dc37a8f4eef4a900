"""Checks that the optional packages an experiment needs are installed, before anything slow.

Nothing of fnn or JAX is imported here: whoever lacks a package reads so in the first second, and
not when the experiment that needs it begins.
"""

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

PACKAGES = {
    "jinja2": "jinja2",
    "latex2mathml": "latex2mathml",
    "matplotlib": "matplotlib",
    "mnist1d": "mnist1d",
    "pygments": "pygments",
    "sklearn": "scikit-learn",
    "tyro": "tyro",
    "vl_convert": "vl-convert-python",
}
"""Module -> its package. The packages are those of the extra `experiments` in pyproject.toml."""

EVERY_RUN = ("matplotlib", "sklearn", "tyro")
INSTALL = 'pip install -e ".[experiments]"'


def check_report() -> None:
    """Raises ValueError if the report, which runs every experiment, lacks a package."""
    check("report", set(PACKAGES) - {"vl_convert"})


def check_playground() -> None:
    """Raises ValueError if the playground lacks a package."""
    check("playground", ("sklearn", "tyro", "vl_convert"))


def check_run(name: str) -> None:
    """Raises ValueError if one experiment lacks a package; an unknown name passes."""
    files = Path(__file__).parent.glob(f"*/{name}.py")
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    mentioned = [module for module in PACKAGES if module in text]
    check(f"run {name}", {*EVERY_RUN, *mentioned})


def check(command: str, modules: Collection[str]) -> None:
    """Raises ValueError that names the command, the missing packages and the remedy."""
    missing = [PACKAGES[module] for module in sorted(modules) if not importable(module)]
    if missing:
        names = ", ".join(missing)
        verb = "is" if len(missing) == 1 else "are"
        raise ValueError(f"{command} needs {names}, which {verb} not installed: {INSTALL}")


def importable(module: str) -> bool:
    """Tells whether a top-level module can be found, without importing it."""
    try:
        return find_spec(module) is not None
    except ImportError:  # an import hook refuses it
        return False
