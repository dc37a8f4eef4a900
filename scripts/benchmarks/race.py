"""Races: how much they save, and how often they lose the best setting.

"saves" races 64 settings × 16 seeds on digits and on MNIST-1D, and trains the full sweep for
comparison. It prints epochs of runs, seconds of training without compiling, and whether the full
sweep can tell the race's winner from its own. "coverage" races synthetic response surfaces of known
means, whose curves cross. It counts how often a guarantee fails: where differences over seeds are
normal, as the guarantee assumes, and where they are not. With a delta, "final" is about the setting
that is named the best, where no other can be better by delta.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import product
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
import tyro
from tabular import print_rows
from tqdm import tqdm

from fnn.racing.compare import compare
from fnn.racing.race import RaceLoop
from fnn.racing.result import REMAINS, Race
from fnn.racing.rungs import rungs_of
from fnn.runs.monitor import Monitor

METRIC = "validation_loss"
DELTA = 0.3  # of the metric; the noise of a run is 0.05 to 0.3


def one_in_5_diverges(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Return normal noise. It is NaN for a fifth of the runs where it lasts for all epochs."""
    settings, seeds, epochs = shape
    lasts = epochs == 1
    diverges = rng.random((settings, seeds, 1)) < 0.2 * lasts
    return np.where(diverges, np.nan, rng.normal(size=shape))


