"""The estimators of scikit-learn: `MLPClassifier` and `MLPRegressor`."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
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
from fnn.runs.monitor import Monitor, mode_of
from fnn.sklearn.ensemble import Ensemble
from fnn.sklearn.partial import PassState, partial_fit
from fnn.sklearn.recipe import ALIASES, OPTIMIZERS, Recipe
from fnn.sklearn.rows import Rows
from fnn.sklearn.solvers import LEARNING_RATES, SOLVERS, Adam, Lbfgs, Sgd
from fnn.sklearn.training import Job, train_all, train_from

LOSSES_OF_PROBABILITIES = ("softmax_cross_entropy", "sigmoid_cross_entropy")


class MLP(BaseEstimator, ABC):
    """The base of classifier and regressor.

    Parameters have scikit-learn's names where they mean the same.
    """

    monitor = ""  # the entry of the history that decides early stopping
    takes_numbers = False  # whether targets are real numbers

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        loss: Any = "squared_error",
        solver: str = "adam",
        optimizer: Any = None,
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
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
        self.solver = solver
        self.optimizer = optimizer
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
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

    # ------------------------------------------------------------------------------------------ fit

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train n_seeds networks, and return the estimator.

        X              (examples, features), dense or sparse; sparse rows are made dense
        y              (examples,) or (examples, outputs)
        sample_weight  (examples,), at least 0; None: all examples count the same

        Raises ValueError for wrong arguments, and if training ends in numbers that are not finite.
        Warns with ConvergenceWarning if max_iter epochs were not enough.
        """
        rows = self._rows(X, y, sample_weight)
        seeds = self._seeds(self.n_seeds)
        job = self._job(rows, seeds[0])
        start = getattr(self, "ensemble_", None) if self.warm_start else None
        if start is not None:
            self._check_continues(start, job.recipe)
            ensemble = train_from(job, rows, seeds, start)
            self._receive(ensemble, self.loss_curve_)
        else:
            ((ensemble,),) = train_all([job], [rows], seeds, bool(self.verbose))
            self._receive(ensemble)
        self._last_pass = None
        if self.n_iter_no_change is not None and not job.has_converged(ensemble):
            warnings.warn(
                f"{type(self).__name__}: max_iter={self.max_iter} epochs reached before the "
                "training had converged; pass a larger one, or a larger learning_rate_init.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _receive(self, ensemble: Ensemble, earlier_losses: Sequence[float] = ()) -> None:
        """Keep the trained networks, and set scikit-learn's attributes.

        earlier_losses  of the epochs before those of the ensemble
        """
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
        self.loss_curve_ = [*earlier_losses, *curve[np.isfinite(curve)].tolist()]
        self.loss_ = self.loss_curve_[-1]
        self.best_loss_ = min(self.loss_curve_)
        self.validation_scores_ = None
        self.best_validation_score_ = None
        if ensemble.score_curve is not None:
            scores = ensemble.score_curve[0]
            self.validation_scores_ = scores[np.isfinite(scores)].tolist()
            self.best_validation_score_ = max(self.validation_scores_)
            self.best_loss_ = None

    def _check_continues(self, start: Ensemble, recipe: Recipe) -> None:
        """Refuse to continue networks of other sizes or of another number."""
        if start.recipe.sizes != recipe.sizes or start.networks != self.n_seeds:
            raise ValueError(
                f"warm_start: the networks that were trained have sizes {start.recipe.sizes} and "
                f"{start.networks} seed(s), expected {recipe.sizes} and {self.n_seeds}; pass "
                "warm_start=False to begin anew."
            )

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        start = getattr(self, "ensemble_", None)
        if isinstance(self._optimizer(), Lbfgs):
            raise ValueError(
                'solver: got "lbfgs", which needs all rows at once; partial_fit takes "adam" or '
                '"sgd".'
            )
        if self.early_stopping:
            raise ValueError(
                "early_stopping: got True, but partial_fit passes once over its rows and stops; "
                "pass early_stopping=False."
            )
        rows = self._rows(X, y, sample_weight, reset=start is None)
        seeds = self._seeds(self.n_seeds)
        job = self._job(rows, seeds[0])
        if start is not None:
            self._check_continues(start, job.recipe)
        last_pass = getattr(self, "_last_pass", None)
        ensemble, self._last_pass = partial_fit(job, rows, seeds, start, last_pass)
        self._receive(ensemble)
        return self

    # --------------------------------------------------------------------------------------- checks

    def _rows(self, X: Any, y: Any, sample_weight: Any, reset: bool = True) -> Rows:
        """Return the rows to train on, after scikit-learn's checks.

        Rows of weight 0 are left out: nothing is learned from them.

        reset  whether the number of features may differ from earlier calls
        """
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
            has_weight = weights > 0
            X = X[has_weight]
            target = target[has_weight]
            weights = weights[has_weight]
        return Rows(X, target, weights, outputs)

    @abstractmethod
    def _target(self, y: np.ndarray) -> tuple[np.ndarray, int]:
        """Return targets as the losses take them, and the number of outputs of a network."""

    def _with_class_weight(self, y: np.ndarray, weights: Any) -> Any:
        return weights

    def _seeds(self, count: int) -> list[int]:
        """Return so many seeds in a row, the first drawn from random_state."""
        n_seeds = checks.count("n_seeds", count)
        first = int(check_random_state(self.random_state).randint(2**31 - n_seeds))
        return list(range(first, first + n_seeds))

    def _job(self, rows: Rows, seed: int) -> Job:
        """Return the job of training. Raises ValueError for wrong arguments.

        seed  decides which rows are held out
        """
        self._check_numbers()
        patience = None
        if self.n_iter_no_change is not None and self.n_iter_no_change != np.inf:
            patience = checks.count("n_iter_no_change", self.n_iter_no_change) + 1
        recipe = self._recipe(rows)
        holds_out = bool(self.early_stopping) and not isinstance(recipe.optimizer, Lbfgs)
        metric = self.monitor if holds_out else "train_loss"
        return Job(
            recipe=recipe,
            learning_rate=float(self.learning_rate_init),
            alpha=float(self.alpha),
            batch_size=self.batch_size,
            epochs=int(self.max_iter),
            patience=patience,
            early_stopping=holds_out,
            validation_fraction=float(self.validation_fraction),
            seed=seed,
            monitor=Monitor(metric, mode_of(metric, None), tol=float(self.tol)),
            dtype=self.dtype,
        )

    def _check_numbers(self) -> None:
        for name in ("alpha", "tol"):
            checks.non_negative(name, getattr(self, name))
        checks.positive("learning_rate_init", self.learning_rate_init)
        checks.lookup("learning_rate", self.learning_rate, dict.fromkeys(LEARNING_RATES))
        for name in ("power_t", "momentum"):
            checks.non_negative(name, getattr(self, name))
        for name in ("beta_1", "beta_2"):
            checks.fraction(name, getattr(self, name))
        checks.positive("epsilon", self.epsilon)
        for name in ("early_stopping", "warm_start", "nesterovs_momentum"):
            checks.truth(name, getattr(self, name))
        checks.count("max_iter", self.max_iter)
        checks.lookup("dtype", self.dtype, dict.fromkeys(("auto", "float32", "float64")))
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction: got {self.validation_fraction!r}, expected one in (0, 1)."
            )
        if self.batch_size != "auto":
            checks.count("batch_size", self.batch_size)

    def _recipe(self, rows: Rows) -> Recipe:
        """Return network, loss and optimizer. Raises ValueError for those that do not exist."""
        recipe = Recipe(
            sizes=(rows.x.shape[1], *self._hidden_sizes(), rows.outputs),
            activation=self.activation,
            loss=self._loss(rows.y),
            optimizer=self._optimizer(),
            dropout=float(self.dropout),
            batch_norm=self.batch_norm,
        )
        if isinstance(self.activation, str):
            activations.get(ALIASES.get(self.activation, self.activation))
        recipe.net()
        recipe.training_loss()
        return recipe

    def _optimizer(self) -> Any:
        """Return the optimizer's name, or a function learning_rate -> optimizer."""
        if self.optimizer is not None:
            if isinstance(self.optimizer, str):
                checks.lookup("optimizer", self.optimizer, OPTIMIZERS)
            return self.optimizer
        checks.lookup("solver", self.solver, dict.fromkeys(SOLVERS))
        if self.solver == "lbfgs":
            return Lbfgs()
        if self.solver == "adam":
            return Adam(float(self.beta_1), float(self.beta_2), float(self.epsilon))
        power_t = float(self.power_t) if self.learning_rate == "invscaling" else None
        return Sgd(float(self.momentum), bool(self.nesterovs_momentum), power_t)

    def _hidden_sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        if isinstance(sizes, Integral):
            sizes = [sizes]
        return tuple(checks.count("hidden_layer_sizes", int(size)) for size in sizes)

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

    # ----------------------------------------------------------------------------------- parameters

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Return the weights of each layer of the first network. Each is (inputs, outputs)."""
        return [layer.W[0].T for layer in self._dense_layers()]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Return the biases of each layer of the first network."""
        return [layer.b[0] for layer in self._dense_layers()]

    def _dense_layers(self) -> list[Any]:
        check_is_fitted(self, "ensemble_")
        return [layer for layer in self.ensemble_.params if hasattr(layer, "W")]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: the estimator takes sparse rows and several targets."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags


