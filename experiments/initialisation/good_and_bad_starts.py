"""Good and bad initial weights of a three-layer network.

Question: What does a three-layer network separate after 600 epochs, from good and from bad initial
          weights?
Source:   Sharif (claim 2.35).
Command:  python -m experiments run good_and_bad_starts
Expected: on circles He's weights separate nearly all points. Zeros and a hundredth of He's learn
          nothing at all, and thirty times He's little.
Cost:     quick 5 s, full 10 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import data, initializers, losses, optim
from fnn.layers import DenseParams

GAINS = {"zeros": 0.0, "He / 100": 0.01, "He": 1.0, "He · 30": 30.0}
SIZES = (2, 10, 5, 1)
LAYERS = len(SIZES) - 1


@dataclass(frozen=True)
class Config(Common):
    """Starts and training."""

    seeds: int = 30
    """Of each kind of start."""
    epochs: int = 600
    learning_rate: float = 0.1
    """Of plain gradient descent on all circles at once."""


QUICK = Config(seeds=10, quick=True)


def run(config: Config) -> Results:
    """Return test accuracy (gains, seeds) and training loss (gains, seeds, epochs).

    W0, b0, W1, … are the weights of seed 0, (gains, …). A run that diverged guesses.
    """
    sweep = train_on_circles(config)
    results = {
        "accuracy": np.nan_to_num(sweep.final("test_accuracy"), nan=0.5),
        "loss": sweep.history["train_loss"],
    }
    params = [sweep.run(row, 0).params for row in range(len(GAINS))]
    for layer in range(LAYERS):
        dense = [of_gain[2 * layer] for of_gain in params]
        results[f"W{layer}"] = np.array([part.W for part in dense])
        results[f"b{layer}"] = np.array([part.b for part in dense])
    return results


def train_on_circles(config: Config) -> fnn.Sweep:
    """Train three layers on circles, from He's weights times each gain."""
    circles = data.load("circles")
    optimizer = optim.sgd(config.learning_rate)

    def builder(hyper):
        def init(key, shape):
            return hyper["gain"] * initializers.he(key, shape)

        return fnn.mlp(SIZES, init=init), losses.sigmoid_cross_entropy, optimizer

    return fnn.sweep(
        builder,
        circles,
        epochs=config.epochs,
        batch_size=len(circles.train.x),
        seeds=range(config.seeds),
        hyper={"gain": list(GAINS.values())},
    )


def plot(results: Results, config: Config) -> Figures:
    """Draw the decision regions of seed 0 for each gain."""
    x, y = data.load("circles").test
    net = fnn.mlp(SIZES)
    figure, axes = draw.figure(rows=len(GAINS), width=4.2, height=3.2)
    for row, (axis, name) in enumerate(zip(axes, GAINS, strict=True)):
        params = saved_params(results, row)

        def probability(points, params=params):
            logits = fnn.apply(net, params, points)[:, 0]
            return np.asarray(jax.nn.sigmoid(logits))

        draw.regions(axis, probability, x, y)
        mean = results["accuracy"][row].mean()
        axis.set_title(f"{name}: mean accuracy {mean:.3f}", fontsize=10)
    return {"regions": figure}


def saved_params(results: Results, row: int):
    """Return the parameters that `run` saved for a gain, with () for the activations."""
    params: list = []
    for layer in range(LAYERS):
        dense = DenseParams(results[f"W{layer}"][row], results[f"b{layer}"][row])
        params += [dense, ()]
    return tuple(params[:-1])
