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
    """Search the best parameters of an estimator of fnn by one program.

    It takes the place of GridSearchCV and RandomizedSearchCV.

    estimator           an MLPClassifier or MLPRegressor of fnn.sklearn, or a Pipeline that ends in
                        one
    param_grid          {name: values} for every combination, or a list of such dicts; with n_iter
                        also {name: distribution} of scipy.stats, from which settings are sampled
    n_iter              number of settings that are sampled; None (the default): every combination
    cv                  folds, as for GridSearchCV
    n_seeds             how many times each setting is trained on each fold, by default once; each
                        time the seeds are new
    scoring             as for GridSearchCV: None, a name or a function is one score; a list or a
                        dict is several, and refit names the one that decides
    refit               whether the best setting is trained again on all rows, by default True; or
                        the name of the score that decides
    random_state        of the settings that are sampled
    error_score         the score of a setting whose training ended in numbers that are not finite,
                        by default NaN, or "raise"
    return_train_score  True also scores the training rows of each fold
    verbose             True, or a number above 0, shows a progress bar
    n_jobs              is not used. It is there so that calls of GridSearchCV need no change: one
                        program uses all devices, of which fnn.use_all_devices() makes one for each
                        core

    Settings that differ only in learning_rate_init and alpha are runs of one program. Each other
    difference, such as an architecture or a batch size, makes another program.

    Fitted attributes are cv_results_, best_index_, best_params_, best_score_, best_estimator_,
    refit_time_, scorer_ and n_splits_, as in GridSearchCV. A score is the mean over the seeds.
    cv_results_ also has low_test_score and high_test_score, the 95% interval of mean_test_score
    over folds and seeds, and seed_test_score, (settings, folds, seeds).

    >>> from sklearn.datasets import load_iris
    >>> from fnn.sklearn import MLPClassifier, SweepSearchCV
    >>> grid = {"learning_rate_init": [1e-3, 1e-2], "alpha": [1e-4, 1e-2]}
    >>> model = MLPClassifier((8,), max_iter=50, n_iter_no_change=None, random_state=0)
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
        """Train every setting on every fold with every seed, then the best one on all rows.

        X, y           as the estimator takes them
        sample_weight  (examples,); None: all examples count the same
        params         for the splitter, such as groups=

        Returns the search itself.

        Raises ValueError for wrong arguments, and with error_score="raise" if training ends in
        numbers that are not finite; otherwise it warns with FitFailedWarning.
        """
        X, y = indexable(X, y)
        params = _check_method_params(X, params)
        settings = self._settings()
        checks.count("n_seeds", self.n_seeds)
        classifies = is_classifier(self.estimator)
        splitter = check_cv(self.cv, y, classifier=classifies)
        groups = params.get("groups")
        row_numbers = list(splitter.split(X, y, groups))
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X)
        self.n_splits_ = len(row_numbers)
        self.scorer_, self.multimetric_ = self._scorer()
        deciding = self._deciding_score()

        start = time.perf_counter()
        folds = [Fold.of(X, y, weights, train, test) for train, test in row_numbers]
        models = self._train(settings, folds)
        trained = time.perf_counter()
        scores = self._scores(models, folds)
        scored = time.perf_counter()
        fits = len(settings) * len(folds)
        fit_seconds = (trained - start) / fits
        score_seconds = (scored - trained) / fits
        seconds = fit_seconds, score_seconds
        first_train, first_test = row_numbers[0]
        held_out = len(first_test) / len(first_train)
        self.cv_results_ = cv_results(settings, scores, held_out, seconds)
        if self.refit:
            self._refit(X, y, weights, settings, deciding)
        return self

    def _refit(
        self, X: Any, y: Any, weights: Any, settings: list[dict[str, Any]], deciding: str
    ) -> None:
        """Train the best setting on all rows.

        deciding  name of the score that decides
        """
        ranks = self.cv_results_[f"rank_test_{deciding}"]
        means = self.cv_results_[f"mean_test_{deciding}"]
        best = int(ranks.argmin())
        self.best_index_ = best
        self.best_params_ = settings[best]
        self.best_score_ = float(means[best])
        start = time.perf_counter()
        estimator = self._with_setting(self.best_params_)
        self.best_estimator_ = estimator
        options = {}
        if weights is not None:
            prefix = prefix_of(estimator)
            options[f"{prefix}sample_weight"] = weights
        estimator.fit(X, y, **options)
        self.refit_time_ = time.perf_counter() - start
        if hasattr(X, "columns"):
            self.feature_names_in_ = estimator.feature_names_in_

    def _with_setting(self, setting: Mapping[str, Any]) -> Any:
        """Return a copy of the estimator with the parameters of a setting."""
        estimator = clone(self.estimator)
        values = clone_values(setting)
        return estimator.set_params(**values)

    # ------------------------------------------------------------------------------------- settings

    def _settings(self) -> list[dict[str, Any]]:
        """Return the settings. Raises ValueError for names that the estimator does not have."""
        if not isinstance(last_step(self.estimator), MLP):
            raise ValueError(
                f"estimator: got {type(self.estimator).__name__}, expected an estimator of "
                "fnn.sklearn, or a Pipeline that ends in one; GridSearchCV takes others."
            )
        if self.n_iter is None:
            settings = list(ParameterGrid(self.param_grid))
        else:
            count = checks.count("n_iter", self.n_iter)
            sampler = ParameterSampler(self.param_grid, count, random_state=self.random_state)
            settings = list(sampler)
        known_names = self.estimator.get_params()
        prefix = prefix_of(self.estimator)
        for name in names_in(settings):
            name_in_pipeline = f"{prefix}{name}"
            if name not in known_names and name_in_pipeline in known_names:
                raise ValueError(
                    f"param_grid: {name!r} is not known of the Pipeline; did you mean "
                    f"'{name_in_pipeline}'?"
                )
            checks.lookup("param_grid", name, known_names)
        return settings

    def _scorer(self) -> tuple[Any, bool]:
        """Return the scorer, or a dict of several, and whether there are several."""
        scoring = self.scoring
        is_one = not isinstance(scoring, (list, tuple, set, dict))
        if is_one:
            scorer = check_scoring(self.estimator, scoring=scoring)
            return scorer, False
        names = scoring
        if not isinstance(scoring, Mapping):
            names = {name: name for name in scoring}
        scorers = {}
        for name, each in names.items():
            scorers[name] = check_scoring(self.estimator, scoring=each)
        return scorers, True

    def _deciding_score(self) -> str:
        """Return the name of the score that decides which setting is the best."""
        if not self.multimetric_:
            return "score"
        if not self.refit:
            return next(iter(self.scorer_))
        if not isinstance(self.refit, str) or self.refit not in self.scorer_:
            names = ", ".join(map(repr, self.scorer_))
            raise ValueError(
                f"refit: got {self.refit!r} for several scores, expected the name of the one that "
                f"decides: {names}; or False."
            )
        return self.refit

    # ------------------------------------------------------------------------------------- training

    def _train(
        self, settings: Sequence[Mapping[str, Any]], folds: Sequence["Fold"]
    ) -> list[list["FoldModel"]]:
        """Train every setting on every fold. Returns the models by setting, then by fold."""
        models: list[list[FoldModel]] = [[] for _ in settings]
        for numbers in self._groups_of_one_program(settings):
            group = [settings[number] for number in numbers]
            models_of_group = self._train_group(group, folds)
            for number, models_of_setting in zip(numbers, models_of_group, strict=True):
                models[number] = models_of_setting
        return models

    def _groups_of_one_program(self, settings: Sequence[Mapping[str, Any]]) -> list[list[int]]:
        """Return groups of the numbers of settings that differ only in traced parameters."""
        prefix = prefix_of(self.estimator)
        traced = {f"{prefix}{name}" for name in TRACED}
        groups: dict[str, list[int]] = {}
        for number, setting in enumerate(settings):
            static_names = set(setting) - traced
            static = {name: setting[name] for name in sorted(static_names)}
            group = groups.setdefault(repr(static), [])
            group.append(number)
        return list(groups.values())

    def _train_group(
        self, settings: Sequence[Mapping[str, Any]], folds: Sequence["Fold"]
    ) -> list[list["FoldModel"]]:
        """Train settings that differ only in traced parameters, on every fold."""
        estimators = [self._with_setting(setting) for setting in settings]
        fitted = []
        rows = []
        for fold in folds:
            estimator, rows_of_fold = fit_preprocessing(estimators[0], fold)
            fitted.append(estimator)
            rows.append(rows_of_fold)
        mlps = [last_step(estimator) for estimator in estimators]
        first = mlps[0]
        seeds = first._seeds(first.n_seeds * self.n_seeds)
        jobs = [mlp._job(rows[0], seeds[0]) for mlp in mlps]
        trained = train_all(jobs, rows, seeds, bool(self.verbose))
        models = []
        for ensembles in trained:
            pairs = zip(fitted, ensembles, strict=True)
            of_setting = [FoldModel(estimator, ensemble) for estimator, ensemble in pairs]
            models.append(of_setting)
        return models

    # -------------------------------------------------------------------------------------- scoring

    def _scores(
        self, models: Sequence[Sequence["FoldModel"]], folds: Sequence["Fold"]
    ) -> dict[str, np.ndarray]:
        """Return "test_score" and the other scores, each (settings, folds, seeds)."""
        sides = ["test", "train"] if self.return_train_score else ["test"]
        scorers = self.scorer_ if self.multimetric_ else {"score": self.scorer_}
        shape = len(models), len(folds), self.n_seeds
        scores: dict[str, np.ndarray] = {}
        for side in sides:
            scores |= {f"{side}_{name}": np.full(shape, np.nan) for name in scorers}
        failed = 0
        for place in np.ndindex(shape):
            row, fold, seed = place
            model = models[row][fold]
            ensemble = model.ensemble_of_seed(seed, self.n_seeds)
            failed += bool(ensemble.diverged.any())
            for side in sides:
                for name, scorer in scorers.items():
                    score = self._score(model.estimator, ensemble, scorer, folds[fold], side)
                    scores[f"{side}_{name}"][place] = score
        if failed:
            fits = np.prod(shape)
            warnings.warn(
                f"{failed} of {fits} fits ended in numbers that are not finite; their "
                f"score is {self.error_score}. Scale the features, or leave out large learning "
                "rates.",
                FitFailedWarning,
                stacklevel=3,
            )
        return scores

    def _score(
        self, estimator: Any, ensemble: Ensemble, scorer: Any, fold: "Fold", side: str
    ) -> float:
        """Return the score of networks on a fold.

        estimator  fitted to the fold; it gets the networks
        side       "test" or "train"
        """
        if ensemble.diverged.any():
            if self.error_score == "raise":
                raise ValueError(
                    "training ended in numbers that are not finite; scale the features, or leave "
                    "out large learning rates."
                )
            return self.error_score
        last_step(estimator)._receive(ensemble)
        x, y, weights = fold.test if side == "test" else fold.train
        if weights is None:
            return float(scorer(estimator, x, y))
        return float(scorer(estimator, x, y, sample_weight=weights))

    # ------------------------------------------------------------------- methods of best_estimator_

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
        """Return the predictions of the best estimator."""
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
        """Return the score of the best estimator, by the score that decided."""
        check_is_fitted(self, "cv_results_")
        scorer = self.scorer_
        if self.multimetric_:
            scorer = scorer[self.refit]
        best = self._best()
        score = scorer(best, X, y)
        return float(score)

    @property
    def classes_(self) -> np.ndarray:
        """Return the classes of the best estimator."""
        return self._best().classes_

    @property
    def n_features_in_(self) -> int:
        """Return the number of features that the best estimator takes."""
        return self._best().n_features_in_

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: those of the estimator."""
        tags = super().__sklearn_tags__()
        estimator_tags = self.estimator.__sklearn_tags__()
        tags.estimator_type = estimator_tags.estimator_type
        tags.classifier_tags = estimator_tags.classifier_tags
        tags.regressor_tags = estimator_tags.regressor_tags
        tags.input_tags = estimator_tags.input_tags
        tags.target_tags = estimator_tags.target_tags
        return tags


