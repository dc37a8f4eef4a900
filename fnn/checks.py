"""Refuse wrong arguments: a ValueError says what came, what was expected and what to do.

Each check takes the name of the argument first, for the message. Values that are being traced have
no numbers yet: of these, shapes and dtypes are checked.
"""

import difflib
import inspect
import math
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

T = TypeVar("T")
PACKAGE = Path(__file__).parent
JAX = Path(jax.__file__).parent

LARGEST_COUNT = 2**31 - 1  # sizes and step numbers are int32 inside
MOST_SEEDS = 2**20
LONGEST_QUOTE = 200  # characters of a value in a message
DEFAULT_KEYS = "jax_default_prng_impl"


class TracedNumberError(ValueError):
    """A number was traced where its value shapes the program."""


def warn(message: str) -> None:
    """Warn at the line outside of fnn that called into it, however deep inside fnn the cause is."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if not {PACKAGE, JAX} & set(file.parents):  # JAX calls fnn back while it traces
            break
        frame = frame.f_back
        level += 1
    warnings.warn(message, stacklevel=level)


def optional(package: str, extra: str) -> Any:
    """Import a package of an optional extra; raise ImportError in one sentence if it is missing."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(f'{package} is missing: pip install "fnn[{extra}]".') from error


def lookup(kind: str, name: Any, registry: Mapping[str, T]) -> T:
    """Return `registry[name]`; raise ValueError with the closest name if there is no such name.

    kind      the kind of thing that is looked up, such as "activation"
    name      its name
    registry  the things by name

        >>> from fnn import checks
        >>> checks.lookup("activation", "tan", {"relu": 1, "tanh": 2})
        Traceback (most recent call last):
        ValueError: activation: 'tan' is not known; did you mean 'tanh'? Known: relu, tanh.
    """
    if isinstance(name, str) and name in registry:
        return registry[name]
    text = _shortened(str(name))
    close = difflib.get_close_matches(text, registry, n=1)
    hint = "."
    if close:
        closest = close[0]
        hint = f"; did you mean {closest!r}?"
    names = ", ".join(registry)
    quoted = repr(name)
    got = _shortened(quoted)
    raise ValueError(f"{kind}: {got} is not known{hint} Known: {names}.")


def is_x64() -> bool:
    """Return whether JAX keeps numbers of 64 bits."""
    widest = jax.dtypes.canonicalize_dtype(np.float64)
    return widest == np.float64


def is_concrete(value: Any) -> bool:
    """Return whether a pytree has numbers; False if one of its leaves is being traced."""
    leaves = jax.tree.leaves(value, is_leaf=_is_iterator)
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)


def _is_iterator(value: Any) -> bool:
    return isinstance(value, Iterator)


def instance(name: str, value: Any, right: bool, expected: str) -> None:
    """Refuse a value unless `right` is true.

    right     whether the value is an instance of the expected kind
    expected  the kind in words

    If the value is a function of fnn or optax that makes such instances, the message says how to
    call it.
    """
    if right:
        return
    call = _call_of_factory(value)
    if call:
        raise ValueError(
            f"{name}: got the function {value.__name__}, expected {expected}; call it: {call}."
        )
    raise ValueError(f"{name}: got {value!r}, expected {expected}.")


def _call_of_factory(value: Any) -> str:
    """Return the call of a function of fnn or optax, such as "fnn.losses.huber()"; "" for others.

    Arguments without a default are shown as an ellipsis.
    """
    module = getattr(value, "__module__", None) or ""
    package, *modules = module.split(".")
    is_known = package in ("fnn", "optax")
    if not inspect.isfunction(value) or not is_known:
        return ""
    path = [package, value.__name__]
    if package == "fnn":
        path.insert(1, modules[0])
    distinct = dict.fromkeys(path)  # fnn.mlp.mlp is fnn.mlp
    address = ".".join(distinct)
    signature = inspect.signature(value)
    parameters = signature.parameters.values()
    has_required = any(parameter.default is parameter.empty for parameter in parameters)
    arguments = "..." if has_required else ""
    return f"{address}({arguments})"


def difference(got: Any, expected: Any) -> str:
    """Return how two pytrees of arrays differ in structure or shape, "" if they do not.

    The text continues a name: "[0].W has shape (3,) instead of (2,)".
    """
    structure: Any = jax.tree.structure(got)
    expected_structure: Any = jax.tree.structure(expected)
    if structure != expected_structure:
        has = _shortened(str(structure))
        instead = _shortened(str(expected_structure))
        return f" has the structure {has} instead of {instead}"
    leaves = jax.tree_util.tree_leaves_with_path(got)
    expected_leaves = jax.tree.leaves(expected)
    for (path, leaf), like in zip(leaves, expected_leaves, strict=True):
        shape = np.shape(leaf)
        instead_of = np.shape(like)
        if shape != instead_of:
            place = jax.tree_util.keystr(path)
            return f"{place} has shape {shape} instead of {instead_of}"
    return ""


