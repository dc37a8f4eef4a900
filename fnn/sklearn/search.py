"""`SweepSearchCV`: a search over settings, folds and seeds as runs of one program."""

import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_method_params,
    _check_sample_weight,
    check_is_fitted,
    indexable,
)

from fnn import checks
from fnn.runs.covered import covers_of, interval_over
from fnn.sklearn.ensemble import Ensemble
from fnn.sklearn.estimators import MLP
from fnn.sklearn.rows import Rows
from fnn.sklearn.training import train_all

TRACED = {"learning_rate_init", "alpha"}


class SweepSearchCV(MetaEstimatorMixin, BaseEstimator):
    """Search the best parameters of a fnn estimator, as GridSearchCV and RandomizedSearchCV do.

    estimator     an MLPClassifier or MLPRegressor of fnn.sklearn, or a Pipeline that ends in one
    param_grid    {name: values} for every combination, a list of such dicts; or, with n_iter, also
                  {name: distribution} of scipy.stats, from which settings are drawn
    n_iter        how many settings are drawn; None: every combination
    cv            folds, as GridSearchCV takes them
    n_seeds       how many times each setting is trained on each fold, from other seeds
    scoring       as GridSearchCV takes it: None, a name or a function, for one score; several as a
                  list or a dict, of which refit names the one that decides
    refit         whether the best setting is trained again on all rows; the name of a score
    random_state  of the settings that are drawn
    error_score   the score of a setting whose training ended in numbers that are not finite, or
                  "raise"
    return_train_score  whether the training rows of each fold are scored too
    verbose       show a progress bar; a number above 0 does
    n_jobs        not used, so that calls of GridSearchCV need no change: one program takes all
                  devices, of which fnn.use_all_devices() makes one for each core

    Settings that differ in learning_rate_init and alpha are runs of one program; each other one, an
    architecture or a batch size, is a program of its own.

    Fitted: cv_results_, best_index_, best_params_, best_score_, best_estimator_, refit_time_,
    scorer_, n_splits_ as GridSearchCV has them. A score is the mean over the seeds, and cv_results_
    has beside it low_test_score and high_test_score, the 95% interval of mean_test_score over folds
    and seeds, and seed_test_score (settings, folds, seeds).

    >>> from sklearn.datasets import load_iris
    >>> from fnn.sklearn import MLPClassifier
    >>> grid = {"learning_rate_init": [1e-3, 1e-2], "alpha": [1e-4, 1e-2]}
    >>> model = MLPClassifier((8,), max_iter=100, random_state=0)
    >>> search = SweepSearchCV(model, grid, cv=3, n_seeds=2).fit(*load_iris(return_X_y=True))
    >>> search.best_params_["learning_rate_init"]
    0.01
    """

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        n_iter: int | None = None,
        cv: Any = None,
        n_seeds: int = 1,
        scoring: Any = None,
        refit: Any = True,
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        verbose: bool | int = False,
        n_jobs: Any = None,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.n_iter = n_iter
        self.cv = cv
        self.n_seeds = n_seeds
        self.scoring = scoring
        self.refit = refit
        self.random_state = random_state
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.verbose = verbose
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, **params: Any) -> Self:
        """Train every setting on every fold with every seed, and the best one on all rows.

        params  for the splitter, such as groups=
        """
        X, y = indexable(X, y)
        params = _check_method_params(X, params)
        settings = self._settings()
        checks.count("n_seeds", self.n_seeds)
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        folds = list(splitter.split(X, y, params.get("groups")))
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        self.n_splits_ = len(folds)
        self.scorer_, self.multimetric_ = self._scorer()
        deciding = self._deciding()

        began = time.perf_counter()
        pieces = [Piece.of(X, y, weights, *fold) for fold in folds]
        trained = self._trained(settings, pieces)
        fit_seconds = (time.perf_counter() - began) / (len(settings) * len(folds))
        began = time.perf_counter()
        scores = self._scores(trained, pieces)
        score_seconds = (time.perf_counter() - began) / (len(settings) * len(folds))
        held_out = len(folds[0][1]) / len(folds[0][0])
        seconds = fit_seconds, score_seconds
        self.cv_results_ = results_of(settings, scores, held_out, seconds)
        if not self.refit:
            return self
        ranks = self.cv_results_[f"rank_test_{deciding}"]
        self.best_index_ = int(ranks.argmin())
        self.best_params_ = settings[self.best_index_]
        self.best_score_ = float(self.cv_results_[f"mean_test_{deciding}"][self.best_index_])
        began = time.perf_counter()
        self.best_estimator_ = clone(self.estimator).set_params(**clone_each(self.best_params_))
        name = last_step(self.best_estimator_)[0]
        weighted = f"{name}__sample_weight" if name else "sample_weight"
        self.best_estimator_.fit(X, y, **({} if weights is None else {weighted: weights}))
        self.refit_time_ = time.perf_counter() - began
        if hasattr(X, "columns"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
        return self

    # ---------------------------------------------------------------------------- what is searched

    def _settings(self) -> list[dict[str, Any]]:
        """Return the settings; ValueError for names that the estimator does not have."""
        if not isinstance(last_step(self.estimator)[1], MLP):
            raise ValueError(
                f"estimator: got {type(self.estimator).__name__}, expected an estimator of "
                "fnn.sklearn, or a Pipeline that ends in one; GridSearchCV takes others."
            )
        if self.n_iter is None:
            found = list(ParameterGrid(self.param_grid))
        else:
            count = checks.count("n_iter", self.n_iter)
            found = list(ParameterSampler(self.param_grid, count, random_state=self.random_state))
        known = self.estimator.get_params()
        for name in {name: None for setting in found for name in setting}:
            last = last_step(self.estimator)[0]
            if name not in known and f"{last}__{name}" in known:
                raise ValueError(
                    f"param_grid: {name!r} is not known of the Pipeline; did you mean "
                    f"'{last}__{name}'?"
                )
            checks.lookup("param_grid", name, known)
        return found

    def _scorer(self) -> tuple[Any, bool]:
        """Return the scorer, and whether it gives several scores."""
        scoring = self.scoring
        if isinstance(scoring, (list, tuple, set, dict)):
            names = scoring if isinstance(scoring, Mapping) else {name: name for name in scoring}
            return {
                name: check_scoring(self.estimator, scoring=each) for name, each in names.items()
            }, True
        return check_scoring(self.estimator, scoring=scoring), False

    def _deciding(self) -> str:
        """Return the name of the score that decides."""
        if not self.multimetric_:
            return "score"
        if not self.refit:
            return next(iter(self.scorer_))
        if not isinstance(self.refit, str) or self.refit not in self.scorer_:
            raise ValueError(
                f"refit: got {self.refit!r} for several scores, expected the name of the one that "
                f"decides: {', '.join(map(repr, self.scorer_))}; or False."
            )
        return self.refit

    # ------------------------------------------------------------------------------------ training

    def _trained(
        self, settings: Sequence[Mapping[str, Any]], pieces: Sequence["Piece"]
    ) -> list[list["Trained"]]:
        """Train every setting on every fold; returns them by setting, then by fold."""
        found: dict[tuple[int, int], Trained] = {}
        by_rest: dict[str, list[int]] = {}
        name = last_step(self.estimator)[0]
        prefix = f"{name}__" if name else ""
        for number, setting in enumerate(settings):
            traced = {f"{prefix}{each}" for each in TRACED}
            rest = {each: value for each, value in sorted(setting.items()) if each not in traced}
            by_rest.setdefault(repr(rest), []).append(number)
        for numbers in by_rest.values():
            models = [
                clone(self.estimator).set_params(**clone_each(settings[number]))
                for number in numbers
            ]
            fitted, rows = zip(*(fitted_on(models[0], piece) for piece in pieces), strict=True)
            each = [last_step(model)[1] for model in models]
            seeds = each[0]._seeds(each[0].n_seeds * self.n_seeds)
            jobs = [model._job(rows[0], seeds[0]) for model in each]
            made = train_all(jobs, rows, seeds, bool(self.verbose))
            for place, number in enumerate(numbers):
                for fold, ensemble in enumerate(made[place]):
                    found[number, fold] = Trained(fitted[fold], ensemble)
        return [
            [found[number, fold] for fold in range(len(pieces))] for number in range(len(settings))
        ]

    # ------------------------------------------------------------------------------------- scoring

    def _scores(
        self, trained: Sequence[Sequence["Trained"]], pieces: Sequence["Piece"]
    ) -> dict[str, np.ndarray]:
        """Return "test_score" and the like, each (settings, folds, seeds)."""
        sides = ["test", "train"] if self.return_train_score else ["test"]
        names = list(self.scorer_) if self.multimetric_ else ["score"]
        shape = len(trained), len(pieces), self.n_seeds
        found = {f"{side}_{name}": np.full(shape, np.nan) for side in sides for name in names}
        failed = 0
        for row, of_setting in enumerate(trained):
            for fold, (each, piece) in enumerate(zip(of_setting, pieces, strict=True)):
                size = each.ensemble.networks // self.n_seeds
                for seed in range(self.n_seeds):
                    some = each.ensemble.take(slice(seed * size, (seed + 1) * size))
                    failed += bool(some.diverged.any())
                    for key in found:
                        side, name = key.split("_", 1)
                        scorer = self.scorer_[name] if self.multimetric_ else self.scorer_
                        found[key][row, fold, seed] = self._score(each, some, scorer, piece, side)
        if failed:
            warnings.warn(
                f"{failed} of {np.prod(shape)} fits ended in numbers that are not finite; their "
                f"score is {self.error_score}. Scale the features, or leave out large learning "
                "rates.",
                FitFailedWarning,
                stacklevel=3,
            )
        return found

    def _score(
        self, trained: "Trained", ensemble: Ensemble, scorer: Any, piece: "Piece", side: str
    ) -> float:
        """Return the score of some networks of a setting on a fold."""
        if ensemble.diverged.any():
            if self.error_score == "raise":
                raise ValueError(
                    "training ended in numbers that are not finite; scale the features, or leave "
                    "out large learning rates."
                )
            return self.error_score
        last_step(trained.estimator)[1]._receive(ensemble)
        rows = (piece.test_x, piece.test_y) if side == "test" else (piece.x, piece.y)
        weights = piece.test_weights if side == "test" else piece.weights
        given = {} if weights is None else {"sample_weight": weights}
        return float(scorer(trained.estimator, *rows, **given))

    # ------------------------------------------------------------------- the best estimator's words

    def _has(name: str) -> Any:  # noqa: N805 - a helper of the class body
        def check(self: Any) -> bool:
            model = getattr(self, "best_estimator_", self.estimator)
            getattr(model, name)
            return True

        return available_if(check)

    def _best(self) -> Any:
        if not self.refit:
            raise AttributeError("refit=False: no estimator was trained on all rows.")
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_

    @_has("predict")
    def predict(self, X: Any, **options: Any) -> Any:
        """Return what the best estimator predicts."""
        return self._best().predict(X, **options)

    @_has("predict_proba")
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the best estimator."""
        return self._best().predict_proba(X)

    @_has("predict_log_proba")
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the log probabilities of the best estimator."""
        return self._best().predict_log_proba(X)

    @_has("transform")
    def transform(self, X: Any) -> Any:
        """Transform rows by the best estimator."""
        return self._best().transform(X)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the score of the best estimator, by what decided."""
        check_is_fitted(self, "cv_results_")
        scorer = self.scorer_[self.refit] if self.multimetric_ else self.scorer_
        return float(scorer(self._best(), X, y))

    @property
    def classes_(self) -> np.ndarray:
        """Return the classes of the best estimator."""
        return self._best().classes_

    @property
    def n_features_in_(self) -> int:
        """Return how many features the best estimator takes."""
        return self._best().n_features_in_

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        of_estimator = self.estimator.__sklearn_tags__()
        tags.estimator_type = of_estimator.estimator_type
        tags.classifier_tags = of_estimator.classifier_tags
        tags.regressor_tags = of_estimator.regressor_tags
        tags.input_tags = of_estimator.input_tags
        tags.target_tags = of_estimator.target_tags
        return tags


class Piece(NamedTuple):
    """The rows of a fold, as they were given."""

    x: Any
    y: Any
    weights: np.ndarray | None
    test_x: Any
    test_y: Any
    test_weights: np.ndarray | None

    @classmethod
    def of(cls, X: Any, y: Any, weights: Any, train: Any, test: Any) -> Self:
        """Take the rows of these numbers."""
        each = []
        for rows in (train, test):
            own = None if weights is None else weights[rows]
            each += [_safe_indexing(X, rows), _safe_indexing(y, rows), own]
        return cls(*each)


class Trained(NamedTuple):
    """An estimator of a fold, and all networks of a setting."""

    estimator: Any
    ensemble: Ensemble


def last_step(estimator: Any) -> tuple[str, Any]:
    """Return the name and the estimator at the end of a Pipeline; "" of what is none."""
    return estimator.steps[-1] if isinstance(estimator, Pipeline) else ("", estimator)


def clone_each(setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return a setting whose estimators are copies, as a search may put them into a Pipeline."""
    return {name: clone(value, safe=False) for name, value in setting.items()}


def fitted_on(model: Any, piece: Piece) -> tuple[Any, Rows]:
    """Return an estimator fitted to a fold but for its networks, and the rows that they train on.

    The networks are put in for each score: settings of equal preprocessing share the estimator.
    """
    fitted = clone(model)
    x = piece.x
    if isinstance(fitted, Pipeline) and len(fitted.steps) > 1:
        before = Pipeline(fitted.steps[:-1])
        x = before.fit_transform(piece.x, piece.y)
    rows = last_step(fitted)[1]._rows(x, piece.y, piece.weights)
    return fitted, rows


def results_of(
    settings: Sequence[dict[str, Any]],
    scores: Mapping[str, np.ndarray],
    held_out: float,
    seconds: tuple[float, float],
) -> dict[str, Any]:
    """Return cv_results_.

    scores    name -> (settings, folds, seeds)
    held_out  test rows for each training row
    seconds   of training and scoring, for a setting on a fold
    """
    found: dict[str, Any] = {}
    for name, each in zip(("fit_time", "score_time"), seconds, strict=True):
        found[f"mean_{name}"] = np.full(len(settings), each)
        found[f"std_{name}"] = np.zeros(len(settings))
    for name in {name: None for setting in settings for name in setting}:
        column = np.ma.MaskedArray(np.empty(len(settings), object), mask=True)
        for row, setting in enumerate(settings):
            if name in setting:
                column[row] = setting[name]
        found[f"param_{name}"] = column
    found["params"] = settings
    for name, values in scores.items():
        by_fold = values.mean(axis=2)
        for fold in range(values.shape[1]):
            found[f"split{fold}_{name}"] = by_fold[:, fold]
        means = by_fold.mean(axis=1)
        found[f"mean_{name}"] = means
        found[f"std_{name}"] = by_fold.std(axis=1)
        found[f"seed_{name}"] = values
        if not name.startswith("test_"):
            continue
        covers = covers_of(None, values.shape[2], values.shape[1])
        ends = [interval_over(each.T, covers, held_out, False) for each in values]
        found[f"low_{name}"], found[f"high_{name}"] = map(np.array, zip(*ends, strict=True))
        order = np.where(np.isnan(means), -np.inf, means)
        ranks = 1 + np.array([np.count_nonzero(order > value) for value in order])
        found[f"rank_{name}"] = ranks.astype(np.int32)
    return found
