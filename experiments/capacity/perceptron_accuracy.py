"""The perceptron's test accuracy on classes that overlap, epoch by epoch.

Question: Does the test accuracy of a perceptron rise and then fall?
Source:   Sharif (claim 2.2).
Command:  python -m experiments run perceptron_accuracy
Expected: It rises in the first epochs and then jumps up and down without a trend; averaged weights
          do not jump, and are better.
Cost:     about 4 s quick and 15 s full on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from experiments import drawing as draw
from experiments.capacity.point_clouds import gaussians
from experiments.common import Common, Figures, Results
from fnn.course import perceptron


@dataclass(frozen=True)
class Config(Common):
    """Draws of data and length of training."""

    seeds: int = 512
    """Draws of 100 training and 2000 test examples, and of the order of the examples."""
    epochs: int = 100
    distances: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Half the distance of the two classes' means, in standard deviations."""


QUICK = Config(seeds=128, epochs=50, quick=True)


def run(config: Config) -> Results:
    """Return the test accuracy (distances, seeds, epochs + 1) of two kinds of weights.

    They are the last weights and their average, in float64.
    """
    keys = jax.random.split(jax.random.key(0), config.seeds)
    over_keys = jax.vmap(partial(accuracies, config.epochs), in_axes=(0, None))
    over_distances = jax.vmap(over_keys, in_axes=(None, 0))
    with jax.enable_x64(True):
        last, averaged = over_distances(keys, jnp.array(config.distances))
    return {
        "distances": np.array(config.distances),
        "last": np.asarray(last),
        "averaged": np.asarray(averaged),
    }


def accuracies(epochs: int, key, distance):
    """Return the test accuracy before the first and after each epoch, of both weights."""
    train, test, order = jax.random.split(key, 3)
    x, y = gaussians(train, 100, distance)
    unseen, labels = gaussians(test, 2000, distance)
    fit = perceptron.fit(x, y, key=order, epochs=epochs)

    def accuracy(params):
        right = perceptron.predict(params, unseen) == labels
        return jnp.mean(right)

    before = jnp.mean(labels == 1)  # weights of zero say 1
    last = jax.vmap(accuracy)(fit.trajectory)
    averaged = jax.vmap(accuracy)(fit.averaged_trajectory)
    return jnp.append(before, last), jnp.append(before, averaged)


def plot(results: Results, config: Config) -> Figures:
    """Draw the test accuracy over the epochs: the mean over draws, and one draw."""
    figure, axes = draw.figure(rows=2)
    mean, one = axes
    middle = len(results["distances"]) // 2
    for name, label in (("last", "last weights"), ("averaged", "averaged weights")):
        curves = results[name][middle]
        epochs = np.arange(curves.shape[1])
        draw.mean_band(mean, epochs, curves, label)
        one.plot(curves[0], label=label)
    mean.set_title(f"Mean of {config.seeds} draws, 95% interval")
    one.set_title("One draw")
    for axis in axes:
        axis.set(xlabel="epoch", ylabel="test accuracy")
        axis.legend(frameon=False, loc="lower right")
    return {"accuracy": figure}
