"""Networks whose weights are written down, not trained. Each function returns (net, params).

They show which functions a network can represent; training need not find these weights. Parameters
have JAX's default float dtype.
"""

from typing import TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from fnn import checks, layers
from fnn.activations import Activation
from fnn.layers import DenseParams
from fnn.mlp import mlp
from fnn.types import ArrayLike, Layer, Params

Points: TypeAlias = Num[ArrayLike, "knots"]
Network: TypeAlias = tuple[Layer, Params]


def interpolation(knots: Points, values: Points) -> Network:
    """Return a network of one hidden layer that interpolates linearly between points.

    y = v₀ + Σᵢ cᵢ max(0, x − kᵢ)

    knots   (n,), kᵢ, ascending, n at least 2
    values  (n,), vᵢ

    Each interval has one ReLU unit; cᵢ is the change of slope at its left end. Left of the first
    knot y = v₀; right of the last one the line continues. For a function with |f″| ≤ M and
    intervals of length h the error is at most M h²/8 (claims 1.2, 2.8). Raises ValueError for knots
    that do not rise, fewer than two, and another number of values than of knots.

    >>> import fnn
    >>> net, params = fnn.course.constructions.interpolation([0.0, 1.0, 3.0], [1.0, 2.0, 0.0])
    >>> print(fnn.apply(net, params, [[0.5], [2.0]]))
    [[1.5]
     [1. ]]
    """
    k = np.asarray(checks.numbers("knots", knots), float)
    v = np.asarray(checks.numbers("values", values), float)
    if k.ndim != 1 or k.shape != v.shape or len(k) < 2:
        raise ValueError(
            f"knots, values: got shapes {k.shape} and {v.shape}, expected (n,) of both, n at "
            "least 2."
        )
    checks.finite("knots", k)
    checks.finite("values", v)
    steps = np.diff(k)
    does_not_rise = steps <= 0
    if does_not_rise.any():
        knot = 1 + int(np.argmax(does_not_rise))
        raise ValueError(f"knots: knot {knot} is not above the one before; sort them.")
    slopes = np.diff(v) / steps
    changes = np.diff(slopes, prepend=0.0)
    units = len(slopes)
    net = mlp((1, units, 1))
    ones = np.ones((units, 1))
    hidden = _dense(ones, -k[:-1])
    output = _dense(changes[None, :], v[:1])
    return net, (hidden, (), output)


def tent_map(depth: int) -> Network:
    """Return a network that applies the tent map T `depth` times.

    T(x) = 2 max(0, x) − 4 max(0, x − ½)

    depth  number of hidden layers, at least 1; each has two ReLU units

    T folds [0, 1] once. The network has 2^depth straight pieces there, of slope ±2^depth. One
    hidden layer of H units has at most H + 1 pieces, and needs at least 2^depth − 1 units for as
    many (claim 3.4; Telgarsky 2016). The values at multiples of 2^−m are exact in floating point.
    Raises ValueError for depths below 1.

    >>> import fnn
    >>> net, params = fnn.course.constructions.tent_map(2)
    >>> print(fnn.apply(net, params, [[0.0], [0.25], [0.5], [0.75]]).T)
    [[0. 1. 0. 1.]]
    """
    checks.count("depth", depth)
    net = mlp((1, *[2] * depth, 1))
    fold = np.array([[2.0, -4.0]])
    kinks = np.array([0.0, -0.5])
    first = _dense(np.ones((2, 1)), kinks)
    further = _dense(np.repeat(fold, 2, axis=0), kinks)
    last = _dense(fold, np.zeros(1))
    params: list[Params] = [first, ()]
    for _ in range(depth - 1):
        params += [further, ()]
    return net, (*params, last)


def nand() -> Network:
    """Return one threshold unit that is NAND: 0 for (1, 1) and 1 for the other corners (claim 3.2).

    y = 1 iff −2x₁ − 2x₂ + 3 ≥ 0

    >>> import fnn
    >>> net, params = fnn.course.constructions.nand()
    >>> print(fnn.apply(net, params, [[0, 0], [0, 1], [1, 0], [1, 1]]).T)
    [[1. 1. 1. 0.]]
    """
    return mlp((2, 1), output="step"), (_nand(), ())


def xor_of_nands(activation: str | Activation = "step") -> Network:
    """Return four NAND units that are XOR, which no single unit is (claim 3.3).

    m = x₁ ↑ x₂
    y = (x₁ ↑ m) ↑ (x₂ ↑ m)

    activation  of each unit; with another one than the step, the same weights make a network that
                has a gradient

    >>> import fnn
    >>> net, params = fnn.course.constructions.xor_of_nands()
    >>> print(fnn.apply(net, params, [[0, 0], [0, 1], [1, 0], [1, 1]]).T)
    [[0. 1. 1. 0.]]
    """
    nodes = {
        "m": (("x1", "x2"), activation),
        "left": (("x1", "m"), activation),
        "right": (("x2", "m"), activation),
        "y": (("left", "right"), activation),
    }
    net = layers.graph(("x1", "x2"), nodes, outputs=("y",))
    return net, {name: _nand() for name in nodes}


def _nand() -> DenseParams:
    W = np.array([[-2.0, -2.0]])
    b = np.array([3.0])
    return _dense(W, b)


def _dense(W: np.ndarray, b: np.ndarray) -> DenseParams:
    """Return the parameters of a dense layer, in JAX's default float dtype."""
    weights = jnp.asarray(W, float)
    biases = jnp.asarray(b, float)
    return DenseParams(weights, biases)
