"""The activation functions of hidden layers: formulas, slopes, ranges and tails.

Question: Do the activations have the slopes, the ranges and the smoothness that the courses give
          them?
Source:   De Marzo (claim 1.8), Sharif (2.26) and Piccoli (4.15).
Command:  python -m experiments run activation_functions
Expected: formulas and slopes as printed; tanh ranges over (-1, 1) and not (0, 1); ReLU saturates on
          its negative side; ELU has a kink at zero unless α = 1; log(1 + eˣ), computed as written,
          overflows at 1000.
Cost:     about 3 s on 2 cores, quick or full.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.claims import claim, every, holds_if
from experiments.common import Common
from fnn import activations
from fnn import plot as draw

FORMULAS = {
    "relu": lambda x: jnp.maximum(0, x),
    "elu": lambda x: jnp.where(x >= 0, x, jnp.exp(x) - 1),
    "tanh": lambda x: (jnp.exp(x) - jnp.exp(-x)) / (jnp.exp(x) + jnp.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + jnp.exp(-x)),
    "softplus": lambda x: jnp.log(1 + jnp.exp(x)),
}
RELU, ELU, TANH, SIGMOID, SOFTPLUS = range(len(FORMULAS))
FAR = 1e3


@dataclass(frozen=True)
class Config(Common):
    """Where the functions are looked at."""

    points: int = 2000
    """Of [−6, 6], an even number: zero, where ReLU has no slope, is then none of them."""
    alphas: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Of ELU."""


