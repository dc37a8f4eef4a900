"""AdaGrad: its three printed forms, and what its rates are good for.

Question: Are AdaGrad's printed forms one rule, and is it faster than gradient descent, on rare
          features and on others?
Source:   Piccoli (claim 4.29).
Command:  python -m experiments run sparse_features
Expected: one rule; each at its best learning rate, AdaGrad comes several times closer to the true
          weights than gradient descent where half of the features are rare, and no closer where
          none is.
Cost:     quick 6 s, full 15 s on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from experiments.optimizers import printed_optimizers as printed
from fnn import layers, losses, optim
from fnn.course import descent
from fnn.layers import DenseParams

POINTS = 50  # of a curve


@dataclass(frozen=True)
class Config(Common):
    """Least squares on a stream of examples."""

    seeds: int = 80
    """Draws of true weights and examples; half of them choose the rates, the others are reported.
    """
    features: int = 30
    rare: float = 0.01
    """How often each rare feature is not zero."""
    rates: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    steps: int = 1000
    batch_size: int = 4


QUICK = Config(seeds=24, steps=300, quick=True)


def run(config: Config) -> Results:
    """Return the printed forms in float64, and the races in float32.

    sparse, dense  the distances along the paths of SGD and AdaGrad, (2, rates, seeds, points)
    """
    with jax.enable_x64(True):
        exact = forms()
    rates = jnp.array(config.rates)
    keys = jax.random.split(jax.random.key(2), config.seeds)
    over_settings = []
    for make in (optim.sgd, optim.adagrad):
        over_seeds = jax.vmap(partial(race, config, make), (None, None, 0))
        over_settings.append(jax.jit(jax.vmap(over_seeds, (None, 0, None))))
    half_rare = np.repeat([1, config.rare], config.features // 2)
    results = {"rates": np.array(config.rates)}
    for name, often in (("sparse", half_rare), ("dense", np.ones(config.features))):
        chances = jnp.asarray(often, jnp.float32)
        results[name] = np.array([races(chances, rates, keys) for races in over_settings])
    return exact | results


def forms() -> Results:
    """Return 20 updates by fnn's AdaGrad and RMSProp, and by the printed AdaGrad and AdaDelta."""
    gradients = np.random.default_rng(3).normal(size=(20, 4))
    rules = {
        "adagrad": optim.adagrad(0.1),
        "rmsprop": optim.rmsprop(0.1, decay=0.9, eps=1e-8),
    }
    updates = {
        name: np.asarray(descent.updates_for(rule, np.zeros(4), gradients))
        for name, rule in rules.items()
    }
    return updates | {
        "printed_adagrad": printed.adagrad_piccoli(gradients, 0.1, 1e-8),
        "printed_adadelta": printed.adadelta_piccoli(gradients, 0.1, gamma=0.9, eps=1e-8),
    }


def race(config: Config, make, often, rate, key):
    """Descend from zero on a stream of examples: the distances from the true weights, (points,).

    Feature i is standard normal with probability often[i] and else 0. The targets have noise of
    standard deviation 0.1, and every step sees new examples. A distance is the mean square.
    """
    shape = (config.batch_size, config.features)
    loss_and_gradient = fnn.value_and_grad(layers.dense(config.features, 1), losses.squared_error)
    start = DenseParams(W=jnp.zeros((1, config.features)), b=jnp.zeros(1))
    truth_key, path_key = jax.random.split(key)
    truth = jax.random.normal(truth_key, shape[1:])

    def gradient(params, key):
        there, size, noise = jax.random.split(key, 3)
        x = jax.random.bernoulli(there, often, shape) * jax.random.normal(size, shape)
        y = x @ truth + 0.1 * jax.random.normal(noise, shape[:1])
        _, grads = loss_and_gradient(params, x, y)
        return grads

    path = descent.trajectory(gradient, make(rate), start, steps=config.steps, key=path_key)
    weights = path.W[:: config.steps // POINTS, 0]
    return jnp.mean((weights - truth) ** 2, axis=-1)


def chosen(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose the rate of each rule by the final distance over the first half of the seeds.

    Returns the numbers of the rates, and the distances of the second half with them, (2, seeds,
    points).
    """
    choosing, reported = np.array_split(distance, 2, axis=2)
    best = np.nan_to_num(choosing[..., -1].mean(axis=-1), nan=np.inf).argmin(axis=1)
    return best, reported[np.arange(2), best]


def plot(results: Results, config: Config) -> Figures:
    """Draw AdaGrad's race against SGD."""
    figure, axes = draw.figure(rows=2, height=3)
    titles = {
        "sparse": "half of the features in 1% of the examples",
        "dense": "all features in all examples",
    }
    for axis, (name, title) in zip(axes, titles.items(), strict=True):
        best, distance = chosen(results[name])
        for rule, rate, values in zip(
            ("SGD", "AdaGrad"), results["rates"][best], distance, strict=True
        ):
            draw.mean_band(
                axis,
                np.linspace(0, config.steps, values.shape[1]),
                values,
                f"{rule}, rate {rate:g}",
            )
        axis.set(
            yscale="log", xlabel="update", ylabel="squared distance from the truth", title=title
        )
        axis.legend(frameon=False)
    return {"race": figure}
