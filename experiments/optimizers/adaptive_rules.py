"""The adaptive rules: what their updates do, and what is printed of them.

Question: Which optimizers have a momentum and a rate for each parameter, and do the printed
          equations say so?
Source:   De Marzo (claim 1.24), the deep-learning notes (3.6), Piccoli (4.30, 4.31) and their
          conflicts (X10).
Command:  python -m experiments run adaptive_rules
Expected: AdaGrad, AdaDelta and RMSProp stand still when the gradient is zero, so they have no
          momentum; what is printed as AdaDelta is RMSProp, and the printed Adam is NaN at a
          gradient of -1.
Cost:     quick and full 3 s on 2 cores, nearly all of it compiling.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.common import Common
from experiments.optimizers import printed_optimizers as printed
from experiments.optimizers.seven_rules import RULES
from fnn import optim
from fnn import plot as draw
from fnn.course import descent


@dataclass(frozen=True)
class Config(Common):
    """Updates of each rule."""

    learning_rate: float = 0.1
    steps: int = 10


QUICK = Config(quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Everything in float64."""
    with jax.enable_x64(True):
        return flags(config) | printed_forms()


def updates_of(rule, gradients: np.ndarray) -> np.ndarray:
    """The updates (steps, parameters) that a rule makes of these gradients."""
    return np.asarray(descent.updates_for(rule, np.zeros(gradients.shape[1]), gradients))


def flags(config: Config) -> dict[str, np.ndarray]:
    """For each rule: whether it moves when the gradient is zero after one that was not; whether a
    parameter with a gradient 100 times larger takes a step as long as another's; and whether 100
    times the gradients in all steps do not make 100 times the updates, so that a rate is tuned.
    """
    impulse = np.array([[1.0, 100.0]] + [[0.0, 0.0]] * (config.steps - 1))
    waves = np.random.default_rng(0).normal(size=(config.steps, 2))
    found, responses = {}, []
    for name, make in RULES.items():
        rule = make(config.learning_rate)
        response, small, large = (
            updates_of(rule, gradients) for gradients in (impulse, waves, 100 * waves)
        )
        own_rates = abs(response[0, 1] / response[0, 0] - 1) < 1e-3
        found[f"flags {name}"] = np.array(
            [response[1:].any(), own_rates, not np.allclose(large, 100 * small)]
        )
        responses.append(response[:, 0])
    return found | {"responses": np.array(responses)}


def printed_forms() -> dict[str, np.ndarray]:
    """The printed equations beside fnn's rules; the steps of Adam are in units of the rate."""
    gradients = np.random.default_rng(3).normal(size=(20, 4))
    one = np.array([[1.0]])
    return {
        "adadelta_printed": printed.adadelta_piccoli(gradients, 0.1, gamma=0.9, eps=1e-8),
        "rmsprop": updates_of(optim.rmsprop(0.1, decay=0.9, eps=1e-8), gradients),
        "adadelta_zeiler": updates_of(optim.adadelta(0.1, decay=0.9, eps=1e-8), gradients),
        "adam_printed": np.array([printed.adam_piccoli(g)[0, 0] for g in (one, -one)]),
        "adam_uncorrected": updates_of(optim.adam(1.0, eps=1e-12, bias_correction=False), -one)[0],
        "adam_kingma": updates_of(optim.adam(1.0, eps=1e-12), -one)[0],
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The steps of each rule after an impulse."""
    responses, (axis,) = draw.figure()
    for name, response in zip(RULES, np.abs(results["responses"]), strict=True):
        axis.plot(range(1, len(response) + 1), response / response[0], label=name, marker=".")
    axis.set(xlabel="update; the gradient is 1 in the first, then 0", ylabel="step / first step")
    axis.set_title("after an impulse, momentum moves on", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"responses": responses}
