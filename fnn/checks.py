"""Refusals: a ValueError says what came, what was expected and what to do."""

import difflib
import inspect
import math
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

T = TypeVar("T")
PACKAGE = Path(__file__).parent

LARGEST_COUNT = 2**31 - 1  # sizes and step numbers are int32 inside
MOST_SEEDS = 2**20


class TracedNumberError(ValueError):
    """A number was traced where its value shapes the program."""


def warn(message: str) -> None:
    """Warn at the line of the caller outside of fnn, whatever functions lie between."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and PACKAGE in Path(frame.f_code.co_filename).parents:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def optional(package: str, extra: str) -> Any:
    """Import a package of an optional extra; ImportError in one sentence where it is missing."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(f'{package} is missing: pip install "fnn[{extra}]".') from error


def lookup(kind: str, name: Any, known: Mapping[str, T]) -> T:
    """`known[name]`, or a ValueError that names the closest known one."""
    if isinstance(name, str) and name in known:
        return known[name]
    close = difflib.get_close_matches(_shortened(str(name)), known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise ValueError(
        f"{kind}: {_shortened(repr(name))} is not known{hint} Known: {', '.join(known)}."
    )


def is_x64() -> bool:
    """Whether JAX keeps 64 bits of what it is given."""
    return jax.dtypes.canonicalize_dtype(np.float64) == np.float64


def is_concrete(value: Any) -> bool:
    """False for values that are being traced: only shapes can be checked there."""
    leaves = jax.tree.leaves(value, is_leaf=lambda leaf: isinstance(leaf, Iterator))
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)


def instance(name: str, value: Any, right: bool, expected: str) -> None:
    """Refuses a value that is not `right`; of a function that was not called it says so."""
    if right:
        return
    package, *rest = (getattr(value, "__module__", None) or "").split(".")
    if inspect.isfunction(value) and package in ("fnn", "optax"):
        home = dict.fromkeys(
            ["fnn", rest[0], value.__name__] if package == "fnn" else ["optax", value.__name__]
        )
        needed = any(p.default is p.empty for p in inspect.signature(value).parameters.values())
        raise ValueError(
            f"{name}: got the function {value.__name__}, expected {expected}; call it: "
            f"{'.'.join(home)}"
            f"({'...' if needed else ''})."
        )
    raise ValueError(f"{name}: got {value!r}, expected {expected}.")


def difference(got: Any, expected: Any) -> str:
    """Where two pytrees of arrays differ in structure or shape, "" where they do not: "[0].W has
    shape (3,)".
    """
    structures: list[Any] = [jax.tree.structure(got), jax.tree.structure(expected)]
    if structures[0] != structures[1]:
        has, instead = (_shortened(str(structure)) for structure in structures)
        return f" has the structure {has} instead of {instead}"
    pairs = zip(jax.tree_util.tree_leaves_with_path(got), jax.tree.leaves(expected), strict=True)
    for (path, leaf), like in pairs:
        if np.shape(leaf) != np.shape(like):
            return (
                f"{jax.tree_util.keystr(path)} has shape {np.shape(leaf)} instead of "
                f"{np.shape(like)}"
            )
    return ""


def is_floating(dtype: Any) -> bool:
    """Whether it is a dtype of floating-point numbers that JAX computes with, of 16 to 64 bits."""
    return jax.dtypes.issubdtype(dtype, np.floating) and 2 <= np.dtype(dtype).itemsize <= 8


def floating(name: str, tree: Any) -> None:
    """Refuses a pytree with leaves other than floating-point numbers."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        dtype = leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype
        where = f"{name}{jax.tree_util.keystr(path)}"
        if isinstance(leaf, np.ma.MaskedArray):
            raise ValueError(f"{where}: got a masked array, expected a plain one; use .filled(…).")
        if not is_floating(dtype):
            raise ValueError(
                f"{where}: got dtype {dtype}, expected floating point; use .astype('float32')."
            )


def gradients(grads: Any, like: Any) -> None:
    """Refuses gradients that are no floating-point arrays of the shapes of `like`: arithmetic would
    stretch them.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
        if not hasattr(leaf, "dtype"):
            raise ValueError(
                f"grads{jax.tree_util.keystr(path)}: got {leaf!r}, expected an array; use "
                f"jnp.asarray."
            )
    floating("grads", grads)
    if unlike := difference(grads, like):
        raise ValueError(
            f"grads: grads{unlike}; expected the structure and the shapes of the parameters."
        )


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"


def real(name: str, value: Any) -> None:
    """Refuses a concrete number that is not finite; tracers pass."""
    _number(name, value, lambda v: True, "a finite number")


def positive(name: str, value: Any) -> None:
    """Refuses a concrete number that is not finite and above zero; tracers pass."""
    _number(name, value, lambda v: v > 0, "a finite number above 0")


def non_negative(name: str, value: Any) -> None:
    """Refuses a concrete number that is not finite and at least zero; tracers pass."""
    _number(name, value, lambda v: v >= 0, "a finite number of at least 0")