class WeightedRows(NamedTuple):
    """Rows as the user passed them, with their targets and weights."""

    x: Any
    y: Any
    weights: np.ndarray | None

    @classmethod
    def of(cls, X: Any, y: Any, weights: Any, numbers: Any) -> Self:
        """Take the rows of these numbers."""
        x = _safe_indexing(X, numbers)
        own_y = _safe_indexing(y, numbers)
        own_weights = None if weights is None else weights[numbers]
        return cls(x, own_y, own_weights)


class Fold(NamedTuple):
    """The rows of a fold."""

    train: WeightedRows
    test: WeightedRows

    @classmethod
    def of(cls, X: Any, y: Any, weights: Any, train: Any, test: Any) -> Self:
        """Take the rows of a fold.

        train, test  numbers of the rows
        """
        train_rows = WeightedRows.of(X, y, weights, train)
        test_rows = WeightedRows.of(X, y, weights, test)
        return cls(train_rows, test_rows)


class FoldModel(NamedTuple):
    """A setting trained on a fold: an estimator whose preprocessing is fitted, and all networks."""

    estimator: Any
    ensemble: Ensemble

    def ensemble_of_seed(self, seed: int, n_seeds: int) -> Ensemble:
        """Return the networks of one of the n_seeds repetitions of the search."""
        size = self.ensemble.networks // n_seeds
        start = seed * size
        end = start + size
        return self.ensemble.take(slice(start, end))


