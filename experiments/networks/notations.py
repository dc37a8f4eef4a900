"""Five documents, one network: what their letters stand for.

Question: Do the documents describe the same network where their letters differ, and what breaks if
          one is misread?
Source:   Between the documents (claims X1, X3, X7).
Command:  python -m experiments run notations
Expected: a 3-4-2 network written in five notations gives the same numbers to 1e-15; some letters
          stand for two things or more; exchanging prediction and target leaves a squared loss as it
          is and turns its gradient round.
Cost:     about 2 s on 2 cores, quick or not.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from experiments.networks.printed_notations import FORMS, SYMBOLS
from fnn import diagnostics, losses
from fnn import plot as draw
from fnn.layers import DenseParams

SIZES = (3, 4, 2)
ROUNDING = 1e-15


@dataclass(frozen=True)
class Config(Common):
    """Size."""

    examples: int = 200
    """Inputs at which the forms are compared."""


QUICK = Config(examples=50, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64. errors (documents, 3): the largest difference from fnn in pre-activations,
    activations, outputs.
    """
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        return {
            "documents": np.array(list(FORMS)),
            "errors": notation_errors(rng, config.examples),
            "symbols": np.array(SYMBOLS),
            **roles(rng, config.examples),
        }


def notation_errors(rng, examples: int) -> np.ndarray:
    """The same hidden and output layer in each document's notation against the signals in fnn's
    network.
    """
    net = fnn.mlp(SIZES, activation="tanh", output="sigmoid")
    hidden, output = (
        DenseParams(rng.uniform(-1, 1, (m, n)), rng.uniform(-1, 1, m)) for n, m in ((3, 4), (4, 2))
    )
    x = rng.uniform(-1, 1, (examples, 3))
    seen = diagnostics.signals(
        net, losses.squared_error, (hidden, (), output, ()), x, np.zeros((examples, 2))
    )
    ours = [np.asarray(seen.outputs[part]).T for part in (0, 1, 3)]
    errors = []
    for form in FORMS.values():
        theirs = zip(*(form(*hidden, *output, row) for row in x), strict=True)
        errors.append(
            [np.abs(np.array(they) - we).max() for they, we in zip(theirs, ours, strict=True)]
        )
    return np.array(errors)


def roles(rng, examples: int) -> dict[str, np.ndarray]:
    """Each document's squared loss with its own names, and what exchanging prediction and target
    does.
    """
    prediction, target = jnp.asarray(rng.uniform(0.1, 0.9, size=(2, examples, 2)))
    loss, logistic = losses.squared_error, losses.sigmoid_cross_entropy
    Z, t = np.asarray(prediction), np.asarray(target)
    sharif, de_marzo, piccoli = (
        {"Z": Z, "t": t},
        {"y": Z, "ŷ": t},
        {"ŷ": Z, "y": t},
    )  # the hat changes its side
    errors = sharif["t"] - sharif["Z"], de_marzo["y"] - de_marzo["ŷ"], piccoli["y"] - piccoli["ŷ"]
    value, slope = loss.value(prediction, target), loss.gradient(prediction, target)
    moved = logistic.value(prediction, target) - logistic.value(target, prediction)
    return {
        "role_errors": np.array([np.abs((error**2).sum(axis=1) - value).max() for error in errors]),
        "exchanged_value": np.abs(loss.value(target, prediction) - value).max(),
        "exchanged_gradient": np.abs(loss.gradient(target, prediction) + slope).max(),
        "exchanged_cross_entropy": np.abs(moved).max(),
    }


def table(results: dict[str, np.ndarray], config: Config) -> str:
    """Which letter means what in which document."""
    return "\n".join(
        f"{document:10}  {meaning:16}  {letter}" for document, meaning, letter in results["symbols"]
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The differences between the notations."""
    agreement, (axis,) = draw.figure(height=3.0)
    rows = np.arange(len(results["documents"]))
    for k, (name, marker) in enumerate(
        (("pre-activations", "o"), ("activations", "s"), ("outputs", "^"))
    ):
        axis.plot(results["errors"][:, k] / 1e-16, rows + 0.15 * (k - 1), marker, label=name)
    axis.axvline(ROUNDING / 1e-16, color="black", linewidth=1, label="1e-15")
    axis.set_yticks(rows, results["documents"])
    axis.set(
        xlabel="largest difference from fnn / 1e-16",
        xlim=(-0.3, 11),
        title="One network in five notations",
    )
    axis.legend(frameon=False)
    return {"agreement": agreement}