def is_floating(dtype: Any) -> bool:
    """Return whether a dtype has floating-point numbers of 16 to 64 bits, as JAX computes with."""
    if not jax.dtypes.issubdtype(dtype, np.floating):
        return False
    return 2 <= np.dtype(dtype).itemsize <= 8


def floating(name: str, tree: Any) -> None:
    """Refuse a pytree with leaves other than floating-point numbers."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        place = jax.tree_util.keystr(path)
        where = f"{name}{place}"
        if isinstance(leaf, np.ma.MaskedArray):
            raise ValueError(f"{where}: got a masked array, expected a plain one; use .filled(…).")
        array = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
        dtype = array.dtype
        if not is_floating(dtype):
            raise ValueError(
                f"{where}: got dtype {dtype}, expected floating point; use .astype('float32')."
            )


def gradients(grads: Any, like: Any) -> None:
    """Refuse gradients unless they are floating-point arrays of the shapes of `like`.

    Arithmetic would stretch other shapes without an error.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
        if not hasattr(leaf, "dtype"):
            place = jax.tree_util.keystr(path)
            raise ValueError(f"grads{place}: got {leaf!r}, expected an array; use jnp.asarray.")
    floating("grads", grads)
    unlike = difference(grads, like)
    if unlike:
        raise ValueError(
            f"grads: grads{unlike}; expected the structure and the shapes of the parameters."
        )


def _shortened(text: str) -> str:
    """Return a text, cut off where it is too long for a message."""
    if len(text) <= LONGEST_QUOTE:
        return text
    beginning = text[:LONGEST_QUOTE]
    return f"{beginning}…"


def real(name: str, value: Any) -> None:
    """Refuse a number unless it is finite; traced numbers pass."""
    _number(name, value, lambda v: True, "a finite number")


def positive(name: str, value: Any) -> None:
    """Refuse a number unless it is finite and above zero; traced numbers pass."""
    _number(name, value, lambda v: v > 0, "a finite number above 0")


def non_negative(name: str, value: Any) -> None:
    """Refuse a number unless it is finite and at least zero; traced numbers pass."""
    _number(name, value, lambda v: v >= 0, "a finite number of at least 0")


def fraction(name: str, value: Any) -> None:
    """Refuse a number outside [0, 1); traced numbers pass."""
    _number(name, value, lambda v: 0 <= v < 1, "a number in [0, 1)")


def _number(name: str, value: Any, accept: Callable[[Any], bool], expected: str) -> None:
    """Refuse a number that is not accepted, as it is or as JAX's default float dtype holds it.

    accept    (number) → whether it is right
    expected  the right numbers in words
    """
    if not is_concrete(value):
        return
    if not _is_real_scalar(value):
        raise ValueError(f"{name}: got {value!r}, expected {expected}.")
    if not accept(value):
        raise ValueError(f"{name}: got {value}, expected {expected}.")
    whole_dtype = jax.dtypes.canonicalize_dtype(int)
    largest = np.iinfo(whole_dtype).max
    is_whole = isinstance(value, (int, np.integer))
    is_too_large = is_whole and abs(int(value)) > largest
    if is_too_large:
        raise ValueError(
            f"{name}: got {value}, expected {expected}; whole ones up to {largest}, so use a float."
        )
    dtype = jax.dtypes.canonicalize_dtype(float)
    rounded = _rounded(value, dtype)
    is_right = math.isfinite(rounded) and accept(rounded)
    if is_right:
        return
    got = f"{value}"
    is_changed = rounded != value and not math.isnan(rounded)
    if is_changed:
        got = f"{got}, which is {rounded} in {dtype}"
    raise ValueError(f"{name}: got {got}, expected {expected}.")


def _is_real_scalar(value: Any) -> bool:
    """Return whether a value is one real number, and neither True nor False."""
    is_truth = isinstance(value, bool)
    is_number = isinstance(value, (int, float, np.generic, np.ndarray, jax.Array))
    if is_truth or not is_number:
        return False
    if np.shape(value) != ():
        return False
    default = np.dtype(float)
    dtype = getattr(value, "dtype", default)
    is_whole = jax.dtypes.issubdtype(dtype, np.integer)
    return is_whole or is_floating(dtype)


