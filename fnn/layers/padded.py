"""The affine map between layers of which only the first units exist.

Networks of several widths are then one program. Every width has its own array shapes, so a sweep
over widths compiles a program for each. A `MaskedWidth(n, most)` has the arrays of `most` units
instead. The layer that reads them masks the units beyond the first n; their weights are zero and
stay zero. n may then be traced, and networks of all widths are runs of one program.
"""

import operator
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import jax
import jax.numpy as jnp

from fnn import checks, initializers
from fnn.initializers import Initializer
from fnn.layers.dense import DenseParams, dense
from fnn.remembered import remembered
from fnn.types import Layer, PyTree


@dataclass(frozen=True)
class MaskedWidth:
    """A hidden size of `units` units in arrays of `most` units.

    units  how many units exist, the first ones; it may be traced, so that a sweep compiles once
    most   how many units the arrays hold

    Weights are drawn by `fnn.initializers.by_unit`, of a rule whose variance follows from the
    sizes, such as "he". `unpad` cuts the small network's parameters out of the padded ones.

    Activations that couple units (softmax) are refused. Elementwise activations and their slopes
    must be finite at 0. The padded network learns what the small one learns where the optimizer
    treats every entry alike or uses norms, as all in `fnn.optim` do. It does not under optax's
    adafactor, which looks at the shapes, and noisy_sgd, which moves the masked units.

    >>> import fnn
    >>> net = fnn.mlp((64, fnn.layers.MaskedWidth(units=16, most=128), 10))
    >>> net.parts[0]
    Layer(padded 64→128)
    """

    units: Any
    most: int

    @classmethod
    def of(cls, name: str, size: Any) -> Self:
        """Return a size as a MaskedWidth. Tracers pass.

        name  the argument that messages name
        size  a whole number or a MaskedWidth

        Raises ValueError for counts below 1 and for more units than `most`.
        """
        if not isinstance(size, MaskedWidth):
            n = checks.count(name, size)
            return cls(n, n)
        most = checks.count(f"{name}.most", size.most)
        if not checks.is_concrete(size.units):
            return cls(size.units, most)
        units = checks.count(f"{name}.units", size.units)
        if units > most:
            raise ValueError(
                f"{name}: got {size.units} units of at most {most}; raise most, or leave that "
                "width out."
            )
        return cls(size.units, most)


Size: TypeAlias = int | MaskedWidth


@remembered
def padded(n_in: Size, n_out: Size, *, init: str | Initializer = "he") -> Layer:
    """Return z = W a + b from the first n_in.units to the first n_out.units features.

    n_in   number of features of a: a whole number or a MaskedWidth
    n_out  number of features of z: a whole number or a MaskedWidth
    init   initialiser whose variance follows from the sizes, by name or itself

    W is (n_out.most, n_in.most), and zero beyond the units that exist. It is drawn as
    `initializers.by_unit` draws, with the variance of the units that exist. The network starts as
    `dense(n_in.units, n_out.units, init=by_unit(init))` does, to the rounding of sums. z of the
    masked units is 0, and a `padded` that follows does not read their activations.

    Raises ValueError for sizes that do not fit, initialisers whose variance does not follow from
    the sizes, and inputs with another feature count than n_in.most.

    >>> import fnn, jax
    >>> from fnn.layers import MaskedWidth
    >>> layer = fnn.layers.padded(2, MaskedWidth(units=1, most=3))
    >>> params, state = layer.init(jax.random.key(0))
    >>> print(params.W != 0)
    [[ True  True]
     [False False]
     [False False]]
    """
    width_in = MaskedWidth.of("n_in", n_in)
    width_out = MaskedWidth.of("n_out", n_out)
    rule = initializers.variance_scaling(init)
    whole = dense(width_in.most, width_out.most)

    def initialise(key):
        shape = (width_out.most, width_in.most)
        W = rule.sample_first_units(key, shape, width_out.units, width_in.units)
        b = jnp.zeros(width_out.most, W.dtype)
        params = DenseParams(W, b)
        return params, ()

    def masked(params: DenseParams) -> DenseParams:
        """Zero the columns of W that read masked units."""
        numbers = jnp.arange(width_in.most)
        exists = numbers < width_in.units
        W = jnp.where(exists, params.W, 0)
        return params._replace(W=W)

    def forward(params, state, x, *, key=None, train=False):
        masked_params = masked(params)
        return whole.forward(masked_params, state, x, key=key, train=train)

    def backward(params, a, dz):
        masked_params = masked(params)
        grads, da = whole.backward(masked_params, a, dz)
        masked_grads = masked(grads)
        return masked_grads, da

    name = f"padded {width_in.most}→{width_out.most}"
    return Layer(initialise, forward, backward, name, per_example=True)


def unpad(wide: PyTree, like: PyTree) -> PyTree:
    """Return the beginning of every array of `wide`, in the shapes of `like`.

    wide  parameters or state of the padded network
    like  parameters or state of the small network

    Raises ValueError where the two trees differ in structure, or an array of `wide` is smaller than
    that of `like`.

    >>> import fnn, jax.numpy as jnp
    >>> wide, like = {"b": jnp.array([1.0, 2.0, 0.0])}, {"b": jnp.zeros(2)}
    >>> print(fnn.layers.unpad(wide, like)["b"])
    [1. 2.]
    """
    structure: Any = jax.tree.structure(wide)
    expected: Any = jax.tree.structure(like)
    if structure != expected:
        difference = checks.difference(wide, like).strip()
        raise ValueError(f"wide: {difference}; expected parameters of the padded network.")

    def cut(path, array, small):
        is_smaller = map(operator.lt, array.shape, small.shape)
        if array.ndim != small.ndim or any(is_smaller):
            place = jax.tree_util.keystr(path)
            raise ValueError(f"wide{place}: {small.shape} does not fit into {array.shape}.")
        beginning = tuple(slice(length) for length in small.shape)
        return array[beginning]

    return jax.tree_util.tree_map_with_path(cut, wide, like)
