"""A deep network as matrices: the same function, its parameters, and how many straight pieces.

Question: Is a deep network written out the same as its matrix form, and what does a second hidden
          layer add?
Source:   De Marzo (claim 1.5).
Command:  python -m experiments run deep_network
Expected: the 1-3-3-1 network agrees to 1e-15 and has 22 parameters, as many as a shallow one of 7
          units. With the same weights in both layers it has 10 straight pieces, the shallow one at
          most 8.
Cost:     about 6 s on 2 cores; quick about 3 s.
"""

from dataclasses import dataclass
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import fnn
from experiments.common import Common, Figures, Results
from experiments.networks.parameters import as_mlp, largest_difference, layer, uniform
from fnn import diagnostics, tree
from fnn import plot as draw
from fnn.layers import DenseParams

DEEP, SHALLOW = (1, 3, 3, 1), (1, 7, 1)


@dataclass(frozen=True)
class Config(Common):
    """How many networks, and how finely they are looked at."""

    draws: int = 2000
    """Random networks of each of the two shapes whose straight pieces are counted."""
    points: int = 4001
    """Inputs at which a curve is looked at."""


QUICK = Config(draws=200, points=2001, quick=True)


def run(config: Config) -> Results:
    """Count the pieces of a folded curve and of random ones, and compare forms, in float64.

    pieces is (2, draws), of deep and of shallow networks.
    """
    rng = np.random.default_rng(0)
    x = np.linspace(-0.5, 1.5, config.points)
    with jax.enable_x64(True):
        folded = folded_curve(x)
        deep = random_pieces(rng, DEEP, config)
        shallow = random_pieces(rng, SHALLOW, config)
        return {
            "x": x,
            "folded": folded,
            "folded_pieces": np.array(straight_pieces(x, folded)),
            "pieces": np.array([deep, shallow]),
            "parameters": np.array([number_of_parameters(DEEP), number_of_parameters(SHALLOW)]),
            "written_out": np.array(written_out_errors(rng)),
        }


def folded_curve(x: np.ndarray) -> np.ndarray:
    """Return the curve of a 1-3-3-1 network whose two layers each fold [0, 1] into three.

    A layer computes g(s) = 3 max(0, s) − 6 max(0, s − ⅓) + 6 max(0, s − ⅔).
    """
    bias = jnp.array([0, -1 / 3, -2 / 3])
    fold = jnp.array([[3.0, -6.0, 6.0]])
    first = DenseParams(jnp.ones((3, 1)), bias)
    second = DenseParams(jnp.repeat(fold, 3, axis=0), bias)
    output = DenseParams(fold, jnp.zeros(1))
    params = as_mlp([first, second, output])
    return np.asarray(fnn.apply(fnn.mlp(DEEP), params, x[:, None]))[:, 0]


def straight_pieces(x: np.ndarray, y: np.ndarray) -> int:
    """Return the number of straight pieces of a curve."""
    return len(diagnostics.breakpoints(x, y)) + 1


def random_pieces(rng: np.random.Generator, sizes: tuple[int, ...], config: Config) -> list[int]:
    """Return the straight pieces on [−5, 5] of networks with parameters from N(0, 1)."""
    x = np.linspace(-5, 5, config.points)
    dense = []
    for n_in, n_out in pairwise(sizes):
        W = rng.normal(size=(config.draws, n_out, n_in))
        b = rng.normal(size=(config.draws, n_out))
        dense.append(layer(W, b))

    def curve(params):
        return fnn.apply(fnn.mlp(sizes), params, x[:, None])[:, 0]

    curves = jax.jit(jax.vmap(curve))(as_mlp(dense))
    return [straight_pieces(x, y) for y in np.asarray(curves)]


def number_of_parameters(sizes: tuple[int, ...]) -> int:
    """Return how many parameters fnn's network has."""
    params, _ = fnn.mlp(sizes).init(jax.random.key(0))
    return tree.size(params)


def written_out_errors(rng: np.random.Generator) -> list[np.ndarray]:
    """Return how far fnn is from the printed neurons, and from the printed matrices, of 1-3-3-1."""
    dense = uniform(rng, DEEP)
    x = rng.uniform(-1, 1, 200)
    y = fnn.apply(fnn.mlp(DEEP), as_mlp(dense), x[:, None])[:, 0]
    of_neurons = largest_difference(neuron_by_neuron(dense, x), y)
    of_matrices = largest_difference(by_matrices(dense, x), y)
    return [of_neurons, of_matrices]


def neuron_by_neuron(dense, x: np.ndarray) -> np.ndarray:
    """Return y of the 1-3-3-1 network, written out neuron by neuron."""
    first, second, output = dense
    h = []
    for (theta_1,), theta_0 in zip(first.W, first.b, strict=True):
        h.append(np.maximum(0, theta_0 + theta_1 * x))
    h1, h2, h3 = h
    k = []
    for (psi_1, psi_2, psi_3), psi_0 in zip(second.W, second.b, strict=True):
        k.append(np.maximum(0, psi_0 + psi_1 * h1 + psi_2 * h2 + psi_3 * h3))
    k1, k2, k3 = k
    ((phi_1, phi_2, phi_3),) = output.W
    (phi_0,) = output.b
    return phi_0 + phi_1 * k1 + phi_2 * k2 + phi_3 * k3


def by_matrices(dense, x: np.ndarray) -> np.ndarray:
    """Return y = β₂ + Ω₂ a[β₁ + Ω₁ a[β₀ + Ω₀ x]], with the examples as columns."""
    (Omega_0, beta_0), (Omega_1, beta_1), (Omega_2, beta_2) = dense
    h = np.maximum(0, beta_0[:, None] + Omega_0 @ x[None])
    k = np.maximum(0, beta_1[:, None] + Omega_1 @ h)
    y = beta_2[:, None] + Omega_2 @ k
    return y[0]


def plot(results: Results, config: Config) -> Figures:
    """Draw the folded curve and the pieces of random curves."""
    figure, (top, bottom) = draw.figure(rows=2, height=2.8)
    top.plot(results["x"], results["folded"])
    top.set(xlabel="x", ylabel="y")
    top.set_title(f"1-3-3-1, folded twice: {results['folded_pieces']} straight pieces")
    draw_pieces(bottom, results["pieces"])
    return {"pieces": figure}


def draw_pieces(axis: Axes, pieces: np.ndarray) -> None:
    """Draw the share of the random deep and shallow networks over the number of pieces."""
    deep, shallow = pieces
    counts = np.arange(1, pieces.max() + 1)
    deep_share = [(deep == count).mean() for count in counts]
    shallow_share = [(shallow == count).mean() for count in counts]
    axis.bar(counts - 0.2, deep_share, 0.4, label="1-3-3-1, 22 parameters")
    axis.bar(counts + 0.2, shallow_share, 0.4, label="1-7-1, 22 parameters")
    axis.set_prop_cycle(None)
    axis.set(xlabel="straight pieces on [−5, 5]", ylabel="share of random networks", xticks=counts)
    axis.legend(frameon=False)
