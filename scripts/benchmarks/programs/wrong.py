"""Programs that are compiled wrongly, by a faulty rule for one of their operations."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from fnn import numpy_rules
from fnn.compiled import rounding
from programs.clean import Program

FACTOR = {"tanh": 1.001}
"""The factor on one entry of tanh."""


class Wrong(NamedTuple):
    """An operation that is compiled wrongly, as a primitive of its own.

    primitive  that programs use
    right      the right function, in NumPy
    """

    primitive: Primitive
    right: Callable[..., Any]


def wrong(name: str, compiled: Callable, right: Callable) -> Wrong:
    """Return an operation that JAX compiles as `compiled`. Its output is like its first input."""
    primitive = Primitive(name)

    @primitive.def_abstract_eval
    def _(x, *_):
        return jax.core.ShapedArray(x.shape, x.dtype)

    mlir.register_lowering(primitive, mlir.lower_fun(compiled, multiple_results=False))
    batching.defvectorized(primitive)
    return Wrong(primitive, right)


def one_wrong_entry(x):
    """Compute tanh with a wrong entry in the middle."""
    flat = jnp.ravel(jnp.tanh(x))
    return flat.at[flat.size // 2].mul(FACTOR["tanh"]).reshape(x.shape)


def a_dropped_row(x):
    """Subtract the sum over all rows without the last one."""
    return x - jnp.sum(x.at[-1].set(0), axis=0, keepdims=True)


def a_stale_buffer(x, y):
    """Add, but keep the first row of x where y is not 0."""
    stale = (x + y).at[0].set(x[0])
    return jnp.where(y == 0, x + y, stale)


OPERATIONS = {
    "wrong_tanh": wrong("wrong_tanh", one_wrong_entry, np.tanh),
    "wrong_sum": wrong("wrong_sum", a_dropped_row, lambda x: x - x.sum(0, keepdims=True)),
    "wrong_add": wrong("wrong_add", a_stale_buffer, np.add),
}
"""Name -> operation. The batch axis of a vmapped one is the first: a row is then a whole batch."""


def error_of_sum(equation: Any, inputs: Any, value: np.ndarray, dtype: Any) -> Any:
    """Return the largest error of a difference to a sum."""
    magnitude = np.broadcast_to(np.abs(inputs[0]).sum(0, keepdims=True), np.shape(value))
    return rounding.error_of_sum(dtype, len(inputs[0]), magnitude, 0.0)


def tell_the_witness(set_item: Callable[[dict, str, Any], None] = dict.__setitem__) -> None:
    """Give the witness the right rules.

    set_item  sets an entry of a dict; a test passes one that takes entries back at its end
    """
    for name, operation in OPERATIONS.items():
        set_item(numpy_rules.ELEMENTWISE, name, operation.right)
    set_item(rounding.ULPS, "wrong_tanh", 8)
    set_item(rounding.ULPS, "wrong_add", 1)
    set_item(rounding.SUMS, "wrong_sum", error_of_sum)


class Planted(NamedTuple):
    """A random program with a faulty operation, and the name of that operation."""

    program: Program
    operation: str


def draw_wrong(seed: int) -> Planted:
    """Sample a chain of products and activations with a faulty operation.

    It is alone, vmapped or scanned.
    """
    generator = np.random.default_rng(seed)
    name = str(generator.choice(list(OPERATIONS)))
    bind = OPERATIONS[name].primitive.bind
    dtype = np.dtype(generator.choice(["float32", "float64"]))
    units = [int(n) for n in generator.choice([3, 8, 33, 100], size=4)]
    weights = [
        jnp.asarray(generator.normal(size=(m, n)) / np.sqrt(n), dtype) for n, m in pairwise(units)
    ]
    place = int(generator.integers(len(weights)))
    mode = str(generator.choice(["alone", "vmapped", "scanned"]))

    def function(x):
        for number, W in enumerate(weights):
            z = W @ x
            if number != place:
                x = jax.nn.sigmoid(z) + jnp.asarray(0.1, dtype) * z
            elif name == "wrong_add":
                x = bind(z, jnp.tanh(z) + 1)
            else:
                x = bind(z)
        return x

    a = generator.normal(size=(units[0], int(generator.choice([1, 4, 17])))).astype(dtype)
    text = f"{name} in {units}, {dtype}, {mode}"
    if mode == "alone":
        return Planted(Program(function, (a,), text), name)
    both = np.stack([a, 2 * a])
    if mode == "vmapped":
        return Planted(Program(jax.vmap(function), (both,), text), name)
    return Planted(Program(lambda xs: lax.map(function, xs), (both,), text), name)
