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
import optax

from experiments.common import Common, Figures, Results
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


def run(config: Config) -> Results:
    """Return the flags of each rule, its steps after an impulse, and the printed forms, in float64.

    flags …    whether a rule has momentum, has rates of its own for each parameter, tunes its rate
    responses  (rules, steps)
    """
    results = {}
    responses = []
    with jax.enable_x64(True):
        for name, make in RULES.items():
            flags, response = examine(make(config.learning_rate), config.steps)
            results[f"flags {name}"] = flags
            responses.append(response)
        return results | {"responses": np.array(responses)} | printed_forms()


def examine(rule: optax.GradientTransformation, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the three flags of a rule, and its steps after an impulse of the gradient, (steps,).

    With momentum it moves when the gradient is zero after one that was not. With rates of its own
    a parameter with a gradient 100 times larger takes a step as long as another's. A rule that
    tunes its rate does not make 100 times the updates of 100 times the gradients.
    """
    impulse = np.array([[1.0, 100.0]] + [[0.0, 0.0]] * (steps - 1))
    waves = np.random.default_rng(0).normal(size=(steps, 2))
    response = updates_of(rule, impulse)
    small = updates_of(rule, waves)
    large = updates_of(rule, 100 * waves)
    first_step, *later_steps = response
    has_momentum = np.any(later_steps)
    has_own_rates = abs(first_step[1] / first_step[0] - 1) < 1e-3
    tunes_its_rate = not np.allclose(large, 100 * small)
    return np.array([has_momentum, has_own_rates, tunes_its_rate]), response[:, 0]


def updates_of(rule: optax.GradientTransformation, gradients: np.ndarray) -> np.ndarray:
    """Return the updates that a rule makes of these gradients, (steps, parameters)."""
    start = np.zeros(gradients.shape[1])
    return np.asarray(descent.updates_for(rule, start, gradients))


def printed_forms() -> Results:
    """Return the updates by the printed equations and by fnn's rules.

    The steps of Adam are in units of the rate, for a gradient of 1 and of −1.
    """
    gradients = np.random.default_rng(3).normal(size=(20, 4))
    one = np.array([[1.0]])
    rmsprop = optim.rmsprop(0.1, decay=0.9, eps=1e-8)
    zeiler = optim.adadelta(0.1, decay=0.9, eps=1e-8)
    kingma = optim.adam(1.0, eps=1e-12)
    uncorrected = optim.adam(1.0, eps=1e-12, bias_correction=False)
    adam_printed = [printed.adam_piccoli(gradient)[0, 0] for gradient in (one, -one)]
    return {
        "adadelta_printed": printed.adadelta_piccoli(gradients, 0.1, gamma=0.9, eps=1e-8),
        "rmsprop": updates_of(rmsprop, gradients),
        "adadelta_zeiler": updates_of(zeiler, gradients),
        "adam_printed": np.array(adam_printed),
        "adam_uncorrected": updates_of(uncorrected, -one)[0],
        "adam_kingma": updates_of(kingma, -one)[0],
    }


def plot(results: Results, config: Config) -> Figures:
    """Draw the steps of each rule after an impulse."""
    figure, (axis,) = draw.figure()
    for name, response in zip(RULES, np.abs(results["responses"]), strict=True):
        updates = range(1, len(response) + 1)
        axis.plot(updates, response / response[0], label=name, marker=".")
    axis.set(xlabel="update; the gradient is 1 in the first, then 0", ylabel="step / first step")
    axis.set_title("after an impulse, momentum moves on", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"responses": figure}
