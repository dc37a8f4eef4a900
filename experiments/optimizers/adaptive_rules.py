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

from experiments.claims import claim, depends_on, holds_if
from experiments.common import Common
from experiments.optimizers import printed_optimizers as printed
from experiments.optimizers.seven_rules import RULES
from fnn import optim
from fnn import plot as draw
from fnn.course import descent

PRINTED_MOMENTUM = (
    "Momentum",
    "Nesterov",
    "AdaGrad",
    "AdaDelta",
    "Adam",
)  # the table of claim 4.31
PRINTED_OWN_RATES = ("AdaGrad", "AdaDelta", "Adam")


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


def listed(found, flag: int) -> str:
    """The names of the rules that have a flag."""
    return ", ".join(name for name, flags in found.items() if flags[flag]) or "none"


@claim(
    "X10",
    "Piccoli's AdaDelta is RMSProp, and his Adam lacks the square of the gradient and the bias "
    "correction.",
)
def names(results):
    same = np.abs(results["adadelta_printed"] - results["rmsprop"]).max()
    zeiler = np.abs(results["adadelta_printed"] - results["adadelta_zeiler"]).max()
    adam = results["adam_printed"]
    return holds_if(
        bool(same < 1e-14 and zeiler > 1e-3 and np.isnan(adam[1]) and np.isfinite(adam[0])),
        f"Over 20 updates the printed AdaDelta differs from RMSProp by {same:.0e} and from "
        f"Zeiler's by {zeiler:.2g}. "
        f"The printed Adam, whose v averages g, steps {adam[0]:.4g} rates at g = 1 and "
        f"{adam[1]:g} at g = −1.",
        to_rmsprop=same,
        to_zeiler=zeiler,
        adam=adam,
    )


@claim(
    "1.24",
    "AdaGrad, AdaDelta, RMSProp and Adam all include a momentum and an adaptive rate for each "
    "weight.",
)
def momentum_and_rates(results):
    found = {name: results[f"flags {name}"] for name in ("AdaGrad", "AdaDelta", "RMSProp", "Adam")}
    return depends_on(
        {name: bool(momentum and own) for name, (momentum, own, _) in found.items()},
        "A rule with momentum still moves when the gradient is zero after one that was not, as it "
        "does with "
        f"{listed(found, 0)}; with a rate for each weight, gradients of 1 and 100 make equal "
        f"steps, as they do with "
        f"{listed(found, 1)}.",
        flags=found,
    )


@claim("3.6", "What an optimizer does is to adapt the learning rate while training runs.")
def tunes_the_rate(results):
    tuned = {name: bool(results[f"flags {name}"][2]) for name in RULES}
    return depends_on(
        tuned,
        "Where all gradients are 100 times larger, a rule that leaves its rate as given makes "
        "updates 100 times "
        "larger. The definition is too narrow: an optimizer is the rule that turns gradients into "
        "updates, with a "
        "rate that it adapts or without.",
        tuned=tuned,
    )


@claim(
    "4.30",
    "Adam keeps decaying averages of the gradient, both printed with g itself, and combines the "
    "others' advantages.",
)
def adam(results):
    printed_step = results["adam_printed"]
    plain, kingma = abs(results["adam_uncorrected"][0]), abs(results["adam_kingma"][0])
    return holds_if(
        bool(np.isfinite(printed_step).all()),
        "With g where g² belongs, v is negative at g = −1 and the first step, m/√v, is "
        f"{'not a number' if np.isnan(printed_step[1]) else f'{printed_step[1]:.4g} rates'}. With "
        f"v ← β₂ v + (1 − β₂) "
        f"g² and without the bias corrections, which are not printed, it is {plain:.3f} rates "
        f"long, in Kingma and Ba's "
        f"form, which has both, {kingma:.3f} rates.",
        printed=printed_step,
        uncorrected=plain,
        kingma=kingma,
    )


@claim(
    "4.31",
    "A table: momentum in Momentum, Nesterov, AdaGrad, AdaDelta, Adam; a rate for each parameter "
    "in the last three.",
)
def summary_table(results):
    found = {
        name: tuple(map(bool, results[f"flags {name}"][:2])) for name in RULES if name != "RMSProp"
    }
    table = {name: (name in PRINTED_MOMENTUM, name in PRINTED_OWN_RATES) for name in found}
    wrong = [name for name, entries in table.items() if entries[0] != found[name][0]]
    return depends_on(
        {name: found[name] == entries for name, entries in table.items()},
        "Derived from the updates: moving on at a zero gradient, and equal steps for gradients of "
        "1 and 100. The "
        f"table's momentum is wrong for {', '.join(wrong) or 'none'}; GD is SGD with the whole "
        f"set as its batch.",
        derived=found,
        printed=table,
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The steps of each rule after an impulse."""
    responses, (axis,) = draw.figure()
    for name, response in zip(RULES, np.abs(results["responses"]), strict=True):
        axis.plot(range(1, len(response) + 1), response / response[0], label=name, marker=".")
    axis.set(xlabel="update; the gradient is 1 in the first, then 0", ylabel="step / first step")
    axis.set_title("after an impulse, momentum moves on", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"responses": responses}
