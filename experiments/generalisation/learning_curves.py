"""Learning curves on digits: a plateau, and what the training loss does not tell.

Question: Does the training loss fall to a plateau, and do validation rows have any part in
          training?
Source:   De Marzo (claim 1.30).
Command:  python -m experiments run learning_curves
Expected: a plateau in the second half of training, where the validation loss stays above the
          training loss; training with other validation rows changes no weight.
Cost:     5 s on 2 cores, nearly all of it compiling two programs.
"""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
from fnn import data, losses, optim
from fnn.data import Dataset, Split


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


def run(config: Config) -> dict[str, np.ndarray]:
    """Curves are (seeds, epochs); the two runs with different validation rows are of seed 0."""
    digits, loss = data.load("digits"), losses.softmax_cross_entropy
    net, optimizer = fnn.mlp((64, config.hidden, 10)), optim.adam(config.learning_rate)
    length: dict[str, Any] = {"epochs": config.epochs, "batch_size": config.batch_size}
    sweep = fnn.sweep(
        lambda hyper: (net, loss, optimizer), digits, seeds=range(config.seeds), **length
    )

    def train(dataset: Dataset) -> fnn.Run:
        return fnn.train(net, loss, optimizer, dataset, **length)

    other = Split(-digits.validation.x, digits.validation.y[::-1].copy())
    runs = train(digits), train(digits._replace(validation=other))
    return {
        "train_loss": sweep.history["train_loss"][0],
        "validation_loss": sweep.history["validation_loss"][0],
        "weights": np.stack([flat(run.params) for run in runs]),
        "losses_of_two_validations": np.array([run.final("validation_loss") for run in runs]),
    }


def flat(params) -> np.ndarray:
    """All parameters in one row."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Mean curves."""
    figure, axes = draw.figure(rows=2)
    epochs = np.arange(1, config.epochs + 1)
    for axis, scale in zip(axes, ("linear", "log"), strict=True):
        for name in ("train", "validation"):
            draw.mean_band(
                axis, epochs, results[f"{name}_loss"], name, color=draw.COLORS[name], linestyle="-"
            )
        axis.set(xlabel="epoch", ylabel="loss", yscale=scale)
        axis.legend(frameon=False)
    axes[0].set_title(f"Mean of {config.seeds} seeds and its 95% interval", fontsize=10)
    return {"curves": figure}
