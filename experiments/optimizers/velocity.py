"""What a velocity is good for: narrow valleys, noisy gradients, saddle points.

Question: Is gradient descent with momentum faster and steadier, and does it leave a saddle sooner?
Source:   De Marzo (claim 1.23) and Piccoli (4.28).
Command:  python -m experiments run velocity
Expected: on ½(x₁² + 25 x₂²) from (1, 1) at η = 0.02 the loss after 200 updates is 1.5e-4 by
          gradient descent, 2.4e-5 by the averaged gradient and 4.4e-9 by the classical velocity;
          after 50 updates the average is behind descent. The saddle takes 349 updates without
          momentum and 72 with α = 0.9.
Cost:     quick 3 s, full 4 s on 2 cores, nearly all of it compiling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

from experiments.common import Common, Figures, Results
from fnn import optim
from fnn import plot as draw
from fnn.course import descent, surfaces

VALLEY = surfaces.quadratic((1.0, 25.0))
ALPHAS = np.array([0.0, 0.5, 0.9, 0.99])


@dataclass(frozen=True)
class Config(Common):
    """Rates, lengths and noise."""

    seeds: int = 1000
    """Paths with noise in their gradients."""
    learning_rate: float = 0.02
    """In the valley; half of it at the saddle."""
    steps: int = 200
    noise: float = 1.0
    """Standard deviation of the noise in each component of the gradient."""


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> Results:
    """Return the losses in the valley, (steps + 1,) for each rule, in float64.

    crossings   how often the first two paths cross an axis
    away, gain  see `leave_saddle`
    change      see `noisy`
    """
    with jax.enable_x64(True):
        rules = rules_at(config.learning_rate)
        paths = descend(rules, config.steps)
        losses = {name: np.asarray(VALLEY.value(path.T)) for name, path in paths.items()}
        crossings = [np.sum(path[:-1] * path[1:] < 0) for path in list(paths.values())[:2]]
        away, gain = leave_saddle(config.learning_rate / 2)
        change = noisy(config, list(rules.values())[:2])
    return losses | {
        "crossings": np.array(crossings),
        "away": np.asarray(away),
        "gain": np.asarray(gain),
        "change": change,
    }


def rules_at(learning_rate: float) -> dict[str, optax.GradientTransformation]:
    """Return gradient descent, two averages of the gradient, and the classical velocity."""
    return {
        "descent": optim.sgd(learning_rate),
        "averaged, α = 0.9": optim.momentum(learning_rate, convention="ema"),
        "averaged, α = 0.99": optim.momentum(learning_rate, decay=0.99, convention="ema"),
        "classical, α = 0.9": optim.momentum(learning_rate, convention="classical"),
    }


def descend(rules, steps: int) -> dict:
    """Descend in the valley ½(x₁² + 25 x₂²) from (1, 1) by each rule: the paths (steps + 1, 2)."""
    start = jnp.array(VALLEY.start)
    paths = {}
    for name, rule in rules.items():
        paths[name] = descent.trajectory(VALLEY.gradient, rule, start, steps=steps)
    return paths


def leave_saddle(learning_rate: float):
    """Leave the saddle of x² − y² from (1, 0.001) with each α; α = 0 is plain descent.

    Returns |y|, (alphas, 501), and the step under a constant gradient after 5000 updates, in units
    of the rate times the gradient, (alphas,).
    """
    start = jnp.array(surfaces.saddle.start)

    def with_momentum(alpha):
        rule = optim.momentum(learning_rate, decay=alpha)
        constant = descent.trajectory(jnp.ones_like, rule, jnp.zeros(()), steps=5000)
        path = descent.trajectory(surfaces.saddle.gradient, rule, start, steps=500)
        last_step = constant[-2] - constant[-1]
        return jnp.abs(path[:, 1]), last_step / learning_rate

    return jax.jit(jax.vmap(with_momentum))(jnp.array(ALPHAS))


def noisy(config: Config, rules: Sequence[optax.GradientTransformation]) -> np.ndarray:
    """Descend with noise in every gradient: how much the steps change, (rules, seeds).

    It is the root mean square change from one step to the next over the second half of 1000.
    """

    def gradient(x, key):
        return VALLEY.gradient(x) + config.noise * jax.random.normal(key, (2,))

    def change_of_steps(rule, key):
        path = descent.trajectory(gradient, rule, jnp.ones(2), steps=1000, key=key)
        changes = jnp.diff(path[500:], n=2, axis=0)
        return jnp.sqrt(jnp.mean(changes**2))

    keys = jax.random.split(jax.random.key(0), config.seeds)
    return np.array([jax.jit(jax.vmap(partial(change_of_steps, rule)))(keys) for rule in rules])


def plot(results: Results, config: Config) -> Figures:
    """Draw the loss in the valley with exact gradients, and the way out of the saddle."""
    return {"valley": valley_figure(results, config), "saddle": saddle_figure(results)}


def valley_figure(results, config: Config) -> Figure:
    """Draw the loss of each rule in the valley."""
    figure, (axis,) = draw.figure()
    for name in rules_at(config.learning_rate):
        axis.plot(results[name], label=name)
    axis.set(yscale="log", xlabel="update", ylabel="loss", title="½(x₁² + 25 x₂²), exact gradients")
    axis.legend(frameon=False, fontsize=8)
    return figure


def saddle_figure(results) -> Figure:
    """Draw the distance from the ridge of the saddle for each α."""
    figure, (axis,) = draw.figure()
    for alpha, path in zip(ALPHAS, results["away"], strict=True):
        axis.plot(np.where(path < 3, path, np.nan), label=f"α = {alpha:g}")
    axis.axhline(1, color="gray", linewidth=0.8)
    axis.set(yscale="log", xlabel="update", ylabel="|y|", title="leaving the saddle of x² − y²")
    axis.legend(frameon=False, fontsize=8)
    return figure