def one_in_20_is_worse(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Return normal noise. One number in 20 is ten larger, and the mean is 0."""
    normal = rng.normal(size=shape)
    return normal + 10 * (rng.random(shape) < 0.05) - 0.5


NOISES: dict[str, Callable[..., np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "lognormal": lambda rng, shape: rng.lognormal(sigma=1.0, size=shape) - np.exp(0.5),
    "t, 2 degrees": lambda rng, shape: rng.standard_t(2, size=shape),
    "1 in 5 runs diverge": one_in_5_diverges,
    "1 in 20 ten times worse": one_in_20_is_worse,
}


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    parts: tuple[str, ...] = ("saves", "coverage")
    rounds: int = 3
    """Turns of the race and of the full sweep."""
    surfaces: int = 200
    settings: int = 32
    seeds: int = 16
    many_seeds: int = 64
    """Seeds of the races with a delta, which few seeds do not let tell."""
    epochs: int = 32
    json: bool = False
    """Print JSON instead of tables."""


def main(options: Options) -> None:
    """Print a table for each part."""
    tables: dict[str, list[dict[str, Any]]] = {}
    if "saves" in options.parts:
        tables["saves"] = [savings(name, options) for name in ("digits", "mnist1d")]
    if "coverage" in options.parts:
        kinds = product(("final", "rung"), NOISES)
        tables["coverage"] = [coverage(guarantee, noise, options) for guarantee, noise in kinds]
        many = replace(options, seeds=options.many_seeds)
        tables["delta"] = [coverage("final", noise, many, DELTA) for noise in NOISES]
    if options.json:
        print(json.dumps({"options": asdict(options), **tables}, indent=2))
        return
    for part, rows in tables.items():
        print(f"\n{part}")
        print_rows(rows)


# ---------------------------------------------------------------------------------------- savings


def savings(name: str, options: Options) -> dict[str, Any]:
    """Race 64 settings × 16 seeds, and train all of them."""
    import fnn

    dataset = fnn.data.load(name)
    inputs = dataset.train.x.shape[1]

    def builder(hyper: Any) -> Any:
        net = fnn.mlp((inputs, 32, 10), activation="relu")
        penalty = fnn.penalties.l2(hyper["l2"])
        loss = fnn.penalties.penalized(fnn.losses.softmax_cross_entropy, penalty)
        return net, loss, fnn.optim.adam(hyper["learning_rate"])

    call: dict[str, Any] = {
        "hyper": {
            "learning_rate": np.logspace(-4, -0.5, 16).tolist(),
            "l2": [1e-5, 1e-3, 1e-2, 1e-1],
        },
        "seeds": range(options.seeds),
        "epochs": options.epochs,
        "batch_size": 64,
        "progress": False,
    }
    turns = []
    for turn in tqdm(range(options.rounds + 1), desc=name):
        raced = fnn.race(builder, dataset, guarantee="rung", **call)
        full = fnn.sweep(builder, dataset, **call)
        if turn:  # the first turn compiles
            turns.append((raced.sweep.run_seconds, full.run_seconds))
    final = fnn.race(builder, dataset, guarantee="final", **call)
    values = full.history[METRIC][:, :, -1]
    all_settings = np.ones(len(values), bool)
    error = 1 - raced.confidence
    comparison = compare(values, all_settings, error, len(values) - 1, "min")
    return {
        "data": name,
        "share of epochs": raced.share,
        "fewer epochs": 1 / raced.share,
        "race s": median(race for race, _ in turns),
        "sweep s": median(sweep for _, sweep in turns),
        "ratio": median(sweep / race for race, sweep in turns),
        "left to the race": len(raced.remaining),
        "not told apart by the sweep": int(np.count_nonzero(~comparison.lost)),
        "winner is among them": not comparison.lost[raced.best_row],
        "final: share": final.share,
        "final: winner is among them": not comparison.lost[final.best_row],
    }


# --------------------------------------------------------------------------------------- coverage


class Synthetic(RaceLoop):
    """A race over known curves.

    values  (settings, seeds, epochs)
    """

    def __init__(self, values: np.ndarray, guarantee: Any, delta: float = 0.0) -> None:
        settings, seeds, epochs = values.shape
        self.values = values
        self.sweep: Any = SimpleNamespace(
            settings=[{"setting": n} for n in range(settings)],
            finished=np.zeros((settings, seeds), bool),
            history={METRIC: values},
            run_seconds=0.0,
        )
        self.plan: Any = SimpleNamespace(epochs=epochs, monitor=Monitor(METRIC))
        self.epochs = epochs
        self.rungs = rungs_of(None, guarantee, epochs, seeds)
        self.guarantee = guarantee
        self.confidence = 0.95
        self.delta = delta
        self.limit = "epochs", np.inf
        self.results = []
        self.race = None
        self.epochs_done = np.zeros((settings, seeds), int)
        self.training_seconds = 0.0

    def _train(self, number: int, rung: Any, progress: bool) -> None:
        self.epochs_done[self._to_train(rung)] = rung.epochs


def surface(
    rng: np.random.Generator, noise: str, settings: int, seeds: int, epochs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sample curves that fall, some of them late, and cross.

    Returns their means, (settings, epochs), and values for seeds, (settings, seeds, epochs). All
    settings share a part of each seed. Each setting and seed has a part that lasts for all epochs,
    and one that is new in each epoch.
    """
    end = np.sort(rng.exponential(0.3, settings))
    start = end + rng.uniform(0.5, 2.0, settings)
    speed = rng.uniform(1, epochs / 2, settings)
    epoch = np.arange(1, epochs + 1)
    mean = end[:, None] + (start - end)[:, None] * np.exp(-epoch / speed[:, None])
    spread = rng.uniform(0.05, 0.3, settings)[:, None, None]
    sample = NOISES[noise]
    lasting = sample(rng, (settings, seeds, 1))
    passing = sample(rng, (settings, seeds, epochs))
    shared = rng.normal(size=(1, seeds, 1))
    own = 0.8 * lasting + 0.6 * passing
    values = mean[:, None] + spread * own + 0.3 * shared
    return mean, values


def coverage(guarantee: str, noise: str, options: Options, delta: float = 0.0) -> dict[str, Any]:
    """Count how often a race loses the best setting."""
    rng = np.random.default_rng(0)
    sizes = options.settings, options.seeds, options.epochs
    lost, comparisons, shares = 0, 0, []
    for _ in range(options.surfaces):
        mean, values = surface(rng, noise, *sizes)
        raced = Synthetic(values, guarantee, delta).run(progress=False)
        shares.append(raced.share)
        newly_lost, newly_compared = losses_of(raced, mean)
        lost += newly_lost
        comparisons += newly_compared
    return {
        "guarantee": guarantee,
        "noise": noise,
        "delta": delta,
        "surfaces": options.surfaces,
        "promises": comparisons,
        "kept": 1 - lost / comparisons,
        "share of epochs": float(np.mean(shares)),
    }


def losses_of(raced: Race, mean: np.ndarray) -> tuple[int, int]:
    """Return how many promises of a race are broken, and how many it makes.

    "final" makes one, for the last epoch: the best setting remains or, where delta ended the race,
    the one that is named is within delta of it. "rung" makes one at each rung, for its epoch and
    the settings that entered it.
    """
    if raced.guarantee == "final":
        means = mean[:, -1]
        if raced.ended == "delta":
            return int(means[raced.best_row] > np.min(means) + raced.delta), 1
        return int(raced.left[np.argmin(means)] != REMAINS), 1
    broken = 0
    for rung, entered, comparison in raced.rungs:
        best = min(entered, key=lambda row: mean[row, rung.epochs - 1])
        broken += bool(comparison.lost[best])
    return broken, len(raced.rungs)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
