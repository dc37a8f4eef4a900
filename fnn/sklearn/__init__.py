"""Estimators for scikit-learn, and a search whose settings, folds and seeds are one program.

`MLPClassifier` and `MLPRegressor` have scikit-learn's names where the meaning is the same, and
train `n_seeds` networks as one program: an ensemble. `SweepSearchCV` takes the place of
GridSearchCV and RandomizedSearchCV.

An estimator's arguments become a `Recipe` (recipe.py), rows become Datasets (rows.py), `train_all`
(training.py) trains every point of parameters on every fold with every seed, and `Ensemble`
(ensemble.py) is what is left of them: plain arrays that predict.

Needs scikit-learn: pip install "fnn[sklearn]".
"""

from fnn.checks import optional

optional("sklearn", "sklearn")

from fnn.sklearn.estimators import MLPClassifier, MLPRegressor  # noqa: E402 - a sentence first
from fnn.sklearn.search import SweepSearchCV  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor", "SweepSearchCV"]
