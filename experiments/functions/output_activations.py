"""The activation of the output layer: a number, a probability, or several that sum to one.

Question: Are the outputs of softmax probabilities, strictly between 0 and 1, and what has the
          sigmoid to do with them?
Source:   De Marzo (claim 1.12).
Command:  python -m experiments run output_activations
Expected: they sum to 1, a common shift of the logits changes nothing, and softmax of two classes is
          a sigmoid. In floating point the larger of two reaches exactly 1 when the logits are 17
          apart in float32, 37 in float64.
Cost:     about 2 s on 2 cores, quick or full.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import activations

TYPES = ("float32", "float64")


@dataclass(frozen=True)
class Config(Common):
    """Logits."""

    examples: int = 10_000
    classes: int = 10
    spread: float = 5.0
    """Standard deviation of the random logits."""
    shift: float = 300.0
    """Added to all logits of an example."""


QUICK = Config(examples=1000, quick=True)


def run(config: Config) -> Results:
    """Return errors on random logits, and the outputs for two logits that lie apart."""
    with jax.enable_x64(True):
        computed = random_logits(config) | two_logits()
        return {name: np.asarray(value, float) for name, value in computed.items()}


def random_logits(config: Config) -> dict[str, Any]:
    """Return how far the sums are from 1 in each type, and what a common shift changes."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(config.classes, config.examples))
    logits = jnp.asarray(config.spread * normal)
    softmax = activations.softmax.value
    outputs = [softmax(logits.astype(dtype)).astype(float) for dtype in TYPES]
    sums = [jnp.sum(p, axis=0) for p in outputs]
    shifted = softmax(logits + config.shift)
    return {
        "sum_error": [jnp.abs(total - 1).max() for total in sums],
        "shift_error": jnp.abs(shifted - softmax(logits)).max(),
    }


def two_logits() -> dict[str, Any]:
    """Return the two outputs for logits 0 and gap, each (types, gaps), and the sigmoid's."""
    softmax = activations.softmax.value
    sigmoid = activations.sigmoid.value
    gaps = jnp.arange(0.0, 1001.0)
    near = jnp.linspace(-8, 8, 161)
    pairs = jnp.stack([0 * gaps, gaps])
    outputs = [softmax(pairs.astype(dtype)) for dtype in TYPES]
    of_difference = sigmoid(jnp.stack([-gaps, gaps]))
    return {
        "sigmoid_error": jnp.abs(outputs[1] - of_difference).max(),
        "gaps": gaps,
        "smaller": [smaller for smaller, _ in outputs],
        "larger": [larger for _, larger in outputs],
        "near": near,
        "two_classes": softmax(jnp.stack([0 * near, near]))[1],
        "sigmoid": sigmoid(near),
        "printed": [printed_softmax(pairs[:, gap])[1] for gap in (10, 1000)],
    }


def printed_softmax(logits):
    """Compute e^xᵢ/Σ e^xⱼ as printed, without the shift that keeps it from overflowing."""
    return jnp.exp(logits) / jnp.sum(jnp.exp(logits))


def plot(results: Results, config: Config) -> Figures:
    """Draw the sigmoid as softmax of two classes, and how far outputs are from 0 and 1."""
    figure, axes = draw.figure(rows=2)
    curve, tails = axes
    near = results["near"]
    curve.plot(near, results["two_classes"], label="softmax (0, z)₂", linewidth=4)
    curve.plot(near, results["sigmoid"], label="sigmoid(z)", **draw.LINES[4])
    curve.set(xlabel="z", ylabel="output", title="softmax of two classes is a sigmoid")
    draw_tails(tails, results)
    draw.legends(axes)
    return {"outputs": figure}


def draw_tails(axis: Axes, results: Results) -> None:
    """Draw the smaller of two outputs, and one minus the larger, over the gap of the logits."""
    gaps = results["gaps"]
    smaller = without_zeros(results["smaller"])
    rest = without_zeros(1 - results["larger"])
    for row, name in enumerate(TYPES):
        style = draw.LINES[4 + row]
        axis.plot(gaps, smaller[row], label=f"smaller output, {name}", linewidth=4 - 2 * row)
        axis.plot(gaps, rest[row], label=f"1 − larger, {name}", marker=".", **style)
    axis.set(xlabel="difference of two logits", ylabel="distance from 0 or from 1", yscale="log")
    axis.set(xlim=(0, 120), ylim=(1e-54, 10), title="where a line ends, it is exactly 0")


def without_zeros(values: np.ndarray) -> np.ndarray:
    """Return values with NaN for those that are not positive, where a line then ends."""
    return np.where(values > 0, values, np.nan)
