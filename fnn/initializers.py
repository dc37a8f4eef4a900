"""Initialisers of weight matrices W of shape (out, in): `initializer(key, shape) -> W`.

The dtype is JAX's default float: float32, or float64 under x64. The documents disagree on the n of
"variance 1/n" (course claim X9), so that every rule has its own name here:

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

Biases start at zero everywhere in the library.

>>> import fnn, jax
>>> W = fnn.initializers.he(jax.random.key(0), (3, 2))
>>> print(W.shape, fnn.initializers.zeros(jax.random.key(0), (1, 2)))
(3, 2) [[0. 0.]]
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
from fnn.renamed import renamed
from fnn.types import PRNGKey

Shape: TypeAlias = tuple[int, int]
Matrix: TypeAlias = Float[Array, "out in"]
Initializer: TypeAlias = Callable[[PRNGKey, Shape], Matrix]

PREFIX_STABLE = "jax_threefry_partitionable"
"""The setting of JAX under which a short draw is the beginning of a longer one."""


def _of_matrix(draw: Initializer) -> Initializer:
    """Let an initialiser refuse shapes that are not those of a matrix."""

    @wraps(draw)
    def initializer(key, shape):
        return draw(key, _matrix_shape(shape))

    return initializer


def _matrix_shape(shape: Any) -> Shape:
    """Return (out, in). Raises ValueError for other shapes."""
    is_sequence = isinstance(shape, (tuple, list))
    if not is_sequence or len(shape) != 2:
        raise ValueError(f"shape: got {shape!r}, expected (out, in).")
    out = checks.count("shape[0]", shape[0])
    into = checks.count("shape[1]", shape[1])
    return out, into


@_of_matrix
def zeros(key: PRNGKey, shape: Shape) -> Matrix:
    """Return W = 0.

    key    not used
    shape  (out, in)

    >>> import fnn, jax
    >>> print(fnn.initializers.zeros(jax.random.key(0), (1, 2)))
    [[0. 0.]]
    """
    return jnp.zeros(shape)


@remembered
def constant(value: float = 0.1) -> Initializer:
    """Return the initialiser W = value.

    value  a finite number; may be traced

    >>> import fnn, jax
    >>> print(fnn.initializers.constant(0.5)(jax.random.key(0), (1, 2)))
    [[0.5 0.5]]
    """
    checks.real("value", value)
    return _of_matrix(lambda key, shape: jnp.full(shape, value, float))


@remembered
def uniform(low: float = -0.05, high: float = 0.05) -> Initializer:
    """Return the initialiser W ~ U(low, high).

    low, high  finite numbers, low < high; may be traced

    >>> import fnn, jax
    >>> W = fnn.initializers.uniform(-1.0, 1.0)(jax.random.key(0), (100, 100))
    >>> print(W.min() >= -1, W.max() < 1)
    True True
    """
    checks.real("low", low)
    checks.real("high", high)
    is_concrete = checks.is_concrete((low, high))
    if is_concrete and low >= high:
        raise ValueError(f"uniform: got low = {low}, high = {high}, expected low < high.")
    checks.real("high - low", high - low)

    def draw(key, shape):
        return jax.random.uniform(key, shape, minval=low, maxval=high)

    return _of_matrix(draw)


@remembered
def normal(sigma: float = 0.01) -> Initializer:
    """Return the initialiser W ~ N(0, σ²).

    sigma  σ, above 0; may be traced

    >>> import fnn, jax
    >>> W = fnn.initializers.normal(0.5)(jax.random.key(0), (100, 100))
    >>> print(W.std().round(1))
    0.5
    """
    checks.positive("sigma", sigma)

    def draw(key, shape):
        return sigma * jax.random.normal(key, shape)

    return _of_matrix(draw)


@dataclass(frozen=True)
class VarianceScaling:
    """An initialiser of mean 0 whose variance follows from the sizes.

    name      its name in the table above
    variance  (out, in) -> variance of W
    standard  (key, shape) -> samples of mean 0 and variance 1

    >>> import fnn, jax
    >>> he = fnn.initializers.he
    >>> print(he.variance(3, 8), he(jax.random.key(0), (3, 8)).shape)
    0.25 (3, 8)
    """

    name: str
    variance: Callable[[Any, Any], Any] = field(repr=False)
    standard: Callable[[PRNGKey, tuple[int, ...]], Array] = field(
        default=jax.random.normal, repr=False
    )

    def __call__(self, key: PRNGKey, shape: Shape) -> Matrix:
        """Return W, sampled as one array."""
        out, into = _matrix_shape(shape)
        deviation = math.sqrt(self.variance(out, into))
        return deviation * self.standard(key, (out, into))

    def sample_first_units(self, key: PRNGKey, shape: Shape, out: Any, into: Any) -> Matrix:
        """Return a matrix whose first `out` rows and `into` columns are W, zero elsewhere.

        key    row i is sampled from fold_in(key, i), so that W does not depend on `shape`
        shape  shape of the matrix
        out    rows of W; may be traced
        into   columns of W; may be traced

        Raises ValueError where JAX's old sampling is set, in which a short row is not the beginning
        of a longer one.

        >>> import fnn, jax
        >>> W = fnn.initializers.he.sample_first_units(jax.random.key(0), (2, 3), 1, 2)
        >>> print(W != 0)
        [[ True  True False]
         [False False False]]
        """
        if not getattr(jax.config, PREFIX_STABLE):
            raise ValueError(
                f"{PREFIX_STABLE}: got False, expected True, on which drawing unit by unit rests."
            )
        n_rows, n_columns = shape

        def standard_row(i):
            return self.standard(jax.random.fold_in(key, i), (n_columns,))

        standard = jax.vmap(standard_row)(jnp.arange(n_rows))
        row_exists = (jnp.arange(n_rows) < out)[:, None]
        column_exists = (jnp.arange(n_columns) < into)[None, :]
        exists = row_exists & column_exists
        deviation = jnp.sqrt(self.variance(out, into))
        return jnp.where(exists, deviation * standard, 0)


def _uniform_of_variance_1(key: PRNGKey, shape: tuple[int, ...]) -> Array:
    """Sample U(−√3, √3)."""
    limit = math.sqrt(3)
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)


fan_out = VarianceScaling("fan_out", lambda out, into: 1 / out)
lecun = VarianceScaling("lecun", lambda out, into: 1 / into)
glorot = VarianceScaling("glorot", lambda out, into: 2 / (out + into))
glorot_uniform = VarianceScaling(
    "glorot_uniform", lambda out, into: 2 / (out + into), _uniform_of_variance_1
)
he = VarianceScaling("he", lambda out, into: 2 / into)
he_fan_out = VarianceScaling("he_fan_out", lambda out, into: 2 / out)


@dataclass(frozen=True)
class ByUnit:
    """A rule that samples each unit of a layer on its own, as `by_unit` makes it.

    rule  the rule of which it takes the variance and the distribution

    >>> import fnn
    >>> fnn.initializers.by_unit("lecun")
    ByUnit(rule=VarianceScaling(name='lecun'))
    """

    rule: VarianceScaling

    def __call__(self, key: PRNGKey, shape: Shape) -> Matrix:
        """Return W, with row i sampled from fold_in(key, i)."""
        out, into = _matrix_shape(shape)
        return self.rule.sample_first_units(key, (out, into), out, into)


@remembered
def by_unit(init: str | Initializer) -> ByUnit:
    """Return a rule that samples unit by unit: row i from fold_in(key, i).

    init  fan_out, lecun, glorot, glorot_uniform, he or he_fan_out, by name or itself

    The first units of a layer then start alike for every width, except for the scale. A network
    with a `fnn.layers.MaskedWidth` starts so. Raises ValueError for other initialisers.

    >>> import fnn, jax, jax.numpy as jnp
    >>> draw = fnn.initializers.by_unit("he")
    >>> small, large = (draw(jax.random.key(0), (n, 2)) for n in (3, 5))
    >>> print(jnp.array_equal(small, large[:3]))
    True
    """
    return ByUnit(variance_scaling(init))


@_of_matrix
def orthogonal(key: PRNGKey, shape: Shape) -> Matrix:
    """Return W with orthonormal rows (out ≤ in) or columns (out > in), uniform over such matrices.

    key    random key
    shape  (out, in)

    The method is Gram & Schmidt on Gaussian columns, each projected twice, which keeps QᵀQ = I to
    rounding. `jnp.linalg.qr` is not used: on jaxlib 0.10.2 its batched form never returns when
    several CPU devices run it at once, as a sweep does.

    >>> import fnn, jax, jax.numpy as jnp
    >>> W = fnn.initializers.orthogonal(jax.random.key(0), (2, 4))
    >>> print(jnp.allclose(W @ W.T, jnp.eye(2), atol=1e-6))
    True
    """
    out, into = shape
    longer, shorter = max(shape), min(shape)
    gaussian = jax.random.normal(key, (longer, shorter))

    def orthonormalise(Q, j):
        v = gaussian[:, j]
        for _ in range(2):
            projection = Q @ (Q.T @ v)
            v = v - projection
        unit = v / jnp.linalg.norm(v)
        return Q.at[:, j].set(unit), None

    start = jnp.zeros_like(gaussian)
    columns = jnp.arange(shorter)
    Q, _ = compiler.scan(orthonormalise, start, columns)
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
    """Return the initialiser of a name. A function is returned as it is.

    init  a name such as "he", or a function (key, shape) -> W

    Raises ValueError for unknown names, and for a maker of initialisers such as `normal` that was
    not called.

    >>> import fnn
    >>> fnn.initializers.get("he")
    VarianceScaling(name='he')
    """
    if not callable(init):
        return checks.lookup("init", init, REGISTRY)
    is_called = init not in (constant, uniform, normal, by_unit)
    checks.instance("init", init, is_called, "an initializer (key, shape) -> W")
    return init


def variance_scaling(init: str | Initializer) -> VarianceScaling:
    """Return the initialiser of a name whose variance follows from the sizes.

    init  fan_out, lecun, glorot, glorot_uniform, he or he_fan_out, by name or itself; a rule that
          `by_unit` returned

    Raises ValueError for other initialisers.

    >>> import fnn
    >>> fnn.initializers.variance_scaling("xavier")
    VarianceScaling(name='glorot')
    """
    rule = get(init)
    if isinstance(rule, ByUnit):
        return rule.rule
    if not isinstance(rule, VarianceScaling):
        names = [name for name, each in REGISTRY.items() if isinstance(each, VarianceScaling)]
        raise ValueError(
            f"init: got {init!r}, which cannot be drawn unit by unit; expected one of "
            f"{', '.join(names)}."
        )
    return rule


def sample(init: Initializer, key: PRNGKey, shape: Shape) -> Matrix:
    """Return W, sampled by an initialiser and checked.

    init   function (key, shape) -> W
    key    random key
    shape  (out, in)

    Raises ValueError where it does not return a floating-point array of that shape.

    >>> import fnn, jax
    >>> print(fnn.initializers.sample(fnn.initializers.zeros, jax.random.key(0), (1, 2)))
    [[0. 0.]]
    """
    try:
        W = init(key, shape)
    except TypeError as error:
        raise ValueError(
            f"init: {error}; it is called as init(key, shape) and returns W."
        ) from error
    returned_shape = getattr(W, "shape", None)
    dtype = getattr(W, "dtype", None)
    if returned_shape != shape or not checks.is_floating(dtype):
        raise ValueError(
            f"init: returned shape {returned_shape} of {dtype}, expected {shape} of floating-point "
            "numbers."
        )
    return jnp.asarray(W)


renamed(
    __name__,
    {
        "OfSize": "fnn.initializers.VarianceScaling",
        "of_size": "fnn.initializers.variance_scaling",
        "drawn": "fnn.initializers.sample",
    },
)
