"""The two ways to store W, and a product that the notes print for a shape with which it does not
exist.

Question: Which orientation of W is meant, and what happens with the other one?
Source:   Between the documents (claim X2) and the deep-learning notes (3.10).
Command:  python -m experiments run orientation
Expected: transposing is exact; the notes' Wᵀa with their own shape of W cannot be computed unless W
          is square, and is then another function than the one that they give for a neuron.
Cost:     about 2 s on 2 cores, quick or not.
"""

from dataclasses import dataclass
from itertools import product

import jax
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from experiments.networks.printed_notations import GATES, printed_layer
from fnn import layers
from fnn import plot as draw
from fnn.layers import DenseParams


@dataclass(frozen=True)
class Config(Common):
    """Size."""

    examples: int = 200
    """Inputs at which a layer is compared."""


QUICK = Config(examples=50, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64. literal_raises (5, 5): whether Wᵀa with W of (width, width before) is
    an error.
    """
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        return {**orientation(rng), **mixed_layer(rng, config.examples)}


def orientation(rng) -> dict[str, np.ndarray]:
    """What becomes of a matrix that is stored the other way round, and of the notes' Wᵀa at W's
    printed shape.
    """
    widths = np.arange(1, 6)
    raised = np.zeros((5, 5), bool)
    wrong = np.zeros(5)
    for n_l, n_before in product(widths, widths):
        W, a = rng.normal(size=(n_l, n_before)), rng.normal(size=n_before)
        try:
            wrong[n_l - 1] = np.abs(printed_layer(W, a, np.zeros(n_l)) - W @ a).max()
        except ValueError:
            raised[n_l - 1, n_before - 1] = True
    W, b, x = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(5, 3))
    in_out = W.T.copy()  # as a document that writes W[in, out] stores it
    again = fnn.apply(layers.dense(3, 4), DenseParams(in_out.T, b), x)
    return {
        "literal_raises": raised,
        "literal_error": wrong,
        "round_trip": np.array(np.array_equal(in_out.T, W)),
        "in_out_error": np.abs(np.asarray(again) - (x @ in_out + b)).max(),
        "refusal": np.array(
            refusal(lambda: fnn.apply(layers.dense(3, 4), DenseParams(in_out, b), x))
        ),
    }


def refusal(call) -> str:
    """The message of the ValueError that the call raises, or ""."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def mixed_layer(rng, examples: int) -> dict[str, np.ndarray]:
    """A layer of four neurons with four activations: neuron by neuron, and as σ(Wᵀa + b) for both
    shapes of W.
    """
    W, b, x = (rng.uniform(-1, 1, shape) for shape in ((4, 3), (4,), (examples, 3)))
    nodes = {f"h{i}": (("a",), sigma) for i, sigma in enumerate(GATES)}
    ours = np.asarray(
        fnn.apply(layers.graph({"a": 3}, nodes, tuple(nodes)), {"h0..h3": DenseParams(W, b)}, x)
    )
    neurons = np.stack(
        [sigma(x @ w + bias) for sigma, w, bias in zip(GATES.values(), W, b, strict=True)], axis=1
    )
    z = np.stack([printed_layer(W.T, row, b) for row in x])
    columns = np.stack([sigma(z[:, i]) for i, sigma in enumerate(GATES.values())], axis=1)
    return {
        "neuron_error": np.abs(neurons - ours).max(),
        "columns_error": np.abs(columns - ours).max(),
        "printed_shape_raises": np.array(bool(refusal(lambda: printed_layer(W, x[0], b)))),
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The shapes for which Wᵀa exists."""
    shapes, (axis,) = draw.figure()
    raised = results["literal_raises"]
    names = [str(n) for n in range(1, len(raised) + 1)]
    texts = np.where(raised, "error", "runs")
    draw.heatmap(axis, raised.astype(float), texts, names, names, norm=Normalize(-0.3, 1), label="")
    axis.set(
        xlabel="width of the layer before",
        ylabel="width of the layer",
        title="Wᵀa with W as printed, (out, in)",
    )
    return {"orientation": shapes}
