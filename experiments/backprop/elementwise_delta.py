"""Backpropagation with elementwise products: for which outputs, and in which shapes.

Question: Are the notes' gradients right, and do their rows and columns fit?
Source:   Deep Learning notes (claims 3.11, 3.12).
Command:  python -m experiments run elementwise_delta
Expected: the gradients are right where σ_K acts on each neuron alone; for softmax ⊙ keeps the
          diagonal of the Jacobian only, (−0.170, 0, 0) where p − t = (−0.170, 0.064, 0.106) is
          meant. δ_l as printed is a row times a column, which broadcasts to 4×4 without a word
          where 4×1 is meant.
Cost:     quick 3 s, full 4 s on 2 cores, nearly all of it compiling.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.backprop import printed_gradients as printed
from experiments.backprop.random_networks import Flow, flat, flow, refusal_of_layer, relative_error
from experiments.common import Common
from fnn import activations

WIDTHS = (3, 4, 5, 3)


@dataclass(frozen=True)
class Config(Common):
    """Draws of networks."""

    seeds: int = 1000
    """3-4-5-3 networks, every weight, bias, input and target from N(0, 1), or a random label."""
    activations: tuple[str, ...] = ("sigmoid", "tanh", "softplus", "relu", "identity")


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Relative errors against autodiff in float64. gradient_error (activations + softmax, seeds),
    of ∂L/∂W and ∂L/∂b of the last two layers; column_error and summed_error (activations, seeds),
    of δ₁ with its row turned into a column, and of ∂L/∂b₁ from the broadcast matrix, its columns
    added up as if they were examples.
    """
    with jax.enable_x64(True):
        flows = [flow(WIDTHS, name, config.seeds) for name in config.activations]
        softmax = flow(WIDTHS, "tanh", config.seeds, output="softmax")
        example = softmax_example()
        refused = refusal_of_layer(
            WIDTHS, lambda first: first._replace(b=jnp.outer(first.b, first.b))
        )
    matrices = [printed.notes_delta(f.delta[1], f.W[1], f.slope[0]) for f in flows]
    columns = [
        np.swapaxes(np.swapaxes(f.delta[1], 1, 2) @ f.W[1], 1, 2) * f.slope[0] for f in flows
    ]
    right = [f.autodiff_biases[0] for f in flows]
    return {
        "outputs": np.array([*config.activations, "softmax"]),
        "gradient_error": np.array([gradient_error(f) for f in (*flows, softmax)]),
        "softmax_example": example,
        "printed_shape": np.array(matrices[0].shape[1:]),
        "right_shape": np.array(flows[0].delta[0].shape[1:]),
        "column_error": np.array(
            [relative_error(c[..., 0], b) for c, b in zip(columns, right, strict=True)]
        ),
        "summed_error": np.array(
            [relative_error(m.sum(axis=2), b) for m, b in zip(matrices, right, strict=True)]
        ),
        "refused": np.array(refused),
        "autodiff_error": np.array(max(f.autodiff_error for f in (*flows, softmax))),
    }


def gradient_error(f: Flow) -> np.ndarray:
    """Of the notes' ∂L/∂W_K, ∂L/∂b_K, ∂L/∂W_{K−1} and ∂L/∂b_{K−1} together, every row turned into a
    column.
    """
    last = f.d_output[-1] * f.slope[-1]
    before = np.swapaxes(np.swapaxes(last, 1, 2) @ f.W[-1], 1, 2) * f.slope[-2]
    last_weights = printed.notes_output_gradient(f.d_output[-1], f.slope[-1], f.a[-2])
    found = flat(last_weights, last, before @ np.swapaxes(f.a[-3], 1, 2), before)
    right = (
        f.autodiff_weights[-1],
        f.autodiff_biases[-1],
        f.autodiff_weights[-2],
        f.autodiff_biases[-2],
    )
    return relative_error(found, flat(*right))


def softmax_example() -> np.ndarray:
    """∂L/∂z of cross-entropy for p = (0.830, 0.064, 0.106) and the first class: by ⊙, and by fnn's
    Jacobian product.
    """
    p, t = jnp.array([0.830, 0.064, 0.106]), jnp.array([1.0, 0.0, 0.0])
    z, d_loss = jnp.log(p), -t / p
    elementwise = jnp.diagonal(activations.softmax.derivative(z)) * d_loss
    return np.array([elementwise, activations.softmax.backward(z, d_loss)])


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Relative errors by output activation, and of the two readings of δ."""
    gradients, (first,) = draw.figure()
    draw.spreads(first, [results["gradient_error"]], ("∇L ⊙ ∇σ · aᵀ",), list(results["outputs"]))
    first.set_title(f"Gradients of the last two layers, {config.seeds} networks", fontsize=10)
    delta, (second,) = draw.figure()
    readings = results["summed_error"], results["column_error"]
    draw.spreads(
        second,
        readings,
        ("broadcast to 4×4, summed", "row turned into a column"),
        config.activations,
    )
    second.set_title(f"∂L/∂b₁ from the printed δ₁, {config.seeds} networks", fontsize=10)
    for axis in (first, second):
        axis.set_xlabel("relative error (median, 5th to 95th percentile)")
    return {"gradients": gradients, "delta": delta}
