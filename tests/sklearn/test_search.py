"""A search is GridSearchCV's, with all runs in one program."""

import pickle

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fnn.sklearn import MLPClassifier, MLPRegressor, SweepSearchCV

X, Y = load_iris(return_X_y=True)
REAL = (X - X.mean(axis=0)) @ [1.0, -1.0, 0.5, 0.0]
GRID = {"learning_rate_init": [1e-3, 3e-2], "alpha": [1e-4, 1.0]}
MODEL = MLPClassifier((8,), max_iter=20, random_state=0)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def assert_as_grid_search(model, grid, x, y, **options):
    ours = SweepSearchCV(model, grid, **options).fit(x, y)
    theirs = GridSearchCV(model, grid, **options).fit(x, y)
    assert set(theirs.cv_results_) <= set(ours.cv_results_)
    for name in theirs.cv_results_:
        if name.endswith("_time"):
            continue
        mine, its = ours.cv_results_[name], theirs.cv_results_[name]
        if name.startswith("param"):
            assert list(mine) == list(its)
        else:
            np.testing.assert_allclose(mine, its, rtol=1e-9, err_msg=name)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_index_ == theirs.best_index_
    np.testing.assert_allclose(ours.best_score_, theirs.best_score_)
    np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))
    np.testing.assert_allclose(ours.score(x, y), theirs.score(x, y))
    return ours


@pytest.mark.slow
def test_equal_folds_are_those_of_grid_search():
    assert_as_grid_search(MODEL, GRID, X, Y, cv=5)


@pytest.mark.slow
def test_in_a_pipeline_with_architectures_and_train_scores():
    model = make_pipeline(StandardScaler(), MODEL)
    grid = {
        "mlpclassifier__learning_rate_init": [1e-3, 3e-2],
        "mlpclassifier__hidden_layer_sizes": [(4,), (4, 4)],
        "standardscaler__with_mean": [True, False],
    }
    made = assert_as_grid_search(model, grid, X, Y, cv=3, return_train_score=True)
    assert made.best_estimator_.named_steps["standardscaler"].n_features_in_ == 4


@pytest.mark.slow
def test_early_stopping_and_several_scores():
    model = (
        MODEL.set_params()
        if False
        else MLPClassifier((8,), max_iter=20, random_state=0, early_stopping=True)
    )
    scoring = ["accuracy", "neg_log_loss"]
    assert_as_grid_search(model, GRID, X, Y, cv=3, scoring=scoring, refit="neg_log_loss")


@pytest.mark.slow
def test_regression_by_a_score_of_ones_own():
    model = MLPRegressor((8,), max_iter=20, random_state=0)
    assert_as_grid_search(
        model,
        GRID,
        X,
        REAL,
        cv=KFold(3, shuffle=True, random_state=0),
        scoring="neg_mean_absolute_error",
    )


@pytest.mark.slow
def test_batches_in_float32_and_ensembles():
    x, y = make_classification(600, 5, random_state=0)
    model = MLPClassifier((8,), max_iter=5, random_state=0, n_seeds=2)
    ours = SweepSearchCV(model, GRID, cv=3).fit(x, y)
    theirs = GridSearchCV(model, GRID, cv=3).fit(x, y)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=0.01
    )


@pytest.mark.slow
def test_unequal_folds_are_one_program_and_nearly_grid_search():
    """Full batches: alpha is divided by the rows of the longest fold, which is 1% more."""
    x, y = X[:146], Y[:146]
    for splitter in (KFold(4, shuffle=True, random_state=0), GroupKFold(3)):
        groups = {"groups": np.arange(146) % 7} if isinstance(splitter, GroupKFold) else {}
        ours = SweepSearchCV(MODEL, GRID, cv=splitter).fit(x, y, **groups)
        theirs = GridSearchCV(MODEL, GRID, cv=splitter).fit(x, y, **groups)
        np.testing.assert_allclose(
            ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=0.02
        )


