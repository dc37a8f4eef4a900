"""Tables: fnn.sklearn beside scikit-learn's own MLPs, with equal grids, folds, epochs and scores.

A search is 4 learning rates × 3 alphas × 5 folds × 3 seeds: SweepSearchCV beside GridSearchCV over
MLPClassifier with n_jobs=2. Each is in a fresh process, and its time has all compiling. A fit is
one network; "first" is the first call of a process. An ensemble is 8 networks. Nothing stops early:
all contenders train the same epochs.
"""

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import tyro
from scipy.stats import t as students
from tqdm import tqdm

RATES = [3e-4, 1e-3, 3e-3, 1e-2]
ALPHAS = [1e-4, 1e-2, 1.0]
SEEDS, FOLDS = 3, 5
ARCHITECTURES = [(100,), (50, 50), (32,)]
GENERATED = {"table_2000": (2000, 20), "table_10000": (10_000, 20), "table_100000": (100_000, 50)}
SEARCHED = ("breast_cancer", "wine", "diabetes", "digits", "table_2000")
FITTED = ("table_2000", "table_10000", "table_100000")
ENSEMBLES = ("breast_cancer", "wine", "digits", "table_2000", "table_10000")
NETWORKS = 8


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    rounds: int = 3
    """Turns of each contender."""
    epochs: int = 30
    parts: tuple[str, ...] = ("search", "architectures", "fit", "ensemble")
    searched: tuple[str, ...] = SEARCHED
    fitted: tuple[str, ...] = FITTED
    json: bool = False
    """Print JSON instead of tables."""


def main(options: Options) -> None:
    """Print a table for each part."""
    parts: dict[str, tuple[Callable[..., dict[str, Any]], tuple[str, ...]]] = {
        "search": (partial(time_search, architectures=1), options.searched),
        "architectures": (partial(time_search, architectures=3), ("wine", "digits")),
        "fit": (time_fit, options.fitted),
        "ensemble": (time_ensemble, ENSEMBLES),
    }
    tables: dict[str, list[dict[str, Any]]] = {}
    for part in options.parts:
        time_one, names = parts[part]
        tables[part] = [time_one(name, options) for name in names]
        if not options.json:
            print(f"\n{part}")
            print_rows(tables[part])
    if options.json:
        print(json.dumps({"options": asdict(options), **tables}, indent=2))


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print rows of names and values."""
    for row in rows:
        cells = [f"{name} {cell(value)}" for name, value in row.items()]
        print("  ".join(cells), flush=True)


def cell(value: Any) -> str:
    """Write a value."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# ------------------------------------------------------------------------------------------- parts


def time_search(name: str, options: Options, *, architectures: int) -> dict[str, Any]:
    """Time both searches on a table, and compare the best scores."""
    calls = [(search, who, name, options.epochs, architectures) for who in ("fnn", "sklearn")]
    turns = in_turns(calls, options.rounds, f"search {name}")
    ours, theirs = turns[0]
    low, high = paired_interval(np.array(ours["best"]) - np.array(theirs["best"]))
    return {
        "table": name,
        "fnn_seconds": median(turn[0]["seconds"] for turn in turns),
        "sklearn_seconds": median(turn[1]["seconds"] for turn in turns),
        "ratio": median(turn[1]["seconds"] / turn[0]["seconds"] for turn in turns),
        "fnn_score": float(np.mean(ours["best"])),
        "sklearn_score": float(np.mean(theirs["best"])),
        "difference_low": low,
        "difference_high": high,
    }


def time_fit(name: str, options: Options) -> dict[str, Any]:
    """Time one fit of both: the first call and later ones."""
    calls = [(fits, who, name, options.epochs, 1) for who in ("fnn", "sklearn")]
    turns = in_turns(calls, options.rounds, f"fit {name}")
    return {
        "table": name,
        "fnn_first": median(turn[0]["first"] for turn in turns),
        "fnn_seconds": median(turn[0]["later"] for turn in turns),
        "sklearn_seconds": median(turn[1]["later"] for turn in turns),
        "ratio": median(turn[1]["later"] / turn[0]["later"] for turn in turns),
    }


def time_ensemble(name: str, options: Options) -> dict[str, Any]:
    """Time 8 networks beside one fit of scikit-learn, and compare log losses over folds."""
    calls = [
        (fits, "fnn", name, options.epochs, NETWORKS),
        (fits, "sklearn", name, options.epochs, 1),
    ]
    turns = in_turns(calls, options.rounds, f"ensemble {name}")
    losses = alone(log_losses, name, options.epochs)
    low, high = paired_interval(np.array(losses["ensemble"]) - np.array(losses["one"]))
    return {
        "table": name,
        "fnn_of_8_seconds": median(turn[0]["later"] for turn in turns),
        "sklearn_of_1_seconds": median(turn[1]["later"] for turn in turns),
        "times_as_long": median(turn[0]["later"] / turn[1]["later"] for turn in turns),
        "log_loss_of_8": float(np.mean(losses["ensemble"])),
        "log_loss_of_1": float(np.mean(losses["one"])),
        "difference_low": low,
        "difference_high": high,
    }