def fraction(name: str, value: Any) -> None:
    """Refuses a concrete number outside [0, 1); tracers pass."""
    _number(name, value, lambda v: 0 <= v < 1, "a number in [0, 1)")


def _number(name: str, value: Any, accept: Any, expected: str) -> None:
    if not is_concrete(value):
        return
    if not _is_real_scalar(value):
        raise ValueError(f"{name}: got {value!r}, expected {expected}.")
    if not accept(value):
        raise ValueError(f"{name}: got {value}, expected {expected}.")
    largest = np.iinfo(jax.dtypes.canonicalize_dtype(int)).max
    if isinstance(value, (int, np.integer)) and abs(int(value)) > largest:
        raise ValueError(
            f"{name}: got {value}, expected {expected}; whole ones up to {largest}, so use a float."
        )
    held, dtype = _held(value)
    if not (math.isfinite(held) and accept(held)):
        instead = "" if held == value or held != held else f", which is {held} in {dtype}"
        raise ValueError(f"{name}: got {value}{instead}, expected {expected}.")


def _is_real_scalar(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(
        value, (int, float, np.generic, np.ndarray, jax.Array)
    ):
        return False
    dtype = getattr(value, "dtype", np.dtype(float))
    return np.shape(value) == () and (
        is_floating(dtype) or jax.dtypes.issubdtype(dtype, np.integer)
    )


def _held(value: Any) -> tuple[float, np.dtype]:
    """The number as JAX's default float dtype holds it, in which programs also lose what is below
    the normal range.
    """
    dtype = jax.dtypes.canonicalize_dtype(float)
    with np.errstate(over="ignore", under="ignore"):
        held = float(np.float64(value).astype(dtype))
    return (0.0 if abs(held) < jnp.finfo(dtype).tiny else held), dtype


def function(name: str, value: Any) -> None:
    """Refuses what cannot be called."""
    if not callable(value):
        raise ValueError(f"{name}: got {value!r}, expected a function.")


def truth(name: str, value: Any) -> None:
    """Refuses all but True and False; what is traced too, since it chooses between programs."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}: got {value!r}, expected True or False.")


def key(name: str, value: Any) -> None:
    """Refuses what is not one random key: a typed one, or a raw one of uint32."""
    array = isinstance(value, (np.ndarray, jax.Array))
    typed = array and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)
    if not array or not (
        value.shape == () if typed else value.dtype == np.uint32 and value.ndim == 1
    ):
        got = f"shape {value.shape} of {value.dtype}" if array else repr(value)
        raise ValueError(f"{name}: got {got}, expected one random key, such as jax.random.key(0).")


def count(name: str, value: Any, minimum: int = 1) -> int:
    """A whole number of at least `minimum`, as an int."""
    if not is_concrete(value):
        raise TracedNumberError(
            f"{name}: got a traced number, expected a Python int: it changes the program. Reckon "
            f"with hyper in Python, "
            "max(…) and not jnp.maximum(…), and a sweep compiles a program for each value."
        )
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < minimum:
        raise ValueError(f"{name}: got {value!r}, expected a whole number of at least {minimum}.")
    if value > LARGEST_COUNT:
        raise ValueError(
            f"{name}: got {value}, expected at most {LARGEST_COUNT}, which int32 holds."
        )
    return int(value)


def seed(value: Any) -> int:
    """A seed in [0, 2³²): `jax.random.key` wraps larger ones onto smaller ones silently."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"seed: got {value!r}, expected a whole number in [0, 2**32).")
    if not 0 <= value < 2**32:
        raise ValueError(f"seed: got {value}, expected a whole number in [0, 2**32).")
    return int(value)


def seeds(values: Iterable[int]) -> list[int]:
    """Distinct seeds in [0, 2³²), at least one; any iterable of whole numbers, arrays too."""
    if isinstance(values, (np.ndarray, jax.Array)):
        values = np.asarray(values).tolist()
    if not isinstance(values, Iterable) or isinstance(values, (str, bytes)):
        raise ValueError(f"seeds: got {values!r}, expected an iterable such as range(64).")
    checked: dict[int, None] = {}
    for value in values:
        if seed(value) in checked:
            raise ValueError(f"seeds: {value} appears twice; expected distinct seeds.")
        if len(checked) == MOST_SEEDS:
            raise ValueError(
                f"seeds: got more than {MOST_SEEDS}, expected fewer; make several sweeps of them."
            )
        checked[seed(value)] = None
    if not checked:
        raise ValueError("seeds: got none, expected at least one, such as range(64).")
    return list(checked)


DEFAULT_KEYS = "jax_default_prng_impl"


def threefry() -> None:
    """Refuses another default generator: under rbg a vmapped seed differs from the same
    seed alone.
    """
    implementation = getattr(jax.config, DEFAULT_KEYS)
    if implementation != "threefry2x32":
        raise ValueError(
            f"jax_default_prng_impl: got {implementation!r}, expected 'threefry2x32', the only "
            f"one whose "
            "draws under vmap equal the draws alone. Unset JAX_DEFAULT_PRNG_IMPL or call "
            "jax.config.update('jax_default_prng_impl', 'threefry2x32')."
        )


def numbers(name: str, values: Any, remedy: str = "") -> Any:
    """The values as an array, a NumPy one where they are concrete. Refuses all but real numbers
    (bfloat16 is one) of widths that JAX computes with, and masked ones, whose mask would be lost.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(
            f"{name}: got a masked array, expected a plain one; leave masked rows out, or use "
            f".filled(…)."
        )
    try:
        array = np.asarray(values) if is_concrete(values) else jnp.asarray(values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: not an array, expected rows of equal length: {error}") from error
    if array.dtype.kind in "biu" or is_floating(array.dtype):
        return array
    if not jax.dtypes.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{name}: got dtype {array.dtype}, expected real numbers.{remedy}")
    raise ValueError(
        f"{name}: got dtype {array.dtype}, expected 16 to 64 bits; use .astype(float)."
    )


def finite(name: str, array: Any) -> None:
    """Refuses NaN and infinity in a concrete array and says where the first one stands. Refuses as
    well what JAX would change on the way in, outside x64: float64 becomes infinite beyond float32,
    and int64 wraps around beyond int32.
    """
    given = np.asarray(array)
    held = jax.dtypes.canonicalize_dtype(given.dtype)
    if given.dtype.kind in "iu":
        _whole(name, given, held)
        return
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(given.astype(held, copy=False))
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        limit = (
            f" ({held} holds up to {jnp.finfo(held).max:.3g}; rescale)"
            if np.isfinite(given[index])
            else ""
        )
        raise ValueError(
            f"{name}: {int(bad.sum())} value(s) are not finite, the first is {given[index]} at "
            f"{index}{limit}."
        )


def _whole(name: str, given: np.ndarray, held: np.dtype) -> None:
    limits = np.iinfo(held)
    for value in (int(given.min()), int(given.max())) if given.size else ():
        if not limits.min <= value <= limits.max:
            raise ValueError(
                f"{name}: got {value}, expected whole numbers that {held} holds; use floating ones."
            )


def features(x: Any, name: str = "x") -> None:
    """Refuses x unless it is (examples, features) with at least one of each; values too where x is
    concrete.
    """
    x = numbers(name, x)
    matrix(name, x)
    if is_concrete(x):
        finite(name, x)


def matrix(name: str, x: Any) -> None:
    """Refuses an array unless its shape is (examples, features) with at least one of each."""
    if x.ndim != 2:
        remedy = " Flatten each example."
        if x.ndim == 1:
            remedy = f" Use {name}[None, :] for one example, {name}[:, None] for one feature."
        raise ValueError(f"{name}: got shape {x.shape}, expected (examples, features).{remedy}")
    if 0 in x.shape:
        raise ValueError(
            f"{name}: got shape {x.shape}, which is empty; expected at least one example and "
            f"feature."
        )


def examples(x: Any, y: Any, x_name: str = "x", y_name: str = "y") -> None:
    """Refuses x, y unless x is (n, features) and y is (n,) or (n, outputs); values too where they
    are concrete.
    """
    features(x, x_name)
    targets(y, y_name)
    pairs(x, y, x_name, y_name)


def targets(y: Any, name: str = "y") -> None:
    """Refuses y unless it is (examples,) or (examples, outputs); values too where they are
    concrete.
    """
    y = numbers(name, y)
    if y.ndim not in (1, 2):
        raise ValueError(
            f"{name}: got shape {y.shape}, expected (examples,) or (examples, outputs)."
        )
    if is_concrete(y):
        finite(name, y)


def pairs(x: Any, y: Any, x_name: str = "x", y_name: str = "y") -> None:
    """Refuses x and y of different lengths."""
    if np.shape(y)[0] != np.shape(x)[0]:
        raise ValueError(
            f"{y_name}: got {np.shape(y)[0]} targets for the {np.shape(x)[0]} examples of {x_name}."
        )


def weights(w: Any, n: int, name: str = "weights") -> None:
    """Refuses example weights unless they are n non-negative numbers that are not all zero."""
    w = numbers(name, w)
    if w.shape != (n,):
        raise ValueError(f"{name}: got shape {w.shape}, expected ({n},), one for each example.")
    if is_concrete(w):
        finite(name, w)
        if (w < 0).any() or not w.any():
            raise ValueError(f"{name}: expected numbers of at least 0, and one above 0.")
        _summable(name, w.astype(jax.dtypes.canonicalize_dtype(float)))


def _summable(name: str, w: np.ndarray) -> None:
    """Refuses weights by whose sum nothing can be divided."""
    with np.errstate(over="ignore"):
        total = w.sum()
    if not np.finfo(w.dtype).tiny <= total < np.inf:
        raise ValueError(
            f"{name}: their sum is {total} in {w.dtype}, expected a finite number above 0; "
            f"rescale them."
        )
