"""A generic function with as many parameters: polynomials against networks, from one input to ten.

Question: Can a polynomial, fitted by least squares, stand in for a network with as many parameters?
Source:   De Marzo (claim 1.13).
Command:  python -m experiments run parameters_in_high_dimension
Expected: With few inputs the polynomial is better by orders of magnitude; with many, a given number
          of parameters leaves it a low degree, and the network is better on a function that varies
          along one direction. On a sum of pairwise products the polynomial stays exact.
Cost:     about 10 s quick and 120 s full on 2 cores.
"""

from dataclasses import dataclass
from math import comb

import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.capacity.polynomials import polynomial_loss
from experiments.common import Common
from fnn import data, losses, optim
from fnn import plot as draw

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


def run(config: Config) -> dict[str, np.ndarray]:
    """Test losses over the variance of the target: of polynomials (targets, inputs) and networks
    (targets, inputs, seeds); and the degree and the parameters of both (inputs,).
    """
    degrees = [degree_of(inputs, config.parameters) for inputs in config.inputs]
    widths = [(config.parameters - 1) // (inputs + 2) for inputs in config.inputs]
    pairs = list(zip(config.inputs, degrees, widths, strict=True))
    found = [both(config, *pair) for pair in pairs]
    return {
        "inputs": np.array(config.inputs),
        "degree": np.array(degrees),
        "coefficients": np.array([comb(d + p, p) for d, p, _ in pairs]),
        "network_parameters": np.array([width * (d + 2) + 1 for d, _, width in pairs]),
        "polynomial": np.array([row for row, _ in found]).T,
        "network": np.stack([row for _, row in found], axis=1),
    }


def degree_of(inputs: int, parameters: int) -> int:
    """The largest p with C(d + p, p) coefficients within the number of parameters."""
    return max(p for p in range(1, parameters) if comb(inputs + p, p) <= parameters)


def both(config: Config, inputs: int, degree: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Relative test losses of the polynomial (targets,) and of the network (targets, seeds)."""
    net = fnn.mlp((inputs, width, 1), activation="tanh", init="glorot")

    def builder(hyper):
        return net, losses.squared_error, optim.adam(config.learning_rate)

    fitted, trained = [], []
    for y_of in (wave, products):
        x = np.random.default_rng(inputs).uniform(-1, 1, (config.examples, inputs))
        y = y_of(x)
        split = data.from_arrays(x, y / y.std(), standardize=False)
        fitted.append(polynomial_loss(split, degree))
        sweep = fnn.sweep(
            builder, split, epochs=config.epochs, batch_size=100, seeds=range(config.seeds)
        )
        trained.append(sweep.final("test_loss")[0])
    return np.array(fitted), np.array(trained)


def wave(x: np.ndarray) -> np.ndarray:
    """sin(5 u·x + 1) with the unit vector u along the diagonal."""
    return np.sin(5 * x.sum(axis=1) / np.sqrt(x.shape[1]) + 1)


def products(x: np.ndarray) -> np.ndarray:
    """The sum of xᵢxⱼ over all pairs i ≤ j, a polynomial of degree 2."""
    return (x.sum(axis=1) ** 2 + (x**2).sum(axis=1)) / 2


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Test loss of both over the number of inputs, for each target; and the degree that the
    parameters allow.
    """
    figure, axes = draw.figure(rows=3)
    losses = zip(results["polynomial"], results["network"], strict=True)
    for axis, title, (polynomial, network) in zip(axes, TITLES, losses, strict=False):
        axis.plot(results["inputs"], np.maximum(polynomial, 1e-16), marker="o", label="polynomial")
        low, middle, high = np.percentile(network, [5, 50, 95], axis=1)
        axis.plot(
            results["inputs"], middle, marker="s", label="tanh network: median, 90% of the seeds"
        )
        axis.fill_between(
            results["inputs"], low, high, alpha=0.2, color=draw.LINES[1]["color"], linewidth=0
        )
        axis.set(yscale="log", xlabel="inputs", ylabel="test loss / variance", title=title)
        axis.legend(frameon=False, fontsize="small")
    axes[2].plot(results["inputs"], results["degree"], marker="o")
    axes[2].set(yscale="log", xlabel="inputs", ylabel="degree of the polynomial")
    axes[2].set_title(f"What at most {config.parameters} parameters allow")
    return {"loss": figure}
