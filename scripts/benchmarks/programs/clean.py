"""Random programs for `fnn.check_compiled`, ill-conditioned ones among them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Program(NamedTuple):
    """A function, its arguments, and its operations as a text."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    text: str


def positive(x):
    """Return |x| + 0.1, which is above 0."""
    return jnp.abs(x) + 0.1


def mean(x):
    """Return the mean over rows."""
    return jnp.mean(x, axis=0, keepdims=True)


UNARY = {
    "tanh": jnp.tanh,
    "exp": lambda x: jnp.exp(jnp.clip(x, -20, 20)),
    "log": lambda x: jnp.log(positive(x)),
    "sqrt": lambda x: jnp.sqrt(positive(x)),
    "reciprocal": lambda x: 1 / (jnp.square(x) + 0.5),
    "square": jnp.square,
    "cube": lambda x: x**3,
    "sin": jnp.sin,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "gelu": jax.nn.gelu,
    "softmax": lambda x: jax.nn.softmax(x, axis=-1),
    "log_softmax": lambda x: jax.nn.log_softmax(x, axis=-1),
    "centred": lambda x: x - x.mean(-1, keepdims=True),
    "scaled": lambda x: x / (jnp.std(x, axis=0, keepdims=True) + 1e-3),
    "cumsum": lambda x: jnp.cumsum(x, axis=0),
    "flipped": lambda x: x[::-1],
    "rolled": lambda x: jnp.roll(x, 3, axis=0),
    "sorted": lambda x: jnp.sort(x, axis=-1),
    "chosen": lambda x: jnp.where(x > 0.1, x, -2 * x),
    "gathered": lambda x: x[jnp.array([0, -1, 0])],
    "padded": lambda x: jnp.pad(x, ((1, 0), (0, 2))),
    "updated": lambda x: x.at[0].add(1.5),
    "largest": lambda x: x - x.max(0, keepdims=True),
    "signs": jnp.sign,
    "rounded": jnp.round,
    "transposed": lambda x: x.T,
    "window": lambda x: lax.reduce_window(x, 0.0, lax.add, (2, 1), (1, 1), "SAME"),
    # ill-conditioned
    "difference of close": lambda x: (1 + 1e-4 * x) ** 2 - 1,
    "saturated": lambda x: 1 - jnp.tanh(6 * x) ** 2,
    "product": lambda x: jnp.cumprod(1 + 0.3 * jnp.tanh(x), axis=0),
    "branch on rounded": lambda x: jnp.where(x * 3 / 3 == x, x, -x),
    "floor of rounded": lambda x: jnp.floor(10 * (x * 0.1)),
    "arg": lambda x: x * jnp.argmax(jnp.round(x, 1), axis=0, keepdims=True),
    "variance by squares": lambda x: x * (mean((x + 100) ** 2) - mean(x + 100) ** 2),
}


def product(x, generator):
    """Return a function that multiplies by a matrix."""
    width = int(generator.integers(1, 40))
    W = jnp.asarray(generator.normal(size=(x.shape[-1], width)), x.dtype)
    return lambda x: x @ W


def scanned(x, generator):
    """Return a function that goes over copies of x with a scan."""
    turns = int(generator.integers(1, 12))
    rate = jnp.asarray(0.5, x.dtype)

    def apply(x):
        def step(carry, row):
            carry = jnp.tanh(rate * carry + row)
            return carry, carry.sum()

        rows = jnp.broadcast_to(x, (turns, *x.shape))
        last, sums = lax.scan(step, jnp.zeros_like(x), rows)
        return last + sums.mean()

    return apply


def looped(x, generator):
    """Return a function that applies a step several times."""
    turns = int(generator.integers(1, 9))
    return lambda x: lax.fori_loop(0, turns, lambda i, x: jnp.sin(x) + 0.1 * x, x)


def constant(x, generator):
    """Return a function with a sum of many equal terms, whose rounding errors add up."""
    n = int(generator.integers(1, 200_000))
    return lambda x: x + jnp.sum(jnp.full(n, 0.1, x.dtype) * x.mean()) / n


JUMPING = frozenset(
    [
        "chosen",
        "sorted",
        "scaled",
        "signs",
        "rounded",
        "branch on rounded",
        "floor of rounded",
        "arg",
    ]
)
"""Operations that turn a small error into a jump. A third of the programs has none of them."""

BINARY: dict[str, Callable] = {
    "add": lambda x, y: x + y,
    "multiply": lambda x, y: x * y,
    "subtract": lambda x, y: x - y,
}
WITH_NUMBERS = {"matmul": product, "scan": scanned, "loop": looped, "constant": constant}


def draw(seed: int) -> Program:
    """Sample a program of 3 to 30 operations, single or vmapped, its value or its gradient."""
    generator = np.random.default_rng(seed)
    dtype = np.dtype(generator.choice(["float32", "float64"]))
    shape = tuple(int(n) for n in generator.choice([1, 2, 3, 7, 8, 17, 33, 64, 130], size=2))
    if generator.integers(10) == 0:
        shape = (int(generator.integers(1_000, 40_000)), int(generator.integers(1, 5)))
    x = (generator.normal(size=shape) * generator.choice([0.01, 1.0, 10.0])).astype(dtype)
    operations: list[Callable] = []
    names: list[str] = []
    like: Any = jnp.asarray(x)
    choices = [*UNARY, *WITH_NUMBERS, *BINARY]
    is_smooth = generator.integers(3) == 0
    if is_smooth:
        choices = [name for name in choices if name not in JUMPING]
    for _ in range(int(generator.integers(3, 31))):
        name = str(generator.choice(choices))
        if name in BINARY:
            operation = with_a_copy(BINARY[name], name)
        elif name in WITH_NUMBERS:
            operation = WITH_NUMBERS[name](like, generator)
        else:
            operation = UNARY[name]
        after = jax.eval_shape(operation, like)
        if after.size > 400_000:
            continue
        operations.append(operation)
        names.append(name)
        like = jax.ShapeDtypeStruct(after.shape, after.dtype)

    def function(x):
        for operation in operations:
            x = operation(x)
        return x

    mode = str(generator.choice(["value", "vmapped", "gradient", "sum"]))

    def mean_square(x):
        return jnp.mean(jnp.square(function(x)))

    def sum_of_rows(x):
        return jnp.sum(function(x), axis=0)

    functions = {
        "value": function,
        "vmapped": jax.vmap(function),
        "gradient": jax.value_and_grad(mean_square),
        "sum": sum_of_rows,
    }
    if mode == "vmapped":
        x = np.stack([x, 0.5 * x, -x])
    text = f"{dtype}{x.shape} {mode}: {', '.join(names)}"
    return Program(functions[mode], (x,), text)


def with_a_copy(combine: Callable, name: str) -> Callable:
    """Return a function that combines a value with another one computed from it."""
    return lambda x: combine(x, jnp.tanh(0.3 * x) + 1)
