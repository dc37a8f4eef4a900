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

from experiments import drawing as draw
from experiments.backprop.errors import draw_errors, flat, relative_error
from experiments.backprop.printed_gradients import sharif_output_delta, transpose
from experiments.backprop.random_networks import Flow, flow, largest_autodiff_error
from experiments.common import Common, Figures, Results
from fnn import activations

STEP = 1e-4  # of differences of fourth order, whose error is then about 1e-12 of the derivative
WIDTHS = (3, 4, 4)  # as many hidden units as outputs: the printed y_k exists for every output k


@dataclass(frozen=True)
class Config(Common):
    """Draws of networks."""

    seeds: int = 1000
    """3-4-4 networks, every weight, bias, input and target from N(0, 1)."""
    activations: tuple[str, ...] = ("sigmoid", "tanh", "softplus", "relu", "identity")


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> Results:
    """Compare the formulas with autodiff, or with differences, in float64.

    All errors are relative. output_error, combined_error and strongest_error are (activations,
    seeds): the last is of the one output with the largest effect in place of all. rule_error is
    (2, seeds), as printed and with z_k for y_k.
    """
    with jax.enable_x64(True):
        flows = [flow(WIDTHS, name, config.seeds) for name in config.activations]
        hidden = list(map(hidden_errors, flows, config.activations))
        sigmoid = flow(WIDTHS, "sigmoid", config.seeds)
    combined, strongest = zip(*hidden, strict=True)
    rule = [rule_error(sigmoid, y_k=sigmoid.a[1]), rule_error(sigmoid, y_k=sigmoid.a[2])]
    return {
        "activations": np.array(config.activations),
        "output_error": np.array([output_error(flow) for flow in flows]),
        "combined_error": np.array(combined),
        "strongest_error": np.array(strongest),
        "rule_error": np.array(rule),
        "autodiff_error": largest_autodiff_error(flows),
    }


def output_error(flow: Flow) -> np.ndarray:
    """Return the error of (z − t) g′(a) y, the gradient at the output layer."""
    _, y, z = flow.a
    delta = (z - flow.y) * flow.slope[1]
    return relative_error(delta @ transpose(y), flow.autodiff_weights[1])


def hidden_errors(flow: Flow, activation: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the errors of Σ_k w_kh δ_k, and of its largest term alone, for ∂E/∂y_h."""
    expected = hidden_differences(flow, activation)
    effects = flow.W[1] * flow.delta[1]  # of hidden unit h through output k at [k, h]
    combined = effects.sum(axis=1)
    largest = np.abs(effects).argmax(axis=1)[:, None]
    strongest = np.take_along_axis(effects, largest, axis=1)[:, 0]
    return relative_error(combined, expected), relative_error(strongest, expected)


def hidden_differences(flow: Flow, activation: str) -> np.ndarray:
    """Return ∂E/∂y_h by central differences of fourth order, (seeds, hidden units)."""
    g = activations.get(activation).value

    def error_at(y):
        z = g(flow.W[1] @ y + flow.b[1][..., None])
        return 0.5 * np.sum((flow.y - np.asarray(z)) ** 2, axis=(1, 2))

    def difference(unit, step):
        return error_at(flow.a[1] + step * unit) - error_at(flow.a[1] - step * unit)

    derivatives = []
    for unit in np.eye(WIDTHS[1])[:, :, None]:
        eight_times = 8 * difference(unit, STEP)
        derivatives.append((eight_times - difference(unit, 2 * STEP)) / (12 * STEP))
    return np.stack(derivatives, axis=1)


def rule_error(flow: Flow, y_k: np.ndarray) -> np.ndarray:
    """Return the error of Δw/η, δ_k y_h and δ_h x, against −∇½Σ(t − z)² by autodiff.

    y_k  what stands for it in δ_k: the hidden activities as printed, or the outputs
    """
    x, y, z = flow.a
    delta_k = sharif_output_delta(z, y_k, flow.y)
    delta_h = y * (1 - y) * (transpose(flow.W[1]) @ delta_k)
    step = flat(delta_h @ transpose(x), delta_k @ transpose(y))
    return relative_error(step, -flat(*flow.autodiff_weights))


def plot(results: Results, config: Config) -> Figures:
    """Draw errors at the output and at hidden activities by activation, and of the sigmoid rule."""
    networks = f"{config.seeds} networks"
    layers, (top, bottom) = draw.figure(rows=2, height=3.2)
    rule, (axis,) = draw.figure(height=2.4)
    output = [results["output_error"]]
    hidden = [results["strongest_error"], results["combined_error"]]
    forms = ["the largest effect alone", "Σ_k w_k δ_k"]
    by_reading = results["rule_error"][:, None]
    names = config.activations
    draw_errors(top, output, ["(z − t) g′(a) y"], names, f"Output layer, {networks}")
    draw_errors(bottom, hidden, forms, names, "Hidden activity, against differences")
    title = f"One step of the sigmoid rule, {networks}"
    draw_errors(axis, by_reading, ["y_k, as printed", "z_k"], ["sigmoid"], title)
    return {"layers": layers, "rule": rule}
