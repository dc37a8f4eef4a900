"""Backpropagation with elementwise products: for which outputs, and in which shapes.

Question: Are the notes' gradients right, and do their rows and columns fit?
Source:   Deep Learning notes (claims 3.11, 3.12).
Command:  python -m experiments run elementwise_delta
Expected: the gradients are right where σ_K acts on each neuron alone. For softmax ⊙ keeps the
          diagonal of the Jacobian only: (−0.170, 0, 0) where p − t = (−0.170, 0.064, 0.106) is
          meant. δ_l as printed is a row times a column, which broadcasts to 4×4 without a word
          where 4×1 is meant.
Cost:     quick 3 s, full 4 s on 2 cores, nearly all of it compiling.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from experiments import drawing as draw
from experiments.backprop.errors import draw_errors, flat, refusal_of_layer, relative_error
from experiments.backprop.printed_gradients import notes_delta, notes_output_gradient, transpose
from experiments.backprop.random_networks import Flow, flow, largest_autodiff_error
from experiments.common import Common, Figures, Results
from fnn import activations
from fnn.layers import DenseParams

WIDTHS = (3, 4, 5, 3)


@dataclass(frozen=True)
class Config(Common):
    """Draws of networks."""

    seeds: int = 1000
    """3-4-5-3 networks, every weight, bias, input and target from N(0, 1), or a random label."""
    activations: tuple[str, ...] = ("sigmoid", "tanh", "softplus", "relu", "identity")


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> Results:
    """Compare the notes' gradients and error terms with autodiff, in float64.

    gradient_error (activations + softmax, seeds) is relative, of the last two layers. column_error
    and summed_error (activations, seeds) are of ∂L/∂b₁ from the two readings of δ₁.
    """
    with jax.enable_x64(True):
        flows = [flow(WIDTHS, name, config.seeds) for name in config.activations]
        softmax = flow(WIDTHS, "tanh", config.seeds, output="softmax")
        example = softmax_example()
        refused = refusal_of_layer(WIDTHS, with_square_bias)
    readings = [delta_errors(flow) for flow in flows]
    column_errors, summed_errors = zip(*readings, strict=True)
    matrix = printed_delta(flows[0])
    all_flows = [*flows, softmax]
    return {
        "outputs": np.array([*config.activations, "softmax"]),
        "gradient_error": np.array([gradient_error(flow) for flow in all_flows]),
        "softmax_example": example,
        "printed_shape": np.array(matrix.shape[1:]),
        "right_shape": np.array(flows[0].delta[0].shape[1:]),
        "column_error": np.array(column_errors),
        "summed_error": np.array(summed_errors),
        "refused": np.array(refused),
        "autodiff_error": largest_autodiff_error(all_flows),
    }


def gradient_error(flow: Flow) -> np.ndarray:
    """Return the error of the notes' gradients of the last two layers, rows turned into columns."""
    delta = flow.d_output[-1] * flow.slope[-1]
    d_weights = notes_output_gradient(flow.d_output[-1], flow.slope[-1], flow.a[-2])
    row = transpose(delta) @ flow.W[-1]
    delta_before = transpose(row) * flow.slope[-2]
    d_weights_before = delta_before @ transpose(flow.a[-3])
    value = flat(d_weights, delta, d_weights_before, delta_before)
    last = [flow.autodiff_weights[-1], flow.autodiff_biases[-1]]
    before = [flow.autodiff_weights[-2], flow.autodiff_biases[-2]]
    return relative_error(value, flat(*last, *before))


def softmax_example() -> np.ndarray:
    """Return ∂L/∂z of cross-entropy by ⊙ and by fnn's Jacobian product, (2, 3).

    The probabilities are p = (0.830, 0.064, 0.106), and the label is the first class.
    """
    p = jnp.array([0.830, 0.064, 0.106])
    t = jnp.array([1.0, 0.0, 0.0])
    logits = jnp.log(p)
    d_loss = -t / p
    diagonal = jnp.diagonal(activations.softmax.derivative(logits))
    by_jacobian = activations.softmax.backward(logits, d_loss)
    return np.array([diagonal * d_loss, by_jacobian])


def with_square_bias(first: DenseParams) -> DenseParams:
    """Return a gradient whose ∂L/∂b is a matrix, as the printed δ₁ is."""
    return first._replace(b=jnp.outer(first.b, first.b))


def delta_errors(flow: Flow) -> tuple[np.ndarray, np.ndarray]:
    """Return the errors of ∂L/∂b₁ from two readings of the printed δ₁.

    In the first its row is turned into a column. In the second it broadcasts to a matrix, whose
    columns are summed like the examples of a batch.
    """
    row = transpose(flow.delta[1]) @ flow.W[1]
    column = transpose(row) * flow.slope[0]
    matrix = printed_delta(flow)
    expected = flow.autodiff_biases[0]
    column_error = relative_error(column[..., 0], expected)
    summed_error = relative_error(matrix.sum(axis=2), expected)
    return column_error, summed_error


def printed_delta(flow: Flow) -> np.ndarray:
    """Return δ₁ as printed, (seeds, 4, 4)."""
    return notes_delta(flow.delta[1], flow.W[1], flow.slope[0])


def plot(results: Results, config: Config) -> Figures:
    """Draw errors by output activation, and of the two readings of δ₁."""
    networks = f"{config.seeds} networks"
    gradients, (axis,) = draw.figure()
    outputs = results["outputs"].tolist()
    title = f"Gradients of the last two layers, {networks}"
    draw_errors(axis, [results["gradient_error"]], ["∇L ⊙ ∇σ · aᵀ"], outputs, title)
    delta, (axis,) = draw.figure()
    errors = [results["summed_error"], results["column_error"]]
    readings = ["broadcast to 4×4, summed", "row turned into a column"]
    title = f"∂L/∂b₁ from the printed δ₁, {networks}"
    draw_errors(axis, errors, readings, config.activations, title)
    return {"gradients": gradients, "delta": delta}
