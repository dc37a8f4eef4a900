"""How many hidden units one layer needs: by the smoothness of the function, and by the number of
inputs.

Question: How does the number of hidden units grow as the error is to fall, and with the dimension?
Source:   Sharif (claim 2.8).
Command:  python -m experiments run units_needed
Expected: With one input and equidistant kinks the error falls as H to the power -2 for smooth
          functions and -½ for the square root. With more inputs the same error takes several times
          the units for each.
Cost:     about 5 s quick and 40 s full on 2 cores.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import plot as draw
from fnn.course import constructions

FUNCTIONS: dict[
    str, tuple[Callable[[np.ndarray], np.ndarray], float]
] = {  # on [0, 1], with the expected exponent
    "sin 2πx": (lambda x: np.sin(2 * np.pi * x), -2.0),
    "exp(−10 (x − ½)²)": (lambda x: np.exp(-10 * (x - 0.5) ** 2), -2.0),
    "√x": (np.sqrt, -0.5),
}


@dataclass(frozen=True)
class Config(Common):
    """Units, dimensions and draws."""

    units: tuple[int, ...] = (16, 32, 64, 128, 256)
    """Hidden units of the networks that interpolate a function of one input."""
    inputs: tuple[int, ...] = (1, 2, 3, 4)
    """Dimensions in which random hidden layers are fitted."""
    most: int = 512
    """Units of the random hidden layers."""
    error: float = 0.2
    """Root mean square, relative to the function's, that they are to reach."""
    examples: int = 2000
    """For the fit, and as many to measure the error."""
    seeds: int = 32
    """Draws of hidden layers and examples."""


QUICK = Config(inputs=(1, 2, 3), most=256, examples=1000, seeds=8, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Largest errors of interpolation (functions, units), and relative errors of random hidden
    layers (inputs, seeds, sizes).
    """
    sizes = np.unique(
        np.geomspace(1, config.most, 2 * int(np.log2(config.most)) + 1).round().astype(int)
    )
    keys = jax.random.split(jax.random.key(0), config.seeds)
    with jax.enable_x64(True):
        return {
            "units": np.array(config.units),
            "names": np.array(list(FUNCTIONS)),
            "interpolated": np.array(
                [[interpolated(f, units) for units in config.units] for f, _ in FUNCTIONS.values()]
            ),
            "inputs": np.array(config.inputs),
            "sizes": sizes,
            "fitted": np.array(
                [[fitted(config, d, sizes, key) for key in keys] for d in config.inputs]
            ),
            "error": np.array(config.error),
        }


def interpolated(f: Callable[[np.ndarray], np.ndarray], units: int) -> float:
    """The largest error of the network with equidistant kinks through f."""
    knots, x = np.linspace(0, 1, units + 1), np.linspace(0, 1, 40_001)
    net, params = constructions.interpolation(knots, f(knots))
    return float(np.abs(np.asarray(fnn.apply(net, params, x[:, None]))[:, 0] - f(x)).max())


def fitted(config: Config, d: int, sizes: np.ndarray, key) -> np.ndarray:
    """Relative error on Π cos πxᵢ over [0, 1]^d of random hidden layers of these sizes with the
    best output layer, by least squares: units in random directions whose kinks pass through random
    points of the cube.
    """
    points, directions, kinks = jax.random.split(key, 3)
    x = np.asarray(jax.random.uniform(points, (2 * config.examples, d)))
    hidden = fnn.mlp((d, config.most), output="relu")
    (dense, _), _ = hidden.init(directions)
    through = jax.random.uniform(kinks, dense.W.shape)
    features = np.asarray(
        fnn.apply(hidden, (dense._replace(b=-jnp.sum(dense.W * through, axis=1)), ()), x)
    )
    design, y = np.column_stack([np.ones(len(x)), features]), np.prod(np.cos(np.pi * x), axis=1)
    A, B = np.split(design, 2)
    target, unseen = np.split(y, 2)
    gram = A.T @ A + 1e-9 * np.eye(
        A.shape[1]
    )  # so that units that are equal on all points do not make it singular

    def error(size):
        weights = np.linalg.solve(gram[: size + 1, : size + 1], A[:, : size + 1].T @ target)
        return np.sqrt(np.mean((B[:, : size + 1] @ weights - unseen) ** 2) / np.mean(unseen**2))

    return np.array([error(size) for size in sizes])


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Largest error over units for each function; relative error over units for each dimension."""
    figure, (one, several) = draw.figure(rows=2)
    for name, errors in zip(results["names"], results["interpolated"], strict=True):
        one.plot(results["units"], errors, marker="o", label=name)
    one.set(
        xscale="log",
        yscale="log",
        xlabel="hidden units H",
        ylabel="largest error",
        title="One input, equidistant",
    )
    one.set_xticks(results["units"], results["units"])
    one.minorticks_off()
    one.legend(frameon=False, fontsize="small")
    for d, errors in zip(results["inputs"], results["fitted"], strict=True):
        middle = np.median(errors, axis=0)
        several.plot(results["sizes"], middle, label=f"{d} input{'s' if d > 1 else ''}")
    several.axhline(config.error, color="gray", linewidth=0.8)
    several.set(
        xscale="log", yscale="log", xlabel="hidden units H", ylabel="relative error", ylim=(1e-3, 3)
    )
    several.set_title(f"Random hidden layers, median of {config.seeds} seeds")
    several.legend(frameon=False, fontsize="small")
    return {"units": figure}
