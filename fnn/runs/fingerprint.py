"""Fingerprints: texts that identify the data, the programs and the constants of a call."""

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
from fnn.data import Encoding

DEEPEST = 8  # functions within functions
MOST_CONSTANTS = 200
SEEDS_SHOWN = 64
NAMES_SHOWN = 200  # characters; longer names are shortened
FUNCTIONS = ("init", "update", "forward", "backward")  # of layers, losses and optimizers


def array_fingerprint(array: Any) -> str:
    """Return the dtype, the shape and the beginning of the SHA-256 of an array's numbers.

    JAX's random keys are arrays too.
    """
    numbers = _numbers(array)
    in_order = np.ascontiguousarray(numbers)
    checksum = sum_of(in_order.tobytes())
    return f"{numbers.dtype} {numbers.shape} {checksum[:16]}"


def names_fingerprint(encoding: Encoding) -> dict[str, str]:
    """Return the names of targets and classes, and each column with its kind and categories."""
    names = {"targets": encoding.targets, "classes": encoding.classes}
    for column in encoding.columns:
        names[f"column {column.name!r}"] = (column.kind, *column.categories)
    texts = {}
    for name, values in names.items():
        text = ", ".join(map(str, values))
        if len(text) > NAMES_SHOWN:
            checksum = sum_of(text.encode())
            text = f"{text[:NAMES_SHOWN]}… ({checksum[:16]})"
        texts[name] = text
    return texts


def seeds_fingerprint(seeds: Sequence[int]) -> list[int] | str:
    """Return the seeds, or a fingerprint where there are more than SEEDS_SHOWN."""
    if len(seeds) <= SEEDS_SHOWN:
        return list(seeds)
    return array_fingerprint(np.array(seeds))


def settings_fingerprint(settings: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each setting by its name, such as "setting 0", in a form that JSON can hold."""
    by_name = {}
    for row, setting in enumerate(plain_settings(settings)):
        by_name[f"setting {row}"] = setting
    return by_name


def plain_settings(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return settings that JSON can hold.

    Numbers, texts and tuples of them stay as they are. Any other value becomes a text. Different
    values get different texts.
    """
    rows: list[dict[str, Any]] = [{} for _ in settings]
    for name in settings[0]:
        column = [setting[name] for setting in settings]
        texts = _texts(column)
        for row, text in zip(rows, texts, strict=True):
            row[name] = text
    return rows


def _texts(values: Sequence[Any]) -> list[Any]:
    """Return values as plain ones. Different values with the same text are numbered."""
    texts: dict[str, Any] = {}  # by their repr, since 1 == True == 1.0
    for value in values:
        text = plain(value)
        alike = sum(earlier == text for earlier, _ in texts.values())
        numbered = text
        if alike and isinstance(text, str):
            number = alike + 1
            numbered = f"{text} ({number})"
        texts.setdefault(repr(value), (text, numbered))
    distinct = []
    for value in values:
        _, numbered = texts[repr(value)]
        distinct.append(numbered)
    return distinct


def plain(value: Any) -> Any:
    """Return a number, a text or a tuple of them as it is, and anything else as a text."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if type(value) is tuple:
        return tuple(plain(each) for each in value)
    name = getattr(value, "__name__", None)
    if name:
        return name
    text = repr(value)
    return address_free(text)


def with_pickled(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return settings that can be pickled. A value that pickle refuses becomes a text."""
    picklable = []
    rows = plain_settings(settings)
    for setting, texts in zip(settings, rows, strict=True):
        kept = {}
        for name, value in setting.items():
            kept[name] = value if _is_pickled(value) else texts[name]
        picklable.append(kept)
    return picklable


def _is_pickled(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # the value's own code may raise any kind
        return False
    return True


def program_fingerprint(program: ClosedJaxpr) -> str:
    """Return the operations and numbers of a traced program, and sums of its constant arrays.

    It does not say what the Python function of a callback does.
    """
    text = program.pretty_print(use_color=False)
    lines = [text]
    for constant in _constants(program):
        fingerprint = array_fingerprint(constant)
        lines.append(f"constant {fingerprint}")
    return address_free("\n".join(lines))


def address_free(text: str) -> str:
    """Remove the addresses in memory that Python prints of functions."""
    return re.sub(r"0x[0-9a-f]+", "0x…", text)


def constants_of(name: str, value: Any) -> dict[str, Any]:
    """Return the numbers and texts within a value, by their names in the code.

    An optimizer, a layer or a loss is made of functions. These hold the arguments with which they
    were made, such as {"optimizer.learning_rate": 0.001, …}. So the constants say in words how two
    programs differ.
    """
    named = list(_named(name, value, frozenset()))
    constants = dict(named[:MOST_CONSTANTS])
    values_of_short: dict[str, set[Any]] = {}
    for long, constant in constants.items():
        values = values_of_short.setdefault(_short(long), set())
        values.add(constant)
    by_name = {}
    for long, constant in constants.items():
        short = _short(long)
        is_clear = len(values_of_short[short]) == 1
        clear_name = short if is_clear else long
        by_name[clear_name] = constant
    return by_name


def _short(name: str) -> str:
    """Remove the names of a NamedTuple's functions from a name.

    "optimizer.update.learning_rate" becomes "optimizer.learning_rate".
    """
    parts = [part for part in name.split(".") if part not in FUNCTIONS]
    return ".".join(parts)


def _named(name: str, value: Any, within: frozenset[int]) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of the constants within a value.

    within  the ids of the values around it
    """
    is_array = isinstance(value, (np.ndarray, jax.Array))
    is_traced = isinstance(value, jax.core.Tracer)
    number = id(value)
    if isinstance(value, (bool, int, float, str)):
        yield name, value
    elif is_array and not is_traced:
        yield name, array_fingerprint(value)
    elif number not in within and len(within) < DEEPEST:
        if inspect.isfunction(value):
            yield name, _factory_of(value)
        around = within | {number}
        for inner_name, inner in _parts(value):
            full_name = f"{name}.{inner_name}"
            yield from _named(full_name, inner, around)


def _factory_of(function: Any) -> str:
    """Return the name of the factory that made a function, such as fnn.optim.adam.adam."""
    address = f"{function.__module__}.{function.__qualname__}"
    factory, _, _ = address.partition(".<locals>")
    return factory


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the named parts of a function, a partial, a NamedTuple, a tuple or a dict."""
    if isinstance(value, partial):
        yield from _parts(value.func)
        yield from _parts(list(value.args))
        yield from value.keywords.items()
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        yield from value._asdict().items()
    elif isinstance(value, (tuple, list)):
        for place, each in enumerate(value):
            yield str(place), each
    elif isinstance(value, dict):
        for key, each in value.items():
            yield str(key), each
    elif hasattr(value, "__wrapped__"):
        yield from _parts(value.__wrapped__)
    elif getattr(value, "__closure__", None):
        yield from _closed_over(value)


def _closed_over(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield the variables of the functions around a function that it reads."""
    variables = function.__code__.co_freevars
    for name, cell in zip(variables, function.__closure__, strict=True):
        if _is_set(cell):
            yield name, cell.cell_contents


def _is_set(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises where there is none
    except ValueError:
        return False
    return True


def _constants(program: ClosedJaxpr) -> Iterator[Any]:
    """Yield the arrays that a program closes over, with those of the programs in it."""
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
    if is_key:
        value = jax.random.key_data(value)
    return np.asarray(value)
