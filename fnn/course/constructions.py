"""Networks whose weights are known: nothing is trained. Each function returns (net, params).

They show what a network can represent, which training need not find. Parameters have JAX's default
float dtype.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from fnn import checks, layers
from fnn.activations import Activation
from fnn.layers import DenseParams
from fnn.mlp import mlp
from fnn.types import ArrayLike, Layer, Params


def interpolation(
    knots: Num[ArrayLike, "knots"], values: Num[ArrayLike, "knots"]
) -> tuple[Layer, Params]:
    """One hidden layer of ReLU units through (knots, values), straight in between: y = v₀ + Σᵢ cᵢ
    max(0, x − kᵢ).

    One unit for each interval; cᵢ is the change of slope at its left end. Left of the first knot y
    = v₀, right of the last one it goes on straight. Of a function with |f″| ≤ M on intervals of
    length h it misses at most M h²/8 (claims 1.2, 2.8). Raises ValueError for knots that do not
    rise, fewer than two, and as many values as there are not knots.
    """
    k, v = (
        np.asarray(checks.numbers(name, array), float)
        for name, array in (("knots", knots), ("values", values))
    )
    if k.ndim != 1 or k.shape != v.shape or len(k) < 2:
        raise ValueError(
            f"knots, values: got shapes {k.shape} and {v.shape}, expected (n,) of both, n at "
            f"least 2."
        )
    checks.finite("knots", k)
    checks.finite("values", v)
    if (np.diff(k) <= 0).any():
        raise ValueError(
            f"knots: knot {int(np.argmax(np.diff(k) <= 0)) + 1} is not above the one before; sort "
            f"them."
        )
    slopes = np.diff(v) / np.diff(k)
    hidden = _dense(np.ones((len(slopes), 1)), -k[:-1])
    return mlp((1, len(slopes), 1)), (
        hidden,
        (),
        _dense(np.diff(slopes, prepend=0.0)[None, :], v[:1]),
    )


def tent_map(depth: int) -> tuple[Layer, Params]:
    """T(x) = 2 max(0, x) − 4 max(0, x − ½), applied `depth` times: as many hidden layers, of two
    ReLU units each.

    T folds [0, 1] once, so that the network has 2^depth straight pieces there, of slope ±2^depth.
    One hidden layer of H units has at most H + 1 pieces and needs at least 2^depth − 1 units for
    them (claim 3.4; Telgarsky 2016). The values at multiples of 2^−m are exact in floating point.
    Raises ValueError for depths below 1.
    """
    checks.count("depth", depth)
    fold, kinks = np.array([[2.0, -4.0]]), np.array([0.0, -0.5])
    first = _dense(np.ones((2, 1)), kinks)
    further = _dense(np.repeat(fold, 2, axis=0), kinks)
    hidden = [layer for dense in (first, *[further] * (depth - 1)) for layer in (dense, ())]
    return mlp((1, *[2] * depth, 1)), (*hidden, _dense(fold, np.zeros(1)))


def nand() -> tuple[Layer, Params]:
    """One threshold unit, 1 iff −2x₁ − 2x₂ + 3 ≥ 0: 0 for (1, 1) and 1 for the other corners (claim
    3.2).
    """
    return mlp((2, 1), output="step"), (_nand(), ())


def xor_of_nands(activation: str | Activation = "step") -> tuple[Layer, Params]:
    """Four NAND units that are XOR, which no single unit is: m = x₁ ↑ x₂ and y = (x₁ ↑ m) ↑ (x₂ ↑
    m) (claim 3.3).

    With another activation than the step the same weights make a network that has a gradient.
    """
    inputs = {"m": ("x1", "x2"), "left": ("x1", "m"), "right": ("x2", "m"), "y": ("left", "right")}
    net = layers.graph(
        ("x1", "x2"), {name: (pair, activation) for name, pair in inputs.items()}, ("y",)
    )
    return net, {name: _nand() for name in inputs}


def _nand() -> DenseParams:
    return _dense(np.array([[-2.0, -2.0]]), np.array([3.0]))


def _dense(W: np.ndarray, b: np.ndarray) -> DenseParams:
    return DenseParams(jnp.asarray(W, float), jnp.asarray(b, float))
