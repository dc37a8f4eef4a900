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
