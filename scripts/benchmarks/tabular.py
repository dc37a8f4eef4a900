"""Tables: fnn.sklearn beside scikit-learn's own MLPs, with equal grids, folds, epochs and scores.

A search is 4 learning rates × 3 alphas × 5 folds × 3 seeds: SweepSearchCV beside GridSearchCV over
MLPClassifier with n_jobs=2, each in a fresh process, everything compiled in the time that counts.
A fit is one network; "first" is the first call of a process. An ensemble is 8 networks. Nothing
stops early: everybody trains the same epochs.
"""

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import tyro
from scipy.stats import t as students
from tqdm import tqdm

RATES, ALPHAS, SEEDS, FOLDS = [3e-4, 1e-3, 3e-3, 1e-2], [1e-4, 1e-2, 1.0], 3, 5
ARCHITECTURES = [(100,), (50, 50), (32,)]
GENERATED = {"table_2000": (2000, 20), "table_10000": (10_000, 20), "table_100000": (100_000, 50)}
SEARCHED = ("breast_cancer", "wine", "diabetes", "digits", "table_2000")
FITTED = ("table_2000", "table_10000", "table_100000")
ENSEMBLES = ("breast_cancer", "wine", "digits", "table_2000", "table_10000")
NETWORKS = 8


@dataclass(frozen=True)
class Options:
    """What is timed."""

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
    found: dict[str, list[dict[str, Any]]] = {}
    parts: dict[str, Callable[[Options], list[dict[str, Any]]]] = {
        "search": lambda options: [searched(name, options, 1) for name in options.searched],
        "architectures": lambda options: [
            searched(name, options, 3) for name in ("wine", "digits")
        ],
        "fit": lambda options: [fitted(name, options) for name in options.fitted],
        "ensemble": lambda options: [ensembles(name, options) for name in ENSEMBLES],
    }
    for part in options.parts:
        found[part] = parts[part](options)
        if not options.json:
            print(f"\n{part}")
            printed(found[part])
    if options.json:
        print(json.dumps({"options": asdict(options), **found}, indent=2))


def printed(rows: list[dict[str, Any]]) -> None:
    """Print rows of names and values."""
    for row in rows:
        print("  ".join(f"{key} {shown(value)}" for key, value in row.items()), flush=True)


def shown(value: Any) -> str:
    """Return a cell."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# ------------------------------------------------------------------------------------------- parts


def searched(name: str, options: Options, architectures: int) -> dict[str, Any]:
    """Time both searches on a table, and compare the best scores."""
    calls = [(search, who, name, options.epochs, architectures) for who in ("fnn", "sklearn")]
    turns = in_turns(calls, options.rounds, f"search {name}")
    ours, theirs = turns[0]
    low, high = paired(np.array(ours["best"]) - np.array(theirs["best"]))
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


def fitted(name: str, options: Options) -> dict[str, Any]:
    """Time one fit of both, the first call and later ones."""
    calls = [(fits, who, name, options.epochs, 1) for who in ("fnn", "sklearn")]
    turns = in_turns(calls, options.rounds, f"fit {name}")
    return {
        "table": name,
        "fnn_first": median(turn[0]["first"] for turn in turns),
        "fnn_seconds": median(turn[0]["later"] for turn in turns),
        "sklearn_seconds": median(turn[1]["later"] for turn in turns),
        "ratio": median(turn[1]["later"] / turn[0]["later"] for turn in turns),
    }


def ensembles(name: str, options: Options) -> dict[str, Any]:
    """Time 8 networks beside one fit of scikit-learn, and compare log losses over folds."""
    calls = [(fits, who, name, options.epochs, n) for who, n in (("fnn", NETWORKS), ("sklearn", 1))]
    turns = in_turns(calls, options.rounds, f"ensemble {name}")
    losses = alone(log_losses, name, options.epochs)
    low, high = paired(np.array(losses["ensemble"]) - np.array(losses["one"]))
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


def paired(differences: np.ndarray) -> tuple[float, float]:
    """Return the 95% interval of a mean difference over folds; test folds share training rows."""
    n = len(differences)
    variance = np.var(differences, ddof=1) * (1 / n + 1 / (FOLDS - 1))
    half = students.ppf(0.975, n - 1) * np.sqrt(variance)
    mean = float(np.mean(differences))
    return mean - float(half), mean + float(half)


# ------------------------------------------------------------------------ in a process of their own


def in_turns(calls: list[Any], rounds: int, label: str) -> list[list[Any]]:
    """Run calls one after the other, again and again, each in a fresh process."""
    return [[alone(*call) for call in calls] for _ in tqdm(range(rounds), desc=label)]


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
    return (x, (y - y.mean()) / y.std()) if name == "diabetes" else (x, y)


def model_of(who: str, name: str, epochs: int, **options: Any) -> Any:
    """Return an MLP of fnn or of scikit-learn that trains so many epochs."""
    import sklearn.neural_network

    import fnn.sklearn

    warnings.simplefilter("ignore")  # that it has not converged
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
        made: Any = SweepSearchCV(
            model.set_params(random_state=0), grid, cv=folds, n_seeds=SEEDS, refit=False
        ).fit(x, y)
        by_fold = made.cv_results_["seed_test_score"].mean(axis=2)
    else:
        seeds = grid | {"random_state": list(range(SEEDS))}
        made = GridSearchCV(model, seeds, cv=folds, n_jobs=2, refit=False).fit(x, y)
        results = made.cv_results_
        each = np.stack([results[f"split{fold}_test_score"] for fold in range(FOLDS)], axis=1)
        by_fold = mean_over_seeds(results["params"], each)
    seconds = time.perf_counter() - start
    if who == "sklearn":  # joblib's workers keep a process for minutes otherwise
        get_reusable_executor().shutdown(wait=True)
    best = by_fold[int(by_fold.mean(axis=1).argmax())]
    return {"seconds": seconds, "best": best.tolist()}


def mean_over_seeds(params: list[dict[str, Any]], scores: np.ndarray) -> np.ndarray:
    """Return the mean score of settings that differ in their seed alone."""
    names = [repr({k: v for k, v in each.items() if k != "random_state"}) for each in params]
    return np.stack(
        [scores[[other == name for other in names]].mean(axis=0) for name in dict.fromkeys(names)]
    )


def fits(who: str, name: str, epochs: int, networks: int) -> dict[str, float]:
    """Return the seconds of the first fit, and of those after it."""
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
    """Return the log loss of an ensemble and of its first network on each fold."""
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    x, y = table_of(name)
    found: dict[str, list[float]] = {"ensemble": [], "one": []}
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y):
        model = model_of("fnn", name, epochs, random_state=0, n_seeds=NETWORKS)
        p = model.fit(x[train], y[train]).ensemble_proba(x[test])
        found["ensemble"].append(log_loss(y[test], p.mean(axis=0)))
        found["one"].append(float(np.mean([log_loss(y[test], each) for each in p])))
    return found


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
