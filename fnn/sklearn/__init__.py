"""Estimators for scikit-learn, and a search whose settings, folds and seeds are one program.

In: arrays, data frames or sparse rows, as scikit-learn's estimators take them. Out: fitted
estimators and cv_results_ under scikit-learn's names.

`MLPClassifier` and `MLPRegressor` use scikit-learn's parameter names where the meaning is the same.
They train `n_seeds` networks as one program: an ensemble. `SweepSearchCV` replaces GridSearchCV and
RandomizedSearchCV.

Read the modules in this order:

    recipe.py      `Recipe`: the network, loss and optimizer that an estimator's arguments describe.
    solvers.py     scikit-learn's solvers, as optimizers.
    rows.py        Rows with weights, and the Dataset of fnn that they become.
    training.py    `Job` and `train_all`: every setting on every fold with every seed.
    ensemble.py    `Ensemble`: the trained networks as plain arrays that predict.
    partial.py     `partial_fit`: one pass over some rows.
    estimators.py  The estimators: scikit-learn's checks, attributes and predictions.
    search.py      `SweepSearchCV`.

To add an optimizer by name, edit OPTIMIZERS in recipe.py. To add a parameter, edit `Job` and the
estimators. The package needs scikit-learn: pip install "fnn[sklearn]".
"""

from fnn.checks import optional

optional("sklearn", "sklearn")

from fnn.sklearn.estimators import MLPClassifier, MLPRegressor  # noqa: E402 - a sentence first
from fnn.sklearn.search import SweepSearchCV  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor", "SweepSearchCV"]
