"""Draw a canary for each known fault of XLA: a program of the kind that went wrong.

`fnn.compiler.FAULTS` says which jaxlib has each fault, and which reports it comes from. The sizes
of a canary are drawn, around those at which the fault was seen.
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
    """A program that shows whether XLA computes what was written.

    name  what it tries; for the canary of a fault, the name of the fault
    draw  (generator) → (function, arguments), of sizes that the generator chooses
    x64   whether it is drawn and compiled with jax_enable_x64
    """

    name: str
    draw: Callable[[Generator], Program]
    x64: bool = True


def rows(generator: Generator) -> int:
    """Draw a number of rows between 10⁴ and 10⁵: beside or above a power of two, or any."""
    exponent = generator.integers(14, 17)
    power = 2**exponent
    beside_power = power + generator.integers(-1, 2)
    above_power = power + generator.integers(1, 4000)
    anything = generator.integers(10_000, 100_000)
    drawn = generator.choice([beside_power, above_power, anything])
    return int(drawn)


def width(generator: Generator, most: int = 130) -> int:
    """Draw a number of units; half of the draws lie beside a power of two."""
    largest_exponent = int(np.log2(most))
    exponents = np.arange(1, largest_exponent + 1)
    power = generator.choice(2**exponents)
    near_power = power + generator.integers(-1, 2)
    anything = generator.integers(1, most + 1)
    drawn = near_power if generator.integers(2) else anything
    return int(max(1, drawn))


def integer(generator: Generator, low: int, high: int) -> int:
    """Draw a whole number from low to high − 1."""
    return int(generator.integers(low, high))


def numbers(generator: Generator, *shape: int, dtype: str = "float64") -> np.ndarray:
    """Draw standard normal numbers."""
    return generator.normal(size=shape).astype(dtype)


def blocked_reduction(generator: Generator) -> Program:
    """Reduce the square of a product with few rows: XLA cuts it into blocks and a rest."""
    units, n, dtype = 4, 20_001, "float64"
    if not generator.integers(2):
        units = integer(generator, 2, 5)
        n = rows(generator)
        dtype = generator.choice(["float64", "float32"])
    W = numbers(generator, units, 3, dtype=dtype)
    x = numbers(generator, n, 3, dtype=dtype)

    def squares(W, x):
        z = W @ x.T
        return jnp.sum(z**2, axis=0)

    return squares, (W, x)


def broadcast_product(generator: Generator) -> Program:
    """Sum a product with a broadcast number, under vmap: the gradient of a sum."""
    n = 60
    if not generator.integers(2):
        n = width(generator, 66)
    batch = integer(generator, 1, 9)
    E = numbers(generator, batch, n, n)
    c = numbers(generator, batch)

    def product(E, c):
        C = jnp.broadcast_to(c, (n, n))
        scaled = E @ C
        return jnp.sum(scaled * E)

    return jax.vmap(product), (E, c)


def many_axes(generator: Generator) -> Program:
    """Multiply and reduce arrays of one to seven axes, some of them of length 1."""
    shape, axis = (3, 1, 2, 2, 8, 8, 8), 3
    if not generator.integers(2):
        axes = generator.integers(1, 8)
        lengths = generator.choice([1, 2, 3, 8], size=axes)
        shape = tuple(lengths.tolist())
        axis = int(generator.integers(len(shape)))
    a = numbers(generator, *shape, dtype="float32")
    b = numbers(generator, *shape, dtype="float32")

    def product(a, b):
        return jnp.sum(a * b, axis=axis)

    return product, (a, b)


def dilated_window(generator: Generator) -> Program:
    """Take the largest entry of windows over an array with holes between its columns."""
    height = 2 * integer(generator, 16, 64)
    x = numbers(generator, height, integer(generator, 100, 200))

    def largest(x):
        maxima = lax.reduce_window(
            x,
            -jnp.inf,
            lax.max,
            window_dimensions=(2, 1),
            window_strides=(2, 1),
            padding=((0, 0), (0, 0)),
            base_dilation=(1, 2),
        )
        is_finite = jnp.isfinite(maxima)
        return jnp.where(is_finite, maxima, 0.0)

    return largest, (x,)


def shifted_update(generator: Generator) -> Program:
    """Replace rows of an array by the rows before them."""
    height = integer(generator, 2, 33)
    shape = (height, integer(generator, 1, 17))

    def shifted(x):
        base = x + 1
        before = base[:-1]
        updated = base.at[1:].set(before)
        return updated.reshape((1, *shape))

    return shifted, (numbers(generator, *shape),)


def nested_slices(generator: Generator) -> Program:
    """Slice a rolled array, from a start so far out that it has to be moved inside."""
    n = integer(generator, 6, 40)
    size = integer(generator, 2, n // 2)
    shift = generator.integers(1, n)
    start = n + generator.integers(1, 9)

    def sliced(x, shift, start):
        rolled = jnp.roll(x, shift)
        return lax.dynamic_slice(rolled, [start], [size])

    x = numbers(generator, n)
    return sliced, (x, np.int32(shift), np.int32(start))


CANARIES = (
    Canary("blocked reduction", blocked_reduction),
    Canary("broadcast product", broadcast_product),
    Canary("dilated window", dilated_window),
    Canary("shifted update", shifted_update),
    Canary("nested slices", nested_slices),
    Canary("many axes", many_axes),  # last, for a crash ends the child that tries the others
)
