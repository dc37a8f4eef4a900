"""The network as an operator: linear or not, and the objective that is the mean over its samples.

Question: Is a network a non-linear operator of its input and of its parameters, and is the batch
          loss a plain mean?
Source:   Adornetto (claims 0.7, 0.8).
Command:  python -m experiments run nonlinear_operator
Expected: the loss of a batch is the mean of those of single examples; the operator is linear in its
          input exactly where all activations are, and in its weights never, once there are two
          layers.
Cost:     about 3 s on 2 cores, quick or not.
"""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import losses
from fnn import plot as draw
from fnn.layers import DenseParams

SIZES = (2, 4, 4, 1)
NETWORKS = {
    "identity": ("identity", "identity"),
    "tanh then identity": ("tanh", "identity"),
    "tanh": ("tanh", "tanh"),
    "relu": ("relu", "relu"),
    "sigmoid": ("sigmoid", "sigmoid"),
}


@dataclass(frozen=True)
class Config(Common):
    """Size."""

    examples: int = 256
    """Inputs in the batch."""


QUICK = Config(examples=32, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64. beyond_linear (networks, 2): how far each is from linear in its input, and in its
    parameters.
    """
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(config.examples, 2)), rng.normal(size=config.examples)
    with jax.enable_x64(True):
        return empirical_risk(rng, x, y) | superposition(rng, x)


def filled(rng) -> tuple:
    """Parameters of the network, biases too, from N(0, 1)."""
    pairs = pairwise(SIZES)
    dense = [
        DenseParams(jnp.array(rng.normal(size=(m, n))), jnp.array(rng.normal(size=m)))
        for n, m in pairs
    ]
    return tuple(part for each in dense for part in (each, ()))[:-1]


def flat(tree) -> np.ndarray:
    """All entries of a pytree."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def empirical_risk(rng, x, y) -> dict[str, np.ndarray]:
    """Loss and gradient of the batch against the mean over single examples, and the operator put on
    the target.
    """
    net, params = fnn.mlp(SIZES, activation="tanh"), filled(rng)
    of_batch = jax.jit(fnn.value_and_grad(net, losses.squared_error))
    value, grads = of_batch(params, x, y)
    values, singles = jax.jit(jax.vmap(of_batch, in_axes=(None, 0, 0)))(
        params, x[:, None], y[:, None]
    )
    try:
        fnn.apply(net, params, y[:, None])
        printed = ""
    except ValueError as error:
        printed = str(error)
    means = flat(jax.tree.map(lambda leaf: leaf.mean(axis=0), singles))
    return {
        "risk_error": np.asarray(jnp.abs(values.mean() - value) / value),
        "risk_gradient_error": np.abs(means - flat(grads)).max() / np.abs(flat(grads)).max(),
        "operator_on_target": np.array(printed),
    }


def superposition(rng, x) -> dict[str, np.ndarray]:
    """g(u + v) + g(0) − g(u) − g(v), largest over examples and relative to g: zero for what is
    linear up to a constant. Of the input, and of the weights and biases.
    """
    found = []
    one, two = filled(rng), filled(rng)
    other = rng.normal(size=x.shape)
    for sigma in NETWORKS.values():
        g = jax.jit(partial(fnn.apply, fnn.mlp(SIZES, activation=sigma)))
        both, none = jax.tree.map(jnp.add, one, two), jax.tree.map(jnp.zeros_like, one)
        of_input = g(one, x + other) + g(one, 0 * x) - g(one, x) - g(one, other)
        of_weights = g(both, x) + g(none, x) - g(one, x) - g(two, x)
        found.append(
            [np.abs(each).max() / np.abs(g(one, x)).max() for each in (of_input, of_weights)]
        )
    return {"beyond_linear": np.array(found)}


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """How far each network is from linear."""
    linear, (axis,) = draw.figure()
    rows = np.arange(len(NETWORKS))
    for values, marker, label in zip(
        results["beyond_linear"].T, "o^", ("of the input", "of the weights"), strict=True
    ):
        axis.plot(np.maximum(values, 1e-17), rows, marker, label=f"as a function {label}")
    axis.set_yticks(rows, list(NETWORKS))
    axis.set(
        xscale="log",
        xlabel="|g(u + v) + g(0) − g(u) − g(v)| / |g|",
        title="0 where the network is linear",
    )
    axis.legend(frameon=False)
    return {"superposition": linear}
