"""Good and bad initial weights of a three-layer network.

Question: What does a three-layer network separate after 600 epochs, from good and from bad initial
          weights?
Source:   Sharif (claim 2.35).
Command:  python -m experiments run good_and_bad_starts
Expected: on circles He's weights separate nearly all points; zeros and a hundredth of He's learn
          nothing at all, and thirty times He's little.
Cost:     quick 5 s, full 10 s on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
from fnn import data, initializers, losses, optim
from fnn.layers import DenseParams

GAINS = {"zeros": 0.0, "He / 100": 0.01, "He": 1.0, "He · 30": 30.0}
SIZES = (2, 10, 5, 1)


@dataclass(frozen=True)
class Config(Common):
    """Starts and training."""

    seeds: int = 30
    """Of each kind of start."""
    epochs: int = 600
    learning_rate: float = 0.1
    """Of plain gradient descent on all circles at once."""


QUICK = Config(seeds=10, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Test accuracy and training loss (gains, seeds, …), and the weights of seed 0 by layer,
    (gains, …).
    """
    circles = on_circles(config)
    lanes = [circles.run(row, 0).params for row in range(len(GAINS))]
    saved = {
        f"{name}{i}": np.array([getattr(lane[2 * i], name) for lane in lanes])
        for i in range(3)
        for name in "Wb"
    }
    return saved | {
        "accuracy": np.nan_to_num(circles.final("test_accuracy"), nan=0.5),
        "loss": circles.history["train_loss"],
    }


def on_circles(config: Config) -> fnn.Sweep:
    """Three layers on circles, with He's weights times each gain."""
    circles = data.load("circles")

    def builder(hyper):
        net = fnn.mlp(SIZES, init=lambda key, shape: hyper["gain"] * initializers.he(key, shape))
        return net, losses.sigmoid_cross_entropy, optim.sgd(config.learning_rate)

    return fnn.sweep(
        builder,
        circles,
        epochs=config.epochs,
        batch_size=len(circles.train.x),
        seeds=range(config.seeds),
        hyper={"gain": list(GAINS.values())},
    )


def score(net, params, x: np.ndarray) -> np.ndarray:
    """The probability of class 1, (n,)."""
    return np.asarray(jax.nn.sigmoid(fnn.apply(net, params, x)[:, 0]))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Decision regions of seed 0."""
    x, y = data.load("circles").test
    net = fnn.mlp(SIZES)
    regions, axes = draw.figure(rows=len(GAINS), width=4.2, height=3.2)
    for row, (axis, name) in enumerate(zip(axes, GAINS, strict=True)):
        dense = [DenseParams(results[f"W{i}"][row], results[f"b{i}"][row]) for i in range(3)]
        params = (dense[0], (), dense[1], (), dense[2])
        draw.regions(axis, partial(score, net, params), x, y)
        axis.set_title(f"{name}: mean accuracy {results['accuracy'][row].mean():.3f}", fontsize=10)
    return {"regions": regions}
