"""The affine map between layers of which only the first units exist: one program for networks of
several widths.

Every width has its own arrays, so a sweep over widths compiles a program for each. Where a layer is
`MaskedWidth(n, most)` it has the arrays of `most` units instead; those beyond the first n are
written off by the layer that reads them, and their weights are zero and stay so. n may then be
traced, and networks of all widths are lanes of one program.
"""

from dataclasses import dataclass
from typing import Any, Self

import jax
import jax.numpy as jnp

from fnn import checks, initializers
from fnn.initializers import Initializer
from fnn.layers.dense import DenseParams, dense
from fnn.remembered import remembered
from fnn.types import Layer, PyTree


@dataclass(frozen=True)
class MaskedWidth:
    """The first `units` of `most` units, as a hidden size in `fnn.mlp((64,
    MaskedWidth(hyper["width"], 128), 10))`.

    `units` may be traced, so that a sweep over it compiles once; the sizes of the arrays are those
    of `most`. Weights are drawn by `fnn.initializers.by_unit`, of a rule whose variance follows
    from the sizes, such as "he". `unpad` cuts the small network's parameters out of the padded
    ones. Activations that couple units (softmax) are refused; those of one's own must be finite at
    0, with their slope. The padded network learns what the small one does by rules that treat every
    entry alike or go by norms, as all in `fnn.optim` do; optax's adafactor, which looks at the
    shapes, and noisy_sgd, which moves what lies beyond, are others.
    """

    units: Any
    most: int

    @classmethod
    def of(cls, name: str, size: Any) -> Self:
        """A size as a MaskedWidth; ValueError for counts below 1 and for more units than there is
        room for. Tracers pass.
        """
        if not isinstance(size, MaskedWidth):
            n = checks.count(name, size)
            return cls(n, n)
        most = checks.count(f"{name}.most", size.most)
        if checks.is_concrete(size.units) and checks.count(f"{name}.units", size.units) > most:
            raise ValueError(
                f"{name}: got {size.units} units of at most {most}; raise most, or leave that "
                f"width out."
            )
        return cls(size.units, most)


@remembered
def padded(
    n_in: int | MaskedWidth, n_out: int | MaskedWidth, *, init: str | Initializer = "he"
) -> Layer:
    """z = W a + b from the first n_in.units to the first n_out.units; W is (n_out.most, n_in.most),
    zero beyond.

    W is drawn as `initializers.by_unit` draws, with the variance of the units that exist: the
    network is the one that `dense(n_in.units, n_out.units, init=by_unit(init))` begins, to the
    rounding of sums. z of the units beyond is 0, and what they pass on is not read by a `padded`
    that follows. Raises ValueError for sizes that do not fit, initialisers whose variance does not
    follow from the sizes, and inputs with another feature count than n_in.most.
    """
    into, out = MaskedWidth.of("n_in", n_in), MaskedWidth.of("n_out", n_out)
    rule = initializers.of_size(init)
    whole = dense(into.most, out.most)

    def initialise(key):
        W = rule.first_units(key, (out.most, into.most), out.units, into.units)
        return DenseParams(W, jnp.zeros(out.most, W.dtype)), ()

    def existing(params: DenseParams) -> DenseParams:
        return params._replace(W=jnp.where(jnp.arange(into.most) < into.units, params.W, 0))

    def forward(params, state, x, *, key=None, train=False):
        return whole.forward(existing(params), state, x, key=key, train=train)

    def backward(params, a, dz):
        grads, da = whole.backward(existing(params), a, dz)
        return existing(grads), da

    return Layer(initialise, forward, backward, f"padded {into.most}→{out.most}", per_example=True)


def unpad(wide: PyTree, like: PyTree) -> PyTree:
    """The beginning of every array of `wide`, in the shapes of `like`: parameters, and state, of
    the small network.

    `small = fnn.mlp((64, 16, 10)); unpad(run.params, small.init(key)[0])`. Raises ValueError where
    one tree is another network's, or an array is smaller than what is to be cut out of it.
    """
    structure: Any = jax.tree.structure(wide)
    if structure != jax.tree.structure(like):
        raise ValueError(
            f"wide: {checks.difference(wide, like).strip()}; expected what the padded network "
            f"learned."
        )

    def cut(path, array, small):
        if array.ndim != small.ndim or any(
            n < m for n, m in zip(array.shape, small.shape, strict=True)
        ):
            raise ValueError(
                f"wide{jax.tree_util.keystr(path)}: {small.shape} does not fit into {array.shape}."
            )
        return array[tuple(map(slice, small.shape))]

    return jax.tree_util.tree_map_with_path(cut, wide, like)
