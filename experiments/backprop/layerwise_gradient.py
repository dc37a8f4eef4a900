"""The gradient layer by layer: from the last one to all, in the shape of every W.

Question: How does a gradient known at the output alone reach every layer, and does it fit the
          parameters there?
Source:   Adornetto (claims 0.14, 0.15) and the deep-learning notes (3.16).
Command:  python -m experiments run layerwise_gradient
Expected: vector-Jacobian products from ∂L/∂a_K give autodiff's gradient. ∂L/∂W_l has the shape of
          W_l. One update of all parameters as one vector is bit for bit that of each matrix.
Cost:     quick 4 s, full 5 s on 2 cores, most of it compiling.
"""

from dataclasses import dataclass
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.backprop.errors import flat, relative_error
from experiments.backprop.random_networks import Flow, draw_networks, flow
from experiments.common import Common, Figures, Results
from fnn import losses, optim
from fnn.course import descent

RATE = 0.1
BATCH = 8  # examples of each step


@dataclass(frozen=True)
class Config(Common):
    """Networks."""

    seeds: int = 1000
    """Networks of each depth, every weight, bias, input and target from N(0, 1)."""
    depths: tuple[int, ...] = (1, 2, 4, 8)
    architectures: int = 50
    """Random networks whose gradients' shapes are looked at."""


QUICK = Config(seeds=100, architectures=20, quick=True)


def run(config: Config) -> Results:
    """Compare gradients of all layers, one step of them, and their shapes, in float64.

    layer_error is (depths, seeds) and relative; shapes and right_shapes are (matrices, 2);
    same_bits is (seeds, parameters) and average_error is (seeds,).
    """
    with jax.enable_x64(True):
        flows = [flow((4,) * (depth + 1), "tanh", config.seeds) for depth in config.depths]
        same_bits, average_error = compare_steps(config.seeds)
    shapes = []
    right_shapes = []
    for seed in range(config.architectures):
        widths = random_widths(seed)
        shapes += gradient_shapes(widths)
        right_shapes += [(n_out, n_in) for n_in, n_out in pairwise(widths)]
    return {
        "depths": np.array(config.depths),
        "layer_error": np.array([layer_error(flow) for flow in flows]),
        "shapes": np.array(shapes),
        "right_shapes": np.array(right_shapes),
        "same_bits": same_bits,
        "average_error": average_error,
    }


def layer_error(flow: Flow) -> np.ndarray:
    """Return the error of fnn's gradients of all layers, handed down from ∂L/∂a_K, (seeds,)."""
    handed_down = flat(*flow.weight_gradients, *flow.bias_gradients)
    by_autodiff = flat(*flow.autodiff_weights, *flow.autodiff_biases)
    return relative_error(handed_down, by_autodiff)


def compare_steps(seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which parameters agree after a step by matrix and by vector, and the average's error.

    The average is the mean of the examples' gradients, against the gradient of their mean loss.
    """
    net = fnn.mlp((3, 5, 2), activation="tanh")
    params, x, y = networks_and_batches(net, seeds)
    of_mean_loss, averaged = mean_gradients(net, params, x, y)
    vector = as_vectors(params)
    direction = as_vectors(of_mean_loss)
    by_matrix = as_vectors(step(params, of_mean_loss))
    by_vector = step(vector, direction)
    same_bits = by_matrix == by_vector
    return same_bits, relative_error(as_vectors(averaged), direction)


def networks_and_batches(net: fnn.Layer, seeds: int):
    """Return parameters (seeds, …), and inputs and targets (seeds, BATCH, …)."""
    params, x, y = draw_networks(net, (3, 2), BATCH * seeds, has_labels=False)
    params = jax.tree.map(lambda leaf: leaf[:seeds], params)
    return params, x.reshape(seeds, BATCH, -1), y.reshape(seeds, BATCH, -1)


def mean_gradients(net: fnn.Layer, params, x, y):
    """Return the gradient of the mean loss, and the mean of the examples' gradients."""
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)

    def of_network(params, x, y):
        def of_example(x, y):
            _, gradient = loss_and_gradient(params, x[None], y[None])
            return gradient

        gradients = jax.vmap(of_example)(x, y)
        averaged = jax.tree.map(lambda leaf: leaf.mean(axis=0), gradients)
        _, of_mean_loss = loss_and_gradient(params, x, y)
        return of_mean_loss, averaged

    return jax.jit(jax.vmap(of_network))(params, x, y)


def as_vectors(params) -> np.ndarray:
    """Return each network's parameters [W, B] as one vector, (seeds, parameters)."""
    leaves = map(np.asarray, jax.tree.leaves(params))
    return flat(*leaves)


def step(params, gradient):
    """Return parameters after one step of descent."""
    path = descent.trajectory(lambda _: gradient, optim.sgd(RATE), params, steps=1)
    return jax.tree.map(lambda leaf: np.asarray(leaf[1]), path)


def random_widths(seed: int) -> list[int]:
    """Return the widths of a network of 1 to 6 layers, 1 to 20 wide."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, 21, size=rng.integers(2, 8)).tolist()


def gradient_shapes(widths: list[int]) -> list[tuple[int, ...]]:
    """Return the shape of ∂L/∂W_l for each layer."""
    net = fnn.mlp(widths, activation="tanh")
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    params, _ = jax.eval_shape(net.init, jax.random.key(0))
    x = jnp.ones((3, widths[0]))
    y = jnp.ones((3, widths[-1]))
    _, gradient = jax.eval_shape(loss_and_gradient, params, x, y)
    return [part.W.shape for part in gradient[::2]]


def plot(results: Results, config: Config) -> Figures:
    """Draw errors by depth."""
    figure, (axis,) = draw.figure(height=2.8)
    labels = [f"depth {depth}" for depth in results["depths"]]
    draw.spreads(axis, [results["layer_error"]], ["layer by layer"], labels)
    axis.set_xlabel("relative error against autodiff (5th, 50th, 95th percentile)")
    axis.set_xlim(5e-18, 1e-11)
    axis.set_title(f"Gradient of all layers, {config.seeds} networks", fontsize=10)
    return {"layers": figure}
