"""Seven optimizers with the same tuning budget.

Question: Are Adam and RMSProp the best optimizers, when every rule may try the same number of
          learning rates?
Source:   De Marzo (claim 1.25).
Command:  python -m experiments run best_optimizer
Expected: open. Adam and RMSProp are ahead of plain gradient descent, AdaGrad and AdaDelta after a
          few epochs, but against a velocity with a well chosen rate the difference is within a
          percent and may go either way.
Cost:     quick 20 s, full 3 min on 2 cores; a program is compiled for each rule and data set.
"""

from dataclasses import dataclass

import numpy as np

import fnn
from experiments.claims import mean_interval
from experiments.common import Common, Figures, Results
from experiments.optimizers.seven_rules import RULES
from fnn import data, losses
from fnn import plot as draw

USUAL = {
    "SGD": 0.1,
    "Momentum": 0.03,
    "Nesterov": 0.03,
    "AdaGrad": 0.1,
    "AdaDelta": 1,
    "RMSProp": 3e-3,
    "Adam": 3e-3,
}
"""The middle of the learning rates that each rule tries."""


@dataclass(frozen=True)
class Config(Common):
    """Data, network and tuning."""

    seeds: int = 30
    """Runs of each rule, rate and data set."""
    data_sets: tuple[str, ...] = ("digits", "spirals", "mnist1d")
    rules: tuple[str, ...] = tuple(RULES)
    rates: int = 7
    """Learning rates of each rule, half a decade apart around a usual one."""
    hidden: tuple[int, ...] = (32, 32)
    epochs: int = 20
    batch_size: int = 32


QUICK = Config(
    seeds=8,
    data_sets=("digits", "spirals"),
    rules=("Momentum", "Adam"),
    rates=5,
    hidden=(32,),
    epochs=6,
    quick=True,
)


def run(config: Config) -> Results:
    """Return the test accuracies at the rate with the lowest validation loss.

    accuracy           (data sets, rules, seeds)
    validation_losses  the mean at each rate, (data sets, rules, rates)
    rates              (data sets, rules, rates)
    """
    tunings = [[tuned(config, name, rule) for rule in config.rules] for name in config.data_sets]
    accuracy, validation_losses, rates = (
        np.array([[tuning[part] for tuning in of_data_set] for of_data_set in tunings])
        for part in range(3)
    )
    return {
        "data_sets": np.array(config.data_sets),
        "rules": np.array(config.rules),
        "rates": rates,
        "validation_losses": validation_losses,
        "accuracy": accuracy,
    }


def tuned(config: Config, name: str, rule: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Train a rule at each of its rates and choose the one with the lowest validation loss.

    Returns the test accuracy with it (seeds,), the validation loss of each rate (rates,), infinite
    where seeds diverged, and the rates (rates,).
    """
    rates = USUAL[rule] * 10 ** (0.5 * (np.arange(config.rates) - config.rates // 2))
    dataset = data.load(name)
    net = fnn.mlp((dataset.train.x.shape[1], *config.hidden, int(dataset.train.y.max()) + 1))
    sweep = fnn.sweep(
        lambda hyper: (net, losses.softmax_cross_entropy, RULES[rule](hyper["learning_rate"])),
        dataset,
        epochs=config.epochs,
        batch_size=config.batch_size,
        seeds=range(config.seeds),
        hyper={"learning_rate": rates.tolist()},
        keep_params=False,
    )
    best = sweep.best(at="last")["setting"]
    rows = sweep.summary("validation_loss", at="last").rows
    validation = [row["mean"] if row["diverged"] == 0 else np.inf for row in rows]
    return sweep.final("test_accuracy")[best], np.array(validation), rates


def plot(results: Results, config: Config) -> Figures:
    """Draw the test accuracy at the chosen rates, and the validation loss over all rates."""
    figure, axes = draw.figure(rows=len(results["data_sets"]), height=2.8)
    tuning, panels = draw.figure(rows=len(results["data_sets"]), height=2.8)
    for d, (axis, panel, name) in enumerate(zip(axes, panels, results["data_sets"], strict=True)):
        for r, rule in enumerate(results["rules"]):
            finite = results["accuracy"][d, r][np.isfinite(results["accuracy"][d, r])]
            mean, low, high = 100 * np.array(mean_interval(finite))
            axis.errorbar(
                mean, r, xerr=[[mean - low], [high - mean]], marker="o", capsize=3, color="black"
            )
            losses_of = results["validation_losses"][d, r]
            panel.plot(
                results["rates"][d, r],
                np.where(np.isfinite(losses_of), losses_of, np.nan),
                label=rule,
                marker=".",
            )
        axis.set_yticks(range(len(results["rules"])), results["rules"])
        axis.set(xlabel="test accuracy in percent, 95% interval", title=name)
        panel.set(
            xscale="log", yscale="log", xlabel="learning rate", ylabel="validation loss", title=name
        )
    panels[0].legend(frameon=False, fontsize=7, ncols=2)
    return {"accuracy": figure, "tuning": tuning}
