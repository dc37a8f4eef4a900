"""The estimators keep scikit-learn's contract, and train what `fnn.sweep` trains."""

import os
import pickle
import warnings

import jax
import numpy as np
import optax
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_classification
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.model_selection import cross_val_predict, cross_val_score, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import fnn
from fnn import losses, optim
from fnn.sklearn import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
REAL = X @ [1.0, -1.0, 0.5, 0.0]
OPTIONS = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "random_state": 0}
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # of scikit-learn's own checks
]
NOT_INSTALLED = {"check_array_api_input"}  # wants SCIPY_ARRAY_API and array-api-strict


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [MLPClassifier(), MLPRegressor()], ids=["class", "real"])
def test_scikit_learns_own_checks(estimator):
    """Without a failure, and without one that is expected."""
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    assert len(results) > 50
    failed = {
        each["check_name"]: each["exception"] for each in results if each["status"] == "failed"
    }
    skipped = {each["check_name"] for each in results if each["status"] == "skipped"}
    assert not failed
    assert skipped <= NOT_INSTALLED or "SCIPY_ARRAY_API" in os.environ


def classifier(**options):
    return MLPClassifier(**OPTIONS | {"max_iter": 60} | options)


def regressor(**options):
    return MLPRegressor(**OPTIONS | {"max_iter": 60} | options)


def test_a_fit_is_a_run_of_train():
    """Of 150 rows one batch holds all, in float64."""
    model = classifier(alpha=0.3, max_iter=20, n_iter_no_change=None).fit(X, Y)
    with jax.enable_x64(True):
        split = fnn.data.Split(X, Y.astype(np.int32))
        one = fnn.data.Split(X[:1], Y[:1].astype(np.int32))
        seed = int(np.random.RandomState(0).randint(2**31 - 1))
        loss = fnn.penalties.penalized(losses.softmax_cross_entropy, fnn.penalties.l2(0.3 / len(X)))
        run = fnn.train(
            fnn.mlp((4, 8, 3)),
            loss,
            optim.adam(0.02),
            fnn.data.Dataset(split, one, one),
            epochs=20,
            batch_size=150,
            seed=seed,
            progress=False,
        )
    np.testing.assert_allclose(model.coefs_[0].T, run.params[0].W, rtol=1e-10)
    np.testing.assert_allclose(model.intercepts_[1], run.params[2].b, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(model.loss_curve_, run.history["train_loss"], rtol=1e-10)
    assert model.n_iter_ == 20


def test_classes_come_back_and_probabilities_sum_to_1():
    names = np.array(["setosa", "versicolor", "virginica"])[Y]
    model = classifier().fit(X, names)
    assert model.score(X, names) > 0.9
    assert model.predict(X).dtype == names.dtype
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(X))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p)


@pytest.mark.every(1)
@pytest.mark.parametrize("model", [classifier(), regressor()], ids=["class", "real"])
def test_weights_are_repeated_rows(model):
    y = Y if isinstance(model, MLPClassifier) else REAL
    counts = np.arange(len(X)) % 3
    one = clone(model).fit(X, y, sample_weight=counts)
    other = clone(model).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    for mine, its in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-9)


@pytest.mark.slow
def test_class_weights():
    plain = classifier(max_iter=5).fit(X, Y)
    rare = classifier(max_iter=5, class_weight={0: 1, 1: 1, 2: 50}).fit(X, Y)
    assert (rare.predict(X) == 2).sum() > (plain.predict(X) == 2).sum()
    weighted = classifier(max_iter=5).fit(X, Y, sample_weight=np.where(Y == 2, 50.0, 1.0))
    np.testing.assert_allclose(rare.coefs_[0], weighted.coefs_[0])
    classifier(max_iter=2, class_weight="balanced").fit(X, Y)


def test_an_ensemble_is_the_mean_of_its_networks():
    model = classifier(n_seeds=3).fit(X, Y)
    each = model.ensemble_proba(X)
    assert each.shape == (3, 150, 3)
    np.testing.assert_allclose(model.predict_proba(X), each.mean(axis=0))
    alone = classifier(n_seeds=1).fit(X, Y)
    assert not np.allclose(each[0], each[1])
    seeds = model._seeds(3)
    assert seeds[0] != seeds[1]
    assert alone.ensemble_.networks == 1


