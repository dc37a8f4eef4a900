"""Five documents, one network: what their letters stand for.

Question: Do the documents describe the same network where their letters differ, and what breaks if
          one is misread?
Source:   Between the documents (claims X1, X3, X7).
Command:  python -m experiments run notations
Expected: a 3-4-2 network written in five notations gives the same numbers to 1e-15. Some letters
          stand for two things or more. Exchanging prediction and target leaves a squared loss as it
          is and turns its gradient round.
Cost:     about 2 s on 2 cores, quick or not.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.common import Common, Figures, Results
from experiments.networks.parameters import as_mlp, largest_difference, uniform
from experiments.networks.printed_notations import FORMS, SYMBOLS
from fnn import diagnostics, losses
from fnn import plot as draw

SIZES = (3, 4, 2)
ROUNDING = 1e-15


@dataclass(frozen=True)
class Config(Common):
    """Size."""

    examples: int = 200
    """Inputs at which the forms are compared."""


QUICK = Config(examples=50, quick=True)


def run(config: Config) -> Results:
    """Compare the notations with fnn, and exchange prediction and target, in float64.

    errors (documents, 3) are the largest differences in pre-activations, activations and outputs.
    """
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        errors = notation_errors(rng, config.examples)
        prediction, target = jnp.asarray(rng.uniform(0.1, 0.9, size=(2, config.examples, 2)))
        return {
            "documents": np.array(list(FORMS)),
            "errors": np.array(errors),
            "symbols": np.array(SYMBOLS),
            "role_errors": np.array(role_errors(prediction, target)),
            **exchange(prediction, target),
        }


def notation_errors(rng: np.random.Generator, examples: int) -> list[list[np.ndarray]]:
    """Return how far each document's form is from the signals in fnn's network."""
    hidden, output = uniform(rng, SIZES)
    x = rng.uniform(-1, 1, (examples, 3))
    z, h, y = fnn_signals(hidden, output, x)
    errors = []
    for form in FORMS.values():
        rows = [form(*hidden, *output, row) for row in x]
        their_z, their_h, their_y = zip(*rows, strict=True)
        errors.append(
            [
                largest_difference(their_z, z),
                largest_difference(their_h, h),
                largest_difference(their_y, y),
            ]
        )
    return errors


def fnn_signals(hidden, output, x: np.ndarray) -> list[np.ndarray]:
    """Return hidden pre-activations, activations, and outputs by fnn, (examples, units) each."""
    net = fnn.mlp(SIZES, activation="tanh", output="sigmoid")
    params = (*as_mlp([hidden, output]), ())
    any_target = np.zeros((len(x), 2))
    signals = diagnostics.signals(net, losses.squared_error, params, x, any_target)
    z, h, _, y = signals.outputs
    return [np.asarray(z).T, np.asarray(h).T, np.asarray(y).T]


def role_errors(prediction, target) -> list[np.ndarray]:
    """Return how far the squared losses of three documents are from fnn's, by their own names."""
    sharif = {"Z": prediction, "t": target}
    de_marzo = {"y": prediction, "ŷ": target}  # the hat changes its side
    piccoli = {"ŷ": prediction, "y": target}
    errors = [
        sharif["t"] - sharif["Z"],
        de_marzo["y"] - de_marzo["ŷ"],
        piccoli["y"] - piccoli["ŷ"],
    ]
    value = losses.squared_error.value(prediction, target)
    return [largest_difference((np.asarray(error) ** 2).sum(axis=1), value) for error in errors]


def exchange(prediction, target) -> Results:
    """Return what changes in losses and in a gradient if prediction and target change places."""
    squared = losses.squared_error
    entropy = losses.sigmoid_cross_entropy
    value = squared.value(prediction, target)
    exchanged_value = squared.value(target, prediction)
    gradient = squared.gradient(prediction, target)
    exchanged_gradient = squared.gradient(target, prediction)
    cross_entropy = entropy.value(prediction, target)
    exchanged_cross_entropy = entropy.value(target, prediction)
    return {
        "exchanged_value": largest_difference(exchanged_value, value),
        "exchanged_gradient": largest_difference(exchanged_gradient, -gradient),
        "exchanged_cross_entropy": largest_difference(cross_entropy, exchanged_cross_entropy),
    }


def table(results: Results, config: Config) -> str:
    """Return which letter means what in which document, one a line."""
    lines = []
    for document, meaning, letter in results["symbols"]:
        lines.append(f"{document:10}  {meaning:16}  {letter}")
    return "\n".join(lines)


def plot(results: Results, config: Config) -> Figures:
    """Draw the differences between the notations."""
    figure, (axis,) = draw.figure(height=3.0)
    rows = np.arange(len(results["documents"]))
    z, h, y = results["errors"].T / 1e-16
    axis.plot(z, rows - 0.15, "o", label="pre-activations")
    axis.plot(h, rows, "s", label="activations")
    axis.plot(y, rows + 0.15, "^", label="outputs")
    axis.axvline(ROUNDING / 1e-16, color="black", linewidth=1, label="1e-15")
    axis.set_yticks(rows, results["documents"])
    axis.set(xlabel="largest difference from fnn / 1e-16", xlim=(-0.3, 11))
    axis.set_title("One network in five notations")
    axis.legend(frameon=False)
    return {"agreement": figure}
