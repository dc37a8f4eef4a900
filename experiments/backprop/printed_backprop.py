"""The recursion of backpropagation as printed, beside the right one.

Question: Are δ_k = W_{k+1} f′_k δ_{k+1} and the updates built on it the gradient, and where are
          they by coincidence?
Source:   Adornetto (claims 0.16, 0.17) and Piccoli (4.5).
Command:  python -m experiments run printed_backprop
Expected: no. f′_K is missing at the top and Wᵀ is printed as W, so the recursion is right for
          identity layers of width 1 alone. The updates have another shape than W. Where they fit,
          up to half of the steps point uphill.
Cost:     quick 4 s, full 5 s on 2 cores, nearly all of it compiling.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.backprop import printed_gradients as printed
from experiments.backprop.errors import draw_errors, refusal_of_layer, relative_error
from experiments.backprop.printed_gradients import transpose
from experiments.backprop.random_networks import Flow, flow, largest_autodiff_error
from experiments.common import Common, Figures, Results
from experiments.refused import refusal
from fnn.layers import DenseParams

SHAPES = {"width 1": (1, 1, 1, 1), "width 4": (4, 4, 4, 4)}
UNEQUAL = (3, 5, 4, 2)
FORMS = ("as printed", "f′_K added", "f′_K and Wᵀ")
UPDATES = ("δ W f′ (0.17)", "∂L/∂z (4.5)")


@dataclass(frozen=True)
class Config(Common):
    """Draws of networks."""

    seeds: int = 1000
    """Networks of three layers, every weight, bias, input and target from N(0, 1)."""
    activations: tuple[str, ...] = ("sigmoid", "tanh", "softplus", "relu", "identity")


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> Results:
    """Compare the printed recursion and updates with the gradient, in float64.

    recursion_error (activations, shapes, FORMS, seeds) is relative, of δ₁. update_error and uphill
    (activations, shapes, UPDATES, seeds) are of the second layer's update: its relative error, and
    whether the step points along the gradient.
    """
    with jax.enable_x64(True):
        flows = [flows_of_shapes(name, config.seeds) for name in config.activations]
        refused = refusals()
    all_flows = list(chain.from_iterable(flows))
    return {
        "activations": np.array(config.activations),
        "recursion_error": of_each(flows, recursion_errors),
        "update_error": of_each(flows, update_errors),
        "uphill": of_each(flows, are_uphill),
        "autodiff_error": largest_autodiff_error(all_flows),
        "refused": np.array(refused),
    }


def flows_of_shapes(activation: str, seeds: int) -> list[Flow]:
    """Return the flow through networks of each shape."""
    return [flow(widths, activation, seeds) for widths in SHAPES.values()]


def of_each(flows: Sequence[Sequence[Flow]], measure: Callable) -> np.ndarray:
    """Return what is measured of each flow, with leading axes (activations, shapes)."""
    rows = [[measure(flow) for flow in of_activation] for of_activation in flows]
    return np.array(rows)


def refusals() -> list[str]:
    """Return why the recursion and the two updates fail in a network of unequal widths."""
    unequal = flow(UNEQUAL, "sigmoid", 1)
    W, slope, delta = unequal.W, unequal.slope, unequal.delta
    top = unequal.d_output[-1]
    return [
        refusal(lambda: printed.adornetto_first_delta(W, slope, top)).strip(" ."),
        refusal(lambda: printed.adornetto_update(delta[1], W[1], slope[0])).strip(" ."),
        refusal_of_layer(UNEQUAL, with_bias_for_weights),
    ]


def with_bias_for_weights(first: DenseParams) -> DenseParams:
    """Return a gradient whose ∂L/∂W is ∂L/∂z, as in the update of claim 4.5."""
    return first._replace(W=first.b[:, None])


def recursion_errors(flow: Flow) -> list[np.ndarray]:
    """Return the errors of δ₁ in the three FORMS."""
    d_loss = flow.d_output[-1]
    delta = d_loss * flow.slope[-1]
    as_printed = printed.adornetto_first_delta(flow.W, flow.slope, d_loss)
    with_slope = printed.adornetto_first_delta(flow.W, flow.slope, delta)
    for W, slope in zip(flow.W[:0:-1], flow.slope[-2::-1], strict=True):
        delta = transpose(W) @ delta * slope
    right = relative_error(delta, flow.delta[0])
    return [error_of_nearer(flow, as_printed), error_of_nearer(flow, with_slope), right]


def error_of_nearer(flow: Flow, delta: np.ndarray) -> np.ndarray:
    """Return the error of δ₁ against the nearer of ∂L/∂z and ∂L/∂σ.

    The document does not say which of them δ_k stands for.
    """
    from_z = relative_error(delta, flow.delta[0])
    from_output = relative_error(delta, flow.d_output[0])
    return np.minimum(from_z, from_output)


def update_errors(flow: Flow) -> list[np.ndarray]:
    """Return the errors of the two printed updates of W₂."""
    gradient = flow.autodiff_weights[1]
    return [relative_error(update, gradient) for update in printed_updates(flow)]


def are_uphill(flow: Flow) -> list[np.ndarray]:
    """Return for the two printed updates of W₂ whether a step against them raises the loss."""
    gradient = flow.autodiff_weights[1]
    products = [(update * gradient).sum(axis=(1, 2)) for update in printed_updates(flow)]
    return [product < 0 for product in products]


def printed_updates(flow: Flow) -> tuple[np.ndarray, np.ndarray]:
    """Return δ W f′ and ∂L/∂z of the second layer, broadcast to the shape of W₂."""
    delta, W = flow.delta[1], flow.W[1]
    by_rule = printed.adornetto_update_elementwise(delta, W, flow.slope[0])
    by_z = printed.piccoli_update(delta, W)
    return by_rule, by_z


def plot(results: Results, config: Config) -> Figures:
    """Draw errors of δ₁ and of the updates, by activation."""
    recursion = "δ₁ by the printed recursion"
    return {
        "recursion": draw_shapes(recursion, results["recursion_error"], FORMS, config),
        "updates": draw_shapes("Printed updates of W₂", results["update_error"], UPDATES, config),
    }


def draw_shapes(title: str, errors: np.ndarray, names: tuple[str, ...], config: Config) -> Figure:
    """Draw errors (activations, shapes, names, seeds), each shape on axes of its own."""
    figure, axes = draw.figure(rows=len(SHAPES), height=3.2)
    for number, shape in enumerate(SHAPES):
        of_shape = errors[:, number].swapaxes(0, 1)
        of_networks = f"{title}, {shape}, {config.seeds} networks"
        draw_errors(axes[number], of_shape, names, config.activations, of_networks)
    return figure
