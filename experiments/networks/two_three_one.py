"""The 2-3-1 network: one function written as single neurons, as a graph, as layers and as matrices.

Question: Are the ways of writing a small network the same function?
Source:   Adornetto (claims 0.5, 0.6), Sharif (2.7) and Piccoli (4.14).
Command:  python -m experiments run two_three_one
Expected: all forms agree to 1e-15, with 13 parameters; Sharif's printed index would make a hidden
          value for each input.
Cost:     about 2 s on 2 cores, quick or not.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
from experiments.networks.printed_notations import GATES, logistic
from fnn import layers
from fnn.layers import DenseParams

TWO_THREE_ONE = dict.fromkeys("345", (("1", "2"), "sigmoid")) | {"6": (("3", "4", "5"), "sigmoid")}


@dataclass(frozen=True)
class Config(Common):
    """Size."""

    examples: int = 1000
    """Inputs at which the forms are compared."""


QUICK = Config(examples=50, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64, the largest differences between the forms."""
    with jax.enable_x64(True):
        return two_three_one(config.examples) | neuron(config.examples)


def two_three_one(examples: int) -> dict[str, np.ndarray]:
    """The 2-3-1 network written out weight by weight, as a graph, as matrices, and with biases from
    a neuron of 1.
    """
    rng = np.random.default_rng(1)
    W, b, V, c = (jnp.array(rng.normal(size=shape)) for shape in ((3, 2), (3,), (1, 3), (1,)))
    params = {"3+4+5": DenseParams(W, b), "6": DenseParams(V, c)}
    x = rng.normal(size=(examples, 2))
    z1, z2 = x.T
    z3, z4, z5 = (logistic(b[i] + W[i, 0] * z1 + W[i, 1] * z2) for i in range(3))
    z6 = logistic(c[0] + V[0, 0] * z3 + V[0, 1] * z4 + V[0, 2] * z5)
    expanded = np.stack([z3, z4, z5, z6], axis=1)
    net = layers.graph(("1", "2"), TWO_THREE_ONE, ("3", "4", "5", "6"))
    matrices = fnn.mlp((2, 3, 1), activation="sigmoid", output="sigmoid")
    ghost_nodes = {name: ((*sources, "one"), f) for name, (sources, f) in TWO_THREE_ONE.items()}
    ghost = layers.graph(("1", "2", "one"), ghost_nodes, ("3", "4", "5", "6"))
    widened = {
        name: DenseParams(jnp.column_stack([p.W, p.b]), jnp.zeros(len(p.b)))
        for name, p in params.items()
    }
    printed_Y = logistic(
        b[:2] + np.einsum("ni,ij->ni", x, W.T)
    )  # Sharif's index: Y_i, summed over j
    drawn, _ = net.init(jax.random.key(0))
    return {
        "graph_error": np.abs(fnn.apply(net, params, x) - expanded).max(),
        "matrix_error": np.abs(
            fnn.apply(matrices, (params["3+4+5"], (), params["6"], ()), x)[:, 0] - z6
        ).max(),
        "ghost_error": np.abs(
            fnn.apply(ghost, widened, np.column_stack([x, np.ones(examples)])) - expanded
        ).max(),
        "printed_units": np.array(printed_Y.shape[1]),
        "weights": np.array(sum(p.W.size for p in drawn.values())),
        "biases": np.array(sum(p.b.size for p in drawn.values())),
    }


def neuron(examples: int) -> dict[str, np.ndarray]:
    """gate(Σ x w + b) of one neuron with five inputs, the largest error for each gate."""
    rng, errors = np.random.default_rng(3), []
    w, b, x = rng.uniform(-1, 1, 5), 0.5, rng.uniform(-1, 1, (examples, 5))
    for name, gate in GATES.items():
        printed = [gate(sum(xi * wi for xi, wi in zip(row, w, strict=True)) + b) for row in x]
        net = fnn.mlp((5, 1), output=name)
        ours = fnn.apply(net, (DenseParams(jnp.array(w[None]), jnp.array([b])), ()), x)[:, 0]
        errors.append(np.abs(ours - np.array(printed)).max())
    return {"gate_errors": np.array(errors)}


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The network."""
    figure, (axis,) = draw.figure(height=3.0)
    edges = [
        (int(source) - 1, int(name) - 1)
        for name, (sources, _) in TWO_THREE_ONE.items()
        for source in sources
    ]
    draw.network(axis, list("123456"), np.array([0, 0, 1, 1, 1, 2]), np.array(edges))
    axis.set_title("The 2-3-1 network")
    return {"network": figure}
