"""Four things to estimate, of which one is no regression: a question of a quiz.

Question: Which of the four targets does a classification net predict better than a regression net?
Source:   Piccoli (claim 4.20); he gives no data, so the sets are synthetic.
Command:  python -m experiments run regression_targets
Expected: the regression net is nearer to the arrival of a bus, an age and the price of a house. The
          classification net is nearer to a time zone. If the classes exchange their numbers, the
          errors of the regression net rise more than tenfold.
Cost:     about 20 s on 2 cores, quick 8 s.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from experiments.functions.full_batch import gradient_of, last_of
from experiments.functions.synthetic_targets import TARGETS, ZONES
from fnn import losses, optim
from fnn.course import descent

CLASSES = len(ZONES)  # of every target: a continuous one is cut into as many


@dataclass(frozen=True)
class Config(Common):
    """Examples of each target, and training."""

    seeds: int = 32
    """Draws of the examples and of the starts."""
    examples: int = 300
    """For training, and as many to measure the error."""
    hidden: int = 32
    steps: int = 500
    learning_rate: float = 0.01
    """Adam's, on all examples."""


QUICK = Config(seeds=16, steps=300, quick=True)


def run(config: Config) -> Results:
    """Return the errors (targets, numberings, seeds, nets): regression and classification.

    The numberings are the given one and one in which the classes have exchanged their numbers.
    """
    examples = [
        examples_of(config, draw_target, exchanged, seed)
        for draw_target in TARGETS.values()
        for exchanged in (False, True)
        for seed in range(config.seeds)
    ]
    columns = [np.stack(column) for column in zip(*examples, strict=True)]
    over_examples = jax.jit(jax.vmap(partial(both_errors, config)))
    errors = np.asarray(over_examples(*columns))
    shape = (len(TARGETS), 2, config.seeds, 2)
    return {"errors": errors.reshape(shape)}


def both_errors(config: Config, seed, x, numbers, classes, number_of):
    """Return the mean squared error of a regression and of a classification net, (nets,).

    number_of  (classes,) the number that stands for each class
    """
    regression = trained(config, seed, losses.squared_error, 1, x, numbers)
    logits = trained(config, seed, losses.softmax_cross_entropy, CLASSES, x, classes)
    likeliest = jnp.argmax(logits, axis=1)
    answers = jnp.stack([regression[:, 0], number_of[likeliest]])
    unseen = numbers[config.examples :]
    return jnp.mean((answers - unseen) ** 2, axis=1)


def trained(config: Config, seed, loss: fnn.Loss, outputs: int, x, y):
    """Train a network on the first half of the examples, and return its outputs on the others."""
    sizes = (x.shape[1], config.hidden, outputs)
    net = fnn.mlp(sizes, activation="tanh", init="glorot")
    n = config.examples
    seen = x[:n]
    labels = y[:n]
    unseen = x[n:]
    optimizer = optim.adam(config.learning_rate)
    gradient = gradient_of(net, loss, seen, labels)
    start, _ = net.init(jax.random.key(seed))
    path = descent.trajectory(gradient, optimizer, start, steps=config.steps)
    return fnn.apply(net, last_of(path), unseen)


def examples_of(config: Config, draw_target, exchanged: bool, seed: int) -> list[np.ndarray]:
    """Return the seed, features, numbers, classes, and the number of each class.

    The features and the numbers have mean 0 and variance 1.
    """
    rng = np.random.default_rng(seed)
    features, y = draw_target(rng, 2 * config.examples)
    if exchanged:
        classes, number_of = classes_of(y)
        y = rng.permutation(number_of)[classes]
    numbers = standardized(y)
    classes, number_of = classes_of(numbers)
    return [np.array(seed), standardized(features), numbers, classes, number_of]


def standardized(values: np.ndarray) -> np.ndarray:
    """Return values with mean 0 and variance 1 over the examples."""
    centred = values - values.mean(axis=0)
    return (centred / values.std(axis=0)).astype(np.float32)


def classes_of(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the class of each number, and the number of each class.

    Values that repeat are the classes. Otherwise the range is cut into classes of equal counts.
    """
    values, classes = np.unique(numbers, return_inverse=True)
    if len(values) > CLASSES:
        classes = CLASSES * classes // len(values)
    counts = np.bincount(classes, minlength=CLASSES)
    sums = np.bincount(classes, weights=numbers, minlength=CLASSES)
    return classes, (sums / np.maximum(counts, 1)).astype(np.float32)


def plot(results: Results, config: Config) -> Figures:
    """Draw the errors of both nets on each target, with the numbers given and exchanged."""
    figure, (given, exchanged) = draw.figure(rows=2, height=3.0)
    draw_errors(given, results["errors"][:, 0])
    given.set_title("the given numbers")
    draw_errors(exchanged, results["errors"][:, 1])
    exchanged.set_title("the classes exchange their numbers")
    draw.legends([given])
    return {"targets": figure}


def draw_errors(axis: Axes, errors: np.ndarray) -> None:
    """Draw the error of each seed as a dot, regression on the left and classification right.

    errors  (targets, seeds, nets)
    """
    names = list(TARGETS)
    targets = np.arange(len(names))
    seeds = errors.shape[1]
    styles = {"regression": ("o", draw.LINES[0]), "classification": ("^", draw.LINES[4])}
    for net, (name, (marker, style)) in enumerate(styles.items()):
        places = np.repeat(targets + 0.3 * net - 0.15, seeds)
        squares = errors[..., net].ravel()
        axis.plot(places, squares, marker, color=style["color"], markersize=4, label=name)
    draw.names_across(axis, names)
    axis.set(yscale="log", ylabel="squared error / variance")
