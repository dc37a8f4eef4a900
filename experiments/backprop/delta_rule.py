"""The delta rule of a two-layer network, and how a hidden unit's effects on many outputs combine.

Question: What is the gradient at the output layer, at a hidden activity, and in the sigmoid rule
          built on them?
Source:   Sharif (claims 2.14, 2.15, 2.16).
Command:  python -m experiments run delta_rule
Expected: (z − t) g′(a) y at the output; ∂E/∂h = Σ_k w_k δ_k, which no single output gives; and the
          printed rule is −η∇½Σ(t − z)² with z_k for its y_k.
Cost:     quick 3 s, full 4 s on 2 cores, nearly all of it compiling.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.backprop import printed_gradients as printed
from experiments.backprop.random_networks import Flow, flat, flow, relative_error
from experiments.common import Common
from fnn import activations

STEP = (
    1e-4  # of the central differences of fourth order, whose error is about 1e-12 of the derivative
)
WIDTHS = (
    3,
    4,
    4,
)  # as many hidden units as outputs, so that the printed y_k exists for every output k


@dataclass(frozen=True)
class Config(Common):
    """Draws of networks."""

    seeds: int = 1000
    """3-4-4 networks, every weight, bias, input and target from N(0, 1)."""
    activations: tuple[str, ...] = ("sigmoid", "tanh", "softplus", "relu", "identity")


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Relative errors in float64. output_error and combined_error, (activations, seeds);
    strongest_error, of the one output with the largest effect in place of all; rule_error (2,
    seeds), as printed and with z_k for y_k.
    """
    with jax.enable_x64(True):
        flows = [flow(WIDTHS, name, config.seeds) for name in config.activations]
        hidden = [hidden_errors(f, name) for f, name in zip(flows, config.activations, strict=True)]
        sigmoid = flow(WIDTHS, "sigmoid", config.seeds)
    output = [(f.a[2] - f.y) * f.slope[1] @ np.swapaxes(f.a[1], 1, 2) for f in flows]
    pairs = zip(output, flows, strict=True)
    return {
        "activations": np.array(config.activations),
        "output_error": np.array(
            [relative_error(found, f.autodiff_weights[1]) for found, f in pairs]
        ),
        "combined_error": np.array([combined for combined, _ in hidden]),
        "strongest_error": np.array([strongest for _, strongest in hidden]),
        "rule_error": np.array(sigmoid_rule_errors(sigmoid)),
        "autodiff_error": np.array(max(f.autodiff_error for f in flows)),
    }


def hidden_errors(f: Flow, activation: str) -> tuple[np.ndarray, np.ndarray]:
    """Of Σ_k w_kh δ_k, and of its largest term alone, against differences of the error in the
    activity of unit h.
    """

    def error_at(h):
        z = activations.get(activation).value(f.W[1] @ h + f.b[1][..., None])
        return 0.5 * np.sum((f.y - np.asarray(z)) ** 2, axis=(1, 2))

    def difference(unit, step):
        return error_at(f.a[1] + step * unit) - error_at(f.a[1] - step * unit)

    units = np.eye(WIDTHS[1])[:, :, None]
    differences = [(8 * difference(u, STEP) - difference(u, 2 * STEP)) / (12 * STEP) for u in units]
    right = np.stack(differences, axis=1)
    effects = f.W[1] * f.delta[1]  # of hidden unit h through output k at [k, h]
    largest = np.abs(effects).argmax(axis=1)[:, None]
    strongest = np.take_along_axis(effects, largest, axis=1)[:, 0]
    return relative_error(effects.sum(axis=1), right), relative_error(strongest, right)


def sigmoid_rule_errors(f: Flow) -> list[np.ndarray]:
    """Of Δw/η, δ_k y_h and δ_h x, against −∇½Σ(t − z)² by autodiff, as printed and with z_k for
    y_k.
    """
    x, y, z = f.a
    right = -flat(*f.autodiff_weights)
    errors = []
    for delta in (printed.sharif_output_delta(z, y, f.y), printed.sharif_output_delta(z, z, f.y)):
        hidden = y * (1 - y) * (np.swapaxes(f.W[1], 1, 2) @ delta)
        errors.append(
            relative_error(flat(hidden @ np.swapaxes(x, 1, 2), delta @ np.swapaxes(y, 1, 2)), right)
        )
    return errors


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Relative errors at the output and at hidden activities by activation, and of one step of the
    sigmoid rule.
    """
    label = "relative error (median, 5th to 95th percentile)"
    figure, axes = draw.figure(rows=2, height=3.2)
    draw.spreads(axes[0], [results["output_error"]], ("(z − t) g′(a) y",), config.activations)
    axes[0].set_title(f"Output layer, {config.seeds} networks", fontsize=10)
    names = "the largest effect alone", "Σ_k w_k δ_k"
    draw.spreads(
        axes[1], (results["strongest_error"], results["combined_error"]), names, config.activations
    )
    axes[1].set_title("Hidden activity, against differences", fontsize=10)
    rule, (axis,) = draw.figure(height=2.4)
    draw.spreads(axis, results["rule_error"][:, None], ("y_k, as printed", "z_k"), ["sigmoid"])
    axis.set_title(f"One step of the sigmoid rule, {config.seeds} networks", fontsize=10)
    for each in (*axes, axis):
        each.set_xlabel(label)
    return {"layers": figure, "rule": rule}
