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

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.common import Common
from fnn import activations
from fnn import plot as draw

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


def run(config: Config) -> dict[str, np.ndarray]:
    """Errors on random logits, and smaller and larger (types, gaps): the two outputs for logits 0
    and gap.
    """
    random = config.spread * np.random.default_rng(0).normal(size=(config.classes, config.examples))
    with jax.enable_x64(True):
        softmax, sigmoid = activations.softmax.value, activations.sigmoid.value
        logits, gaps, near = jnp.asarray(random), jnp.arange(0.0, 1001.0), jnp.linspace(-8, 8, 161)
        two = [softmax(jnp.stack([0 * gaps, gaps]).astype(dtype)) for dtype in TYPES]
        sums = [jnp.sum(softmax(logits.astype(dtype)).astype(float), axis=0) for dtype in TYPES]
        found = {
            "sum_error": [jnp.abs(each - 1).max() for each in sums],
            "shift_error": jnp.abs(softmax(logits + config.shift) - softmax(logits)).max(),
            "sigmoid_error": jnp.abs(two[1] - sigmoid(jnp.stack([-gaps, gaps]))).max(),
            "gaps": gaps,
            "smaller": [outputs[0] for outputs in two],
            "larger": [outputs[1] for outputs in two],
            "near": near,
            "two_classes": softmax(jnp.stack([0 * near, near]))[1],
            "sigmoid": sigmoid(near),
            "printed": [printed_softmax(jnp.array([0.0, gap]))[1] for gap in (10.0, 1000.0)],
        }
        return {name: np.asarray(value, float) for name, value in found.items()}


def printed_softmax(logits):
    """e^xᵢ/Σ e^xⱼ as printed, without the shift that keeps it from overflowing."""
    return jnp.exp(logits) / jnp.sum(jnp.exp(logits))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The sigmoid as softmax of two classes; the smaller of two outputs, and one minus the larger,
    over the gap.
    """
    figure, (curve, tails) = draw.figure(rows=2)
    gaps = results["gaps"]
    curve.plot(results["near"], results["two_classes"], label="softmax (0, z)₂", linewidth=4)
    curve.plot(results["near"], results["sigmoid"], label="sigmoid(z)", **draw.LINES[4])
    curve.set(xlabel="z", ylabel="output", title="softmax of two classes is a sigmoid")
    for t, name in enumerate(TYPES):
        smaller, rest = results["smaller"][t], 1 - results["larger"][t]
        tails.plot(
            gaps,
            np.where(smaller > 0, smaller, np.nan),
            label=f"smaller output, {name}",
            linewidth=4 - 2 * t,
        )
        tails.plot(
            gaps,
            np.where(rest > 0, rest, np.nan),
            label=f"1 − larger, {name}",
            marker=".",
            **draw.LINES[4 + t],
        )
    tails.set(xlabel="difference of two logits", ylabel="distance from 0 or from 1", yscale="log")
    tails.set(xlim=(0, 120), ylim=(1e-54, 10), title="where a line ends, it is exactly 0")
    for axis in (curve, tails):
        axis.legend(frameon=False, fontsize=8)
    return {"outputs": figure}
