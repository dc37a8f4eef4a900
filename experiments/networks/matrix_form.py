"""Matrix notation for networks of any depth: K + 1 matrices, and the product behind them.

Question: Does h_(k+1) = a[β_k + Ω_k h_k] describe networks of any shape, and with how many
          parameters?
Source:   De Marzo (claims 1.6, 1.7).
Command:  python -m experiments run matrix_form
Expected: K hidden layers have K + 1 matrices and Σ n_(k+1) (n_k + 1) parameters; products of
          matrices do not commute, and only exist for shapes that fit.
Cost:     about 4 s on 2 cores; quick about 2 s.
"""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import jax
import numpy as np

import fnn
from experiments.common import Common, Figures, Results
from experiments.networks.parameters import as_mlp, largest_difference, uniform
from experiments.refused import refusal
from fnn import plot as draw
from fnn import tree
from fnn.layers import DenseParams


@dataclass(frozen=True)
class Config(Common):
    """How many networks."""

    shapes: int = 20
    """Random shapes with 0 to 5 hidden layers and widths of 1 to 8."""


QUICK = Config(shapes=6, quick=True)


def run(config: Config) -> Results:
    """Compare networks of random shapes with the formula, and products of matrices, in float64.

    counted and formula (shapes,) are the parameters of the networks, and Σ n_(k+1) (n_k + 1).
    """
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        rows = [compare_shape(rng, number % 6) for number in range(config.shapes)]
    hidden_layers, weight_matrices, counted, formula, errors = np.array(rows).T
    return {
        "hidden_layers": hidden_layers,
        "weight_matrices": weight_matrices,
        "counted": counted,
        "formula": formula,
        "shape_errors": errors,
        **multiply(rng),
    }


def compare_shape(rng: np.random.Generator, hidden_layers: int) -> list[float]:
    """Return counts of a network of random widths and the error of the formula.

    The counts are hidden layers, weight matrices, parameters, and Σ n_(k+1) (n_k + 1).
    """
    sizes = rng.integers(1, 9, hidden_layers + 2).tolist()
    net = fnn.mlp(sizes)
    params, _ = jax.eval_shape(net.init, jax.random.key(0))
    matrices = [part for part in params if isinstance(part, DenseParams)]
    formula = sum(n_out * (n_in + 1) for n_in, n_out in pairwise(sizes))
    dense = uniform(rng, sizes)
    x = rng.uniform(-1, 1, (20, sizes[0]))
    y = fnn.apply(net, as_mlp(dense), x)
    error = largest_difference(y.T, by_matrices(dense, x.T))
    return [hidden_layers, len(matrices), tree.size(params), formula, float(error)]


def by_matrices(dense, h: np.ndarray) -> np.ndarray:
    """Return h_(k+1) = max(0, β_k + Ω_k h_k) of the last layer, which has no maximum.

    Examples are columns.
    """
    *hidden, last = dense
    for Omega, beta in hidden:
        h = np.maximum(0, beta[:, None] + Omega @ h)
    return last.b[:, None] + last.W @ h


def multiply(rng: np.random.Generator) -> Results:
    """Compare products of 2×2 matrices with rows by columns, and both orders of a product."""
    A, B = rng.integers(-5, 6, (2, 100, 2, 2))
    by_hand = np.array(list(map(rows_by_columns, A, B)))
    upper = np.array([[0, 1], [0, 0]])
    lower = np.array([[0, 0], [1, 0]])
    return {
        "rows_by_columns": np.array((by_hand == A @ B).all()),
        "commute": (A @ B == B @ A).all(axis=(1, 2)),
        "example": np.stack([upper @ lower, lower @ upper]),
        "fits": fitting_shapes(),
    }


def rows_by_columns(A: np.ndarray, B: np.ndarray) -> list[list[int]]:
    """Return the product of two matrices, each entry a row of A times a column of B."""
    return [[sum(row * column) for column in B.T] for row in A]


def fitting_shapes() -> np.ndarray:
    """Return whether a matrix of n columns times one of m rows exists, for n and m from 1 to 5."""
    fits = np.zeros((5, 5), bool)
    for n, m in np.ndindex(5, 5):
        left = np.ones((2, n + 1))
        right = np.ones((m + 1, 3))
        fits[n, m] = refusal(partial(np.matmul, left, right)) == ""
    return fits


def plot(results: Results, config: Config) -> Figures:
    """Draw the parameters of the networks over the formula."""
    figure, (axis,) = draw.figure()
    axis.plot(results["formula"], results["counted"], "o")
    most = results["formula"].max()
    axis.plot([0, most], [0, most], color="gray", linewidth=1, label="equal")
    axis.set(xlabel="Σ n_(k+1) (n_k + 1)", ylabel="parameters of the network")
    axis.set_title("Networks of 0 to 5 hidden layers")
    axis.legend(frameon=False)
    return {"parameters": figure}
