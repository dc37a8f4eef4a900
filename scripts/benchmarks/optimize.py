"""The search for a setting of digits: fnn.optimize beside Optuna with one trial after the other.

All contenders have Optuna's sampler (TPE), the same space (learning rate and penalty of 64-32-10)
and the same epochs, batches and seeds. Each is in a fresh process, and its time has all compiling.
Slow contenders have fewer trials, and their seconds are scaled up.

"pruned" is fnn.optimize with prune=True, whose values are those of the last epoch. "train" is
fnn.train with the rate as a constant, so that each trial compiles. "sklearn" is MLPClassifier.
"shared" is fnn.sweep of one setting, whose program all trials share.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from tabular import print_rows
from tqdm import tqdm

EPOCHS, BATCH_SIZE, SEEDS = 20, 64, 4
RATE, PENALTY = "learning_rate", "l2"


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    trials: int = 256
    fewer: int = 16
    """Trials of train and sklearn, whose seconds are scaled up to all."""
    rounds: int = 2
    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> None:
    """Print a row for each contender."""
    trials = {
        "optimize": options.trials,
        "pruned": options.trials,
        "shared": options.trials,
        "sklearn": options.fewer,
        "train": options.fewer,
    }
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in trials}
    for _ in tqdm(range(options.rounds), desc="rounds"):
        for name, count in trials.items():
            turns[name].append(alone(name, count))
    scaled = {}
    for name, own_turns in turns.items():
        seconds = float(np.median([turn["seconds"] for turn in own_turns]))
        scaled[name] = seconds * options.trials / trials[name]
    rows = []
    for name, count in trials.items():
        row = {
            "contender": name,
            "trials": count,
            "seconds of all": scaled[name],
            "times as long": scaled[name] / scaled["optimize"],
            "best": min(turn["best"] for turn in turns[name]),
        }
        rows.append(row)
    if options.json:
        print(json.dumps({"options": asdict(options), "rows": rows}, indent=2))
        return
    print_rows(rows)


def alone(name: str, trials: int) -> dict[str, float]:
    """Run a contender in a fresh process."""
    program = f"import json, optimize; print(json.dumps(optimize.timed({name!r}, {trials})))"
    folder = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def timed(name: str, trials: int) -> dict[str, float]:
    """Time a contender. Returns the seconds and the best mean validation loss."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=0, constant_liar=name in ("optimize", "pruned"))
    study = optuna.create_study(sampler=sampler)
    import fnn

    if name in ("optimize", "pruned", "shared"):
        fnn.use_all_devices()
    dataset = fnn.data.load("digits")
    contenders: dict[str, Callable[..., None]] = {
        "optimize": by_batches,
        "pruned": partial(by_batches, prune=True),
        "shared": by_one_program,
        "sklearn": by_sklearn,
        "train": by_constants,
    }
    start = time.perf_counter()
    contenders[name](study, dataset, trials)
    return {"seconds": time.perf_counter() - start, "best": study.best_value}


def builder(hyper: Any) -> Any:
    """Return 64-32-10 with a penalty."""
    import fnn

    net = fnn.mlp((64, 32, 10), activation="relu")
    penalty = fnn.penalties.l2(hyper[PENALTY])
    loss = fnn.penalties.penalized(fnn.losses.softmax_cross_entropy, penalty)
    return net, loss, fnn.optim.adam(hyper[RATE])


def suggest(trial: Any) -> dict[str, float]:
    """Ask a trial for a rate and a penalty."""
    return {
        RATE: trial.suggest_float(RATE, 1e-4, 1e-1, log=True),
        PENALTY: trial.suggest_float(PENALTY, 1e-6, 1e-1, log=True),
    }


def by_batches(study: Any, dataset: Any, trials: int, prune: bool = False) -> None:
    """Optimize by fnn."""
    import optuna

    import fnn

    log = optuna.distributions.FloatDistribution
    fnn.optimize(
        builder,
        dataset,
        space={RATE: log(1e-4, 1e-1, log=True), PENALTY: log(1e-6, 1e-1, log=True)},
        trials=trials,
        study=study,
        prune=prune,
        seeds=range(SEEDS),
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        progress=False,
    )


def by_one_program(study: Any, dataset: Any, trials: int) -> None:
    """Sweep one setting in each trial. Only the first trial compiles."""
    import fnn

    def objective(trial: Any) -> float:
        sweep = fnn.sweep(
            builder,
            dataset,
            hyper=[suggest(trial)],
            seeds=range(SEEDS),
            epochs=EPOCHS,
            batch_size=BATCH_SIZE,
            progress=False,
        )
        return float(sweep.at("validation_loss").mean())

    study.optimize(objective, n_trials=trials)


def by_constants(study: Any, dataset: Any, trials: int) -> None:
    """Train each network by itself, with the rate as a constant."""
    import fnn

    def objective(trial: Any) -> float:
        net, loss, optimizer = builder(suggest(trial))
        losses = []
        for seed in range(SEEDS):
            run = fnn.train(
                net,
                loss,
                optimizer,
                dataset,
                epochs=EPOCHS,
                batch_size=BATCH_SIZE,
                seed=seed,
                progress=False,
            )
            losses.append(np.min(run.history["validation_loss"]))
        return float(np.mean(losses))

    study.optimize(objective, n_trials=trials)


def by_sklearn(study: Any, dataset: Any, trials: int) -> None:
    """Train scikit-learn's network, and evaluate it after the last epoch."""
    import warnings

    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")  # it warns that it has not converged

    def objective(trial: Any) -> float:
        setting = suggest(trial)
        losses = []
        for seed in range(SEEDS):
            model = MLPClassifier(
                (32,),
                alpha=setting[PENALTY] * BATCH_SIZE,
                learning_rate_init=setting[RATE],
                batch_size=BATCH_SIZE,
                max_iter=EPOCHS,
                tol=0.0,
                n_iter_no_change=EPOCHS + 1,
                random_state=seed,
            )
            model.fit(*dataset.train)
            probabilities = model.predict_proba(dataset.validation.x)
            losses.append(log_loss(dataset.validation.y, probabilities))
        return float(np.mean(losses))

    study.optimize(objective, n_trials=trials)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
