"""The training loop of the course, traced: every example once an epoch, validate, keep the best, go
on after a crash.

Question: Does training do what its pseudocode says, to the last bit?
Source:   Piccoli (claim 4.26), on scikit-learn's digits.
Command:  python -m experiments run training_loop
Expected: every example is visited once an epoch; the kept parameters are those of the lowest
          validation loss; a run that was cut off ends bit for bit as one that was not.
Cost:     5 s on 2 cores, nearly all of it compiling two programs.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import fnn
from experiments.common import Common
from fnn import data, layers, losses, optim
from fnn import plot as draw
from fnn.data import Dataset, Split

LOSS = losses.softmax_cross_entropy
COUNTED: dict[str, Any] = {"epochs": 5, "batch_size": 32}


@dataclass(frozen=True)
class Config(Common):
    """Network and training."""

    seeds: int = 30
    hidden: int = 32
    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 3e-3
    """Adam's."""


QUICK = Config(seeds=5, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Losses are (seeds, epochs); the run that is cut off is that of seed 0."""
    digits = data.load("digits")
    net, optimizer = fnn.mlp((64, config.hidden, 10)), optim.adam(config.learning_rate)

    def train(seed: int, **checkpoint) -> fnn.Run:
        options: dict[str, Any] = {
            "epochs": config.epochs,
            "batch_size": config.batch_size,
            "progress": False,
        }
        return fnn.train(net, LOSS, optimizer, digits, seed=seed, **options, **checkpoint)

    runs = [train(seed) for seed in range(config.seeds)]
    resumed, cut_at = cut_off_and_resumed(train, config.epochs)
    visits, updates = counted()
    return {
        "train_loss": np.array([each.history["train_loss"] for each in runs]),
        "validation_loss": np.array([each.history["validation_loss"] for each in runs]),
        "best_epoch": np.array([each.best_epoch for each in runs]),
        "restored_loss": np.array([validation_loss(net, each, digits) for each in runs]),
        "resumed_same": np.array(same(runs[0], resumed)),
        "cut_at": np.array(cut_at),
        "visits": visits,
        "updates": np.array(updates),
    }


def same(a: fnn.Run, b: fnn.Run) -> bool:
    """Whether all arrays and numbers of two runs, but the seconds they took, are equal
    bit for bit.
    """
    pairs = zip(
        *(jax.tree.leaves(run._replace(compile_seconds=0, run_seconds=0)) for run in (a, b)),
        strict=True,
    )
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)


def validation_loss(net: fnn.Layer, run: fnn.Run, dataset: Dataset) -> float:
    """The mean loss of the kept parameters on the validation rows, computed apart from training."""
    prediction = fnn.apply(net, run.best_params, dataset.validation.x, state=run.best_state)
    return float(jnp.mean(LOSS.value(prediction, dataset.validation.y)))


def cut_off_and_resumed(train, epochs: int) -> tuple[fnn.Run, int]:
    """A run that is saved twice, loses what came after the first saving as if it had been killed
    there, and is started again; and the epoch that it was cut back to.
    """
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"checkpoint": folder, "checkpoint_epochs": epochs // 2 + 1}
        train(0, **options)
        shutil.rmtree(Path(folder) / "finished")
        saved = fnn.load(folder)
        assert isinstance(saved, fnn.Run)
        cut_at = saved.stopped_epoch + 1
        resumed = train(0, **options)
    return resumed, cut_at


def counted() -> tuple[np.ndarray, int]:
    """How often each of 96 examples was visited, and the number of updates, from a linear unit that
    counts: example i is the i-th unit vector, the target is out of reach, so the absolute error
    pushes w_i up by 1/32 at each visit in a batch of 32 and the bias by 1 at each update. Sums of
    powers of two are exact.
    """
    rows = Split(np.eye(96, dtype=np.float32), np.full(96, 1e6, np.float32))
    net = layers.dense(96, 1, init="zeros")
    run = fnn.train(
        net,
        losses.absolute_error,
        optim.sgd(1.0),
        Dataset(rows, rows, rows),
        progress=False,
        **COUNTED,
    )
    return 32 * np.asarray(run.params.W[0]), int(run.params.b[0])


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The run that was cut off, and the epochs whose parameters were kept."""
    figure, (curves, kept) = draw.figure(rows=2)
    epochs = np.arange(1, config.epochs + 1)
    for name in ("train", "validation"):
        curves.plot(
            epochs, results[f"{name}_loss"][0], color=draw.COLORS[name], linestyle="-", label=name
        )
    curves.axvline(
        float(results["cut_at"]) + 0.5, color="black", linewidth=1, label="cut off and resumed here"
    )
    best = results["best_epoch"][0]
    curves.plot(best + 1, results["validation_loss"][0, best], "o", color="black", label="kept")
    curves.set(xlabel="epoch", ylabel="loss", yscale="log", title="One run of digits")
    curves.legend(frameon=False, loc="lower left")
    kept.yaxis.set_major_locator(MaxNLocator(integer=True))
    kept.hist(
        results["best_epoch"] + 1,
        bins=list(np.arange(0.5, config.epochs + 1)),
        color=draw.COLORS["validation"],
    )
    kept.set(
        xlabel="epoch of the lowest validation loss, whose parameters are kept", ylabel="seeds"
    )
    return {"loop": figure}
