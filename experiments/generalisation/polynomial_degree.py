"""Polynomials of degree 1 to 15 through 30 noisy points: too simple, right, too flexible, ridge.

Question: How do training and validation errors change with the degree, and what do simplicity and
          ridge mend?
Source:   Piccoli (claim 4.12). His curves are drawings, so the points are this project's: sin(3x)
          on [-1, 1] with noise of standard deviation 0.3, a fresh set for each seed.
Command:  python -m experiments run polynomial_degree
Expected: the training error falls with every degree, and the validation error has its minimum near
          degree 3. Ridge takes degree 15 most of the way back, and the degree chosen by validation
          beats the one chosen by training error.
Cost:     2 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import fnn
from experiments.common import Common, Figures, Results
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


def run(config: Config) -> Results:
    """Fit each degree to each set of points, without a penalty and with ridge.

    errors  mean squared, (λ 0 and ridge, splits, seeds, degrees); the splits are train,
            validation and test
    """
    strengths = (0.0, config.ridge)
    degrees = range(1, config.degrees + 1)
    errors = np.empty((2, 3, config.seeds, config.degrees))
    for seed in range(config.seeds):
        splits = points(config, seed)
        for s, strength in enumerate(strengths):
            for d, degree in enumerate(degrees):
                errors[s, :, seed, d] = errors_of_fit(splits, degree, strength)
    x, y = splits[0]
    weights = [fitted(x, y, config.degrees, strength) for strength in strengths]
    return {
        "errors": errors,
        "degrees": np.array(degrees),
        "slope_at_ridge": np.array(slope(x, y, config.degrees, config.ridge)),
        "example": np.column_stack([x, y]),
        "example_weights": np.array(weights),
    }


def points(config: Config, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw x and y of the training, validation and test points."""
    rng = np.random.default_rng(seed)
    sizes = (config.points, config.points, 1000)
    inputs = [rng.uniform(-1, 1, size) for size in sizes]
    return [(x, np.sin(3 * x) + config.noise * rng.normal(size=len(x))) for x in inputs]


def errors_of_fit(splits, degree: int, strength: float) -> list[float]:
    """Fit the training points, and return the mean squared error on each split."""
    x_train, y_train = splits[0]
    w = fitted(x_train, y_train, degree, strength)
    return [np.mean((design(x, degree) @ w - y) ** 2) for x, y in splits]


def fitted(x: np.ndarray, y: np.ndarray, degree: int, strength: float) -> np.ndarray:
    """Return the w that minimises mean (Xw − y)² + ½ λ Σ w², the last weight being free.

    It is a least squares fit with one more row for each weight that is not free.
    """
    rows = np.sqrt(strength * len(x) / 2) * np.eye(degree, degree + 1)
    X = np.vstack([design(x, degree), rows])
    targets = np.append(y, np.zeros(degree))
    return np.linalg.lstsq(X, targets, rcond=None)[0]


def design(x: np.ndarray, degree: int) -> np.ndarray:
    """Return the powers x, x², … and, as the last column, 1."""
    powers = x[:, None] ** np.arange(1, degree + 1)
    return np.column_stack([powers, np.ones(len(x))])


def slope(x: np.ndarray, y: np.ndarray, degree: int, strength: float) -> float:
    """Return the largest derivative of the penalised loss at `fitted`, by fnn's backward pass.

    The network is a linear unit on the powers with an L2 penalty.
    """
    loss = penalties.penalized(losses.squared_error, penalties.l2(strength))
    w = fitted(x, y, degree, strength)
    powers = design(x, degree)[:, :-1]
    unit = layers.dense(degree, 1)
    loss_and_gradient = fnn.value_and_grad(unit, loss)
    with jax.enable_x64(True):
        W = jnp.asarray(w[None, :-1])
        b = jnp.asarray(w[-1:])
        _, gradient = loss_and_gradient(DenseParams(W, b), powers, y)
        largest = [np.abs(leaf).max() for leaf in gradient]
        return float(max(largest))


def plot(results: Results, config: Config) -> Figures:
    """Draw the errors over the degree, and one set of points with its fits."""
    figure, (errors, example) = draw.figure(rows=2)
    least_squares, ridge = results["errors"]
    draw_errors(errors, results["degrees"], least_squares, "-", "")
    draw_errors(errors, results["degrees"], ridge, "--", f", ridge {config.ridge:g}")
    errors.set(yscale="log", xlabel="degree", ylabel="mean squared error")
    errors.set_title(f"Median of {config.seeds} sets")
    errors.legend(frameon=False, fontsize=8)
    x = np.linspace(-1, 1, 400)
    example.plot(*results["example"].T, "o", color="black", markersize=4, label="training points")
    fits = ("least squares", f"ridge {config.ridge:g}")
    for w, text in zip(results["example_weights"], fits, strict=True):
        label = f"degree {config.degrees}, {text}"
        example.plot(x, design(x, config.degrees) @ w, label=label)
    example.set(xlabel="x", ylabel="y", ylim=(-2.5, 2.5))
    example.legend(frameon=False, fontsize=8)
    return {"degree": figure}


def draw_errors(axis: Axes, degrees, errors: np.ndarray, dash: str, text: str) -> None:
    """Draw the median training and validation errors over the degree."""
    for name, of_split in zip(("train", "validation"), errors[:2], strict=True):
        median = np.median(of_split, axis=0)
        axis.plot(degrees, median, dash, color=draw.COLORS[name], label=name + text)