class MLPClassifier(ClassifierMixin, MLP):
    """Classify by an ensemble of feed-forward networks, by default of one network.

    hidden_layer_sizes   sizes of the hidden layers, by default (100,)
    activation           "identity", "logistic", "tanh", "relu" (the default), or any other name of
                         fnn.activations
    loss                 "log_loss" (the default), the name of a loss of fnn, or a Loss
    solver               "adam" (the default), "sgd", or "lbfgs", which takes all rows at once and
                         needs no learning rate
    optimizer            one that is no solver of scikit-learn: the name of a rule of fnn.optim,
                         such as "adamw", or a function learning_rate -> optimizer, such as
                         optax.lamb; None: the solver decides
    alpha                of the penalty ½ α Σ W², which is divided by the examples of a batch
    batch_size           int; "auto" is 200, or all rows if there are fewer
    learning_rate        "constant", or "invscaling" for "sgd": the rate is divided by
                         (1 + examples seen)^power_t, epoch by epoch
    learning_rate_init   the learning rate, by default 0.001
    power_t              by default 0.5
    momentum             of "sgd", by default 0.9, of Nesterov's kind if nesterovs_momentum is True
    beta_1, beta_2, epsilon
                         of "adam"
    max_iter             epochs at most, by default 200
    tol                  smallest improvement over the best of all epochs before that counts, by
                         default 1e-4: of the training loss without its penalty, or with
                         early_stopping of the validation score
    n_iter_no_change     training stops after more epochs than this without such an improvement, by
                         default 10; None: it does not stop early
    early_stopping       True holds out rows, stops by their accuracy, and keeps the network of the
                         best epoch; "lbfgs" takes all rows all the same, as in scikit-learn
    validation_fraction  of each class that early_stopping holds out, by default 0.1
    class_weight         None, "balanced", or {label: weight}
    dropout, batch_norm  of the hidden layers, as for `fnn.mlp`
    n_seeds              number of networks, which are trained as one program; probabilities are
                         their mean
    random_state         an int, a RandomState or None, from which the seeds are drawn
    warm_start           True lets fit continue from the networks of the last fit
    dtype                "float32", "float64" or "auto". "auto" is float64 if one batch holds all
                         rows, so that a weight equals repeated rows to rounding; otherwise float32
    verbose              True, or a number above 0, shows a progress bar

    Fitted attributes are classes_, n_features_in_, n_iter_ and loss_curve_; coefs_ and intercepts_
    of the first network; validation_scores_ with early_stopping; ensemble_ with the parameters of
    all networks.

    >>> from sklearn.datasets import load_iris
    >>> from fnn.sklearn import MLPClassifier
    >>> x, y = load_iris(return_X_y=True)
    >>> options = {"learning_rate_init": 0.01, "max_iter": 50, "n_iter_no_change": None}
    >>> model = MLPClassifier((16,), random_state=0, **options).fit(x, y)
    >>> model.score(x, y) > 0.9
    True
    """

    monitor = "validation_accuracy"
    _keeps_classes = False  # True while partial_fit reads rows, which may lack some classes

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        loss: Any = "log_loss",
        solver: str = "adam",
        optimizer: Any = None,
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
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
            solver=solver,
            optimizer=optimizer,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
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
        """Pass once over some rows, continuing from earlier passes.

        X, y, sample_weight  as for `fit`
        classes              all labels of this and later calls; the first call needs it

        Raises ValueError for wrong arguments.
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
        """Return the class of each row, (examples,), or its labels, (examples, labels)."""
        rows = self._new_rows(X)
        mean = self.ensemble_.probabilities(rows).mean(axis=0)
        if self._multilabel:
            threshold = 0.5 if self._has_probabilities() else 0.0
            return (mean > threshold).astype(int)
        return self.classes_[mean.argmax(axis=1)]

    def _has_probabilities(self) -> bool:
        check_is_fitted(self, "ensemble_")
        if self.ensemble_.recipe.training_loss().name in LOSSES_OF_PROBABILITIES:
            return True
        raise AttributeError(f"loss={self.loss!r} gives no probabilities; pass loss='log_loss'.")

    @available_if(lambda self: not hasattr(self, "ensemble_") or self._has_probabilities())
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mean of the networks' probabilities. It is (examples, classes)."""
        return self.ensemble_proba(X).mean(axis=0)

    @available_if(lambda self: not hasattr(self, "ensemble_") or self._has_probabilities())
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @available_if(lambda self: not hasattr(self, "ensemble_") or self._has_probabilities())
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logarithms of `predict_proba`, or log odds for two classes and for labels."""
        p = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            if self._multilabel:
                return np.log(p) - np.log1p(-p)
            log_p = np.log(p)
        is_binary = p.shape[1] == 2
        return log_p[:, 1] - log_p[:, 0] if is_binary else log_p

    def ensemble_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of each network. They are (n_seeds, examples, classes)."""
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
        is_known = np.isin(y, self.classes_)
        if not is_known.all():
            first_unknown = y[np.argmin(is_known)]
            raise ValueError(
                f"y: got the class {first_unknown!r}, expected one of {self.classes_}, as before."
            )
        return np.searchsorted(self.classes_, y).astype(np.int32), len(self.classes_)

    def _with_class_weight(self, y: np.ndarray, weights: Any) -> Any:
        if self.class_weight is None:
            return weights
        class_weights = compute_sample_weight(self.class_weight, y)
        return class_weights if weights is None else weights * class_weights

    def _loss(self, y: np.ndarray) -> Any:
        if self.loss != "log_loss":
            return self.loss
        return "sigmoid_cross_entropy" if y.ndim == 2 else "softmax_cross_entropy"

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: the estimator takes several labels."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, MLP):
    """Predict real targets by an ensemble of feed-forward networks, by default of one network.

    loss  "squared_error" (the default; halved, as in scikit-learn), the name of a loss of fnn, or a
          Loss

    The other parameters and the attributes are those of `MLPClassifier`, without class_weight.
    Early stopping is by R². Targets are taken as they are. Scale targets whose size is far from 1,
    for example by

        TransformedTargetRegressor(MLPRegressor(), transformer=StandardScaler())

    >>> from sklearn.datasets import make_regression
    >>> from fnn.sklearn import MLPRegressor
    >>> x, y = make_regression(200, 5, random_state=0)
    >>> options = {"learning_rate_init": 0.01, "max_iter": 50, "n_iter_no_change": None}
    >>> model = MLPRegressor((32,), n_seeds=4, random_state=0, **options).fit(x, y / y.std())
    >>> mean, std = model.predict(x, return_std=True)
    >>> mean.shape == std.shape == (200,)
    True
    """

    monitor = "validation_r2"
    takes_numbers = True

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Pass once over some rows, continuing from earlier passes.

        X, y, sample_weight  as for `fit`

        Raises ValueError for wrong arguments.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the mean of the networks' predictions.

        X           (examples, features)
        return_std  True also returns the standard deviation over the networks

        Returns (examples,) or (examples, outputs), as y was. Raises ValueError for return_std if
        there is only one network.
        """
        rows = self._new_rows(X)
        outputs = self.ensemble_.outputs(rows)
        if self._is_vector:
            outputs = outputs[..., 0]
        mean = outputs.mean(axis=0)
        if not return_std:
            return mean
        if len(outputs) < 2:
            raise ValueError("return_std: one network has no spread; pass n_seeds of 2 or more.")
        return mean, outputs.std(axis=0, ddof=1)

    def _target(self, y: np.ndarray) -> tuple[np.ndarray, int]:
        type_of_target(y, raise_unknown=True)
        self._is_vector = y.ndim == 1
        columns = np.asarray(y, np.float64).reshape(len(y), -1)
        return columns, columns.shape[1]
