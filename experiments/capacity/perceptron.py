"""The perceptron: what it computes, and whether its training ends.

Question: Does Rosenblatt's rule always come to an end?
Source:   The deep-learning notes (claim 3.1) and Sharif (claim 2.1).
Command:  python -m experiments run perceptron
Expected: On separable data after at most (R/γ)² mistakes; on XOR never: the weights stay bounded
          and go in circles.
Cost:     about 3 s on 2 cores, quick and full.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import fnn
from experiments import drawing as draw
from experiments.capacity.point_clouds import separable
from experiments.common import Common, Figures, Results
from fnn import data
from fnn.course import perceptron
from fnn.course.perceptron import PerceptronParams
from fnn.layers import DenseParams


@dataclass(frozen=True)
class Config(Common):
    """Draws of data and length of training."""

    seeds: int = 512
    """Draws of separable data, each with its own order of the examples."""
    epochs: int = 300
    """On separable data."""
    xor_epochs: int = 2000


QUICK = Config(seeds=128, quick=True)


def run(config: Config) -> Results:
    """Return what a unit says of points, and its training on XOR and on separable data.

    xor_weights  (epochs, 3) w₁, w₂, b after each epoch
    mistakes     (seeds, epochs) on separable data, whose bound (R/γ)² is (seeds,)
    """
    keys = jax.random.split(jax.random.key(0), config.seeds)
    with jax.enable_x64(True):
        xor = on_xor(config.xor_epochs)
        mistakes, bound = jax.vmap(partial(on_separable, epochs=config.epochs))(keys)
        unit = unit_on_points()
    measured = {
        "mistakes": np.asarray(mistakes),
        "bound": np.asarray(bound),
    }
    return unit | xor | measured


def on_xor(epochs: int) -> Results:
    """Return the mistakes and the weights of each epoch on XOR, which no plane separates."""
    x, y = data.load("xor").train
    fit = perceptron.fit(x, y, key=jax.random.key(1), epochs=epochs)
    weights = np.column_stack([fit.trajectory.w, fit.trajectory.b])
    return {"xor_mistakes": np.asarray(fit.mistakes), "xor_weights": weights}


def on_separable(key, epochs: int):
    """Return the mistakes of each epoch on separable data, and the bound on their number."""
    points, order = jax.random.split(key)
    x, y, bound = separable(points)
    return perceptron.fit(x, y, key=order, epochs=epochs).mistakes, bound


def unit_on_points() -> Results:
    """Return what fnn.course.perceptron and a network of one step unit say of random points.

    Returns what the perceptron x₁ − 2x₂ + 2 says on its line too.
    """
    rng = np.random.default_rng(0)
    w = jnp.array([1.0, -0.7])
    b = jnp.array([0.3])
    points = rng.normal(size=(1000, 2))
    predicted = perceptron.predict(PerceptronParams(w, b[0]), points)
    step_unit = fnn.mlp((2, 1), output="step")
    outputs = fnn.apply(step_unit, (DenseParams(w[None], b), ()), points)
    with_line = PerceptronParams(jnp.array([1.0, -2.0]), jnp.array(2.0))
    line = np.array([[-1.0, 0.5], [1.0, 1.5], [3.0, 2.5]])
    on_line = perceptron.predict(with_line, line)
    return {
        "points": points,
        "unit": np.append(w, b),
        "predicted": np.asarray(predicted),
        "step_unit": np.asarray(outputs)[:, 0],
        "on_line": np.asarray(on_line),
    }


def plot(results: Results, config: Config) -> Figures:
    """Draw the training on XOR and on separable data, and the regions of a unit."""
    figure, (mistakes, weights, bounded) = draw.figure(rows=3, height=3.0)
    shown = np.arange(1, 51)
    mistakes.plot(shown, results["xor_mistakes"][:50], "o", markersize=4)
    mistakes.set(xlabel="epoch", ylabel="mistakes of 4", ylim=(0, 4.3))
    mistakes.set_title("XOR, the first 50 epochs")
    paths = results["xor_weights"][:50].T
    for name, path in zip(("w₁", "w₂", "b"), paths, strict=True):
        weights.step(shown, path, where="mid", label=name)
    weights.set(xlabel="epoch", ylabel="weight", ylim=(-2.2, 2.2))
    weights.legend(frameon=False, ncols=3, loc="upper right")
    draw_bound(bounded, results)
    unit, (axis,) = draw.figure()
    draw_unit(axis, results)
    return {"xor": figure, "unit": unit}


def draw_bound(axis: Axes, results: Results) -> None:
    """Draw the mistakes in all on separable data against their bound."""
    bound = results["bound"]
    in_all = results["mistakes"].sum(axis=1)
    axis.plot(bound, np.maximum(in_all, 0.8), ".")
    ends = np.array([bound.min(), bound.max()])
    axis.plot(ends, ends, label="the bound")
    axis.set(yscale="log", xlabel="(R/γ)²", ylabel="mistakes in all", title="Separable data")
    axis.legend(frameon=False)


def draw_unit(axis: Axes, results: Results) -> None:
    """Draw the regions of the unit, and 200 points with its answers."""
    *w, b = results["unit"]
    params = PerceptronParams(jnp.array(w), jnp.array(b))

    def predict(x):
        return np.asarray(perceptron.predict(params, x))

    points = results["points"][:200]
    answers = results["predicted"][:200]
    draw.regions(axis, predict, points, answers)
    axis.set_title("1 (triangles) where w·x + b ≥ 0")
