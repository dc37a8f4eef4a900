"""Initialisers of weight matrices W of shape (out, in): `initializer(key, shape) -> W`.

The dtype is JAX's default float: float32, or float64 under x64. The documents disagree on the n of
"variance 1/n" (course claim X9), so every rule is here by its own name:

| name                | distribution                 | source                                   |
|---------------------|------------------------------|------------------------------------------|
| zeros, constant     | one value                    | the symmetry counter-example (0.20)      |
| uniform             | U(low, high)                 | Adornetto: "Uniform()", range unstated   |
| normal              | N(0, σ²), σ = 0.01           | Sharif's "best practice"                 |
| fan_out             | N(0, 1/out)                  | "Xavier" as Sharif prints it             |
| lecun               | N(0, 1/in)                   | LeCun et al. 1998                        |
| glorot = xavier     | N(0, 2/(in + out))           | Glorot & Bengio 2010                     |
| glorot_uniform      | U(±√(6/(in + out)))          | Glorot & Bengio 2010                     |
| he                  | N(0, 2/in)                   | He et al. 2015, forward                  |
| he_fan_out          | N(0, 2/out)                  | He et al. 2015, backward; Sharif's "He"  |
| orthogonal          | orthonormal rows or columns  | Saxe et al. 2014                         |

Biases start at zero wherever the library makes them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from fnn import checks, compiler
from fnn.remembered import remembered, unchanging
from fnn.types import PRNGKey

Shape: TypeAlias = tuple[int, int]
Initializer: TypeAlias = Callable[[PRNGKey, Shape], Float[Array, "out in"]]

# the setting under which a short draw is the beginning of a longer one
PREFIX_STABLE = "jax_threefry_partitionable"


def _of_matrix(draw: Initializer) -> Initializer:
    """The initializer, refusing shapes that are not those of a matrix."""

    @wraps(draw)
    def initializer(key, shape):
        return draw(key, _matrix_shape(shape))

    return initializer


def _matrix_shape(shape: Any) -> Shape:
    """(out, in); ValueError for anything else."""
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise ValueError(f"shape: got {shape!r}, expected (out, in).")
    out, into = (checks.count(f"shape[{axis}]", length) for axis, length in enumerate(shape))
    return out, into


@_of_matrix
def zeros(key: PRNGKey, shape: Shape) -> Float[Array, "out in"]:
    """W = 0."""
    return jnp.zeros(shape)


@remembered
def constant(value: float = 0.1) -> Initializer:
    """W = value."""
    checks.real("value", value)
    return _of_matrix(lambda key, shape: jnp.full(shape, value, float))


@remembered
def uniform(low: float = -0.05, high: float = 0.05) -> Initializer:
    """W ~ U(low, high)."""
    checks.real("low", low)
    checks.real("high", high)
    if checks.is_concrete((low, high)) and low >= high:
        raise ValueError(f"uniform: got low = {low}, high = {high}, expected low < high.")
    checks.real("high - low", high - low)
    return _of_matrix(lambda key, shape: jax.random.uniform(key, shape, minval=low, maxval=high))


@remembered
def normal(sigma: float = 0.01) -> Initializer:
    """W ~ N(0, σ²)."""
    checks.positive("sigma", sigma)
    return _of_matrix(lambda key, shape: sigma * jax.random.normal(key, shape))


@dataclass(frozen=True)
class OfSize:
    """W of mean 0 and variance(out, in), by draws of variance 1."""

    name: str
    variance: Callable[[Any, Any], Any] = field(repr=False)
    standard: Callable[[PRNGKey, tuple[int, ...]], Array] = field(
        default=jax.random.normal, repr=False
    )

    def __call__(self, key: PRNGKey, shape: Shape) -> Float[Array, "out in"]:
        """W, drawn at once."""
        shape = _matrix_shape(shape)
        return math.sqrt(self.variance(*shape)) * self.standard(key, shape)

    def first_units(
        self, key: PRNGKey, shape: Shape, out: Any, into: Any
    ) -> Float[Array, "out in"]:
        """A matrix of which the first `out` rows and `into` columns are W and all others are zero.
        Row i is drawn from fold_in(key, i), so that W is the same whatever the shape around it;
        `out` and `into` may be traced.

        ValueError where JAX is told to draw in the old way, in which a short row is no beginning of
        a longer one.
        """
        if not getattr(jax.config, PREFIX_STABLE):
            raise ValueError(
                f"{PREFIX_STABLE}: got False, expected True, on which drawing unit by unit rests."
            )
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(shape[0]))
        rows = jax.vmap(lambda key: self.standard(key, shape[1:]))(keys)
        within = (jnp.arange(shape[0]) < out)[:, None] & (jnp.arange(shape[1]) < into)[None, :]
        return jnp.where(within, jnp.sqrt(self.variance(out, into)) * rows, 0)


def _uniform_of_variance_1(key: PRNGKey, shape: tuple[int, ...]) -> Array:
    """U(−√3, √3)."""
    return jax.random.uniform(key, shape, minval=-math.sqrt(3), maxval=math.sqrt(3))


fan_out = OfSize("fan_out", lambda out, into: 1 / out)
lecun = OfSize("lecun", lambda out, into: 1 / into)
glorot = OfSize("glorot", lambda out, into: 2 / (out + into))
glorot_uniform = OfSize(
    "glorot_uniform", lambda out, into: 2 / (out + into), _uniform_of_variance_1
)
he = OfSize("he", lambda out, into: 2 / into)
he_fan_out = OfSize("he_fan_out", lambda out, into: 2 / out)


@dataclass(frozen=True)
class ByUnit:
    """A rule that draws the units of a layer apart."""

    rule: OfSize

    def __call__(self, key: PRNGKey, shape: Shape) -> Float[Array, "out in"]:
        """W, row i drawn from fold_in(key, i)."""
        shape = _matrix_shape(shape)
        return self.rule.first_units(key, shape, *shape)


@remembered
def by_unit(init: str | Initializer) -> ByUnit:
    """A rule whose variance follows from the sizes (fan_out, lecun, glorot, glorot_uniform, he,
    he_fan_out), drawn unit by unit: row i from fold_in(key, i). The first units of a layer then
    start alike however many there are, but for the scale; a network with a `fnn.layers.MaskedWidth`
    starts so. ValueError for other initialisers.
    """
    return ByUnit(of_size(init))


@_of_matrix
def orthogonal(key: PRNGKey, shape: Shape) -> Float[Array, "out in"]:
    """W with orthonormal rows (out ≤ in) or columns (out > in), uniform over such matrices.

    Gram & Schmidt on Gaussian columns, each projected twice, which keeps QᵀQ = I to rounding. Not
    `jnp.linalg.qr`: on jaxlib 0.10.2 its batched form never returns when several CPU devices run it
    at once, as a sweep does.
    """
    out, into = shape
    gaussian = jax.random.normal(key, (max(shape), min(shape)))

    def orthonormalise(Q, j):
        v = gaussian[:, j]
        for _ in range(2):
            v = v - Q @ (Q.T @ v)
        return Q.at[:, j].set(v / jnp.linalg.norm(v)), None

    Q, _ = compiler.scan(orthonormalise, jnp.zeros_like(gaussian), jnp.arange(min(shape)))
    return Q if out >= into else Q.T


REGISTRY: dict[str, Initializer] = {
    "zeros": zeros,
    "constant": constant(),
    "uniform": uniform(),
    "normal": normal(),
    "fan_out": fan_out,
    "lecun": lecun,
    "glorot": glorot,
    "xavier": glorot,
    "glorot_uniform": glorot_uniform,
    "he": he,
    "he_fan_out": he_fan_out,
    "orthogonal": orthogonal,
}
unchanging(*REGISTRY.values())


def get(init: str | Initializer) -> Initializer:
    """The initialiser of that name; a function is itself. ValueError for unknown names, and for a
    maker of initialisers such as `normal` that was not called.
    """
    if not callable(init):
        return checks.lookup("init", init, REGISTRY)
    checks.instance(
        "init",
        init,
        init not in (constant, uniform, normal, by_unit),
        "an initializer (key, shape) -> W",
    )
    return init


def of_size(init: str | Initializer) -> OfSize:
    """The initialiser of that name, if its variance follows from the sizes. ValueError
    for others.
    """
    rule = get(init)
    if isinstance(rule, ByUnit):
        return rule.rule
    if not isinstance(rule, OfSize):
        known = [name for name, each in REGISTRY.items() if isinstance(each, OfSize)]
        raise ValueError(
            f"init: got {init!r}, which cannot be drawn unit by unit; expected one of "
            f"{', '.join(known)}."
        )
    return rule


def drawn(init: Initializer, key: PRNGKey, shape: Shape) -> Float[Array, "out in"]:
    """W as the initialiser draws it. ValueError where it is no floating-point array of
    that shape.
    """
    try:
        W = init(key, shape)
    except TypeError as error:
        raise ValueError(
            f"init: {error}; it is called as init(key, shape) and returns W."
        ) from error
    got = getattr(W, "shape", None), getattr(W, "dtype", None)
    if got[0] != shape or not checks.is_floating(got[1]):
        raise ValueError(
            f"init: returned shape {got[0]} of {got[1]}, expected {shape} of floating-point "
            f"numbers."
        )
    return jnp.asarray(W)
