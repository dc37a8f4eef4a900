"""Momentum and Nesterov: the rules that the documents print, and which of them are the same.

Question: Do the documents and the libraries mean the same rule by momentum, and by Nesterov's
          momentum?
Source:   De Marzo, the deep-learning notes (claim 3.9), Piccoli, and the conflicts between them
          (X5, X6).
Command:  python -m experiments run momentum
Expected: opposite signs change nothing; the averaged form is the others at a rate smaller by 1 − α;
          the library's form departs from them only under a schedule, and its Nesterov holds the
          printed lookahead point.
Cost:     quick and full 3 s on 2 cores, nearly all of it compiling.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.common import Common, Figures, Results
from experiments.optimizers import printed_optimizers as printed
from fnn import optim
from fnn import plot as draw
from fnn.course import descent, surfaces

VALLEY = surfaces.quadratic((1.0, 25.0))


@dataclass(frozen=True)
class Config(Common):
    """Rate and length."""

    learning_rate: float = 0.02
    steps: int = 200
    halved_every: int = 40
    """Updates after which the schedule halves the rate."""


QUICK = Config(quick=True)


def run(config: Config) -> Results:
    """Return paths on ½(x₁² + 25 x₂²) from (1, 1), (steps + 1, 2), in float64, with α = 0.9.

    They are those of fnn's rules and of the printed recurrences.
    """
    with jax.enable_x64(True):
        paths = descend(config)
    return paths | printed_paths(config)


def descend(config: Config) -> Results:
    """Descend by each rule: the paths, (steps + 1, 2)."""
    start = jnp.array(VALLEY.start)
    paths = {}
    for name, rule in rules(config).items():
        path = descent.trajectory(VALLEY.gradient, rule, start, steps=config.steps)
        paths[name] = np.asarray(path)
    return paths


def rules(config: Config) -> dict[str, optax.GradientTransformation]:
    """Return each convention of momentum, at a constant rate and under a schedule."""
    eta = config.learning_rate

    def schedule(t):
        return eta * 0.5 ** (t // config.halved_every)

    return {
        "ema": optim.momentum(eta, convention="ema"),
        "classical": optim.momentum(eta, convention="classical"),
        "classical at (1 − α)η": optim.momentum(0.1 * eta, convention="classical"),
        "library": optim.momentum(eta),
        "classical, schedule": optim.momentum(schedule, convention="classical"),
        "library, schedule": optim.momentum(schedule),
        "nesterov library": optim.nesterov(eta),
        "nesterov lookahead": optim.nesterov(eta, form="lookahead"),
    }


def printed_paths(config: Config) -> Results:
    """Return the paths of the recurrences that the documents print."""
    arguments = (
        lambda x: np.array([1.0, 25.0]) * x,
        np.ones(2),
        lambda t: config.learning_rate,
        0.9,
        config.steps,
    )
    theta, interim = printed.nesterov_piccoli(*arguments)
    return {
        "printed de marzo": printed.momentum_de_marzo(*arguments),
        "printed notes": printed.momentum_notes(*arguments),
        "printed piccoli": printed.momentum_piccoli(*arguments),
        "printed nesterov": theta,
        "printed nesterov, lookahead": interim,
    }


def plot(results: Results, config: Config) -> Figures:
    """Draw how far the rules are apart, update by update."""
    figure, (axis,) = draw.figure()
    pairs = {
        "library, classical under a schedule": ("library, schedule", "classical, schedule"),
        "Nesterov held, printed θ": ("nesterov library", "printed nesterov"),
        "averaged, classical at (1 − α)η": ("ema", "classical at (1 − α)η"),
        "library, classical": ("library", "classical"),
        "Nesterov held, printed θ + αv": ("nesterov library", "printed nesterov, lookahead"),
    }
    for label, (first, second) in pairs.items():
        distance = np.abs(results[first] - results[second]).max(axis=-1)
        axis.plot(np.maximum(distance, 1e-18), label=label)
    axis.set(yscale="log", xlabel="update", ylabel="distance of the paths", ylim=(3e-19, 1e9))
    axis.set_title("equal up to rounding, or not", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"distances": figure}
