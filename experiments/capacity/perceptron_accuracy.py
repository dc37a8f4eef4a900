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
from experiments.claims import any_of, claim, every, holds_if, mean_interval
from experiments.common import Common
from fnn.course import perceptron

FALL = 0.01  # of the mean test accuracy: the least that counts as a fall
LATE = 10  # epochs at the end, whose mean is compared with the best epoch


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


@claim(
    "2.2",
    "A perceptron in training gets better on unseen examples in the beginning and worse again "
    "later.",
)
def rises_then_falls(results):
    last, half = results["last"], results["last"].shape[1] // 2
    peaks = (
        last[:, :half].mean(axis=1).argmax(axis=1)
    )  # chosen on half of the draws, judged on the others
    rises = [mean_interval(curves[:, 1] - curves[:, 0]) for curves in last]
    ends = last[:, half:, -LATE:].mean(axis=-1)
    falls = [
        mean_interval(curves[half:, peak] - end)
        for curves, peak, end in zip(last, peaks, ends, strict=True)
    ]
    jump, steady = (
        np.abs(np.diff(results[name][..., LATE:])).mean() for name in ("last", "averaged")
    )
    gain = mean_interval((results["averaged"][..., -1] - last[..., -1]).mean(axis=0))
    seen = sum(fall.above(0) is True for fall in falls)
    return holds_if(
        every(*(rise.above(0) for rise in rises), any_of(*(fall.above(FALL) for fall in falls))),
        f"Two classes in ten dimensions with means "
        f"{', '.join(f'{2 * d:g}' for d in results['distances'])} apart: the "
        f"mean test accuracy of {last.shape[1]} draws rises in the first epoch by "
        f"{', '.join(map(str, rises))}; from "
        f"its best epoch to the mean of the last {LATE} it falls by {', '.join(map(str, falls))}. "
        f"In {seen} of these "
        f"{len(falls)} that is more than chance, but only {FALL} and more is taken for a fall "
        f"that matters. In a "
        f"single run the accuracy jumps: by {100 * jump:.1f} points from one epoch to the next on "
        f"average, by "
        f"{100 * steady:.2f} with averaged weights, which end {gain} above the last ones.",
        rises=rises,
        falls=falls,
        best_epochs=peaks,
        jump=jump,
        jump_averaged=steady,
        gain_of_averaging=gain,
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
