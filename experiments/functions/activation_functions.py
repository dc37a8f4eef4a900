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
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import activations

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


def run(config: Config) -> Results:
    """Return curves (functions, points), and tails (types, functions, 2) at −1000 and 1000.

    The types are float32 and float64. Everything else is in float64.
    """
    with jax.enable_x64(True):
        x = jnp.linspace(-6, 6, config.points)
        computed = curves(x) | tails() | elus(x, config.alphas)
        arrays = {name: np.asarray(value, float) for name, value in computed.items()}
    return {"alphas": np.array(config.alphas), **arrays}


def curves(x: jax.Array) -> dict[str, Any]:
    """Return each function of fnn with its slope, and the printed formula with autodiff's."""
    ours = [activations.get(name) for name in FORMULAS]
    printed = FORMULAS.values()
    return {
        "x": x,
        "values": [f.value(x) for f in ours],
        "slopes": [f.derivative(x) for f in ours],
        "printed": [f(x) for f in printed],
        "autodiff": [jax.vmap(jax.grad(f))(x) for f in printed],
        "softplus_at_zero": activations.softplus.value(jnp.zeros(())),
    }


def tails() -> dict[str, Any]:
    """Return the functions of fnn, their slopes and the printed formulas at −1000 and 1000."""
    ours = [activations.get(name) for name in FORMULAS]
    ends = [jnp.array([-FAR, FAR], dtype) for dtype in ("float32", "float64")]
    return {
        "tails": [[f.value(x) for f in ours] for x in ends],
        "tail_slopes": [[f.derivative(x) for f in ours] for x in ends],
        "printed_tails": [[f(x) for f in FORMULAS.values()] for x in ends],
    }


def elus(x: jax.Array, alphas: tuple[float, ...]) -> dict[str, Any]:
    """Return ELU and its slope for each α, and the jump of the slope at 0."""
    functions = [activations.make_elu(alpha) for alpha in alphas]
    return {
        "elu_values": [f.value(x) for f in functions],
        "elu_slopes": [f.derivative(x) for f in functions],
        "elu_jumps": [jump_of_slope(f) for f in functions],
    }


def jump_of_slope(activation: activations.Activation, h: float = 1e-7) -> jax.Array:
    """Return the right minus the left derivative at 0, as limits of difference quotients."""
    left, middle, right = activation.value(jnp.array([-h, 0.0, h]))
    return (right - 2 * middle + left) / h


def plot(results: Results, config: Config) -> Figures:
    """Draw the functions and their slopes, ELU for several α, and softplus beside ReLU."""
    return {
        "curves": draw_curves(results),
        "elu": draw_elu(results),
        "softplus": draw_softplus(results),
    }


def draw_curves(results: Results) -> Figure:
    """Draw all functions and their slopes."""
    figure, axes = draw.figure(rows=2)
    x = results["x"]
    for axis, kind in zip(axes, ("values", "slopes"), strict=True):
        for name, curve in zip(FORMULAS, results[kind], strict=True):
            axis.plot(x, curve, label=name)
    value, slope = axes
    value.set(xlabel="x", ylabel="f(x)", ylim=(-1.5, 3), title="activations")
    slope.set(xlabel="x", ylabel="f′(x)", title="their slopes")
    draw.legends(axes)
    return figure


def draw_elu(results: Results) -> Figure:
    """Draw ELU and its slope for each α."""
    figure, axes = draw.figure(rows=2)
    x = results["x"]
    for axis, kind in zip(axes, ("elu_values", "elu_slopes"), strict=True):
        for alpha, curve in zip(results["alphas"], results[kind], strict=True):
            axis.plot(x, curve, label=f"α = {alpha:g}")
    value, slope = axes
    value.set(xlabel="x", ylabel="ELU(x)", ylim=(-2.2, 3), title="ELU")
    slope.set(xlabel="x", ylabel="slope", title="its slope jumps at 0 unless α = 1")
    draw.legends(axes)
    return figure


def draw_softplus(results: Results) -> Figure:
    """Draw softplus beside ReLU, and their difference."""
    figure, axes = draw.figure(rows=2)
    both, gap = axes
    x = results["x"]
    relu = results["values"][RELU]
    softplus = results["values"][SOFTPLUS]
    both.plot(x, softplus, label="log(1 + eˣ)")
    both.plot(x, relu, label="ReLU", **draw.LINES[4])
    both.set(xlabel="x", ylabel="f(x)", title="a smooth ReLU")
    gap.plot(x, softplus - relu, label="log(1 + eˣ) − ReLU")
    gap.axhline(math.log(2), color="gray", linestyle=":", label="ln 2")
    gap.set(xlabel="x", ylabel="difference", yscale="log")
    draw.legends(axes)
    return figure
