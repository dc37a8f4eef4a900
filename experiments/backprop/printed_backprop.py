"""The recursion of backpropagation as printed, beside the right one.

Question: Are δ_k = W_{k+1} f′_k δ_{k+1} and the updates built on it the gradient, and where are
          they by coincidence?
Source:   Adornetto (claims 0.16, 0.17) and Piccoli (4.5).
Command:  python -m experiments run printed_backprop
Expected: no. f′_K is missing at the top and Wᵀ is printed as W, so the recursion is right for
          identity layers of width 1 alone; the updates have another shape than W, and where they
          fit, up to half of the steps point uphill.
Cost:     quick 4 s, full 5 s on 2 cores, nearly all of it compiling.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.backprop import printed_gradients as printed
from experiments.backprop.random_networks import (
    Flow,
    flow,
    refusal,
    refusal_of_layer,
    relative_error,
)
from experiments.common import Common

SHAPES = {"width 1": (1, 1, 1, 1), "width 4": (4, 4, 4, 4)}
UNEQUAL = (3, 5, 4, 2)
FORMS = ("as printed", "f′_K added", "f′_K and Wᵀ")


@dataclass(frozen=True)
class Config(Common):
    """Draws of networks."""

    seeds: int = 1000
    """Networks of three layers, every weight, bias, input and target from N(0, 1)."""
    activations: tuple[str, ...] = ("sigmoid", "tanh", "softplus", "relu", "identity")


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Errors are relative, in float64: recursion (activations, shapes, FORMS, seeds) of δ₁; the
    others (activations, shapes, seeds) of the second layer's update; uphill is whether that step
    points along the gradient.
    """
    with jax.enable_x64(True):
        found = [
            [flow(widths, name, config.seeds) for widths in SHAPES.values()]
            for name in config.activations
        ]
        unequal = flow(UNEQUAL, "sigmoid", 1)
        refused = [
            refusal(
                lambda: printed.adornetto_first_delta(
                    unequal.W, unequal.slope, unequal.d_output[-1]
                )
            ),
            refusal(
                lambda: printed.adornetto_update(unequal.delta[1], unequal.W[1], unequal.slope[0])
            ),
            refusal_of_layer(UNEQUAL, lambda first: first._replace(W=first.b[:, None])),
        ]
    steps = [[updates(each) for each in row] for row in found]
    return {
        "activations": np.array(config.activations),
        "recursion_error": np.array([[recursion(each) for each in row] for row in found]),
        "update_error": np.array(
            [[[relative_error(u, g) for u, g in pairs] for pairs in row] for row in steps]
        ),
        "uphill": np.array(
            [[[(u * g).sum(axis=(1, 2)) < 0 for u, g in pairs] for pairs in row] for row in steps]
        ),
        "autodiff_error": np.array(max(each.autodiff_error for row in found for each in row)),
        "refused": np.array(refused),
    }


def recursion(f: Flow) -> list[np.ndarray]:
    """Errors of δ₁ in the three forms. What δ_k stands for is not said: the nearer of ∂L/∂z and
    ∂L/∂σ counts.
    """
    top = f.d_output[-1]
    right = top * f.slope[-1]
    as_printed = printed.adornetto_first_delta(f.W, f.slope, top)
    with_top = printed.adornetto_first_delta(f.W, f.slope, right)
    for W, slope in zip(f.W[:0:-1], f.slope[-2::-1], strict=True):
        right = np.swapaxes(W, 1, 2) @ right * slope
    nearer = [
        np.minimum(relative_error(delta, f.delta[0]), relative_error(delta, f.d_output[0]))
        for delta in (as_printed, with_top)
    ]
    return [*nearer, relative_error(right, f.delta[0])]


def updates(f: Flow) -> list[tuple[np.ndarray, np.ndarray]]:
    """The two printed updates of the second layer in the shape of W, each with ∂L/∂W₂ by
    autodiff.
    """
    by_rule = printed.adornetto_update_elementwise(f.delta[1], f.W[1], f.slope[0])
    right = f.autodiff_weights[1]
    return [(by_rule, right), (printed.piccoli_update(f.delta[1], f.W[1]), right)]


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Relative errors of δ₁ and of the updates, by activation."""
    recursions, updates = results["recursion_error"], results["update_error"]
    return {
        "recursion": drawing("δ₁ by the printed recursion", recursions, FORMS, config),
        "updates": drawing(
            "Printed updates of W₂", updates, ("δ W f′ (0.17)", "∂L/∂z (4.5)"), config
        ),
    }


def drawing(title: str, errors: np.ndarray, names: tuple[str, ...], config: Config) -> Figure:
    """errors is (activations, shapes, names, seeds)."""
    figure, axes = draw.figure(rows=len(SHAPES), height=3.2)
    for s, (axis, shape) in enumerate(zip(axes, SHAPES, strict=True)):
        draw.spreads(axis, errors[:, s].swapaxes(0, 1), names, config.activations)
        axis.set_title(f"{title}, {shape}, {config.seeds} networks", fontsize=10)
        axis.set_xlabel("relative error (median, 5th to 95th percentile)")
    return figure
