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
from itertools import pairwise

import jax
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import plot as draw
from fnn import tree
from fnn.layers import DenseParams


@dataclass(frozen=True)
class Config(Common):
    """How many networks."""

    shapes: int = 20
    """Random shapes with 0 to 5 hidden layers and widths of 1 to 8."""


QUICK = Config(shapes=6, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64. counted and formula (shapes,): parameters of the networks, and Σ n_(k+1) (n_k +
    1).
    """
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        return any_shape(rng, config.shapes) | products(rng)


def matrices(dense: list[DenseParams], h):
    """h_{k+1} = max(0, β_k + Ω_k h_k), the last without the maximum; columns are examples."""
    for Omega, beta in dense[:-1]:
        h = np.maximum(0, beta[:, None] + Omega @ h)
    return dense[-1].b[:, None] + dense[-1].W @ h


def any_shape(rng, shapes: int) -> dict[str, np.ndarray]:
    """Of random shapes: hidden layers, weight matrices, parameters, those expected, and the error
    of the formula.
    """
    rows = []
    for number in range(shapes):
        sizes = tuple(rng.integers(1, 9, number % 6 + 2).tolist())
        net = fnn.mlp(sizes)
        dense = [
            DenseParams(rng.uniform(-1, 1, (m, n)), rng.uniform(-1, 1, m))
            for n, m in pairwise(sizes)
        ]
        params, _ = jax.eval_shape(net.init, jax.random.key(0))
        x = rng.uniform(-1, 1, (20, sizes[0]))
        filled = tuple(part for each in dense for part in (each, ()))[:-1]
        error = np.abs(np.asarray(fnn.apply(net, filled, x)).T - matrices(dense, x.T)).max()
        count = sum(isinstance(part, DenseParams) for part in params)
        rows.append(
            (
                len(sizes) - 2,
                count,
                tree.size(params),
                sum(m * (n + 1) for n, m in pairwise(sizes)),
                error,
            )
        )
    names = ("hidden_layers", "weight_matrices", "counted", "formula", "shape_errors")
    return dict(zip(names, np.array(rows).T, strict=True))


def products(rng) -> dict[str, np.ndarray]:
    """Rows by columns on whole numbers, both orders of a product, and shapes that do not fit."""
    A, B = rng.integers(-5, 6, (2, 100, 2, 2))
    by_hand = np.array(
        [
            [[sum(a[i] * b[:, j]) for j in range(2)] for i in range(2)]
            for a, b in zip(A, B, strict=True)
        ]
    )
    fits = np.array([[can_multiply(n, m) for m in range(1, 6)] for n in range(1, 6)])
    example = np.array([[0, 1], [0, 0]]), np.array([[0, 0], [1, 0]])
    return {
        "rows_by_columns": np.array((by_hand == A @ B).all()),
        "commute": (A @ B == B @ A).all(axis=(1, 2)),
        "example": np.stack([example[0] @ example[1], example[1] @ example[0]]),
        "fits": fits,
    }


def can_multiply(columns: int, rows: int) -> bool:
    """Whether a matrix with so many columns can be multiplied by one with so many rows."""
    try:
        np.ones((2, columns)) @ np.ones((rows, 3))
    except ValueError:
        return False
    return True


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Parameters of the networks over the formula."""
    figure, (axis,) = draw.figure()
    axis.plot(results["formula"], results["counted"], "o")
    most = results["formula"].max()
    axis.plot([0, most], [0, most], color="gray", linewidth=1, label="equal")
    axis.set(
        xlabel="Σ n_(k+1) (n_k + 1)",
        ylabel="parameters of the network",
        title="Networks of 0 to 5 hidden layers",
    )
    axis.legend(frameon=False)
    return {"parameters": figure}