@pytest.mark.slow
def test_the_spread_of_an_ensemble():
    model = regressor(n_seeds=4).fit(X, REAL)
    mean, std = model.predict(X, return_std=True)
    each = model.ensemble_.outputs(X)[..., 0]
    np.testing.assert_allclose(mean, each.mean(axis=0))
    np.testing.assert_allclose(std, each.std(axis=0, ddof=1))
    with pytest.raises(ValueError, match="return_std: one network has no spread; pass n_seeds"):
        regressor().fit(X, REAL).predict(X, return_std=True)


@pytest.mark.slow
def test_several_targets_and_several_labels():
    both = np.column_stack([REAL, -REAL])
    assert regressor().fit(X, both).predict(X).shape == (150, 2)
    labels = np.column_stack([Y == 0, Y == 1, Y > 0]).astype(int)
    model = classifier(max_iter=200).fit(X, labels)
    predicted = model.predict(X)
    assert predicted.shape == (150, 3)
    assert (predicted == labels).mean() > 0.9
    np.testing.assert_array_equal(predicted, (model.predict_proba(X) > 0.5).astype(int))
    assert model.score(X, labels) > 0.7


def test_sparse_rows():
    sparse = csr_array(X)
    one, other = classifier(max_iter=5).fit(sparse, Y), classifier(max_iter=5).fit(X, Y)
    np.testing.assert_allclose(one.predict_proba(sparse), other.predict_proba(X))


@pytest.mark.slow
def test_early_stopping_keeps_the_best_epoch():
    model = classifier(early_stopping=True, n_iter_no_change=5, max_iter=200).fit(X, Y)
    assert len(model.validation_scores_) == model.n_iter_ < 200
    best = int(np.argmax(model.validation_scores_))
    assert model.n_iter_ == epochs_of_scikit_learn(model.validation_scores_, 1e-4, 5, "max")
    assert model.n_iter_ - 1 - best >= 5
    real = regressor(early_stopping=True, max_iter=100).fit(X, REAL)
    assert max(real.validation_scores_) > 0.5


def epochs_of_scikit_learn(curve, tol, n_iter_no_change, mode):
    """Count as scikit-learn does: from the best epoch, each improvement of at least tol."""
    sign = 1 if mode == "min" else -1
    best, count = np.inf, 0
    for epoch, loss in enumerate(sign * np.asarray(curve)):
        count = count + 1 if loss > best - tol else 0
        best = min(loss, best)
        if count > n_iter_no_change:
            return epoch + 1
    return len(curve)


@pytest.mark.parametrize("tol", [1e-2, 3e-3])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_small_improvements_do_not_add_up(tol, early_stopping):
    """A loss that falls slowly stops, although it has fallen by more than tol in ten epochs."""
    options = {"max_iter": 200, "early_stopping": early_stopping, "learning_rate_init": 1e-3}
    model = classifier(tol=tol, n_iter_no_change=4, n_seeds=2, **options).fit(X, Y)
    ensemble = model.ensemble_
    curves = ensemble.score_curve if early_stopping else ensemble.loss_curve
    mode = "max" if early_stopping else "min"
    for curve, epochs in zip(curves, model.n_iter_of_seeds_, strict=True):
        trained = curve[:epochs]
        assert epochs == epochs_of_scikit_learn(trained, tol, 4, mode) < 200