def paired_interval(differences: np.ndarray) -> tuple[float, float]:
    """Return the 95% interval of a mean difference over folds.

    The variance is corrected, since folds share training rows.
    """
    n = len(differences)
    variance = np.var(differences, ddof=1) * (1 / n + 1 / (FOLDS - 1))
    half_width = float(students.ppf(0.975, n - 1) * np.sqrt(variance))
    mean = float(np.mean(differences))
    return mean - half_width, mean + half_width


# ------------------------------------------------------------------------ in a process of their own


def in_turns(calls: list[Any], rounds: int, label: str) -> list[list[Any]]:
    """Run calls in turns, each in a fresh process. Returns their results, round by round."""
    turns = []
    for _ in tqdm(range(rounds), desc=label):
        turns.append([alone(*call) for call in calls])
    return turns


def alone(task: Callable[..., Any], *arguments: Any) -> Any:
    """Run a task in a fresh process."""
    call = f"tabular.{task.__name__}(*{arguments!r})"
    program = f"import json, tabular; print(json.dumps({call}))"
    folder = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def table_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return scaled features, and targets of size 1."""
    from sklearn import datasets

    if name in GENERATED:
        examples, features = GENERATED[name]
        x, y = datasets.make_classification(
            examples, features, n_informative=features // 2, n_classes=3, random_state=0
        )
    else:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    if name == "diabetes":
        y = (y - y.mean()) / y.std()
    return x, y


def model_of(who: str, name: str, epochs: int, **options: Any) -> Any:
    """Return an MLP of fnn or of scikit-learn that trains so many epochs."""
    import sklearn.neural_network

    import fnn.sklearn

    warnings.simplefilter("ignore")  # it warns that it has not converged
    package: Any = fnn.sklearn if who == "fnn" else sklearn.neural_network
    make = package.MLPRegressor if name == "diabetes" else package.MLPClassifier
    return make(max_iter=epochs, n_iter_no_change=epochs + 1, tol=0.0, **options)


def search(who: str, name: str, epochs: int, architectures: int) -> dict[str, Any]:
    """Search, and return the seconds and the scores of the best setting by fold."""
    from joblib.externals.loky import get_reusable_executor
    from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold

    from fnn.sklearn import SweepSearchCV

    x, y = table_of(name)
    kind = KFold if name == "diabetes" else StratifiedKFold
    folds = kind(FOLDS, shuffle=True, random_state=0)
    grid: dict[str, list[Any]] = {"learning_rate_init": RATES, "alpha": ALPHAS}
    if architectures > 1:
        grid["hidden_layer_sizes"] = ARCHITECTURES[:architectures]
    model = model_of(who, name, epochs)
    start = time.perf_counter()
    if who == "fnn":
        model = model.set_params(random_state=0)
        ours = SweepSearchCV(model, grid, cv=folds, n_seeds=SEEDS, refit=False).fit(x, y)
        by_fold = ours.cv_results_["seed_test_score"].mean(axis=2)
    else:
        with_seeds = grid | {"random_state": list(range(SEEDS))}
        theirs = GridSearchCV(model, with_seeds, cv=folds, n_jobs=2, refit=False).fit(x, y)
        results = theirs.cv_results_
        scores = [results[f"split{fold}_test_score"] for fold in range(FOLDS)]
        by_fold = mean_over_seeds(results["params"], np.stack(scores, axis=1))
    seconds = time.perf_counter() - start
    if who == "sklearn":  # otherwise joblib's workers keep this process for minutes
        get_reusable_executor().shutdown(wait=True)
    best = by_fold[int(by_fold.mean(axis=1).argmax())]
    return {"seconds": seconds, "best": best.tolist()}


def mean_over_seeds(params: list[dict[str, Any]], scores: np.ndarray) -> np.ndarray:
    """Return the mean scores of settings that differ only in their seed."""
    rows: dict[str, list[int]] = {}
    for row, setting in enumerate(params):
        without_seed = dict(setting)
        del without_seed["random_state"]
        rows.setdefault(repr(without_seed), []).append(row)
    means = [scores[of_setting].mean(axis=0) for of_setting in rows.values()]
    return np.stack(means)


def fits(who: str, name: str, epochs: int, networks: int) -> dict[str, float]:
    """Return the seconds of the first fit, and the median of later ones."""
    x, y = table_of(name)
    options = {"n_seeds": networks} if who == "fnn" else {}
    seconds = []
    for seed in range(3 if len(x) > 50_000 else 4):
        model = model_of(who, name, epochs, random_state=seed, **options)
        start = time.perf_counter()
        model.fit(x, y)
        seconds.append(time.perf_counter() - start)
    return {"first": seconds[0], "later": median(seconds[1:])}


def log_losses(name: str, epochs: int) -> dict[str, list[float]]:
    """Return the log loss of an ensemble, and the mean of its networks' own, on each fold."""
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    x, y = table_of(name)
    losses: dict[str, list[float]] = {"ensemble": [], "one": []}
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(x, y):
        model = model_of("fnn", name, epochs, random_state=0, n_seeds=NETWORKS)
        p = model.fit(x[train], y[train]).ensemble_proba(x[test])
        losses["ensemble"].append(log_loss(y[test], p.mean(axis=0)))
        of_each_network = [log_loss(y[test], own) for own in p]
        losses["one"].append(float(np.mean(of_each_network)))
    return losses


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
