"""A generic function with as many parameters: polynomials against networks, from one input to ten.

Question: Can a polynomial, fitted by least squares, stand in for a network with as many parameters?
Source:   De Marzo (claim 1.13).
Command:  python -m experiments run parameters_in_high_dimension
Expected: With few inputs the polynomial is better by orders of magnitude; with many, a given number
          of parameters leaves it a low degree, and the network is better on a function that varies
          along one direction. On a sum of pairwise products the polynomial stays exact.
Cost:     about 10 s quick and 120 s full on 2 cores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import TypeAlias

import numpy as np

import fnn
from experiments import drawing as draw
from experiments.capacity.polynomials import polynomial_loss
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim

Target: TypeAlias = Callable[[np.ndarray], np.ndarray]


def wave(x: np.ndarray) -> np.ndarray:
    """Return sin(5 u·x + 1) with the unit vector u along the diagonal."""
    inputs = x.shape[1]
    along = x.sum(axis=1)
    return np.sin(5 * along / np.sqrt(inputs) + 1)


def products(x: np.ndarray) -> np.ndarray:
    """Return the sum of xᵢxⱼ over all pairs i ≤ j, a polynomial of degree 2."""
    square_of_sum = x.sum(axis=1) ** 2
    sum_of_squares = (x**2).sum(axis=1)
    return (square_of_sum + sum_of_squares) / 2


TARGETS = (wave, products)
TITLES = ("A wave along one direction", "A sum of products")


@dataclass(frozen=True)
class Config(Common):
    """Inputs, parameters and training."""

    inputs: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    parameters: int = 286
    """At most, of either kind: a polynomial of degree 3 in ten inputs has 286 coefficients."""
    seeds: int = 32
    """Starts of each network."""
    examples: int = 2000
    epochs: int = 150
    learning_rate: float = 0.01
    """Adam's."""


QUICK = Config(inputs=(1, 10), seeds=8, epochs=50, quick=True)


def run(config: Config) -> Results:
    """Return test losses over the variance of the target, and the sizes of both kinds.

    polynomial  (targets, inputs)
    network     (targets, inputs, seeds)
    """
    degrees = [degree_of(d, config.parameters) for d in config.inputs]
    widths = [(config.parameters - 1) // (d + 2) for d in config.inputs]
    sizes = list(zip(config.inputs, degrees, widths, strict=True))
    coefficients = [comb(d + p, p) for d, p, _ in sizes]
    network_parameters = [width * (d + 2) + 1 for d, _, width in sizes]
    polynomial = []
    network = []
    for target in TARGETS:
        both = [compared(config, target, *size) for size in sizes]
        fitted, trained = zip(*both, strict=True)
        polynomial.append(fitted)
        network.append(trained)
    return {
        "inputs": np.array(config.inputs),
        "degree": np.array(degrees),
        "coefficients": np.array(coefficients),
        "network_parameters": np.array(network_parameters),
        "polynomial": np.array(polynomial),
        "network": np.array(network),
    }


def degree_of(inputs: int, parameters: int) -> int:
    """Return the largest p with C(d + p, p) coefficients within the number of parameters."""
    return max(p for p in range(1, parameters) if comb(inputs + p, p) <= parameters)


def compared(
    config: Config, target: Target, inputs: int, degree: int, width: int
) -> tuple[float, np.ndarray]:
    """Return the relative test loss of the polynomial, and of the networks (seeds,)."""
    rng = np.random.default_rng(inputs)
    x = rng.uniform(-1, 1, (config.examples, inputs))
    y = target(x)
    split = data.from_arrays(x, y / y.std(), standardize=False)
    net = fnn.mlp((inputs, width, 1), activation="tanh", init="glorot")
    sweep = fnn.sweep(
        lambda hyper: (net, losses.squared_error, optim.adam(config.learning_rate)),
        split,
        epochs=config.epochs,
        batch_size=100,
        seeds=range(config.seeds),
    )
    return polynomial_loss(split, degree), sweep.final("test_loss")[0]


def plot(results: Results, config: Config) -> Figures:
    """Draw the test loss of both over the inputs for each target, and the degree allowed."""
    figure, axes = draw.figure(rows=3)
    *by_target, allowed = axes
    inputs = results["inputs"]
    polynomials = np.maximum(results["polynomial"], 1e-16)
    label = "tanh network: median, 90% of the seeds"
    for row, (axis, title) in enumerate(zip(by_target, TITLES, strict=True)):
        axis.plot(inputs, polynomials[row], marker="o", label="polynomial")
        draw.quantile_band(axis, inputs, results["network"][row], label, marker="s")
        axis.set(yscale="log", xlabel="inputs", ylabel="test loss / variance", title=title)
    draw.legends(by_target, "small")
    allowed.plot(inputs, results["degree"], marker="o")
    allowed.set(yscale="log", xlabel="inputs", ylabel="degree of the polynomial")
    allowed.set_title(f"What at most {config.parameters} parameters allow")
    return {"loss": figure}
