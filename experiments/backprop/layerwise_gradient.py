"""The gradient layer by layer: from the last one to all, in the shape of every W.

Question: How does a gradient known at the output alone reach every layer, and does it fit the
          parameters there?
Source:   Adornetto (claims 0.14, 0.15) and the deep-learning notes (3.16).
Command:  python -m experiments run layerwise_gradient
Expected: vector-Jacobian products from ∂L/∂a_K give autodiff's gradient; ∂L/∂W_l has the shape of
          W_l; one update of all parameters as one vector is bit for bit that of each matrix.
Cost:     quick 4 s, full 5 s on 2 cores, most of it compiling.
"""

from dataclasses import dataclass
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.backprop.random_networks import Flow, drawn, flat, flow, relative_error
from experiments.common import Common
from fnn import losses, optim
from fnn.course import descent

RATE = 0.1


@dataclass(frozen=True)
class Config(Common):
    """Networks."""

    seeds: int = 1000
    """Networks of each depth, every weight, bias, input and target from N(0, 1)."""
    depths: tuple[int, ...] = (1, 2, 4, 8)
    architectures: int = 50
    """Random networks whose gradients' shapes are looked at."""


QUICK = Config(seeds=100, architectures=20, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64. layer_error (depths, seeds), relative; shapes and right_shapes (matrices, 2);
    same_bits (seeds, parameters) and average_error (seeds,)."""
    with jax.enable_x64(True):
        flows = [flow((4,) * (depth + 1), "tanh", config.seeds) for depth in config.depths]
        steps = one_step(config)
    shapes = [pair for number in range(config.architectures) for pair in gradient_shapes(number)]
    return {
        "depths": np.array(config.depths),
        "layer_error": np.array([layer_error(f) for f in flows]),
        "shapes": np.array([found for found, _ in shapes]),
        "right_shapes": np.array([right for _, right in shapes]),
        **steps,
    }


def layer_error(f: Flow) -> np.ndarray:
    """Of fnn's gradients of all layers against autodiff's."""
    return relative_error(
        flat(*f.weight_gradients, *f.bias_gradients), flat(*f.autodiff_weights, *f.autodiff_biases)
    )


def one_step(config: Config) -> dict[str, np.ndarray]:
    """A step of 3-5-2 networks on 8 examples: whether one vector [W, B] gives the bits that each
    matrix gives, and the relative error of the mean of the examples' gradients against the gradient
    of their mean loss.
    """
    net = fnn.mlp((3, 5, 2), activation="tanh")
    params, x, y = drawn(net, (3, 2), 8 * config.seeds, labels=False)
    params = jax.tree.map(lambda leaf: leaf[: config.seeds], params)
    x, y = (each.reshape(config.seeds, 8, -1) for each in (x, y))
    gradient = fnn.value_and_grad(net, losses.squared_error)

    def both(params, x, y):
        _, each = jax.vmap(lambda x, y: gradient(params, x[None], y[None]))(x, y)
        return gradient(params, x, y)[1], jax.tree.map(lambda g: g.mean(axis=0), each)

    def after(start, gradient):
        path = descent.trajectory(lambda _: gradient, optim.sgd(RATE), start, steps=1)
        return [np.asarray(leaf[1]) for leaf in jax.tree.leaves(path)]

    mean, averaged = jax.jit(jax.vmap(both))(params, x, y)
    start, along, average = (
        flat(*map(np.asarray, jax.tree.leaves(tree))) for tree in (params, mean, averaged)
    )
    same = flat(*after(params, mean)) == after(start, along)[0]
    return {"same_bits": same, "average_error": relative_error(average, along)}


def gradient_shapes(number: int) -> list[tuple[tuple[int, ...], tuple[int, int]]]:
    """Shape of ∂L/∂W_l and (n_l, n_{l−1}), for each layer of a random network of 1 to 6 layers, 1
    to 20 wide.
    """
    rng = np.random.default_rng(number)
    widths = [int(width) for width in rng.integers(1, 21, size=rng.integers(2, 8))]
    net = fnn.mlp(widths, activation="tanh")
    gradient = fnn.value_and_grad(net, losses.squared_error)
    params, _ = jax.eval_shape(net.init, jax.random.key(0))
    _, found = jax.eval_shape(gradient, params, jnp.ones((3, widths[0])), jnp.ones((3, widths[-1])))
    return [
        (part.W.shape, (n, m)) for part, (m, n) in zip(found[::2], pairwise(widths), strict=True)
    ]


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Errors by depth."""
    figure, (axis,) = draw.figure(height=2.8)
    labels = [f"depth {depth}" for depth in results["depths"]]
    draw.spreads(axis, [results["layer_error"]], ("layer by layer",), labels)
    axis.set(
        xlabel="relative error against autodiff (5th, 50th, 95th percentile)", xlim=(5e-18, 1e-11)
    )
    axis.set_title(f"Gradient of all layers, {config.seeds} networks", fontsize=10)
    return {"layers": figure}