def _rounded(value: Any, dtype: np.dtype) -> float:
    """Return a number as programs have it in a dtype: 0 if it is below the normal range."""
    with np.errstate(over="ignore", under="ignore"):
        wide = np.float64(value)
        rounded = float(wide.astype(dtype))
    smallest = jnp.finfo(dtype).tiny
    if abs(rounded) < smallest:
        return 0.0
    return rounded


def function(name: str, value: Any) -> None:
    """Refuse a value that cannot be called."""
    if not callable(value):
        raise ValueError(f"{name}: got {value!r}, expected a function.")


def truth(name: str, value: Any) -> None:
    """Refuse all but True and False; traced values too, since it chooses between programs."""
    is_truth = isinstance(value, (bool, np.bool_))
    if not is_truth:
        raise ValueError(f"{name}: got {value!r}, expected True or False.")


def key(name: str, value: Any) -> None:
    """Refuse all but one random key: a typed one, or a raw one of uint32."""
    is_array = isinstance(value, (np.ndarray, jax.Array))
    if is_array and _is_key(value):
        return
    got = repr(value)
    if is_array:
        got = f"shape {value.shape} of {value.dtype}"
    raise ValueError(f"{name}: got {got}, expected one random key, such as jax.random.key(0).")


def _is_key(array: Any) -> bool:
    """Return whether an array is one random key."""
    is_typed = jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key)
    if is_typed:
        return array.shape == ()
    return array.dtype == np.uint32 and array.ndim == 1


def _is_whole(value: Any) -> bool:
    """Return whether a value is a whole number of Python or NumPy, and neither True nor False."""
    is_number = isinstance(value, (int, np.integer))
    is_truth = isinstance(value, bool)
    return is_number and not is_truth


def count(name: str, value: Any, minimum: int = 1) -> int:
    """Return a whole number of at least `minimum` as an int; refuse all else.

    Raises `TracedNumberError` for a traced number: its value would shape the program.
    """
    if not is_concrete(value):
        raise TracedNumberError(
            f"{name}: got a traced number, expected a Python int: it changes the program. Compute "
            "it from hyper in Python, with max(…) and not jnp.maximum(…): then a sweep compiles a "
            "program for each value."
        )
    if not _is_whole(value) or value < minimum:
        raise ValueError(f"{name}: got {value!r}, expected a whole number of at least {minimum}.")
    if value > LARGEST_COUNT:
        raise ValueError(
            f"{name}: got {value}, expected at most {LARGEST_COUNT}, which int32 holds."
        )
    return int(value)


def seed(value: Any) -> int:
    """Return a seed in [0, 2³²) as an int; refuse all else.

    `jax.random.key` would wrap larger ones onto smaller ones without an error.
    """
    if not _is_whole(value):
        raise ValueError(f"seed: got {value!r}, expected a whole number in [0, 2**32).")
    if not 0 <= value < 2**32:
        raise ValueError(f"seed: got {value}, expected a whole number in [0, 2**32).")
    return int(value)


def seeds(values: Iterable[int]) -> list[int]:
    """Return distinct seeds in [0, 2³²), at least one, as a list; refuse all else.

    values  any iterable of whole numbers, also an array
    """
    if isinstance(values, (np.ndarray, jax.Array)):
        values = np.asarray(values).tolist()
    is_text = isinstance(values, (str, bytes))
    if is_text or not isinstance(values, Iterable):
        raise ValueError(f"seeds: got {values!r}, expected an iterable such as range(64).")
    distinct: dict[int, None] = {}
    for value in values:
        checked = seed(value)
        if checked in distinct:
            raise ValueError(f"seeds: {value} appears twice; expected distinct seeds.")
        if len(distinct) == MOST_SEEDS:
            raise ValueError(
                f"seeds: got more than {MOST_SEEDS}, expected fewer; make several sweeps of them."
            )
        distinct[checked] = None
    if not distinct:
        raise ValueError("seeds: got none, expected at least one, such as range(64).")
    return list(distinct)


def threefry() -> None:
    """Refuse another default generator than threefry.

    Under rbg a seed in a vmap draws other numbers than the same seed alone.
    """
    implementation = getattr(jax.config, DEFAULT_KEYS)
    if implementation != "threefry2x32":
        raise ValueError(
            f"jax_default_prng_impl: got {implementation!r}, expected 'threefry2x32', the only one "
            "that draws the same numbers under vmap as alone. Unset JAX_DEFAULT_PRNG_IMPL or call "
            "jax.config.update('jax_default_prng_impl', 'threefry2x32')."
        )


