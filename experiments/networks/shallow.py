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
from experiments.common import Common, Figures, Results
from fnn import diagnostics, tree
from fnn import plot as draw
from fnn.layers import DenseParams

NAMES = ["θ₁₀", "θ₁₁", "θ₂₀", "θ₂₁", "θ₃₀", "θ₃₁", "φ₀", "φ₁", "φ₂", "φ₃"]
FIGURE = np.array([0.9, 0.6, -0.2, 1.0, 1.2, -0.8, -0.2, -1.2, 1.4, 0.7])  # in the order of NAMES


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


def run(config: Config) -> Results:
    """Compute the curve of one network, with its parameters moved, and of random ones, in float64.

    y is (points,), stages is (3, units, points), and moved is (parameters, moves, points).
    """
    x = np.linspace(-3, 3, config.points)
    random = np.random.default_rng(0).normal(size=(config.draws, 10))
    moved = move_each(config.moves)
    parameters = np.concatenate([FIGURE[None], moved, random])
    with jax.enable_x64(True):
        curves = jax.jit(jax.vmap(curve, in_axes=(0, None)))(parameters, x)
        y = np.asarray(curves)
        y_moved, y_random = np.split(y[1:], [len(moved)])
        return {
            "x": x,
            "y": y[0],
            "stages": np.stack(stages(FIGURE, x)),
            "moved": y_moved.reshape(10, config.moves, -1),
            "parameters": np.array(number_of_parameters()),
            **compare(random, x, y_random),
        }


def move_each(moves: int) -> np.ndarray:
    """Return the parameters of FIGURE with one of them moved by −1 to 1, (10 · moves, 10)."""
    steps = np.linspace(-1, 1, moves)[:, None]
    directions = np.eye(10)[:, None]
    moved = FIGURE + steps * directions
    return moved.reshape(-1, 10)


def curve(parameters, x):
    """Return y of the network, for the ten parameters in the order of NAMES."""
    theta = parameters[:6].reshape(3, 2)
    phi = parameters[6:]
    hidden = DenseParams(theta[:, 1:], theta[:, 0])
    output = DenseParams(phi[None, 1:], phi[:1])
    return fnn.apply(fnn.mlp((1, 3, 1)), (hidden, (), output), x[:, None])[:, 0]


def stages(parameters, x):
    """Return the lines θ(1, x), clipped h = max(0, ·) and weighted φ_d h_d, each (3, points).

    This is the form as printed, with the dummy input 1 in front of x.
    """
    theta = parameters[:6].reshape(3, 2)
    phi = parameters[7:, None]
    lines = theta @ np.stack([np.ones_like(x), x])
    h = np.maximum(lines, 0)
    return lines, h, phi * h


def number_of_parameters() -> int:
    """Return how many parameters fnn's network has."""
    params, _ = fnn.mlp((1, 3, 1)).init(jax.random.key(0))
    return tree.size(params)


def compare(random: np.ndarray, x: np.ndarray, y: np.ndarray) -> Results:
    """Return what each random network (networks, 10) has to do with the printed form.

    joint_distance is the largest distance of a joint from the nearest switch −θ_d0/θ_d1, in steps
    of x.
    """
    printed = np.array([printed_curve(parameters, x) for parameters in random])
    joints = [diagnostics.breakpoints(x, curve) for curve in y]
    switches = switch_points(random)
    distances = np.array(list(map(distance_to_nearest, joints, switches)))
    return {
        "printed_error": np.abs(printed - y).max(axis=1),
        "pieces": np.array([len(of_curve) + 1 for of_curve in joints]),
        "joint_distance": distances / (x[1] - x[0]),
        "slope_error": slope_errors(random, switches),
    }


def printed_curve(parameters, x) -> np.ndarray:
    """Return φ₀ + Σ φ_d h_d."""
    _, _, weighted = stages(parameters, x)
    return parameters[6] + weighted.sum(axis=0)


def switch_points(random: np.ndarray) -> np.ndarray:
    """Return where the units of each network switch, −θ_d0/θ_d1 in ascending order."""
    theta_0 = random[:, 0:6:2]
    theta_1 = random[:, 1:6:2]
    return np.sort(-theta_0 / theta_1, axis=1)


def distance_to_nearest(joints: np.ndarray, switches: np.ndarray) -> float:
    """Return the largest distance of a joint from the switch that is nearest to it."""
    distances = np.abs(joints[:, None] - switches)
    return distances.min(axis=1).max(initial=0)


def slope_errors(random: np.ndarray, switches: np.ndarray) -> np.ndarray:
    """Return how far autodiff's slopes between the switches are from Σ φ_d θ_d1 of active units."""
    before, after = switches[:, :1] - 1, switches[:, -1:] + 1
    ends = np.column_stack([before, switches, after])
    middles = (ends[:, 1:] + ends[:, :-1]) / 2
    slopes = jax.jit(jax.vmap(slopes_at))(random, middles)
    theta_0, theta_1 = random[:, None, 0:6:2], random[:, None, 1:6:2]
    phi = random[:, None, 7:]
    is_on = theta_0 + theta_1 * middles[..., None] > 0
    expected = (is_on * (phi * theta_1)).sum(axis=-1)
    return np.abs(slopes - expected).max(axis=1)


def slopes_at(parameters, x):
    """Return dy/dx at each x by autodiff."""
    jacobian = jax.jacobian(lambda x: curve(parameters, x))(x)
    return jnp.diag(jacobian)


def plot(results: Results, config: Config) -> Figures:
    """Draw the four stages of one network, and the curve while one parameter is moved."""
    return {"stages": draw_stages(results), "moved": draw_moved(results)}


def draw_stages(results: Results) -> Figure:
    """Draw lines, clipped lines, weighted ones and their sum, one below the other."""
    figure, axes = draw.figure(rows=4, height=1.9)
    titles = ["lines θ_d0 + θ_d1 x", "clipped at 0: h_d", "weighted: φ_d h_d"]
    for axis, title, units in zip(axes, titles, results["stages"], strict=False):
        axis.set_title(title, fontsize=10)
        for number, values in enumerate(units):
            axis.plot(results["x"], values, label=f"unit {number + 1}", **draw.LINES[number])
    axes[0].legend(frameon=False, ncols=3, fontsize=8)
    bottom = axes[3]
    bottom.set_title("summed: y = φ₀ + Σ φ_d h_d", fontsize=10)
    bottom.plot(results["x"], results["y"], **draw.LINES[3])
    for switch in switch_points(FIGURE[None])[0]:
        bottom.axvline(switch, color="gray", linewidth=0.8)
    bottom.set_xlabel("x (gray: where a unit switches)")
    return figure


def draw_moved(results: Results) -> Figure:
    """Draw the curves for all values of four of the parameters."""
    figure, axes = draw.figure(rows=4, height=1.9)
    moves = results["moved"].shape[1]
    colors = viridis(np.linspace(0, 0.9, moves))
    for axis, name in zip(axes, ["θ₁₀", "θ₂₁", "φ₀", "φ₂"], strict=True):
        curves = results["moved"][NAMES.index(name)]
        for color, y in zip(colors, curves, strict=True):
            axis.plot(results["x"], y, color=color, linestyle="-", linewidth=1)
        axis.set(title=f"{name} moved by −1 (dark) to 1 (light)", ylabel="y")
    axes[-1].set_xlabel("x")
    return figure
