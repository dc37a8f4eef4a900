"""The training loop of the course, traced: visit, validate, keep the best, go on after a crash.

Question: Does training do what its pseudocode says, to the last bit?
Source:   Piccoli (claim 4.26), on scikit-learn's digits.
Command:  python -m experiments run training_loop
Expected: every example is visited once an epoch. The kept parameters are those of the lowest
          validation loss. A run that was cut off ends bit for bit as one that was not.
Cost:     5 s on 2 cores, nearly all of it compiling two programs.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

import fnn
from experiments.common import Common, Figures, Results
from fnn import data, layers, losses, optim
from fnn import plot as draw
from fnn.data import Dataset, Split

LOSS = losses.softmax_cross_entropy
EXAMPLES, BATCH, EPOCHS = 96, 32, 5
"""Of the run in which visits are counted."""


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


def run(config: Config) -> Results:
    """Train all seeds, cut the run of seed 0 off and resume it, and count visits.

    Losses are (seeds, epochs).
    """
    runs = [train(config, seed) for seed in range(config.seeds)]
    resumed, cut_at = cut_off_and_resume(config)
    visits, updates = count_visits()
    return {
        "train_loss": np.array([run.history["train_loss"] for run in runs]),
        "validation_loss": np.array([run.history["validation_loss"] for run in runs]),
        "best_epoch": np.array([run.best_epoch for run in runs]),
        "restored_loss": np.array([restored_loss(config, run) for run in runs]),
        "resumed_same": np.array(same(runs[0], resumed)),
        "cut_at": np.array(cut_at),
        "visits": visits,
        "updates": np.array(updates),
    }


def train(config: Config, seed: int, **checkpoint) -> fnn.Run:
    """Train one seed on digits."""
    return fnn.train(
        network(config),
        LOSS,
        optim.adam(config.learning_rate),
        data.load("digits"),
        seed=seed,
        epochs=config.epochs,
        batch_size=config.batch_size,
        progress=False,
        **checkpoint,
    )


def network(config: Config) -> fnn.Layer:
    """Build the network."""
    return fnn.mlp((64, config.hidden, 10))


def cut_off_and_resume(config: Config) -> tuple[fnn.Run, int]:
    """Return a run that was cut off and resumed, and the epoch that it was cut back to.

    The run is saved twice and loses what came after the first saving, as if it had been killed
    there. Then the same call goes on with it.
    """
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = {"checkpoint": folder, "checkpoint_epochs": config.epochs // 2 + 1}
        train(config, 0, **checkpoint)
        shutil.rmtree(Path(folder) / "finished")
        saved = fnn.load(folder)
        assert isinstance(saved, fnn.Run)
        cut_at = saved.stopped_epoch + 1
        resumed = train(config, 0, **checkpoint)
    return resumed, cut_at


def count_visits() -> tuple[np.ndarray, int]:
    """Return how often each example was visited, and the number of updates.

    A linear unit counts them: example i is the i-th unit vector, and the target is out of reach. So
    the absolute error pushes w_i up by 1/32 at each visit in a batch of 32, and the bias by 1 at
    each update. Sums of powers of two are exact.
    """
    x = np.eye(EXAMPLES, dtype=np.float32)
    y = np.full(EXAMPLES, 1e6, np.float32)
    rows = Split(x, y)
    run = fnn.train(
        layers.dense(EXAMPLES, 1, init="zeros"),
        losses.absolute_error,
        optim.sgd(1.0),
        Dataset(rows, rows, rows),
        epochs=EPOCHS,
        batch_size=BATCH,
        progress=False,
    )
    visits = BATCH * np.asarray(run.params.W[0])
    return visits, int(run.params.b[0])


def restored_loss(config: Config, run: fnn.Run) -> float:
    """Return the mean validation loss of the kept parameters, computed apart from training."""
    x, y = data.load("digits").validation
    prediction = fnn.apply(network(config), run.best_params, x, state=run.best_state)
    return float(jnp.mean(LOSS.value(prediction, y)))


def same(a: fnn.Run, b: fnn.Run) -> bool:
    """Return whether two runs are equal bit for bit, but for the seconds that they took."""
    return bytes_of(a) == bytes_of(b)


def bytes_of(run: fnn.Run) -> list[bytes]:
    """Return the bytes of all arrays and numbers of a run, without its seconds."""
    timeless = run._replace(compile_seconds=0, run_seconds=0)
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(timeless)]


def plot(results: Results, config: Config) -> Figures:
    """Draw the run that was cut off, and the epochs whose parameters were kept."""
    figure, (curves, kept) = draw.figure(rows=2)
    draw_run(curves, results)
    kept.yaxis.set_major_locator(MaxNLocator(integer=True))
    bins = list(np.arange(0.5, config.epochs + 1))
    kept.hist(results["best_epoch"] + 1, bins=bins, color=draw.COLORS["validation"])
    kept.set_xlabel("epoch of the lowest validation loss, whose parameters are kept")
    kept.set_ylabel("seeds")
    return {"loop": figure}


def draw_run(axis: Axes, results: Results) -> None:
    """Draw both losses of seed 0, where it was cut off, and the epoch that was kept."""
    for name in ("train", "validation"):
        loss = results[f"{name}_loss"][0]
        epochs = np.arange(1, len(loss) + 1)
        axis.plot(epochs, loss, color=draw.COLORS[name], linestyle="-", label=name)
    cut_at = float(results["cut_at"]) + 0.5
    axis.axvline(cut_at, color="black", linewidth=1, label="cut off and resumed here")
    best = results["best_epoch"][0]
    lowest = results["validation_loss"][0, best]
    axis.plot(best + 1, lowest, "o", color="black", label="kept")
    axis.set(xlabel="epoch", ylabel="loss", yscale="log", title="One run of digits")
    axis.legend(frameon=False, loc="lower left")
