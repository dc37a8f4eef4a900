"""A deep network as matrices: the same function, its parameters, and how many straight pieces they
buy.

Question: Is a deep network written out the same as its matrix form, and what does a second hidden
          layer add?
Source:   De Marzo (claim 1.5).
Command:  python -m experiments run deep_network
Expected: the 1-3-3-1 network agrees to 1e-15 and has 22 parameters, as many as a shallow one of 7
          units; with the same weights in both layers it has 10 straight pieces, the shallow one at
          most 8.
Cost:     about 6 s on 2 cores; quick about 3 s.
"""

from dataclasses import dataclass
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64. pieces (2, draws): straight pieces of the curves of random deep and shallow
    networks.
    """
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x = np.linspace(-0.5, 1.5, config.points)
        folded = np.asarray(fnn.apply(fnn.mlp(DEEP), folding(), x[:, None]))[:, 0]
        return {
            "x": x,
            "folded": folded,
            "folded_pieces": np.array(len(diagnostics.breakpoints(x, folded)) + 1),
            "pieces": np.array([random_pieces(rng, sizes, config) for sizes in (DEEP, SHALLOW)]),
            "parameters": np.array(
                [tree.size(fnn.mlp(sizes).init(jax.random.key(0))[0]) for sizes in (DEEP, SHALLOW)]
            ),
            "written_out": written_out(rng),
        }


def of_mlp(dense: list[DenseParams]) -> tuple:
    """As `fnn.mlp` holds them, an activation between two matrices."""
    return tuple(part for each in dense for part in (each, ()))[:-1]


def folding() -> tuple:
    """1-3-3-1: both layers fold [0, 1] into three, by g(s) = 3 max(0, s) − 6 max(0, s − ⅓) + 6
    max(0, s − ⅔).
    """
    at, weights = jnp.array([0, -1 / 3, -2 / 3]), jnp.array([[3.0, -6.0, 6.0]])
    layers = DenseParams(jnp.ones((3, 1)), at), DenseParams(jnp.repeat(weights, 3, axis=0), at)
    return of_mlp([*layers, DenseParams(weights, jnp.zeros(1))])


def random_pieces(rng, sizes, config: Config) -> np.ndarray:
    """Straight pieces on [−5, 5] of networks with parameters from N(0, 1), (draws,)."""
    x = np.linspace(-5, 5, config.points)
    params = of_mlp(
        [
            DenseParams(rng.normal(size=(config.draws, m, n)), rng.normal(size=(config.draws, m)))
            for n, m in pairwise(sizes)
        ]
    )
    curves = jax.jit(jax.vmap(lambda one: fnn.apply(fnn.mlp(sizes), one, x[:, None])[:, 0]))(params)
    return np.array([len(diagnostics.breakpoints(x, y)) + 1 for y in np.asarray(curves)])


def written_out(rng) -> np.ndarray:
    """The largest difference of fnn from the printed neurons, and from the printed matrices, of
    1-3-3-1.
    """
    dense = [
        DenseParams(rng.uniform(-1, 1, (m, n)), rng.uniform(-1, 1, m)) for n, m in pairwise(DEEP)
    ]
    (theta, theta_0), (psi, psi_0), (phi, phi_0) = dense
    x = rng.uniform(-1, 1, 200)
    h = [np.maximum(0, theta_0[d] + theta[d, 0] * x) for d in range(3)]
    k = [
        np.maximum(0, psi_0[d] + psi[d, 0] * h[0] + psi[d, 1] * h[1] + psi[d, 2] * h[2])
        for d in range(3)
    ]
    neurons = phi_0[0] + phi[0, 0] * k[0] + phi[0, 1] * k[1] + phi[0, 2] * k[2]
    column = np.maximum(0, theta_0[:, None] + theta @ x[None])
    columns = phi_0[:, None] + phi @ np.maximum(0, psi_0[:, None] + psi @ column)
    ours = np.asarray(fnn.apply(fnn.mlp(DEEP), of_mlp(dense), x[:, None]))[:, 0]
    return np.array([np.abs(each - ours).max() for each in (neurons, columns[0])])


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The folded curve and the pieces of random curves."""
    pieces, (top, bottom) = draw.figure(rows=2, height=2.8)
    top.plot(results["x"], results["folded"])
    top.set(
        xlabel="x",
        ylabel="y",
        title=f"1-3-3-1, folded twice: {results['folded_pieces']} straight pieces",
    )
    counts = np.arange(1, results["pieces"].max() + 1)
    for beside, name, found in zip(
        (-0.2, 0.2), ("1-3-3-1", "1-7-1"), results["pieces"], strict=True
    ):
        share = [(found == count).mean() for count in counts]
        bottom.bar(counts + beside, share, 0.4, label=f"{name}, 22 parameters")
    bottom.set_prop_cycle(None)
    bottom.set(
        xlabel="straight pieces on [−5, 5]", ylabel="share of random networks", xticks=counts
    )
    bottom.legend(frameon=False)
    return {"pieces": pieces}