def test_it_stops_where_the_loss_stands_still():
    model = classifier(tol=1e9, n_iter_no_change=3).fit(X, Y)
    assert model.n_iter_ == 5  # more than three epochs after the first
    with pytest.warns(ConvergenceWarning, match="max_iter=3 epochs reached"):
        classifier(max_iter=3).fit(X, Y)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_too_few_rows_to_stop_by_are_refused(make):
    target = REAL if make is regressor else Y
    few = slice(0, None, len(X) // 8)
    with pytest.raises(ValueError, match="holds out 1, which are too few for a score"):
        make(early_stopping=True).fit(X[few][:9], target[few][:9])
    model = make(early_stopping=True, max_iter=2)
    with pytest.warns(ConvergenceWarning):
        model.fit(X[::5], target[::5])
    assert len(model.validation_scores_) == 2
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ is None
    with pytest.raises(ValueError, match="early_stopping: got True, but partial_fit"):
        model.partial_fit(X, target)


def test_a_fit_that_stops_by_its_rule_in_the_last_epoch_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        classifier(tol=1e9, n_iter_no_change=3, max_iter=5).fit(X, Y)
        classifier(n_iter_no_change=None, max_iter=3).fit(X, Y)
    for options in ({"tol": 1e9, "n_iter_no_change": 3, "max_iter": 4}, {"max_iter": 3}):
        with pytest.warns(ConvergenceWarning):
            classifier(**options).fit(X, Y)
    with pytest.warns(ConvergenceWarning):
        classifier(n_iter_no_change=np.inf, max_iter=3).fit(X, Y)


def test_a_loss_curve_goes_on_over_warm_starts():
    model = classifier(warm_start=True, max_iter=5, n_iter_no_change=None)
    lengths = [len(model.fit(X, Y).loss_curve_) for _ in range(3)]
    assert lengths == [5, 10, 15]
    assert model.best_loss_ == min(model.loss_curve_)


def test_warm_start_goes_on():
    model = classifier(warm_start=True, max_iter=5)
    first = model.fit(X, Y).loss_
    assert model.fit(X, Y).loss_ < first
    anew = classifier(max_iter=5)
    anew.fit(X, Y)
    assert anew.fit(X, Y).loss_ == first
    with pytest.raises(ValueError, match=r"warm_start: the networks .* sizes \(4, 8, 3\)"):
        model.set_params(hidden_layer_sizes=(9,)).fit(X, Y)


@pytest.mark.slow
def test_partial_fit_goes_on_with_the_optimizer():
    model = classifier(n_seeds=2, batch_size=50)
    for _ in range(30):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    assert model.score(X, Y) > 0.9
    assert model.n_iter_ == 30 == len(model.loss_curve_)
    again = pickle.loads(pickle.dumps(model))
    for each in (model, again):
        each.partial_fit(X[:20], Y[:20], sample_weight=np.arange(20.0))
    np.testing.assert_array_equal(model.coefs_[0], again.coefs_[0])
    with pytest.raises(ValueError, match="classes: must be passed on the first call"):
        classifier().partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"classes: got \[0, 1\], expected \[0 1 2\]"):
        model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"y: got the class .*7.*, expected"):
        model.partial_fit(X, Y + 7)
    real = regressor()
    for _ in range(50):
        real.partial_fit(X, REAL)
    assert real.score(X, REAL) > 0.5


@pytest.mark.slow
def test_an_optimizer_and_a_loss_of_ones_own():
    model = classifier(optimizer=optax.lion, learning_rate_init=1e-2, max_iter=100).fit(X, Y)
    assert model.score(X, Y) > 0.8
    smooth = classifier(loss=losses.smoothed(losses.softmax_cross_entropy, 0.1)).fit(X, Y)
    assert not hasattr(smooth, "predict_proba") or smooth.predict_proba(X).max() < 1
    absolute = regressor(loss="absolute_error", max_iter=200).fit(X, REAL)
    assert absolute.score(X, REAL) > 0.8
    assert regressor(activation="tanh", dropout=0.1, batch_norm="before").fit(X, REAL).n_iter_


@pytest.mark.slow
def test_it_works_in_pipelines_with_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    frame["kind"] = np.array(["u", "v"])[np.arange(150) % 2]
    frame.loc[::20, "a"] = np.nan
    columns = ColumnTransformer(
        [
            ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b", "c", "d"]),
            ("kind", OneHotEncoder(), ["kind"]),
        ]
    ).set_output(transform="default")
    model = make_pipeline(columns, classifier(max_iter=100))
    assert cross_val_score(model, frame, Y, cv=3).mean() > 0.85
    fitted = classifier(max_iter=2).fit(frame[["b", "c"]], Y)
    assert list(fitted.feature_names_in_) == ["b", "c"]
    target = TransformedTargetRegressor(regressor(max_iter=200), transformer=StandardScaler())
    assert target.fit(X, 1e5 + 1e4 * REAL).score(X, 1e5 + 1e4 * REAL) > 0.9