def numbers(name: str, values: Any, remedy: str = "") -> Any:
    """Return values as an array of real numbers, a NumPy one if they are concrete.

    remedy  the end of the message for values that are not real numbers

    Refuses all but real numbers (bfloat16 is one) of widths that JAX computes with. Refuses masked
    arrays, whose mask would be lost.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(
            f"{name}: got a masked array, expected a plain one; leave masked rows out, or use "
            ".filled(…)."
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
    """Refuse NaN and infinity in a concrete array; say where the first one is.

    Refuses also numbers that JAX would change without x64: a float64 beyond float32 becomes
    infinite, and an int64 beyond int32 wraps around.
    """
    array = np.asarray(array)
    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    if array.dtype.kind in "iu":
        _whole_in_range(name, array, dtype)
        return
    with np.errstate(over="ignore"):
        converted = array.astype(dtype, copy=False)
    is_bad = ~np.isfinite(converted)
    if not is_bad.any():
        return
    bad_indices = np.argwhere(is_bad)
    index = tuple(bad_indices[0].tolist())
    first = array[index]
    limit = ""
    if np.isfinite(first):
        largest = jnp.finfo(dtype).max
        limit = f" ({dtype} holds up to {largest:.3g}; rescale)"
    bad = int(is_bad.sum())
    raise ValueError(
        f"{name}: {bad} value(s) are not finite, the first is {first} at {index}{limit}."
    )


def _whole_in_range(name: str, array: np.ndarray, dtype: np.dtype) -> None:
    """Refuse whole numbers that a dtype does not hold."""
    if not array.size:
        return
    limits = np.iinfo(dtype)
    for value in (int(array.min()), int(array.max())):
        if not limits.min <= value <= limits.max:
            raise ValueError(
                f"{name}: got {value}, expected whole numbers that {dtype} holds; use floating "
                "ones."
            )


def features(x: Any, name: str = "x") -> None:
    """Refuse x unless it is (examples, features) with at least one of each, all finite.

    Of a traced x the shape and the dtype are checked.
    """
    x = numbers(name, x)
    matrix(name, x)
    if is_concrete(x):
        finite(name, x)


def matrix(name: str, x: Any) -> None:
    """Refuse an array unless its shape is (examples, features) with at least one of each."""
    if x.ndim != 2:
        remedy = "Flatten each example."
        if x.ndim == 1:
            remedy = f"Use {name}[None, :] for one example, {name}[:, None] for one feature."
        raise ValueError(f"{name}: got shape {x.shape}, expected (examples, features). {remedy}")
    if 0 in x.shape:
        raise ValueError(
            f"{name}: got shape {x.shape}, which is empty; expected at least one example and "
            "feature."
        )


def examples(x: Any, y: Any, x_name: str = "x", y_name: str = "y") -> None:
    """Refuse x and y unless x is (n, features) and y is (n,) or (n, outputs), all finite.

    Of traced arrays the shapes and the dtypes are checked.
    """
    features(x, x_name)
    targets(y, y_name)
    pairs(x, y, x_name, y_name)


def targets(y: Any, name: str = "y") -> None:
    """Refuse y unless it is (examples,) or (examples, outputs), all finite.

    Of a traced y the shape and the dtype are checked.
    """
    y = numbers(name, y)
    if y.ndim not in (1, 2):
        raise ValueError(
            f"{name}: got shape {y.shape}, expected (examples,) or (examples, outputs)."
        )
    if is_concrete(y):
        finite(name, y)


def pairs(x: Any, y: Any, x_name: str = "x", y_name: str = "y") -> None:
    """Refuse x and y of different lengths."""
    n, *_ = np.shape(x)
    n_targets, *_ = np.shape(y)
    if n_targets != n:
        raise ValueError(f"{y_name}: got {n_targets} targets for the {n} examples of {x_name}.")


def weights(w: Any, n: int, name: str = "weights") -> None:
    """Refuse example weights unless they are n non-negative numbers that are not all zero."""
    w = numbers(name, w)
    if w.shape != (n,):
        raise ValueError(f"{name}: got shape {w.shape}, expected ({n},), one for each example.")
    if not is_concrete(w):
        return
    finite(name, w)
    has_negative = (w < 0).any()
    has_weight = w.any()
    if has_negative or not has_weight:
        raise ValueError(f"{name}: expected numbers of at least 0, and one above 0.")
    dtype = jax.dtypes.canonicalize_dtype(float)
    _summable(name, w.astype(dtype))


def _summable(name: str, w: np.ndarray) -> None:
    """Refuse weights whose sum cannot be divided by: it overflows, or is too close to 0."""
    with np.errstate(over="ignore"):
        total = w.sum()
    smallest = np.finfo(w.dtype).tiny
    if not smallest <= total < np.inf:
        raise ValueError(
            f"{name}: their sum is {total} in {w.dtype}, expected a finite number above 0; rescale "
            "them."
        )
