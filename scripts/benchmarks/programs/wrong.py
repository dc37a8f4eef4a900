"""Programs that are compiled wrongly, by a faulty rule for one of their operations."""

from collections.abc import Callable
from itertools import count, pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from fnn import numpy_rules, witness
from fnn.compiled import rounding
from programs.clean import Program

FACTOR = {"tanh": 1.001}
"""The factor on one entry of tanh."""


class Wrong(NamedTuple):
    """An operation that is compiled wrongly, as a primitive of its own.

    primitive  that programs use
    right      the right function, in NumPy
    unharmed   a primitive that is compiled as the right function
    """

    primitive: Primitive
    right: Callable[..., Any]
    unharmed: Primitive


def operation(name: str, compiled: Callable, right: Callable, right_in_jax: Callable) -> Wrong:
    """Return an operation that JAX compiles as `compiled`, and not as it should."""
    primitive = compiled_as(name, compiled)
    unharmed = compiled_as(name.replace("wrong", "right"), right_in_jax)
    return Wrong(primitive, right, unharmed)


def compiled_as(name: str, compiled: Callable) -> Primitive:
    """Return a primitive that JAX compiles as `compiled`. Its output is like its first input."""
    primitive = Primitive(name)

    @primitive.def_abstract_eval
    def _(x, *_):
        return jax.core.ShapedArray(x.shape, x.dtype)

    mlir.register_lowering(primitive, mlir.lower_fun(compiled, multiple_results=False))
    batching.defvectorized(primitive)
    return primitive


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


def less_its_sum(x):
    """Subtract the sum over all rows."""
    return x - x.sum(0, keepdims=True)


OPERATIONS = {
    "wrong_tanh": operation("wrong_tanh", one_wrong_entry, np.tanh, jnp.tanh),
    "wrong_sum": operation("wrong_sum", a_dropped_row, less_its_sum, less_its_sum),
    "wrong_add": operation("wrong_add", a_stale_buffer, np.add, jnp.add),
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
    """A random program with a faulty operation.

    operation  the name of that operation
    unharmed   the same function with the right operation
    """

    program: Program
    operation: str
    unharmed: Callable

    def is_silent(self) -> bool:
        """Return whether the fault moves no output further than rounding may move one.

        So it does where the wrong entry of tanh is next to 0. "May" is ALLOWED times as far as it
        moves an output of the right program.
        """
        arguments = self.program.arguments
        exact = witness.evaluate(self.program.function, *arguments)
        right = np.asarray(jax.jit(self.unharmed)(*arguments), np.float64)
        faulty = np.asarray(jax.jit(self.program.function)(*arguments), np.float64)
        rounding_error = np.max(np.abs(right - exact))
        return bool(np.max(np.abs(faulty - right)) <= rounding.ALLOWED * rounding_error)


def draw_wrong(seed: int) -> Planted:
    """Sample a chain of products and activations with a faulty operation, which is not silent."""
    for attempt in count():
        planted = attempt_wrong(np.random.default_rng([seed, attempt]))
        if not planted.is_silent():
            return planted
    raise AssertionError


def attempt_wrong(generator: np.random.Generator) -> Planted:
    """Sample a chain with a faulty operation, which may be silent: alone, vmapped or scanned."""
    name = str(generator.choice(list(OPERATIONS)))
    faulty = OPERATIONS[name]
    dtype = np.dtype(generator.choice(["float32", "float64"]))
    units = [int(n) for n in generator.choice([3, 8, 33, 100], size=4)]
    weights = [
        jnp.asarray(generator.normal(size=(m, n)) / np.sqrt(n), dtype) for n, m in pairwise(units)
    ]
    place = int(generator.integers(len(weights)))
    mode = str(generator.choice(["alone", "vmapped", "scanned"]))

    def chain(x, bind):
        for number, W in enumerate(weights):
            z = W @ x
            if number != place:
                x = jax.nn.sigmoid(z) + jnp.asarray(0.1, dtype) * z
            elif name == "wrong_add":
                x = bind(z, jnp.tanh(z) + 1)
            else:
                x = bind(z)
        return x

    def function(x):
        return chain(x, faulty.primitive.bind)

    def unharmed(x):
        return chain(x, faulty.unharmed.bind)

    a = generator.normal(size=(units[0], int(generator.choice([1, 4, 17])))).astype(dtype)
    text = f"{name} in {units}, {dtype}, {mode}"
    if mode == "alone":
        return Planted(Program(function, (a,), text), name, unharmed)
    both = np.stack([a, 2 * a])
    over_both = jax.vmap if mode == "vmapped" else mapped
    program = Program(over_both(function), (both,), text)
    return Planted(program, name, over_both(unharmed))


def mapped(function: Callable) -> Callable:
    """Return a function of several inputs, which a loop goes over."""
    return lambda xs: lax.map(function, xs)
