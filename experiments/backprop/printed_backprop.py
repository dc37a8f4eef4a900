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
from experiments.claims import claim, holds_if, share_interval
from experiments.common import Common

EXACT = 1e-12
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


def sizes(refusal: str) -> str:
    """What NumPy says of a product of shapes that do not fit, without the signature of its
    function.
    """
    return (
        refusal.rpartition("signature")[2].rpartition("(")[2].rstrip(")")
        if "signature" in refusal
        else refusal
    )


def medians(errors: np.ndarray, names: np.ndarray) -> str:
    """Over seeds, of errors (activations, seeds)."""
    return ", ".join(
        f"{name} {np.median(each):.2g}" for name, each in zip(names, errors, strict=True)
    )


@claim(
    "0.16",
    "The error terms obey δ_k = W_{k+1} f′_k δ_{k+1}, beginning with δ_K = loss′.",
    figure="recursion",
)
def printed_recursion(results):
    error, names = results["recursion_error"], results["activations"]
    exact = (error <= EXACT).all(axis=-1)
    lucky = [f"{names[a]} of {list(SHAPES)[s]}" for a, s in np.argwhere(exact[:, :, 0])]
    return holds_if(
        bool(exact[:, :, 0].all()),
        f"Median relative error of δ₁ at width 1: {medians(error[:, 0, 0], names)}; at width 4: "
        f"{medians(error[:, 1, 0], names)}; {error.shape[-1]} random networks each, exact in all "
        f"only for "
        f"{', '.join(lucky) or 'none'}. δ_K = loss′ ⊙ f′_K and δ_k = (W_{{k+1}}ᵀ δ_{{k+1}}) ⊙ "
        f"f′_k agree with fnn to "
        f"{error[:, :, 2].max():.0e}, and fnn with autodiff to {results['autodiff_error']:.0e}. "
        f"For unequal widths "
        f"there is no such product: {sizes(results['refused'][0])}.",
        exact=exact,
        median_error=np.median(error, axis=-1),
    )


def update_rule(results, number: int, right: str):
    """Verdict on one of the printed updates."""
    error, uphill = results["update_error"][:, :, number], results["uphill"][:, :, number]
    line, square = np.median(error, axis=(0, 2))
    shares = zip(results["activations"], uphill[:, 1], strict=True)
    return holds_if(
        bool((error <= EXACT).all()),
        f"Where widths differ its shape does not fit: {sizes(results['refused'][number + 1])}. "
        f"Broadcast to "
        f"the shape of W it is {right} Median relative error over all activations: {line:.2g} at "
        f"width 1, {square:.2g} "
        f"at width 4. Share of {error.shape[-1]} networks of width 4 in which the step points "
        f"uphill: "
        f"{', '.join(f'{name} {share_interval(each)}' for name, each in shares)}.",
        median_error=np.median(error, axis=-1),
        share_uphill=uphill.mean(axis=-1),
    )


@claim("0.17", "Each layer is updated by W_k ← W_k − η δ_k W_k f′_{k−1}.", figure="updates")
def printed_update(results):
    return update_rule(
        results, 0, "δ_i w_ij f′_j where the gradient is δ_i z_j, from the layer below."
    )


@claim(
    "4.5", "The weights of the first layer are updated by W₁ ← W₁ − lr ∂L/∂z₁.", figure="updates"
)
def derivative_by_z(results):
    return update_rule(
        results, 1, "δ_i for every weight of neuron i, where ∂L/∂W is δ_i times the input."
    )


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
