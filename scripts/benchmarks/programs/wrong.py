"""Programs that are compiled wrongly: an operation of theirs has a faulty rule for the compiler."""

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
from programs.clean import Drawn

FACTOR = {"tanh": 1.001}
"""What one entry of tanh is multiplied by."""


class Wrong(NamedTuple):
    """An operation that is compiled wrongly, as a primitive of its own.

    primitive  as a program has it
    right      what it is meant to be, in NumPy
    """

    primitive: Primitive
    right: Callable[..., Any]


def wrong(name: str, compiled: Callable, right: Callable) -> Wrong:
    """Return an operation that JAX compiles as `compiled`; its outputs are like its first input."""
    primitive = Primitive(name)

    @primitive.def_abstract_eval
    def _(x, *_):
        return jax.core.ShapedArray(x.shape, x.dtype)

    mlir.register_lowering(primitive, mlir.lower_fun(compiled, multiple_results=False))
    batching.defvectorized(primitive)
    return Wrong(primitive, right)


def one_wrong_entry(x):
    """Compute tanh, and its entry in the middle wrongly."""
    flat = jnp.ravel(jnp.tanh(x))
    return flat.at[flat.size // 2].mul(FACTOR["tanh"]).reshape(x.shape)


def a_dropped_row(x):
    """Subtract the sum over rows, but for the last row."""
    return x - jnp.sum(x.at[-1].set(0), axis=0, keepdims=True)


def a_stale_buffer(x, y):
    """Return what was there before instead of the sum."""
    stale = (x + y).at[0].set(x[0])
    return jnp.where(y == 0, x + y, stale)


OPERATIONS = {
    "wrong_tanh": wrong("wrong_tanh", one_wrong_entry, np.tanh),
    "wrong_sum": wrong("wrong_sum", a_dropped_row, lambda x: x - x.sum(0, keepdims=True)),
    "wrong_add": wrong("wrong_add", a_stale_buffer, np.add),
}
"""By name. The batch axis of a vmapped one stands in front: a row is then a whole batch."""


def error_of_sum(equation: Any, inputs: Any, value: np.ndarray, dtype: Any) -> Any:
    """Return how far the difference to a sum may be off."""
    magnitude = np.broadcast_to(np.abs(inputs[0]).sum(0, keepdims=True), np.shape(value))
    return rounding.error_of_sum(dtype, len(inputs[0]), magnitude, 0.0)


def tell_the_witness(set_item: Callable[[dict, str, Any], None] = dict.__setitem__) -> None:
    """Give the witness the right rules; a test's own `set_item` takes them back at its end."""
    for name, operation in OPERATIONS.items():
        set_item(numpy_rules.ELEMENTWISE, name, operation.right)
    set_item(rounding.ULPS, "wrong_tanh", 8)
    set_item(rounding.ULPS, "wrong_add", 1)
    set_item(rounding.SUMS, "wrong_sum", error_of_sum)


class Planted(NamedTuple):
    """A drawn program with a faulty operation, and that operation's name."""

    program: Drawn
    operation: str


def draw_wrong(seed: int) -> Planted:
    """Draw a chain of products and activations with a faulty operation within: alone, vmapped or
    scanned."""
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
        return Planted(Drawn(function, (a,), text), name)
    together = jax.vmap(function) if mode == "vmapped" else lambda xs: lax.map(function, xs)
    return Planted(Drawn(together, (np.stack([a, 2 * a]),), text), name)
