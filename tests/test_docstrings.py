"""The examples in docstrings run as written, and every public name has a docstring to read.

The examples of a class's methods go on from the example of the class: they use its names.
"""

import doctest
import importlib
import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import pytest
from measure import verbs

import fnn

ROOT = Path(__file__).parent.parent
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
PROMPT = ">>> "
NOT_IN_ALL = ("fnn.sklearn", "fnn.testing")
"""Public modules that are imported by their own name."""


def module_name(path: Path) -> str:
    """Return fnn.runs.train for fnn/runs/train.py, fnn.runs for fnn/runs/__init__.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


WITH_EXAMPLES = sorted(
    module_name(path)
    for path in (ROOT / "fnn").rglob("*.py")
    if PROMPT in path.read_text(encoding="utf-8")
)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    messages: list[str] = []
    with jax.numpy_rank_promotion("allow"), warnings.catch_warnings():  # as users have it
        warnings.simplefilter("ignore")
        examples = run_examples(importlib.import_module(name), messages)
    assert not messages, "".join(messages)
    assert examples


def run_examples(module: ModuleType, messages: list[str]) -> int:
    """Run the examples of a module and return how many there are."""
    runner = doctest.DocTestRunner(verbose=False, optionflags=FLAGS)
    names_of: dict[str, dict[str, Any]] = {}
    for test in doctest.DocTestFinder().find(module):  # sorted: a class before its methods
        owner = test.name.rpartition(".")[0]
        test.globs.update(names_of.get(owner, {}))
        runner.run(test, out=messages.append, clear_globs=False)
        if test.name != module.__name__:
            names_of[test.name] = test.globs
    return runner.tries


def public_modules() -> Iterator[ModuleType]:
    for name in fnn.__all__:
        value = getattr(fnn, name)
        if isinstance(value, ModuleType):
            yield value
    for name in NOT_IN_ALL:
        yield importlib.import_module(name)


def own_names(module: ModuleType) -> list[str]:
    """List `__all__`; of a module without one, the public functions and classes that it defines."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def public_objects() -> dict[str, Any]:
    """Return every public function, class, method and property by its name, each once."""
    named = {f"fnn.{name}": getattr(fnn, name) for name in fnn.__all__}
    at_top = {id(value) for value in named.values()}
    for module in public_modules():
        for name in own_names(module):
            value = getattr(module, name)
            if id(value) not in at_top:
                named[f"{module.__name__}.{name}"] = value
    for owner in (fnn.Run, fnn.Sweep, fnn.Race, fnn.Optimized, fnn.gradcheck.Report, fnn.Workers):
        for name, value in vars(owner).items():
            if not name.startswith("_") and (inspect.isroutine(value) or is_property(value)):
                named[f"{owner.__name__}.{name}"] = value
    return {
        name: value
        for name, value in named.items()
        if inspect.isclass(value) or inspect.isroutine(value) or is_property(value)
    }


def is_property(value: Any) -> bool:
    return isinstance(value, property)


def summary(value: Any) -> str:
    return (inspect.getdoc(value) or "").partition("\n")[0]


def begins_well(value: Any) -> bool:
    """Tell whether a docstring begins with a capital letter and, for functions, with a verb."""
    words = summary(value).split()
    if not words or not words[0][0].isupper():
        return False
    return inspect.isclass(value) or words[0].lower().rstrip(".,:;") in verbs()


def needs_example(value: Any) -> bool:
    """Tell whether a docstring must show an example: NamedTuples of arrays and errors need none."""
    return not (inspect.isclass(value) and issubclass(value, tuple | BaseException))


def test_the_docstrings_of_public_names_begin_with_a_verb():
    wrong = {name for name, value in public_objects().items() if not begins_well(value)}
    assert not wrong, "these must begin with a verb, in a capital letter"


def test_public_names_have_an_example():
    lacking = {
        name
        for name, value in public_objects().items()
        if needs_example(value) and PROMPT not in (inspect.getdoc(value) or "")
    }
    assert not lacking, "these need an example in their docstring"