@pytest.mark.slow
def test_it_works_with_joblib_and_other_meta_estimators():
    scores = cross_val_score(classifier(max_iter=30), X, Y, cv=3, n_jobs=2)
    np.testing.assert_allclose(scores, cross_val_score(classifier(max_iter=30), X, Y, cv=3))
    assert cross_val_predict(classifier(max_iter=5), X, Y, cv=3, method="predict_proba").shape == (
        150,
        3,
    )
    bagged = BaggingClassifier(classifier(max_iter=20), n_estimators=2, random_state=0).fit(X, Y)
    assert bagged.score(X, Y) > 0.7
    _, _, held_out = learning_curve(
        classifier(max_iter=5), X, Y, train_sizes=[0.5, 1.0], cv=3, shuffle=True, random_state=0
    )
    assert held_out.shape == (2, 3)


@pytest.mark.slow
def test_it_pickles_and_predicts_without_a_program():
    model = classifier(n_seeds=2, max_iter=5).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params() == model.get_params()
    assert "n_seeds=2" in repr(model)


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 150])
def test_predictions_do_not_depend_on_the_rows_beside(rows):
    model = classifier(max_iter=5).fit(X, Y)
    np.testing.assert_allclose(
        model.predict_proba(X[:rows]), model.predict_proba(X)[:rows], rtol=1e-12
    )


@pytest.mark.slow
def test_more_rows_are_trained_in_batches_in_float32():
    x, y = make_classification(500, 6, random_state=0)
    model = classifier(max_iter=10).fit(x, y)
    assert model.ensemble_.dtype == np.float32
    assert classifier(max_iter=2, dtype="float64").fit(x, y).ensemble_.dtype == np.float64
    assert model.predict_proba(x).dtype == np.float64
    assert model.score(x, y) > 0.7


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"activation": "rely"}, "activation: 'rely' is not known"),
        ({"optimizer": "lbfgs"}, "optimizer: 'lbfgs' is not known"),
        ({"loss": "mse"}, "loss: 'mse' is not known"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"max_iter": 0}, "max_iter"),
        ({"batch_size": -1}, "batch_size"),
        ({"learning_rate_init": 0.0}, "learning_rate_init"),
        ({"alpha": -1.0}, "alpha"),
        ({"n_seeds": 0}, "n_seeds"),
        ({"dtype": "float16"}, "dtype: 'float16' is not known"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"early_stopping": True, "validation_fraction": 0.999}, "validation_fraction: 0.999 of"),
        ({"n_iter_no_change": 0}, "n_iter_no_change"),
        ({"batch_norm": "yes"}, "batch_norm"),
    ],
)
def test_refusals(options, match):
    with pytest.raises(ValueError, match=match):
        classifier(**options).fit(X, Y)


def test_more_refusals():
    with pytest.raises(ValueError, match=r"y: got 1 class, .*expected two at least"):
        classifier().fit(X, np.zeros(150, int))
    with pytest.raises(ValueError, match="finite in 1 of 1 networks; scale X"):
        regressor(optimizer="sgd", learning_rate_init=1e6, max_iter=200).fit(X, 1e6 * REAL)
    with pytest.raises(ValueError, match="at least one non-zero"):
        classifier().fit(X, Y, sample_weight=np.zeros(150))


@pytest.mark.slow
def test_real_tables():
    x, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), classifier(max_iter=50))
    assert cross_val_score(model, x, y, cv=3).mean() > 0.95
    x, y = load_diabetes(return_X_y=True)
    real = make_pipeline(StandardScaler(), regressor(max_iter=100, alpha=10.0))
    target = TransformedTargetRegressor(real, transformer=StandardScaler())
    assert cross_val_score(target, x, y, cv=3).mean() > 0.3
