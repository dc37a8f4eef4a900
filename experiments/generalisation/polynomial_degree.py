"""Polynomials of degree 1 to 15 through 30 noisy points: too simple, right, too flexible, and
ridge.

Question: How do training and validation errors change with the degree, and what do simplicity and
          ridge mend?
Source:   Piccoli (claim 4.12); his curves are drawings, so the points are this project's: sin(3x)
          on [-1, 1] with noise of standard deviation 0.3, a fresh set for each seed.
Command:  python -m experiments run polynomial_degree
Expected: the training error falls with every degree, the validation error has its minimum near
          degree 3; ridge takes degree 15 most of the way back, and the degree chosen by validation
          beats the one chosen by training error.
Cost:     2 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import layers, losses, penalties
from fnn import plot as draw
from fnn.layers import DenseParams


@dataclass(frozen=True)
class Config(Common):
    """Data and penalty."""

    seeds: int = 200
    points: int = 30
    """For training; as many for validation, and 1,000 for the test."""
    noise: float = 0.3
    degrees: int = 15
    ridge: float = 0.01
    """λ of the penalty ½ λ Σ w² on the mean squared error; the constant term is free."""


QUICK = Config(seeds=50, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Mean squared errors (λ 0 and ridge, splits, seeds, degrees), splits being train, validation,
    test.
    """
    strengths, degrees = (0.0, config.ridge), range(1, config.degrees + 1)
    errors = np.empty((2, 3, config.seeds, config.degrees))
    for seed in range(config.seeds):
        splits = points(config, seed)
        for d, degree in enumerate(degrees):
            for s, strength in enumerate(strengths):
                w = fitted(*splits[0], degree, strength)
                errors[s, :, seed, d] = [
                    np.mean((design(x, degree) @ w - y) ** 2) for x, y in splits
                ]
    examples = [
        (x, y, *(fitted(x, y, config.degrees, strength) for strength in strengths))
        for x, y in [splits[0]]
    ]
    return {
        "errors": errors,
        "degrees": np.array(degrees),
        "slope_at_ridge": np.array(slope(*splits[0], config.degrees, config.ridge)),
        "example": np.column_stack(examples[0][:2]),
        "example_weights": np.array(examples[0][2:]),
    }


def points(config: Config, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """x and y of the training, validation and test points."""
    rng = np.random.default_rng(seed)
    inputs = [rng.uniform(-1, 1, n) for n in (config.points, config.points, 1000)]
    return [(x, np.sin(3 * x) + config.noise * rng.normal(size=len(x))) for x in inputs]


def design(x: np.ndarray, degree: int) -> np.ndarray:
    """The powers x, x², … and, as the last column, 1."""
    return np.column_stack([x[:, None] ** np.arange(1, degree + 1), np.ones(len(x))])


def fitted(x: np.ndarray, y: np.ndarray, degree: int, strength: float) -> np.ndarray:
    """The minimum of mean (Xw − y)² + ½ λ Σ w², the last weight being free, by least squares with a
    row for each of the other weights.
    """
    rows = np.sqrt(strength * len(x) / 2) * np.eye(degree, degree + 1)
    return np.linalg.lstsq(
        np.vstack([design(x, degree), rows]), np.append(y, np.zeros(degree)), rcond=None
    )[0]


def slope(x: np.ndarray, y: np.ndarray, degree: int, strength: float) -> float:
    """The largest derivative, by fnn's backward pass, of a linear unit on the powers with an L2
    penalty at `fitted`.
    """
    loss = penalties.penalized(losses.squared_error, penalties.l2(strength))
    w = fitted(x, y, degree, strength)
    with jax.enable_x64(True):
        unit = DenseParams(W=jnp.asarray(w[None, :-1]), b=jnp.asarray(w[-1:]))
        _, gradient = fnn.value_and_grad(layers.dense(degree, 1), loss)(
            unit, design(x, degree)[:, :-1], y
        )
        return max(float(np.abs(leaf).max()) for leaf in gradient)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Errors over the degree, and one set of points with its fits."""
    figure, (errors, example) = draw.figure(rows=2)
    names = ("train", "validation")
    for s, (text, dash) in enumerate((("", "-"), (f", ridge {config.ridge:g}", "--"))):
        for name, curves in zip(names, results["errors"][s], strict=False):
            middle, color = np.median(curves, axis=0), draw.COLORS[name]
            errors.plot(results["degrees"], middle, dash, color=color, label=name + text)
    errors.set(
        yscale="log",
        xlabel="degree",
        ylabel="mean squared error",
        title=f"Median of {config.seeds} sets",
    )
    errors.legend(frameon=False, fontsize=8)
    x = np.linspace(-1, 1, 400)
    example.plot(*results["example"].T, "o", color="black", markersize=4, label="training points")
    for weights, text in zip(
        results["example_weights"], ("least squares", f"ridge {config.ridge:g}"), strict=True
    ):
        example.plot(
            x, design(x, config.degrees) @ weights, label=f"degree {config.degrees}, {text}"
        )
    example.set(xlabel="x", ylabel="y", ylim=(-2.5, 2.5))
    example.legend(frameon=False, fontsize=8)
    return {"degree": figure}
