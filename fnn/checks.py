"""Refusals: a ValueError says what came, what was expected and what to do."""

import difflib
import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, TypeVar

import jax
import numpy as np

T = TypeVar("T")


def lookup(kind: str, name: Any, known: Mapping[str, T]) -> T:
    """`known[name]`, or a ValueError that names the closest known one."""
    if isinstance(name, str) and name in known:
        return known[name]
    close = difflib.get_close_matches(str(name), known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise ValueError(f"{kind}: {name!r} is not known{hint} Known: {', '.join(known)}.")


def is_concrete(value: Any) -> bool:
    """False for values that are being traced: only shapes can be checked there."""
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value))


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
    scalar = np.shape(value) == () and isinstance(value, (Real, np.ndarray, jax.Array))
    if isinstance(value, bool) or not scalar:
        raise ValueError(f"{name}: got {value!r}, expected {expected}.")
    if not (math.isfinite(value) and accept(value)):
        raise ValueError(f"{name}: got {value}, expected {expected}.")


def count(name: str, value: Any, minimum: int = 1) -> int:
    """A whole number of at least `minimum`, as an int."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < minimum:
        raise ValueError(f"{name}: got {value!r}, expected a whole number of at least {minimum}.")
    return int(value)


def seed(value: Any) -> int:
    """A seed in [0, 2³²): `jax.random.key` wraps larger ones onto smaller ones silently."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"seed: got {value!r}, expected a whole number in [0, 2**32).")
    if not 0 <= value < 2**32:
        raise ValueError(f"seed: got {value}, expected a whole number in [0, 2**32).")
    return int(value)


def seeds(values: Iterable[int]) -> list[int]:
    """Distinct seeds in [0, 2³²), at least one."""
    if not isinstance(values, Iterable) or isinstance(values, (str, bytes)):
        raise ValueError(f"seeds: got {values!r}, expected an iterable such as range(64).")
    checked = [seed(value) for value in values]
    if not checked:
        raise ValueError("seeds: got none, expected at least one, such as range(64).")
    if len(set(checked)) < len(checked):
        twice = next(s for s in checked if checked.count(s) > 1)
        raise ValueError(f"seeds: {twice} appears twice; expected distinct seeds.")
    return checked


def threefry() -> None:
    """Refuses another default generator: under rbg a vmapped seed differs from the same seed alone."""
    implementation = str(jax.random.key_impl(jax.random.key(0)))
    if implementation != "threefry2x32":
        raise ValueError(
            f"jax_default_prng_impl: got {implementation!r}, expected 'threefry2x32', the only one whose "
            "draws under vmap equal the draws alone. Unset JAX_DEFAULT_PRNG_IMPL or call "
            "jax.config.update('jax_default_prng_impl', 'threefry2x32')."
        )


def finite(name: str, array: Any) -> None:
    """Refuses NaN and infinity in a concrete array and says where the first one stands."""
    bad = ~np.isfinite(np.asarray(array))
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        value = np.asarray(array)[index]
        raise ValueError(f"{name}: {int(bad.sum())} value(s) are not finite, the first is {value} at {index}.")


def features(x: Any, name: str = "x") -> None:
    """Refuses x unless it is (examples, features) with at least one of each; values too where x is concrete."""
    shape = np.shape(x)
    if len(shape) != 2:
        remedy = " Use x[:, None] for a single feature." if len(shape) == 1 else " Flatten each example."
        raise ValueError(f"{name}: got shape {shape}, expected (examples, features).{remedy}")
    if 0 in shape:
        raise ValueError(f"{name}: got shape {shape}, which is empty; expected at least one example and feature.")
    if is_concrete(x):
        finite(name, x)


def examples(x: Any, y: Any, x_name: str = "x", y_name: str = "y") -> None:
    """Refuses x, y unless x is (n, features) and y is (n,) or (n, outputs); values too where they are concrete."""
    features(x, x_name)
    shape = np.shape(y)
    if len(shape) not in (1, 2):
        raise ValueError(f"{y_name}: got shape {shape}, expected (examples,) or (examples, outputs).")
    if shape[0] != np.shape(x)[0]:
        raise ValueError(f"{y_name}: got {shape[0]} targets for the {np.shape(x)[0]} examples of {x_name}.")
    if is_concrete(y):
        finite(y_name, y)


def weights(w: Any, n: int) -> None:
    """Refuses example weights unless they are n non-negative numbers that are not all zero."""
    if np.shape(w) != (n,):
        raise ValueError(f"weights: got shape {np.shape(w)}, expected ({n},), one for each example.")
    if is_concrete(w):
        finite("weights", w)
        if (np.asarray(w) < 0).any() or not np.asarray(w).any():
            raise ValueError("weights: expected numbers of at least 0, and one above 0.")
