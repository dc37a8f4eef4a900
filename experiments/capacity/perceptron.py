"""The perceptron: what it computes, and whether its training ends.

Question: Does Rosenblatt's rule always come to an end?
Source:   The deep-learning notes (claim 3.1) and Sharif (claim 2.1).
Command:  python -m experiments run perceptron
Expected: On separable data after at most (R/γ)² mistakes; on XOR never: the weights stay bounded
          and go in circles.
Cost:     about 3 s on 2 cores, quick and full.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.capacity.point_clouds import separable
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: mistakes and weights (w₁, w₂, b) after each epoch on XOR; mistakes (seeds,
    epochs) and the bound (R/γ)² of separable data; and what a unit says of random points and of
    points on its line.
    """
    table, keys = data.load("xor").train, jax.random.split(jax.random.key(0), config.seeds)

    def on_separable(key):
        points, order = jax.random.split(key)
        x, y, bound = separable(points)
        return perceptron.fit(x, y, key=order, epochs=config.epochs).mistakes, bound

    with jax.enable_x64(True):
        fit = perceptron.fit(table.x, table.y, key=jax.random.key(1), epochs=config.xor_epochs)
        mistakes, bound = jax.vmap(on_separable)(keys)
        unit = unit_on_points()
    return unit | {
        "xor_mistakes": np.asarray(fit.mistakes),
        "xor_weights": np.column_stack([fit.trajectory.w, fit.trajectory.b]),
        "mistakes": np.asarray(mistakes),
        "bound": np.asarray(bound),
    }


def unit_on_points() -> dict[str, np.ndarray]:
    """A unit (w₁, w₂, b), random points, and what fnn.course.perceptron and a network of one step
    unit say of them; and what the perceptron x₁ − 2x₂ + 2 says on its line.
    """
    rng = np.random.default_rng(0)
    w, b, points = jnp.array([1.0, -0.7]), jnp.array([0.3]), rng.normal(size=(1000, 2))
    on_line = np.array([[-1.0, 0.5], [1.0, 1.5], [3.0, 2.5]])
    return {
        "points": points,
        "unit": np.append(w, b),
        "predicted": np.asarray(perceptron.predict(PerceptronParams(w, b[0]), points)),
        "step_unit": np.asarray(
            fnn.apply(fnn.mlp((2, 1), output="step"), (DenseParams(w[None], b), ()), points)
        )[:, 0],
        "on_line": np.asarray(
            perceptron.predict(PerceptronParams(jnp.array([1.0, -2.0]), jnp.array(2.0)), on_line)
        ),
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Mistakes and weights on XOR, mistakes on separable data against their bound, and the regions
    of a unit.
    """
    figure, (mistakes, weights, bounded) = draw.figure(rows=3, height=3.0)
    shown = np.arange(1, 51)
    mistakes.plot(shown, results["xor_mistakes"][:50], "o", markersize=4)
    mistakes.set(
        xlabel="epoch", ylabel="mistakes of 4", ylim=(0, 4.3), title="XOR, the first 50 epochs"
    )
    for name, path in zip(("w₁", "w₂", "b"), results["xor_weights"][:50].T, strict=True):
        weights.step(shown, path, where="mid", label=name)
    weights.set(xlabel="epoch", ylabel="weight", ylim=(-2.2, 2.2))
    weights.legend(frameon=False, ncols=3, loc="upper right")
    bounded.plot(results["bound"], np.maximum(results["mistakes"].sum(axis=1), 0.8), ".")
    line = np.array([results["bound"].min(), results["bound"].max()])
    bounded.plot(line, line, label="the bound")
    bounded.set(yscale="log", xlabel="(R/γ)²", ylabel="mistakes in all", title="Separable data")
    bounded.legend(frameon=False)
    unit, (axis,) = draw.figure()
    *w, b = results["unit"]
    params = PerceptronParams(jnp.array(w), jnp.array(b))
    x, y = results["points"][:200], results["predicted"][:200]
    draw.regions(axis, lambda x: np.asarray(perceptron.predict(params, x)), x, y)
    axis.set_title("1 (triangles) where w·x + b ≥ 0")
    return {"xor": figure, "unit": unit}
