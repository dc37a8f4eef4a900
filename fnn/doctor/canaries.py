"""A canary for each known fault of XLA: a program of the kind that went wrong, at drawn sizes.

`fnn.compiler.FAULTS` says in which jaxlib each fault is, and the reports that it comes from.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Generator: TypeAlias = np.random.Generator
Program: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]  # a function and its arguments


class Canary(NamedTuple):
    """A program that shows whether XLA computes what it says.

    name  what it tries; that of a fault for the canary of one
    draw  (generator) -> (function, arguments), at sizes that the generator chooses
    x64   whether it is drawn and compiled with jax_enable_x64
    """

    name: str
    draw: Callable[[Generator], Program]
    x64: bool = True


def rows(generator: Generator) -> int:
    """Draw a number of rows between 10⁴ and 10⁵: beside or above a power of two, or any."""
    power = 2 ** generator.integers(14, 17)
    beside_power = power + generator.integers(-1, 2)
    above_power = power + generator.integers(1, 4000)
    anything = generator.integers(10_000, 100_000)
    return int(generator.choice([beside_power, above_power, anything]))


def width(generator: Generator, most: int = 130) -> int:
    """Draw a number of units, as often as not one beside a power of two."""
    powers = 2 ** np.arange(1, int(np.log2(most)) + 1)
    near_power = generator.choice(powers) + generator.integers(-1, 2)
    anything = generator.integers(1, most + 1)
    return int(max(1, near_power if generator.integers(2) else anything))


def numbers(generator: Generator, *shape: int, dtype: str = "float64") -> np.ndarray:
    """Draw standard normal numbers."""
    return generator.normal(size=shape).astype(dtype)


def blocked_reduction(generator: Generator) -> Program:
    """Reduce the square of a product with few rows: jobs of a block size, and a rest."""
    if generator.integers(2):
        units, n, dtype = 4, 20_001, "float64"
    else:
        units, n = int(generator.integers(2, 5)), rows(generator)
        dtype = generator.choice(["float64", "float32"])
    W, x = numbers(generator, units, 3, dtype=dtype), numbers(generator, n, 3, dtype=dtype)
    return lambda W, x: jnp.sum((W @ x.T) ** 2, axis=0), (W, x)


def broadcast_product(generator: Generator) -> Program:
    """Sum a product with a broadcast number, under vmap: the gradient of a sum."""
    n = 60 if generator.integers(2) else width(generator, 66)
    E = numbers(generator, int(generator.integers(1, 9)), n, n)
    c = numbers(generator, len(E))

    def one(E, c):
        return jnp.sum((E @ jnp.broadcast_to(c, (n, n))) * E)

    return jax.vmap(one), (E, c)


def many_axes(generator: Generator) -> Program:
    """Multiply and reduce arrays of one to seven axes, some of them of length 1."""
    if generator.integers(2):
        shape, axis = (3, 1, 2, 2, 8, 8, 8), 3
    else:
        shape = tuple(generator.choice([1, 2, 3, 8], size=generator.integers(1, 8)).tolist())
        axis = int(generator.integers(len(shape)))
    a, b = (numbers(generator, *shape, dtype="float32") for _ in range(2))
    return lambda a, b: jnp.sum(a * b, axis=axis), (a, b)


def dilated_window(generator: Generator) -> Program:
    """Take the largest entry of windows over an array with holes between its columns."""
    x = numbers(generator, 2 * int(generator.integers(16, 64)), int(generator.integers(100, 200)))

    def largest(x):
        windows, steps, holes = (2, 1), (2, 1), (1, 2)
        none = ((0, 0), (0, 0))
        found = lax.reduce_window(x, -jnp.inf, lax.max, windows, steps, none, base_dilation=holes)
        return jnp.where(jnp.isfinite(found), found, 0.0)

    return largest, (x,)


def shifted_update(generator: Generator) -> Program:
    """Replace rows of an array by the rows before them."""
    shape = (int(generator.integers(2, 33)), int(generator.integers(1, 17)))

    def shifted(x):
        base = x + 1
        return base.at[1:].set(base[:-1]).reshape((1, *shape))

    return shifted, (numbers(generator, *shape),)


def nested_slices(generator: Generator) -> Program:
    """Slice what was rolled, from a start so far out that it has to be moved inside."""
    n = int(generator.integers(6, 40))
    size = int(generator.integers(2, n // 2))
    shift, start = generator.integers(1, n), n + generator.integers(1, 9)

    def sliced(x, shift, start):
        return lax.dynamic_slice(jnp.roll(x, shift), [start], [size])

    return sliced, (numbers(generator, n), np.int32(shift), np.int32(start))


CANARIES = (
    Canary("blocked reduction", blocked_reduction),
    Canary("broadcast product", broadcast_product),
    Canary("dilated window", dilated_window),
    Canary("shifted update", shifted_update),
    Canary("nested slices", nested_slices),
    Canary("many axes", many_axes),  # last, for a crash ends the child that tries the others
)