def last_step(estimator: Any) -> Any:
    """Return the estimator at the end of a Pipeline, or the estimator itself."""
    if isinstance(estimator, Pipeline):
        _, last = estimator.steps[-1]
        return last
    return estimator


def prefix_of(estimator: Any) -> str:
    """Return the prefix of the last step's parameters: "name__" in a Pipeline, otherwise ""."""
    if isinstance(estimator, Pipeline):
        name, _ = estimator.steps[-1]
        return f"{name}__"
    return ""


def clone_values(setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return a setting whose estimators are copies: a search may vary the steps of a Pipeline."""
    copies = {}
    for name, value in setting.items():
        copies[name] = clone(value, safe=False)
    return copies


def names_in(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of all parameters, each once, in the order of the settings."""
    names: dict[str, None] = {}
    for setting in settings:
        names |= dict.fromkeys(setting)
    return list(names)


def fit_preprocessing(estimator: Any, fold: Fold) -> tuple[Any, Rows]:
    """Fit a copy of an estimator to a fold, but train no networks.

    Returns the copy, and the rows to train networks on. Settings of equal preprocessing share the
    copy, which gets their networks for each score.
    """
    fitted = clone(estimator)
    x, y, weights = fold.train
    if isinstance(fitted, Pipeline):
        *earlier, _ = fitted.steps
        if earlier:
            x = Pipeline(earlier).fit_transform(x, y)
    mlp = last_step(fitted)
    rows = mlp._rows(x, y, weights)
    return fitted, rows


def cv_results(
    settings: Sequence[dict[str, Any]],
    scores: Mapping[str, np.ndarray],
    held_out: float,
    seconds: tuple[float, float],
) -> dict[str, Any]:
    """Return cv_results_.

    scores    name -> (settings, folds, seeds)
    held_out  test rows for each training row
    seconds   of training and of scoring, for a setting on a fold
    """
    results: dict[str, Any] = {}
    number = len(settings)
    fit_seconds, score_seconds = seconds
    results["mean_fit_time"] = np.full(number, fit_seconds)
    results["std_fit_time"] = np.zeros(number)
    results["mean_score_time"] = np.full(number, score_seconds)
    results["std_score_time"] = np.zeros(number)
    for name in names_in(settings):
        results[f"param_{name}"] = parameter_column(settings, name)
    results["params"] = settings
    for name, values in scores.items():
        results |= score_columns(name, values)
        if name.startswith("test_"):
            results |= interval_columns(name, values, held_out)
            means = results[f"mean_{name}"]
            results[f"rank_{name}"] = ranks_of(means)
    return results


def parameter_column(settings: Sequence[Mapping[str, Any]], name: str) -> np.ma.MaskedArray:
    """Return the values of a parameter, masked in settings that do not have it."""
    empty = np.empty(len(settings), object)
    column = np.ma.MaskedArray(empty, mask=True)
    for row, setting in enumerate(settings):
        if name in setting:
            column[row] = setting[name]
    return column


def score_columns(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of a score: of each fold, mean and std over folds, and of each seed."""
    by_fold = values.mean(axis=2)
    columns = {}
    for fold, column in enumerate(by_fold.T):
        columns[f"split{fold}_{name}"] = column
    columns[f"mean_{name}"] = by_fold.mean(axis=1)
    columns[f"std_{name}"] = by_fold.std(axis=1)
    columns[f"seed_{name}"] = values
    return columns


def interval_columns(name: str, values: np.ndarray, held_out: float) -> dict[str, np.ndarray]:
    """Return the ends of the 95% interval of the mean over folds and seeds."""
    _, folds, seeds = values.shape
    covers = covers_of(None, seeds, folds)
    lows = []
    highs = []
    for of_setting in values:
        by_seed = of_setting.T
        low, high = interval_over(by_seed, covers, held_out, False)
        lows.append(low)
        highs.append(high)
    columns = {}
    columns[f"low_{name}"] = np.array(lows)
    columns[f"high_{name}"] = np.array(highs)
    return columns


def ranks_of(means: np.ndarray) -> np.ndarray:
    """Return ranks from 1 for the largest mean. Equal means share a rank; NaN is the last."""
    is_nan = np.isnan(means)
    ordered = np.where(is_nan, -np.inf, means)
    ranks = []
    for value in ordered:
        better = np.count_nonzero(ordered > value)
        ranks.append(better + 1)
    return np.array(ranks, np.int32)
