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

import fnn
from experiments import drawing as draw
from experiments.capacity.built import output_of
from experiments.common import Common, Figures, Results
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


def run(config: Config) -> Results:
    """Return errors of networks that interpolate, and of random hidden layers.

    interpolated  (functions, units) the largest error
    fitted        (inputs, seeds, sizes) the relative error
    """
    half_octaves = 2 * int(np.log2(config.most))
    spaced = np.geomspace(1, config.most, half_octaves + 1)
    sizes = np.unique(spaced.round().astype(int))
    keys = jax.random.split(jax.random.key(0), config.seeds)
    functions = [f for f, _ in FUNCTIONS.values()]
    with jax.enable_x64(True):
        interpolated = [[interpolation_error(f, H) for H in config.units] for f in functions]
        fitted = [[errors_by_size(config, d, sizes, key) for key in keys] for d in config.inputs]
    return {
        "units": np.array(config.units),
        "names": np.array(list(FUNCTIONS)),
        "interpolated": np.array(interpolated),
        "inputs": np.array(config.inputs),
        "sizes": sizes,
        "fitted": np.array(fitted),
        "error": np.array(config.error),
    }


def interpolation_error(f: Callable[[np.ndarray], np.ndarray], units: int) -> float:
    """Return the largest error of the network with equidistant kinks through f."""
    knots = np.linspace(0, 1, units + 1)
    x = np.linspace(0, 1, 40_001)
    built = constructions.interpolation(knots, f(knots))
    error = output_of(built, x) - f(x)
    return float(np.abs(error).max())


def errors_by_size(config: Config, d: int, sizes: np.ndarray, key) -> np.ndarray:
    """Return the relative error on Π cos πxᵢ of random hidden layers of these sizes.

    The output layer is fitted by least squares on half of the examples, and judged on the others.
    """
    x, features = random_features(config, d, key)
    y = np.prod(np.cos(np.pi * x), axis=1)
    with_one = np.column_stack([np.ones(len(x)), features])
    A, B = np.split(with_one, 2)
    target, unseen = np.split(y, 2)
    # So that units that are equal on all points do not make the matrix singular.
    gram = A.T @ A + 1e-9 * np.eye(A.shape[1])
    errors = []
    for size in sizes:
        n = size + 1
        moments = A[:, :n].T @ target
        weights = np.linalg.solve(gram[:n, :n], moments)
        difference = B[:, :n] @ weights - unseen
        squares = np.mean(difference**2)
        errors.append(np.sqrt(squares / np.mean(unseen**2)))
    return np.array(errors)


def random_features(config: Config, d: int, key) -> tuple[np.ndarray, np.ndarray]:
    """Return points of [0, 1]^d, and the outputs of ReLU units in random directions.

    Their kinks pass through random points of the cube.
    """
    points, directions, kinks = jax.random.split(key, 3)
    x = np.asarray(jax.random.uniform(points, (2 * config.examples, d)))
    hidden = fnn.mlp((d, config.most), output="relu")
    (dense, _), _ = hidden.init(directions)
    through = jax.random.uniform(kinks, dense.W.shape)
    b = -jnp.sum(dense.W * through, axis=1)
    params = (dense._replace(b=b), ())
    return x, np.asarray(fnn.apply(hidden, params, x))


def plot(results: Results, config: Config) -> Figures:
    """Draw the largest error over units for each function, and the relative error by inputs."""
    figure, axes = draw.figure(rows=2)
    one, several = axes
    units = results["units"]
    for name, errors in zip(results["names"], results["interpolated"], strict=True):
        one.plot(units, errors, marker="o", label=name)
    one.set(xscale="log", yscale="log", xlabel="hidden units H", ylabel="largest error")
    one.set_title("One input, equidistant")
    one.set_xticks(units, units)
    one.minorticks_off()
    for d, errors in zip(results["inputs"], results["fitted"], strict=True):
        label = f"{d} inputs" if d > 1 else "1 input"
        several.plot(results["sizes"], np.median(errors, axis=0), label=label)
    several.axhline(config.error, color="gray", linewidth=0.8)
    several.set(xscale="log", yscale="log", xlabel="hidden units H", ylabel="relative error")
    several.set(ylim=(1e-3, 3), title=f"Random hidden layers, median of {config.seeds} seeds")
    draw.legends(axes, "small")
    return {"units": figure}
