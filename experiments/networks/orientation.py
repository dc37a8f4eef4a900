"""The two ways to store W, and a product that the notes print for a shape that does not fit.

Question: Which orientation of W is meant, and what happens with the other one?
Source:   Between the documents (claim X2) and the deep-learning notes (3.10).
Command:  python -m experiments run orientation
Expected: transposing is exact. The notes' Wᵀa with their own shape of W cannot be computed unless W
          is square, and is then another function than the one that they give for a neuron.
Cost:     about 2 s on 2 cores, quick or not.
"""

from dataclasses import dataclass
from itertools import product

import jax
import numpy as np
from matplotlib.colors import Normalize

import fnn
from experiments.common import Common, Figures, Results
from experiments.networks.parameters import largest_difference, layer
from experiments.networks.printed_notations import GATES, printed_layer
from experiments.refused import refusal
from fnn import layers
from fnn import plot as draw


@dataclass(frozen=True)
class Config(Common):
    """Size."""

    examples: int = 200
    """Inputs at which a layer is compared."""


QUICK = Config(examples=50, quick=True)


def run(config: Config) -> Results:
    """Try the printed Wᵀa, a transposed W, and a layer of several activations, in float64.

    literal_raises (5, 5) is whether Wᵀa with W of (width, width before) is an error.
    """
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        return printed_products(rng) | transposed(rng) | mixed_layer(rng, config.examples)


def printed_products(rng: np.random.Generator) -> Results:
    """Try the notes' Wᵀa at the printed shape of W, for widths 1 to 5."""
    raised = np.zeros((5, 5), bool)
    errors = np.zeros(5)
    for n_l, n_before in product(range(1, 6), repeat=2):
        W = rng.normal(size=(n_l, n_before))
        a = rng.normal(size=n_before)
        try:
            z = printed_layer(W, a, np.zeros(n_l))
        except ValueError:
            raised[n_l - 1, n_before - 1] = True
        else:
            errors[n_l - 1] = largest_difference(z, W @ a)
    return {"literal_raises": raised, "literal_error": errors}


def transposed(rng: np.random.Generator) -> Results:
    """Compare fnn with x W + b, where W is stored (in, out)."""
    W = rng.normal(size=(4, 3))
    b = rng.normal(size=4)
    x = rng.normal(size=(5, 3))
    in_out = W.T.copy()
    dense = layers.dense(3, 4)
    y = fnn.apply(dense, layer(in_out.T, b), x)
    message = refusal(lambda: fnn.apply(dense, layer(in_out, b), x))
    return {
        "round_trip": np.array(np.array_equal(in_out.T, W)),
        "in_out_error": largest_difference(y, x @ in_out + b),
        "refusal": np.array(message),
    }


def mixed_layer(rng: np.random.Generator, examples: int) -> Results:
    """Compare fnn's layer of four activations with single neurons, and with σ(Wᵀa + b)."""
    W = rng.uniform(-1, 1, (4, 3))
    b = rng.uniform(-1, 1, 4)
    x = rng.uniform(-1, 1, (examples, 3))
    y = layer_by_fnn(W, b, x)
    z_of_neurons = np.stack([x @ w + bias for w, bias in zip(W, b, strict=True)], axis=1)
    z_of_columns = np.stack([printed_layer(W.T, a, b) for a in x])
    message = refusal(lambda: printed_layer(W, x[0], b))
    return {
        "neuron_error": largest_difference(by_gate(z_of_neurons), y),
        "columns_error": largest_difference(by_gate(z_of_columns), y),
        "printed_shape_raises": np.array(message != ""),
    }


def layer_by_fnn(W: np.ndarray, b: np.ndarray, x: np.ndarray) -> jax.Array:
    """Return fnn's outputs of a layer whose four neurons have the four GATES."""
    nodes = {f"h{i}": (("a",), gate) for i, gate in enumerate(GATES)}
    net = layers.graph({"a": 3}, nodes, tuple(nodes))
    return fnn.apply(net, {"h0..h3": layer(W, b)}, x)


def by_gate(z: np.ndarray) -> np.ndarray:
    """Return outputs of neurons with the four GATES, (examples, 4)."""
    outputs = [gate(z[:, i]) for i, gate in enumerate(GATES.values())]
    return np.stack(outputs, axis=1)


def plot(results: Results, config: Config) -> Figures:
    """Draw the shapes for which Wᵀa exists."""
    figure, (axis,) = draw.figure()
    raised = results["literal_raises"]
    names = [str(n) for n in range(1, len(raised) + 1)]
    texts = np.where(raised, "error", "runs")
    norm = Normalize(-0.3, 1)
    draw.heatmap(axis, raised.astype(float), texts, names, names, norm=norm, label="")
    axis.set(xlabel="width of the layer before", ylabel="width of the layer")
    axis.set_title("Wᵀa with W as printed, (out, in)")
    return {"orientation": figure}