@pytest.mark.slow
def test_seeds_and_their_interval():
    made = SweepSearchCV(MODEL, GRID, cv=3, n_seeds=3).fit(X, Y)
    results = made.cv_results_
    assert results["seed_test_score"].shape == (4, 3, 3)
    np.testing.assert_allclose(
        results["mean_test_score"], results["seed_test_score"].mean(axis=(1, 2))
    )
    inside = (results["low_test_score"] <= results["mean_test_score"]) & (
        results["mean_test_score"] <= results["high_test_score"]
    )
    assert inside.all()
    first = SweepSearchCV(MODEL, GRID, cv=3).fit(X, Y).cv_results_["seed_test_score"]
    assert not np.array_equal(
        results["seed_test_score"][:, :, 0], results["seed_test_score"][:, :, 1]
    )
    assert first.shape == (4, 3, 1)


@pytest.mark.slow
def test_drawn_settings():
    grid = {"learning_rate_init": loguniform(1e-3, 1e-1), "hidden_layer_sizes": [(4,), (8,)]}
    made = SweepSearchCV(MODEL, grid, n_iter=5, cv=3, random_state=1).fit(X, Y)
    assert len(made.cv_results_["params"]) == 5
    again = SweepSearchCV(MODEL, grid, n_iter=5, cv=3, random_state=1).fit(X, Y)
    np.testing.assert_array_equal(
        made.cv_results_["mean_test_score"], again.cv_results_["mean_test_score"]
    )


@pytest.mark.slow
def test_weights_decide():
    weights = np.where(Y == 0, 1.0, 5.0)
    made = SweepSearchCV(MODEL, GRID, cv=3).fit(X, Y, sample_weight=weights)
    assert np.isfinite(made.cv_results_["mean_test_score"]).all()
    assert made.best_estimator_.score(X, Y) > 0.5


@pytest.mark.slow
def test_a_class_that_a_fold_misses_is_no_crash():
    late = np.repeat([0, 1, 2], [60, 60, 26])
    made = SweepSearchCV(MODEL, GRID, cv=KFold(3)).fit(X[:146], late)
    assert np.isfinite(made.cv_results_["mean_test_score"]).all()


@pytest.mark.slow
def test_diverged_fits_are_the_last():
    model = MLPRegressor((8,), max_iter=60, random_state=0, optimizer="sgd")
    grid = {"learning_rate_init": [1e-3, 1e8]}
    with pytest.warns(FitFailedWarning, match="3 of 6 fits ended in numbers that are not finite"):
        made = SweepSearchCV(model, grid, cv=3).fit(X, 1e4 * REAL)
    assert made.best_index_ == 0
    assert np.isnan(made.cv_results_["mean_test_score"][1])
    with pytest.raises(ValueError, match="not finite; scale the features"):
        SweepSearchCV(model, grid, cv=3, error_score="raise").fit(X, 1e4 * REAL)


@pytest.mark.slow
def test_it_is_an_estimator_itself():
    search = SweepSearchCV(MODEL, GRID, cv=3)
    assert cross_val_score(search, X, Y, cv=3).mean() > 0.5
    made = search.fit(X, Y)
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again.predict_proba(X), made.predict_proba(X))
    np.testing.assert_array_equal(made.classes_, [0, 1, 2])
    assert made.n_features_in_ == 4
    assert not hasattr(made, "transform")
    assert "SweepSearchCV" in repr(made)
    without = SweepSearchCV(MODEL, GRID, cv=3, refit=False).fit(X, Y)
    with pytest.raises(AttributeError, match="refit=False"):
        without.predict(X)


def test_refusals():
    with pytest.raises(ValueError, match="estimator: got LogisticRegression, expected"):
        SweepSearchCV(LogisticRegression(), {"C": [1]}).fit(X, Y)
    with pytest.raises(ValueError, match="param_grid: 'rate' is not known"):
        SweepSearchCV(MODEL, {"rate": [1]}).fit(X, Y)
    with pytest.raises(ValueError, match="refit: got True for several scores"):
        SweepSearchCV(MODEL, GRID, scoring=["accuracy", "f1_macro"]).fit(X, Y)
    with pytest.raises(ValueError, match="n_seeds"):
        SweepSearchCV(MODEL, GRID, n_seeds=0).fit(X, Y)
