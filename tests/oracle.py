"""The oracle of the gradient tests: automatic differentiation of a network's own forward pass."""

import jax
import jax.numpy as jnp
import numpy as np

from fnn import reductions
from fnn.backprop import feature_major, target_of
from fnn.layers import BatchNormParams, DenseParams


def autodiff(net, loss, params, x, y, *, reduction="mean", state=(), key=None, train=True, weights=None):
    """What `value_and_grad` returns, by jax.value_and_grad of net.forward, loss.value and penalty.value alone."""

    def objective(params):
        prediction, _, _ = net.forward(params, state, feature_major(x), key=key, train=train)
        c = reductions.coefficients(reductions.get(reduction), weights, prediction)
        value = jnp.sum(c * loss.value(prediction, target_of(y)))
        return value if loss.penalty is None else value + loss.penalty.value(params)

    return jax.value_and_grad(objective)(params)


LIGHT = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""`compiler_options` for networks that run once: compiling them is all the cost."""

VANISHES = 1e-10


def relative_errors(actual, expected):
    """max |Δ| / max |g| for each leaf, at the leaf's own scale.

    One exception: what a batch norm subtracts again, such as the bias in front of it, has the gradient Σδ = 0, and
    what either method returns for it is rounding. A bias or shift whose gradient is below VANISHES of its weight's or
    scale's, which is a sum over the same δ, is measured at the scale of the latter.
    """
    layers = [jax.tree.leaves(tree, is_leaf=_is_layer) for tree in (actual, expected)]
    return np.array([error for pair in zip(*layers, strict=True) for error in _layer_errors(*pair)])


def _is_layer(node):
    return isinstance(node, (DenseParams, BatchNormParams))


def _layer_errors(actual, expected):
    (W, b), (true_W, true_b) = ([np.asarray(leaf, np.float64) for leaf in layer] for layer in (actual, expected))
    scale_W, scale_b = np.abs(true_W).max(), np.abs(true_b).max()
    if scale_b < VANISHES * scale_W:
        scale_b = scale_W
    return np.abs(W - true_W).max() / (scale_W or 1.0), np.abs(b - true_b).max() / (scale_b or 1.0)
