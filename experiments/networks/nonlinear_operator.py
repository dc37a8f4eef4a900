"""The network as an operator: linear or not, and the objective that is the mean over its samples.

Question: Is a network a non-linear operator of its input and of its parameters, and is the batch
          loss a plain mean?
Source:   Adornetto (claims 0.7, 0.8).
Command:  python -m experiments run nonlinear_operator
Expected: the loss of a batch is the mean of those of single examples. The operator is linear in its
          input exactly where all activations are, and in its weights never, once there are two
          layers.
Cost:     about 3 s on 2 cores, quick or not.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.common import Common, Figures, Results
from experiments.networks.parameters import as_mlp, flat, normal
from experiments.refused import refusal
from fnn import losses
from fnn import plot as draw

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


def run(config: Config) -> Results:
    """Compare a batch with single examples, and each network with a linear one, in float64.

    beyond_linear (networks, 2) is how far each is from linear in its input, and in its parameters.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(config.examples, 2))
    y = rng.normal(size=config.examples)
    with jax.enable_x64(True):
        risk = empirical_risk(random_params(rng), x, y)
        one, other = random_params(rng), random_params(rng)
        other_x = rng.normal(size=x.shape)
        beyond = [beyond_linear(name, one, other, x, other_x) for name in NETWORKS]
    return {**risk, "beyond_linear": np.array(beyond)}


def random_params(rng: np.random.Generator) -> tuple:
    """Return parameters of the network, biases too, from N(0, 1)."""
    return as_mlp(normal(rng, SIZES))


def empirical_risk(params, x, y) -> Results:
    """Compare loss and gradient of the batch with the mean over single examples."""
    net = fnn.mlp(SIZES, activation="tanh")
    loss_and_gradient = jax.jit(fnn.value_and_grad(net, losses.squared_error))
    of_examples = jax.jit(jax.vmap(loss_and_gradient, in_axes=(None, 0, 0)))
    value, gradient = loss_and_gradient(params, x, y)
    values, gradients = of_examples(params, x[:, None], y[:, None])
    mean_gradient = flat(jax.tree.map(lambda leaf: leaf.mean(axis=0), gradients))
    difference = np.abs(mean_gradient - flat(gradient))
    return {
        "risk_error": np.asarray(jnp.abs(values.mean() - value) / value),
        "risk_gradient_error": difference.max() / np.abs(flat(gradient)).max(),
        "operator_on_target": np.array(refusal(lambda: fnn.apply(net, params, y[:, None]))),
    }


def beyond_linear(name: str, one, other, x, other_x) -> list[np.ndarray]:
    """Return |g(u + v) + g(0) − g(u) − g(v)|, largest over examples and relative to g.

    It is zero for a function that is linear up to a constant. u and v are two inputs, and then two
    sets of parameters.
    """
    g = jax.jit(partial(fnn.apply, fnn.mlp(SIZES, activation=NETWORKS[name])))
    both = jax.tree.map(jnp.add, one, other)
    zero = jax.tree.map(jnp.zeros_like, one)
    of_input = g(one, x + other_x) + g(one, 0 * x) - g(one, x) - g(one, other_x)
    of_weights = g(both, x) + g(zero, x) - g(one, x) - g(other, x)
    scale = np.abs(g(one, x)).max()
    return [np.abs(of_input).max() / scale, np.abs(of_weights).max() / scale]


def plot(results: Results, config: Config) -> Figures:
    """Draw how far each network is from linear."""
    figure, (axis,) = draw.figure()
    rows = np.arange(len(NETWORKS))
    of_input, of_weights = np.maximum(results["beyond_linear"], 1e-17).T
    axis.plot(of_input, rows, "o", label="as a function of the input")
    axis.plot(of_weights, rows, "^", label="as a function of the weights")
    axis.set_yticks(rows, list(NETWORKS))
    axis.set(xscale="log", xlabel="|g(u + v) + g(0) − g(u) − g(v)| / |g|")
    axis.set_title("0 where the network is linear")
    axis.legend(frameon=False)
    return {"superposition": figure}
