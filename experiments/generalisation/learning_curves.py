"""Learning curves on digits: a plateau, and what the training loss does not tell.

Question: Does the training loss fall to a plateau, and do validation rows have any part in
          training?
Source:   De Marzo (claim 1.30).
Command:  python -m experiments run learning_curves
Expected: a plateau in the second half of training, where the validation loss stays above the
          training loss. Training with other validation rows changes no weight.
Cost:     5 s on 2 cores, nearly all of it compiling two programs.
"""

from dataclasses import dataclass

import jax
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim
from fnn.data import Split

LOSS = losses.softmax_cross_entropy


@dataclass(frozen=True)
class Config(Common):
    """Network and training."""

    seeds: int = 64
    hidden: int = 32
    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 3e-3
    """Adam's."""


QUICK = Config(seeds=8, quick=True)


def run(config: Config) -> Results:
    """Train all seeds, and seed 0 twice, the second time with other validation rows.

    Curves are (seeds, epochs), and weights is (2, parameters).
    """
    digits = data.load("digits")
    sweep = fnn.sweep(
        lambda hyper: network(config),
        digits,
        epochs=config.epochs,
        batch_size=config.batch_size,
        seeds=range(config.seeds),
    )
    x, y = digits.validation
    others = digits._replace(validation=Split(-x, y[::-1].copy()))
    runs = train(config, digits), train(config, others)
    return {
        "train_loss": sweep.history["train_loss"][0],
        "validation_loss": sweep.history["validation_loss"][0],
        "weights": np.stack([flat(run.params) for run in runs]),
        "losses_of_two_validations": np.array([run.final("validation_loss") for run in runs]),
    }


def network(config: Config):
    """Return the network, its loss and its optimizer."""
    net = fnn.mlp((64, config.hidden, 10))
    return net, LOSS, optim.adam(config.learning_rate)


def train(config: Config, dataset: data.Dataset) -> fnn.Run:
    """Train seed 0 on a data set."""
    net, loss, optimizer = network(config)
    epochs, batch_size = config.epochs, config.batch_size
    return fnn.train(net, loss, optimizer, dataset, epochs=epochs, batch_size=batch_size)


def flat(params) -> np.ndarray:
    """Return all parameters in one row."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])


def plot(results: Results, config: Config) -> Figures:
    """Draw the mean curves on a linear and on a logarithmic scale."""
    figure, axes = draw.figure(rows=2)
    epochs = np.arange(1, config.epochs + 1)
    for axis, scale in zip(axes, ("linear", "log"), strict=True):
        for name in ("train", "validation"):
            style = {"color": draw.COLORS[name], "linestyle": "-"}
            draw.mean_band(axis, epochs, results[f"{name}_loss"], name, **style)
        axis.set(xlabel="epoch", ylabel="loss", yscale=scale)
        axis.legend(frameon=False)
    axes[0].set_title(f"Mean of {config.seeds} seeds and its 95% interval", fontsize=10)
    return {"curves": figure}