QUICK = Config(points=600, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Curves (functions, points) in float64; the tails (float32 and float64, functions, −1000 and
    1000).
    """
    with jax.enable_x64(True):
        x = jnp.linspace(-6, 6, config.points)
        own = [activations.get(name) for name in FORMULAS]
        elus = [activations.make_elu(alpha) for alpha in config.alphas]
        slope = [jax.vmap(jax.grad(f)) for f in FORMULAS.values()]
        tails = [jnp.array([-FAR, FAR], dtype) for dtype in ("float32", "float64")]
        found = {
            "x": x,
            "values": [f.value(x) for f in own],
            "slopes": [f.derivative(x) for f in own],
            "printed": [f(x) for f in FORMULAS.values()],
            "autodiff": [each(x) for each in slope],
            "tails": [[f.value(z) for f in own] for z in tails],
            "tail_slopes": [[f.derivative(z) for f in own] for z in tails],
            "printed_tails": [[f(z) for f in FORMULAS.values()] for z in tails],
            "softplus_at_zero": activations.softplus.value(jnp.zeros(())),
            "elu_values": [f.value(x) for f in elus],
            "elu_slopes": [f.derivative(x) for f in elus],
            "elu_jumps": [jump_of_slope(f) for f in elus],
        }
        arrays = {name: np.asarray(value, float) for name, value in found.items()}
    return {"alphas": np.array(config.alphas), **arrays}


def jump_of_slope(activation: activations.Activation, h: float = 1e-7) -> jax.Array:
    """The right minus the left derivative at 0, as limits of difference quotients."""
    left, middle, right = activation.value(jnp.array([-h, 0.0, h]))
    return (right - 2 * middle + left) / h


@claim(
    "1.8",
    "Hidden activations are max(0, x), ELU with a free α, tanh and 1/(1 + e⁻ˣ).",
    figure="curves",
)
def formulas(results):
    hidden = slice(RELU, SIGMOID + 1)
    value_error = np.abs(results["values"] - results["printed"])[hidden].max()
    slope_error = np.abs(results["slopes"] - results["autodiff"])[hidden].max()
    jump_error = np.abs(results["elu_jumps"] - (1 - results["alphas"])).max()
    jumps = ", ".join(f"{jump + 0.0:.3g}" for jump in results["elu_jumps"].round(6))
    return holds_if(
        bool(value_error < 1e-12 and slope_error < 1e-12 and jump_error < 1e-5),
        f"On {len(results['x'])} points of [−6, 6] in float64 the values differ from the printed "
        f"formulas by at most "
        f"{value_error:.1e} and the slopes from automatic differentiation by {slope_error:.1e}. "
        f"The slope of ELU "
        f"jumps at 0 by {jumps} for α = {', '.join(f'{alpha:g}' for alpha in results['alphas'])}: "
        f"it is smooth for "
        "α = 1 only.",
        value_error=value_error,
        slope_error=slope_error,
        elu_jumps=results["elu_jumps"],
    )


@claim(
    "2.26",
    "tanh and the sigmoid saturate, with range (0, 1) both of them; ReLU does not saturate.",
    figure="curves",
)
def saturation(results):
    low, high = results["values"].min(axis=1), results["values"].max(axis=1)
    unit = (low > 0) & (high < 1)
    slopes = results["tail_slopes"][1]
    flat = (np.abs(slopes) < 1e-12).any(axis=1)
    return holds_if(
        every(*unit[[TANH, SIGMOID]], *flat[[TANH, SIGMOID]], not flat[RELU]),
        f"Both saturate, but their ranges differ: on [−6, 6] the sigmoid runs from "
        f"{low[SIGMOID]:.5f} to "
        f"{high[SIGMOID]:.5f}, tanh from {low[TANH]:.5f} to {high[TANH]:.5f}, so that it is (−1, "
        f"1). The slope of ReLU "
        f"is {slopes[RELU, 0]:g} at −1000 and {slopes[RELU, 1]:g} at 1000: it saturates on its "
        f"negative side.",
        lowest=low,
        highest=high,
        slopes_at_1000=slopes,
    )


@claim(
    "4.15",
    "Gates are the sigmoid, tanh, ReLU and log(1 + eˣ), a smooth version of ReLU.",
    figure="softplus",
)
def smooth_relu(results):
    slope_error = np.abs(results["slopes"][SOFTPLUS] - results["values"][SIGMOID]).max()
    gap = results["values"][SOFTPLUS] - results["values"][RELU]
    at_zero = float(results["softplus_at_zero"])
    finite = bool(np.isfinite(results["tails"]).all() and np.isfinite(results["tail_slopes"]).all())
    overflow = [
        name
        for name, tail in zip(FORMULAS, results["printed_tails"][1], strict=True)
        if ~np.isfinite(tail).all()
    ]
    smooth = (
        slope_error < 1e-12
        and (gap > 0).all()
        and gap.max() <= at_zero
        and abs(at_zero - math.log(2)) < 1e-15
    )
    return holds_if(
        bool(smooth and finite),
        f"The slope of log(1 + eˣ) is the sigmoid to {slope_error:.1e}; it exceeds ReLU by "
        f"{at_zero:.6f} = ln 2 at 0 "
        f"and by less elsewhere, {gap[0]:.4f} at −6. Stable forms are finite at ±1000; computed "
        f"from exponentials, "
        f"{' and '.join(overflow) or 'none'} overflow there in float64.",
        slope_error=slope_error,
        gap_at_zero=at_zero,
        tails=results["tails"],
        printed_tails=results["printed_tails"],
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The functions and their slopes; ELU for several α; softplus beside ReLU."""
    x = results["x"]
    curves, (value, slope) = draw.figure(rows=2)
    for f, name in enumerate(FORMULAS):
        value.plot(x, results["values"][f], label=name)
        slope.plot(x, results["slopes"][f], label=name)
    value.set(xlabel="x", ylabel="f(x)", ylim=(-1.5, 3), title="activations")
    slope.set(xlabel="x", ylabel="f′(x)", title="their slopes")
    kink, (value_of_elu, slope_of_elu) = draw.figure(rows=2)
    for a, alpha in enumerate(config.alphas):
        value_of_elu.plot(x, results["elu_values"][a], label=f"α = {alpha:g}")
        slope_of_elu.plot(x, results["elu_slopes"][a], label=f"α = {alpha:g}")
    value_of_elu.set(xlabel="x", ylabel="ELU(x)", ylim=(-2.2, 3), title="ELU")
    slope_of_elu.set(xlabel="x", ylabel="slope", title="its slope jumps at 0 unless α = 1")
    smooth, (both, gap) = draw.figure(rows=2)
    both.plot(x, results["values"][SOFTPLUS], label="log(1 + eˣ)")
    both.plot(x, results["values"][RELU], label="ReLU", **draw.LINES[4])
    both.set(xlabel="x", ylabel="f(x)", title="a smooth ReLU")
    gap.plot(x, results["values"][SOFTPLUS] - results["values"][RELU], label="log(1 + eˣ) − ReLU")
    gap.axhline(math.log(2), color="gray", linestyle=":", label="ln 2")
    gap.set(xlabel="x", ylabel="difference", yscale="log")
    for axis in (value, slope, value_of_elu, slope_of_elu, both, gap):
        axis.legend(frameon=False, fontsize=8)
    return {"curves": curves, "elu": kink, "softplus": smooth}
