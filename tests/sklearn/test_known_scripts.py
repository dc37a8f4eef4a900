"""Scripts that people know from scikit-learn run with one import changed, and say the same.

They compare penalties on three data sets, training curves of the solvers, and a regression in a
pipeline with its dependence, importances and learning curve.
"""

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris, make_circles, make_moons
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import ShuffleSplit, learning_curve, train_test_split, validation_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, QuantileTransformer, StandardScaler

import fnn.sklearn

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.slow,
]
BOTH = fnn.sklearn, neural_network


def test_penalties_on_three_data_sets():
    """As for the figure of many values of alpha: L-BFGS in a pipeline."""
    sets = (
        make_moons(noise=0.3, random_state=0),
        make_circles(noise=0.2, factor=0.5, random_state=1),
    )
    for x, y in sets:
        x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.4, random_state=42)
        scores = {}
        for package in BOTH:
            for alpha in (0.1, 1.0):
                network = package.MLPClassifier(
                    solver="lbfgs",
                    alpha=alpha,
                    random_state=1,
                    max_iter=300,
                    early_stopping=True,
                    hidden_layer_sizes=[10, 10],
                )
                model = make_pipeline(StandardScaler(), network).fit(x_train, y_train)
                scores[package, alpha] = model.score(x_test, y_test)
                assert model.predict_proba(x_test).shape == (40, 2)
        for alpha in (0.1, 1.0):
            ours, theirs = (scores[package, alpha] for package in BOTH)
            assert ours >= theirs - 0.1


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling"])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0, 0.9])
def test_training_curves_of_gradient_descent(learning_rate, nesterov, momentum):
    """As for the figure of training curves: each solver ends at about the same loss."""
    x, y = load_iris(return_X_y=True)
    x = MinMaxScaler().fit_transform(x)
    losses = []
    for package in BOTH:
        model = package.MLPClassifier(
            solver="sgd",
            learning_rate=learning_rate,
            momentum=momentum,
            nesterovs_momentum=nesterov,
            learning_rate_init=0.2,
            max_iter=60,
            n_iter_no_change=100,
            random_state=0,
        ).fit(x, y)
        assert len(model.loss_curve_) == model.n_iter_ == 60
        losses.append(model.loss_)
    ours, theirs = losses
    assert ours == pytest.approx(theirs, rel=0.35)


def test_the_rate_falls_by_the_examples_seen():
    """By the formula, with a step for each batch of 50: the exponent is 1 here."""
    x, y = load_iris(return_X_y=True)
    options = {"solver": "sgd", "learning_rate_init": 0.2, "momentum": 0, "batch_size": 50}
    options |= {"max_iter": 3, "random_state": 0, "alpha": 0.0}
    falling = fnn.sklearn.MLPClassifier(
        (4,), learning_rate="invscaling", power_t=1.0, **options
    ).fit(x, y)

    def at_rate(learning_rate):
        def by_hand(step):
            return learning_rate / (1.0 + 150 * (step // 3))

        return fnn.optim.sgd(by_hand)

    written = fnn.sklearn.MLPClassifier((4,), optimizer=at_rate, **options).fit(x, y)
    assert falling.loss_curve_ == written.loss_curve_


def test_a_regression_in_a_pipeline():
    """As for partial dependence: columns of several kinds, early stopping, importances."""
    x, y = load_diabetes(return_X_y=True, as_frame=True)
    x["sex"] = np.where(x["sex"] > 0, "a", "b")
    y = (y - y.mean()) / y.std()
    columns = make_column_transformer(
        (OneHotEncoder(), ["sex"]), remainder=QuantileTransformer(n_quantiles=100)
    )
    network = fnn.sklearn.MLPRegressor(
        hidden_layer_sizes=(30, 15), learning_rate_init=0.01, early_stopping=True, random_state=0
    )
    model = make_pipeline(columns, network).fit(x, y)
    assert model.score(x, y) > 0.3
    dependence = partial_dependence(model, x, ["bmi", "age"], grid_resolution=5)
    assert dependence["average"].shape == (1, 5, 5)
    importances = permutation_importance(model, x, y, n_repeats=2, random_state=0)
    by_name = dict(zip(x.columns, importances.importances_mean, strict=True))
    assert by_name["bmi"] > by_name["age"]
    splits = ShuffleSplit(2, test_size=0.2, random_state=0)
    sizes, _, tests = learning_curve(model, x, y, cv=splits, train_sizes=[0.3, 1.0])
    assert sizes.tolist() == [105, 353]
    assert tests.mean(axis=1)[1] > tests.mean(axis=1)[0]
    _, tests = validation_curve(
        model, x, y, param_name="mlpregressor__alpha", param_range=[1e-4, 1.0], cv=2
    )
    assert np.isfinite(tests).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "newton"}, "solver: 'newton' is not known"),
        ({"learning_rate": "adaptive"}, "learning_rate: 'adaptive' is not known"),
        ({"momentum": -1.0}, "momentum: got -1.0"),
        ({"beta_1": 1.0}, "beta_1: got 1.0"),
        ({"epsilon": 0.0}, "epsilon: got 0.0"),
        ({"nesterovs_momentum": "yes"}, "nesterovs_momentum: got 'yes'"),
    ],
)
def test_what_there_is_not_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fnn.sklearn.MLPClassifier(**options).fit(*load_iris(return_X_y=True))


def test_one_pass_is_not_enough_for_lbfgs():
    x, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match='solver: got "lbfgs", which needs all rows'):
        fnn.sklearn.MLPClassifier(solver="lbfgs").partial_fit(x, y, classes=[0, 1, 2])
