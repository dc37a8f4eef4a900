"""A shallow network of three ReLU units: lines, clipped, weighted and summed.

Question: What function is a 1-3-1 network, and what does each of its ten parameters do to it?
Source:   De Marzo (claims 1.1, 1.4).
Command:  python -m experiments run shallow
Expected: at most four straight pieces that meet where a unit switches, at −θ_d0/θ_d1, with the
          slope Σ φ_d θ_d1 over the units that are on; the φ act linearly, the θ do not.
Cost:     about 3 s on 2 cores; quick about 2 s.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.cm import viridis
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import diagnostics, tree
from fnn import plot as draw
from fnn.layers import DenseParams

NAMES = [*(f"θ{d}{k}" for d in "₁₂₃" for k in "₀₁"), *(f"φ{d}" for d in "₀₁₂₃")]
FIGURE = np.array(
    [0.9, 0.6, -0.2, 1.0, 1.2, -0.8, -0.2, -1.2, 1.4, 0.7]
)  # one network, in the order of NAMES


@dataclass(frozen=True)
class Config(Common):
    """How many networks, and how finely they are looked at."""

    draws: int = 1000
    """Networks with parameters from N(0, 1)."""
    points: int = 2001
    """Inputs from −3 to 3."""
    moves: int = 9
    """Values of each parameter, from 1 below to 1 above that of the network in the figure."""


QUICK = Config(draws=100, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64. y (points,) of the network in the figure; moved (10, moves, points) with one
    parameter moved.
    """
    x = np.linspace(-3, 3, config.points)
    drawn = np.random.default_rng(0).normal(size=(config.draws, 10))
    steps = np.linspace(-1, 1, config.moves)
    moved = (FIGURE + steps[:, None] * np.eye(10)[:, None]).reshape(-1, 10)
    with jax.enable_x64(True):
        curves = jax.jit(jax.vmap(curve, in_axes=(0, None)))
        y = np.asarray(curves(np.concatenate([FIGURE[None], moved, drawn]), x))
        return {
            "x": x,
            "y": y[0],
            "stages": np.stack(stages(FIGURE, x)),
            "moved": y[1 : 1 + len(moved)].reshape(10, config.moves, -1),
            "parameters": np.array(tree.size(fnn.mlp((1, 3, 1)).init(jax.random.key(0))[0])),
            **compared(drawn, x, y[1 + len(moved) :]),
        }


def curve(flat, x):
    """y of the network for the parameters in the order of NAMES."""
    theta, phi = flat[:6].reshape(3, 2), flat[6:]
    params = (DenseParams(theta[:, 1:], theta[:, 0]), (), DenseParams(phi[None, 1:], phi[:1]))
    return fnn.apply(fnn.mlp((1, 3, 1)), params, x[:, None])[:, 0]


def stages(flat, x):
    """As printed, with the dummy input 1 in front: the lines θ(1, x), h′ = max(0, ·) and φ_d h_d,
    (3, points).
    """
    theta, phi = flat[:6].reshape(3, 2), flat[6:]
    lines = theta @ np.stack([np.ones_like(x), x])
    return lines, np.maximum(lines, 0), phi[1:, None] * np.maximum(lines, 0)


def compared(drawn, x, y) -> dict[str, np.ndarray]:
    """Of each drawn network: the error of the printed form, straight pieces, how far each joint is
    from the nearest −θ_d0/θ_d1 in steps of x, and the error of the slopes in between.
    """
    printed = np.array([flat[6] + stages(flat, x)[2].sum(axis=0) for flat in drawn])
    theta, phi = drawn[:, :6].reshape(-1, 3, 2), drawn[:, 7:]
    predicted = np.sort(-theta[..., 0] / theta[..., 1], axis=1)
    found = [diagnostics.breakpoints(x, each) for each in y]
    away = [
        np.abs(one[:, None] - at).min(axis=1).max(initial=0)
        for one, at in zip(found, predicted, strict=True)
    ]
    ends = np.column_stack([predicted[:, :1] - 1, predicted, predicted[:, -1:] + 1])
    middles = (ends[:, 1:] + ends[:, :-1]) / 2
    slopes = jax.jit(
        jax.vmap(lambda flat, m: jnp.diag(jax.jacobian(lambda at: curve(flat, at))(m)))
    )(drawn, middles)
    on = theta[:, None, :, 0] + theta[:, None, :, 1] * middles[..., None] > 0
    return {
        "printed_error": np.abs(printed - y).max(axis=1),
        "pieces": np.array([len(one) + 1 for one in found]),
        "joint_distance": np.array(away) / (x[1] - x[0]),
        "slope_error": np.abs(slopes - (on * (phi * theta[..., 1])[:, None]).sum(axis=-1)).max(
            axis=1
        ),
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The four stages of one network, and the curve while one parameter is moved."""
    x = results["x"]
    drawing, axes = draw.figure(rows=4, height=1.9)
    titles = (
        "lines θ_d0 + θ_d1 x",
        "clipped at 0: h_d",
        "weighted: φ_d h_d",
        "summed: y = φ₀ + Σ φ_d h_d",
    )
    for axis, title, values in zip(
        axes, titles, [*results["stages"], results["y"][None]], strict=True
    ):
        for number, each in enumerate(values):
            axis.plot(
                x, each, label=f"unit {number + 1}", **draw.LINES[number if len(values) > 1 else 3]
            )
        axis.set_title(title, fontsize=10)
    for place in -FIGURE[0:6:2] / FIGURE[1:6:2]:
        axes[3].axvline(place, color="gray", linewidth=0.8)
    axes[0].legend(frameon=False, ncols=3, fontsize=8)
    axes[3].set_xlabel("x (gray: where a unit switches)")
    moved, axes = draw.figure(rows=4, height=1.9)
    colors = viridis(np.linspace(0, 0.9, results["moved"].shape[1]))
    for axis, name in zip(axes, ("θ₁₀", "θ₂₁", "φ₀", "φ₂"), strict=True):
        for color, each in zip(colors, results["moved"][NAMES.index(name)], strict=True):
            axis.plot(x, each, color=color, linestyle="-", linewidth=1)
        axis.set(title=f"{name} moved by −1 (dark) to 1 (light)", ylabel="y")
    axes[-1].set_xlabel("x")
    return {"stages": drawing, "moved": moved}
