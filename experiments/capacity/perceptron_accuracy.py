"""The perceptron's test accuracy on classes that overlap, epoch by epoch.

Question: Does the test accuracy of a perceptron rise and then fall?
Source:   Sharif (claim 2.2).
Command:  python -m experiments run perceptron_accuracy
Expected: It rises in the first epochs and then jumps up and down without a trend; averaged weights
          do not jump, and are better.
Cost:     about 4 s quick and 15 s full on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.capacity.point_clouds import gaussians
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """Test accuracy (distances, seeds, epochs + 1) of the last weights and of their average, in
    float64.
    """
    keys = jax.random.split(jax.random.key(0), config.seeds)
    with jax.enable_x64(True):
        over_keys = jax.vmap(
            lambda key, distance: accuracies(key, distance, config.epochs), in_axes=(0, None)
        )
        last, averaged = jax.vmap(over_keys, in_axes=(None, 0))(keys, jnp.array(config.distances))
    return {
        "distances": np.array(config.distances),
        "last": np.asarray(last),
        "averaged": np.asarray(averaged),
    }


def accuracies(key, distance, epochs: int):
    """Test accuracy before the first and after each epoch, of the last weights and of their
    average.
    """
    train, test, order = jax.random.split(key, 3)
    x, y = gaussians(train, 100, distance)
    unseen, labels = gaussians(test, 2000, distance)
    fit = perceptron.fit(x, y, key=order, epochs=epochs)
    before = jnp.mean(labels == 1)  # weights of zero say 1
    accuracy = jax.vmap(lambda params: jnp.mean(perceptron.predict(params, unseen) == labels))
    return tuple(
        jnp.append(before, accuracy(path)) for path in (fit.trajectory, fit.averaged_trajectory)
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Test accuracy over the epochs: the mean over draws, and one draw."""
    figure, axes = draw.figure(rows=2)
    middle = len(results["distances"]) // 2
    for name, label in (("last", "last weights"), ("averaged", "averaged weights")):
        curves = results[name][middle]
        draw.mean_band(axes[0], np.arange(curves.shape[1]), curves, label)
        axes[1].plot(curves[0], label=label)
    for axis, title in zip(
        axes, (f"Mean of {config.seeds} draws, 95% interval", "One draw"), strict=True
    ):
        axis.set(xlabel="epoch", ylabel="test accuracy", title=title)
        axis.legend(frameon=False, loc="lower right")
    return {"accuracy": figure}
