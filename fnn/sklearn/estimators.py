"""`MLPClassifier` and `MLPRegressor`."""

import warnings
from abc import ABC, abstractmethod
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fnn import activations, checks, losses
from fnn.sklearn.ensemble import Ensemble
from fnn.sklearn.partial import PassState, partial_fit
from fnn.sklearn.recipe import ALIASES, OPTIMIZERS, Recipe
from fnn.sklearn.rows import Rows
from fnn.sklearn.training import Job, train_all, train_from

OF_PROBABILITIES = ("softmax_cross_entropy", "sigmoid_cross_entropy")


class MLP(BaseEstimator, ABC):
    """What classifier and regressor share.

    Parameters are named as scikit-learn names them where they mean the same.
    """

    monitor = ""  # the entry of the history by which early stopping stops
    takes_numbers = False  # as targets

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        loss: Any = "squared_error",
        optimizer: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        dropout: float = 0.0,
        batch_norm: str | None = None,
        n_seeds: int = 1,
        random_state: Any = None,
        warm_start: bool = False,
        dtype: str = "auto",
        verbose: bool | int = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.n_seeds = n_seeds
        self.random_state = random_state
        self.warm_start = warm_start
        self.dtype = dtype
        self.verbose = verbose

    _last_pass: PassState | None

    # ---------------------------------------------------------------------------------------- fit

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train n_seeds networks.

        X              (examples, features), dense or sparse; sparse rows are made dense
        y              (examples,) or (examples, outputs)
        sample_weight  (examples,), at least 0

        Raises ValueError for arguments that are not as above, and where training ends in numbers
        that are not finite. Warns with ConvergenceWarning where max_iter epochs were not enough.
        """
        rows = self._rows(X, y, sample_weight)
        seeds = self._seeds(self.n_seeds)
        job = self._job(rows, seeds[0])
        start = getattr(self, "ensemble_", None) if self.warm_start else None
        if start is not None:
            self._check_continues(start, job.recipe)
            ensemble = train_from(job, rows, seeds, start)
        else:
            ((ensemble,),) = train_all([job], [rows], seeds, bool(self.verbose))
        self._receive(ensemble)
        self._last_pass = None
        if job.patience is not None and np.any(self.n_iter_of_seeds_ == self.max_iter):
            warnings.warn(
                f"{type(self).__name__}: max_iter={self.max_iter} epochs reached before the "
                "training had converged; pass a larger one, or a larger learning_rate_init.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _receive(self, ensemble: Ensemble) -> None:
        """Keep what was trained, under scikit-learn's names too."""
        if ensemble.diverged.any():
            raise ValueError(
                f"training ended in numbers that are not finite in {int(ensemble.diverged.sum())} "
                f"of {ensemble.networks} networks; scale X, for example with StandardScaler, and y "
                "of a regression, or pass a smaller learning_rate_init."
            )
        self.ensemble_ = ensemble
        self.n_iter_of_seeds_ = ensemble.n_iter
        self.n_iter_ = int(ensemble.n_iter.max())
        self.n_layers_ = len(ensemble.recipe.sizes)
        self.n_outputs_ = ensemble.recipe.sizes[-1]
        curve = ensemble.loss_curve[0]
        self.loss_curve_ = curve[np.isfinite(curve)].tolist()
        self.loss_ = self.loss_curve_[-1]
        self.best_loss_ = min(self.loss_curve_)
        if ensemble.score_curve is not None:
            scores = ensemble.score_curve[0]
            self.validation_scores_ = scores[np.isfinite(scores)].tolist()

    def _check_continues(self, start: Ensemble, recipe: Recipe) -> None:
        if start.recipe.sizes != recipe.sizes or start.networks != self.n_seeds:
            raise ValueError(
                f"warm_start: the networks that were trained have sizes {start.recipe.sizes} and "
                f"{start.networks} seed(s), expected {recipe.sizes} and {self.n_seeds}; pass "
                "warm_start=False to begin anew."
            )

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        first = not hasattr(self, "ensemble_")
        rows = self._rows(X, y, sample_weight, reset=first)
        seeds = self._seeds(self.n_seeds)
        job = self._job(rows, seeds[0])
        if not first:
            self._check_continues(self.ensemble_, job.recipe)
        last = getattr(self, "_last_pass", None)
        start = None if first else self.ensemble_
        ensemble, self._last_pass = partial_fit(job, rows, seeds, start, last)
        self._receive(ensemble)
        return self

    # ------------------------------------------------------------------------------------- checks

    def _rows(self, X: Any, y: Any, sample_weight: Any, reset: bool = True) -> Rows:
        """Return the rows to train on, after scikit-learn's checks."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc", "coo"],
            multi_output=True,
            dtype=(np.float64, np.float32),
            y_numeric=self.takes_numbers,
            reset=reset,
        )
        X = X.toarray() if hasattr(X, "toarray") else X
        target, outputs = self._target(y)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        weights = self._with_class_weight(y, weights)
        if weights is not None:
            if not weights.any():
                raise ValueError("sample_weight: all are 0, expected one above 0.")
            counted = weights > 0  # of the others nothing is learned
            X, target, weights = X[counted], target[counted], weights[counted]
        return Rows(X, target, weights, outputs)

    @abstractmethod
    def _target(self, y: np.ndarray) -> tuple[np.ndarray, int]:
        """Return targets as the losses take them, and how many outputs a network has."""

    def _with_class_weight(self, y: np.ndarray, weights: Any) -> Any:
        return weights

    def _seeds(self, count: int) -> list[int]:
        """Return as many seeds, drawn from random_state."""
        n_seeds = checks.count("n_seeds", count)
        first = int(check_random_state(self.random_state).randint(2**31 - n_seeds))
        return list(range(first, first + n_seeds))

    def _job(self, rows: Rows, seed: int) -> Job:
        """Return what is trained; ValueError for arguments that are not as expected."""
        for name in ("alpha", "tol"):
            checks.non_negative(name, getattr(self, name))
        checks.positive("learning_rate_init", self.learning_rate_init)
        for name in ("early_stopping", "warm_start"):
            checks.truth(name, getattr(self, name))
        checks.count("max_iter", self.max_iter)
        checks.lookup("dtype", self.dtype, dict.fromkeys(("auto", "float32", "float64")))
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction: got {self.validation_fraction!r}, expected one in (0, 1)."
            )
        if self.batch_size != "auto":
            checks.count("batch_size", self.batch_size)
        no_patience = self.n_iter_no_change is None or self.n_iter_no_change == np.inf
        patience = None if no_patience else checks.count("n_iter_no_change", self.n_iter_no_change)
        recipe = Recipe(
            (rows.x.shape[1], *self._hidden(), rows.outputs),
            self.activation,
            self._loss(rows.y),
            self.optimizer,
            float(self.dropout),
            self.batch_norm,
        )
        if isinstance(self.optimizer, str):
            checks.lookup("optimizer", self.optimizer, OPTIMIZERS)
        if isinstance(self.activation, str):
            activations.get(ALIASES.get(self.activation, self.activation))
        recipe.net()
        recipe.training_loss()
        return Job(
            recipe,
            float(self.learning_rate_init),
            float(self.alpha),
            self.batch_size,
            int(self.max_iter),
            patience,
            float(self.tol),
            bool(self.early_stopping),
            float(self.validation_fraction),
            seed,
            self.monitor if self.early_stopping else "train_loss",
            self.dtype,
        )

    def _hidden(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        each = [sizes] if isinstance(sizes, Integral) else list(sizes)
        return tuple(checks.count("hidden_layer_sizes", int(size)) for size in each)

    def _loss(self, y: np.ndarray) -> Any:
        return self.loss

    def _new_rows(self, X: Any) -> np.ndarray:
        """Return rows to predict, after scikit-learn's checks."""
        check_is_fitted(self, "ensemble_")
        X = validate_data(
            self,
            X,
            accept_sparse=["csr", "csc", "coo"],
            dtype=(np.float64, np.float32),
            reset=False,
        )
        return X.toarray() if hasattr(X, "toarray") else X

    # --------------------------------------------------------------------------------- parameters

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Return the weights of each layer of the first network, (inputs, outputs)."""
        return [layer.W[0].T for layer in self._dense_layers()]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Return the biases of each layer of the first network."""
        return [layer.b[0] for layer in self._dense_layers()]

    def _dense_layers(self) -> list[Any]:
        check_is_fitted(self, "ensemble_")
        return [layer for layer in self.ensemble_.params if hasattr(layer, "W")]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: sparse rows are taken, and several targets."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags


class MLPClassifier(ClassifierMixin, MLP):
    """An ensemble of feed-forward networks that classifies; of one network by default.

    hidden_layer_sizes   sizes of the hidden layers
    activation           "identity", "logistic", "tanh", "relu", any other name of fnn.activations
    loss                 "log_loss", or the name of a loss of fnn, or a Loss
    optimizer            "adam", "adamw", "sgd", "momentum", "nesterov", "rmsprop", "adagrad", or a
                         function learning_rate -> optimizer, such as optax.lamb
    alpha                the penalty ½ α Σ W², divided by the examples of a batch
    batch_size           "auto": 200, or all rows where they are fewer
    learning_rate_init   the learning rate
    max_iter             epochs at most
    tol, n_iter_no_change  training stops after so many epochs in which the loss (the validation
                         score with early_stopping) has not become better by tol; None: it does not
    early_stopping, validation_fraction  hold out a share of the rows, each class with its share,
                         stop by their accuracy, and keep the network of the best epoch
    class_weight         None, "balanced", or {label: weight}
    dropout, batch_norm  of the hidden layers, as fnn.mlp has them
    n_seeds              networks that are trained as one program; probabilities are their mean
    random_state         an int, a RandomState or None, from which the seeds are drawn
    warm_start           fit goes on from the networks that are there
    dtype                "auto": float64 where one batch holds all rows, so that weights equal
                         repeated rows to rounding, otherwise float32; "float32" or "float64"
    verbose              show a progress bar; a number above 0 does

    Fitted: classes_, n_features_in_, n_iter_, loss_curve_ and coefs_, intercepts_ of the first
    network, validation_scores_ with early_stopping, ensemble_ with the parameters of all.

    >>> from sklearn.datasets import load_iris
    >>> x, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((16,), learning_rate_init=0.01, random_state=0).fit(x, y)
    >>> model.score(x, y) > 0.9
    True
    """

    monitor = "validation_accuracy"
    _keeps_classes = False  # while partial_fit reads rows, which may not have all of them

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        loss: Any = "log_loss",
        optimizer: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        class_weight: Any = None,
        dropout: float = 0.0,
        batch_norm: str | None = None,
        n_seeds: int = 1,
        random_state: Any = None,
        warm_start: bool = False,
        dtype: str = "auto",
        verbose: bool | int = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            loss=loss,
            optimizer=optimizer,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate_init=learning_rate_init,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            dropout=dropout,
            batch_norm=batch_norm,
            n_seeds=n_seeds,
            random_state=random_state,
            warm_start=warm_start,
            dtype=dtype,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Pass once over some rows, going on from what was trained before.

        classes  all labels that there will be; needed at the first call
        """
        if not hasattr(self, "classes_"):
            if classes is None:
                raise ValueError("classes: must be passed on the first call to partial_fit.")
            self.classes_ = unique_labels(classes)
        elif classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
            raise ValueError(f"classes: got {classes}, expected {self.classes_}, as before.")
        self._keeps_classes = True
        try:
            return self._partial_fit(X, y, sample_weight)
        finally:
            self._keeps_classes = False

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row, (examples,); of several labels (examples, labels)."""
        rows = self._new_rows(X)
        mean = self.ensemble_.probabilities(rows).mean(axis=0)
        if self._multilabel:
            threshold = 0.5 if self._has_probabilities() else 0.0
            return (mean > threshold).astype(int)
        return self.classes_[mean.argmax(axis=1)]

    def _has_probabilities(self) -> bool:
        check_is_fitted(self, "ensemble_")
        if self.ensemble_.recipe.training_loss().name in OF_PROBABILITIES:
            return True
        raise AttributeError(f"loss={self.loss!r} gives no probabilities; pass loss='log_loss'.")

    @available_if(lambda self: not hasattr(self, "ensemble_") or self._has_probabilities())
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mean of the networks' probabilities, (examples, classes)."""
        return self.ensemble_proba(X).mean(axis=0)

    @available_if(lambda self: not hasattr(self, "ensemble_") or self._has_probabilities())
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @available_if(lambda self: not hasattr(self, "ensemble_") or self._has_probabilities())
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logarithms of `predict_proba`; of two classes and of labels the log odds."""
        p = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            if self._multilabel:
                return np.log(p) - np.log1p(-p)
            log_p = np.log(p)
            return log_p[:, 1] - log_p[:, 0] if p.shape[1] == 2 else log_p

    def ensemble_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of each network, (n_seeds, examples, classes)."""
        rows = self._new_rows(X)
        return self.ensemble_.probabilities(rows)

    @property
    def _multilabel(self) -> bool:
        return self.ensemble_.recipe.training_loss().name == losses.sigmoid_cross_entropy.name

    def _target(self, y: np.ndarray) -> tuple[np.ndarray, int]:
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            if not self._keeps_classes:
                self.classes_ = np.arange(y.shape[1])
            return np.asarray(y, np.float64), len(self.classes_)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1:
            raise ValueError(
                f"y: got shape {y.shape}, expected (examples,), or zeros and ones for several "
                "labels."
            )
        if not self._keeps_classes:
            self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(f"y: got 1 class, {self.classes_[0]!r}, expected two at least.")
        known = np.isin(y, self.classes_)
        if not known.all():
            raise ValueError(
                f"y: got the class {y[np.argmin(known)]!r}, expected {self.classes_}, as before."
            )
        return np.searchsorted(self.classes_, y).astype(np.int32), len(self.classes_)

    def _with_class_weight(self, y: np.ndarray, weights: Any) -> Any:
        if self.class_weight is None:
            return weights
        of_class = compute_sample_weight(self.class_weight, y)
        return of_class if weights is None else weights * of_class

    def _loss(self, y: np.ndarray) -> Any:
        if self.loss != "log_loss":
            return self.loss
        return "sigmoid_cross_entropy" if y.ndim == 2 else "softmax_cross_entropy"

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: several labels are taken."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, MLP):
    """An ensemble of feed-forward networks for real targets; of one network by default.

    loss  "squared_error" (halved, as scikit-learn has it), the name of a loss of fnn, or a Loss

    The other parameters and the attributes are those of `MLPClassifier`; early stopping is by R².
    Targets are taken as they are: scale those whose size is far from 1, such as by
    TransformedTargetRegressor(MLPRegressor(), transformer=StandardScaler()).

    >>> from sklearn.datasets import make_regression
    >>> x, y = make_regression(200, 5, random_state=0)
    >>> model = MLPRegressor((32,), learning_rate_init=0.01, n_seeds=4, random_state=0)
    >>> mean, std = model.set_params(max_iter=400).fit(x, y / y.std()).predict(x, return_std=True)
    >>> mean.shape == std.shape == (200,)
    True
    """

    monitor = "validation_r2"
    takes_numbers = True

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Pass once over some rows, going on from what was trained before."""
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the mean of the networks' predictions, (examples,) or (examples, outputs).

        return_std  also return their standard deviation over the networks, of two at least
        """
        rows = self._new_rows(X)
        outputs = self.ensemble_.outputs(rows)
        each = outputs[..., 0] if self._is_vector else outputs
        if not return_std:
            return each.mean(axis=0)
        if len(each) < 2:
            raise ValueError("return_std: one network has no spread; pass n_seeds of 2 or more.")
        return each.mean(axis=0), each.std(axis=0, ddof=1)

    def _target(self, y: np.ndarray) -> tuple[np.ndarray, int]:
        type_of_target(y, raise_unknown=True)
        self._is_vector = y.ndim == 1
        columns = np.asarray(y, np.float64).reshape(len(y), -1)
        return columns, columns.shape[1]
