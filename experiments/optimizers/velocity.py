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

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """Everything in float64: the losses in the valley (steps + 1,), and what `saddle` and `noisy`
    return.
    """
    eta = config.learning_rate
    rules = {
        "descent": optim.sgd(eta),
        "averaged, α = 0.9": optim.momentum(eta, convention="ema"),
        "averaged, α = 0.99": optim.momentum(eta, decay=0.99, convention="ema"),
        "classical, α = 0.9": optim.momentum(eta, convention="classical"),
    }
    with jax.enable_x64(True):
        start = jnp.array(VALLEY.start)
        descents = [
            descent.trajectory(VALLEY.gradient, rule, start, steps=config.steps)
            for rule in rules.values()
        ]
        paths = dict(zip(rules, descents, strict=True))
        losses = {name: np.asarray(VALLEY.value(path.T)) for name, path in paths.items()}
        crossings = [np.sum(paths[name][:-1] * paths[name][1:] < 0) for name in list(rules)[:2]]
        return losses | {"crossings": np.array(crossings)} | saddle(config) | noisy(config, rules)


def saddle(config: Config) -> dict[str, np.ndarray]:
    """|y| on x² − y² from (1, 0.001) for each α, (alphas, 501), and the step under a constant
    gradient after 5000 updates, in units of the rate times the gradient. α = 0 is plain descent.
    """
    eta, start = config.learning_rate / 2, jnp.array(surfaces.saddle.start)

    def both(alpha):
        rule = optim.momentum(eta, decay=alpha)
        constant = descent.trajectory(jnp.ones_like, rule, jnp.zeros(()), steps=5000)
        path = descent.trajectory(surfaces.saddle.gradient, rule, start, steps=500)
        return jnp.abs(path[:, 1]), (constant[-2] - constant[-1]) / eta

    away, gain = jax.jit(jax.vmap(both))(jnp.array(ALPHAS))
    return {"away": np.asarray(away), "gain": np.asarray(gain)}


def noisy(config: Config, rules) -> dict[str, np.ndarray]:
    """With noise in every gradient, by descent and by the average with α = 0.9: the root mean
    square change from one step to the next over the second half of 1000, (2, seeds).
    """

    def measured(optimizer, key):
        def gradient(x, key):
            return VALLEY.gradient(x) + config.noise * jax.random.normal(key, (2,))

        path = descent.trajectory(gradient, optimizer, jnp.ones(2), steps=1000, key=key)
        return jnp.sqrt(jnp.mean(jnp.diff(path[500:], n=2, axis=0) ** 2))

    keys = jax.random.split(jax.random.key(0), config.seeds)
    found = [jax.jit(jax.vmap(partial(measured, rule)))(keys) for rule in list(rules.values())[:2]]
    return {"change": np.array(found)}


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The loss in the valley with exact gradients, and the way out of the saddle."""
    valley, (loss,) = draw.figure()
    for name in [name for name in results if "α" in name or name == "descent"]:
        loss.plot(results[name], label=name)
    loss.set(yscale="log", xlabel="update", ylabel="loss", title="½(x₁² + 25 x₂²), exact gradients")
    escaping, (away,) = draw.figure()
    for alpha, path in zip(ALPHAS, results["away"], strict=True):
        away.plot(np.where(path < 3, path, np.nan), label=f"α = {alpha:g}")
    away.axhline(1, color="gray", linewidth=0.8)
    away.set(yscale="log", xlabel="update", ylabel="|y|", title="leaving the saddle of x² − y²")
    for axis in (loss, away):
        axis.legend(frameon=False, fontsize=8)
    return {"valley": valley, "saddle": escaping}
