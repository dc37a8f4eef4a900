"""Fingerprints: texts by which a call is known again: its data, its programs, its constants."""

import inspect
import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr

from fnn.checkpoint.manifest import sum_of

DEEPEST = 8  # functions within functions
MOST_CONSTANTS = 200
SEEDS_SHOWN = 64
FUNCTIONS = ("init", "update", "forward", "backward")  # of layers, losses and optimizers


def array_fingerprint(array: Any) -> str:
    """Return shape, dtype and the beginning of the SHA-256 of the numbers, of JAX's keys too."""
    array = _numbers(array)
    return f"{array.dtype} {array.shape} {sum_of(np.ascontiguousarray(array).tobytes())[:16]}"


def seeds_fingerprint(seeds: Sequence[int]) -> list[int] | str:
    """Return the seeds, or a fingerprint of many."""
    return list(seeds) if len(seeds) <= SEEDS_SHOWN else array_fingerprint(np.array(seeds))


def settings_fingerprint(settings: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each setting by its name, "setting 0", as JSON can hold it."""
    return {f"setting {row}": setting for row, setting in enumerate(plain_settings(settings))}


def plain_settings(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return settings that JSON can hold: what is no number, text or tuple of them is a text.

    Different values have different texts.
    """
    columns = {name: _texts([setting[name] for setting in settings]) for name in settings[0]}
    return [{name: columns[name][row] for name in columns} for row in range(len(settings))]


def _texts(values: Sequence[Any]) -> list[Any]:
    """Return values as plain ones, those of the same text numbered."""
    texts: dict[str, Any] = {}  # by their repr, since 1 == True == 1.0
    for value in values:
        text = plain(value)
        alike = sum(plain_text == text for plain_text, _ in texts.values())
        numbered = f"{text} ({alike + 1})" if alike and isinstance(text, str) else text
        texts.setdefault(repr(value), (text, numbered))
    return [texts[repr(value)][1] for value in values]


def plain(value: Any) -> Any:
    """Return a number, a text or a tuple of them as it is, and anything else as a text."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if type(value) is tuple:
        return tuple(plain(each) for each in value)
    return getattr(value, "__name__", None) or address_free(repr(value))


def with_pickled(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return settings that can be pickled: values that pickle refuses are texts."""
    pairs = zip(settings, plain_settings(settings), strict=True)
    return [
        {name: value if _is_pickled(value) else texts[name] for name, value in setting.items()}
        for setting, texts in pairs
    ]


def _is_pickled(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # of whatever kind the value's own code raises
        return False
    return True


def program_fingerprint(program: ClosedJaxpr) -> str:
    """Return the operations and numbers of a traced program, and sums of its constant arrays.

    What a callback to Python would do is not in it.
    """
    constants = [f"constant {array_fingerprint(c)}" for c in _constants(program)]
    text = program.pretty_print(use_color=False)
    return address_free("\n".join([text, *constants]))


def address_free(text: str) -> str:
    """Remove the addresses in memory that Python prints of functions."""
    return re.sub(r"0x[0-9a-f]+", "0x…", text)


def constants_of(name: str, value: Any) -> dict[str, Any]:
    """Return the numbers and texts within a value, by their names in the code.

    An optimizer, a layer or a loss is made of functions, which hold the arguments that they were
    made with: {"optimizer.learning_rate": 0.001, …}. They say in words how two programs differ.
    """
    found = dict(list(_named(name, value, frozenset()))[:MOST_CONSTANTS])
    values: dict[str, set[Any]] = {}
    for long, constant in found.items():
        values.setdefault(_short(long), set()).add(constant)
    is_clear = {short for short, constants in values.items() if len(constants) == 1}
    return {
        (_short(long) if _short(long) in is_clear else long): constant
        for long, constant in found.items()
    }


def _short(name: str) -> str:
    """Leave out the names of functions of a NamedTuple: optimizer.update.learning_rate."""
    return ".".join(part for part in name.split(".") if part not in FUNCTIONS)


def _named(name: str, value: Any, within: frozenset[int]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (bool, int, float, str)):
        yield name, value
    elif isinstance(value, (np.ndarray, jax.Array)) and not isinstance(value, jax.core.Tracer):
        yield name, array_fingerprint(value)
    elif id(value) not in within and len(within) < DEEPEST:
        if inspect.isfunction(value):  # by the factory that made it: fnn.optim.adam.adam
            yield name, f"{value.__module__}.{value.__qualname__}".partition(".<locals>")[0]
        for inner_name, inner in _parts(value):
            yield from _named(f"{name}.{inner_name}", inner, within | {id(value)})


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the named parts of a function, a partial, a NamedTuple, a tuple or a dict."""
    if isinstance(value, partial):
        yield from _parts(value.func)
        yield from ((str(i), each) for i, each in enumerate(value.args))
        yield from value.keywords.items()
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        yield from value._asdict().items()
    elif isinstance(value, (tuple, list)):
        yield from ((str(i), each) for i, each in enumerate(value))
    elif isinstance(value, dict):
        yield from ((str(key), each) for key, each in value.items())
    elif hasattr(value, "__wrapped__"):
        yield from _parts(value.__wrapped__)
    elif getattr(value, "__closure__", None):
        cells = zip(value.__code__.co_freevars, value.__closure__, strict=True)
        yield from ((name, cell.cell_contents) for name, cell in cells if _is_set(cell))


def _is_set(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - asks whether there is one
    except ValueError:
        return False
    return True


def _constants(program: ClosedJaxpr) -> Iterator[Any]:
    """Yield the arrays that a program closes over, those of the programs in it included."""
    yield from program.consts
    for inner in _programs_in(program.jaxpr):
        yield from _constants(inner)


def _programs_in(program: Jaxpr) -> Iterator[ClosedJaxpr]:
    for equation in program.eqns:
        parameters = list(equation.params.values())
        for parameter in jax.tree.leaves(parameters, is_leaf=_is_program):
            if isinstance(parameter, ClosedJaxpr):
                yield parameter
            elif isinstance(parameter, Jaxpr):
                yield from _programs_in(parameter)


def _is_program(value: Any) -> bool:
    return isinstance(value, (ClosedJaxpr, Jaxpr))


def _numbers(value: Any) -> np.ndarray:
    is_array = isinstance(value, jax.Array)
    is_key = is_array and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(value) if is_key else value)
