"""Checks of the arguments that `fnn.train` and `fnn.sweep` share, before anything is compiled."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks
from fnn.backprop import check_loss, check_net, outputs_of
from fnn.data import Dataset, Split, Weights
from fnn.metrics import OF_REGRESSION, Metric
from fnn.runs.evaluate import paired, takes_weights
from fnn.runs.monitor import Monitor, monitor_of
from fnn.runs.placed import check_once, forget_changed, weights_of
from fnn.runs.step import TrainSpec, TransformTrain
from fnn.runs.training import Plan, history_names
from fnn.runs.updates import NUMPY_ERRORS, place_of
from fnn.types import Loss

HISTORY_NAMES = ("loss", "accuracy", *OF_REGRESSION)
"""Names of metrics that the history has already."""
SPLITS = ("train_", "validation_", "test_")


def check_run(spec: TrainSpec, dataset: Dataset, plan: Plan) -> None:
    """Refuse a network, loss, optimizer, data set and plan that do not fit together."""
    check_parts(*spec)
    check_data(dataset)
    check_batches(plan, dataset)
    check_fit(spec, dataset)
    check_metrics(spec, plan, dataset)


def plan_of(
    *,
    epochs: int,
    batch_size: int,
    patience: int | None = None,
    monitor: str | Monitor = "validation_loss",
    mode: str | None = None,
    min_delta: float = 0.0,
    metrics: Mapping[str, Metric] | None = None,
    train_metrics: bool = False,
) -> Plan:
    """Return the plan of a call, after checking its arguments and the random generator of JAX.

    monitor  the name of an entry of the history; or a Monitor, which has its own mode and rule
    """
    checks.threefry()
    checks.truth("train_metrics", train_metrics)
    named = named_metrics(metrics)
    if isinstance(monitor, Monitor):
        if mode is not None or min_delta:
            raise ValueError("monitor: got a Monitor, which has its own mode and min_delta.")
        check_monitor(monitor.metric, named, train_metrics)
        checks.non_negative("tol", monitor.tol or 0.0)
        whole_monitor = monitor
    else:
        check_monitor(monitor, named, train_metrics)
        whole_monitor = monitor_of(monitor, mode, min_delta)
    return Plan(
        checks.count("epochs", epochs),
        checks.count("batch_size", batch_size),
        None if patience is None else checks.count("patience", patience),
        whole_monitor,
        named,
        train_metrics,
    )


def check_monitor(
    monitor: Any, metrics: tuple[tuple[str, Metric], ...], train_metrics: bool
) -> None:
    """Refuse a monitor that no history has, and one of the test split."""
    built_in = ["loss", "accuracy"]
    further = [*OF_REGRESSION, *(name for name, _ in metrics)]
    of_training = [*built_in, *further] if train_metrics else built_in
    allowed = [f"validation_{name}" for name in (*built_in, *further)]
    allowed += [f"train_{name}" for name in of_training]
    if monitor in allowed:
        return
    on_validation = f"validation_{str(monitor).removeprefix('test_')}"
    if on_validation in allowed:
        raise ValueError(
            f"monitor: got {monitor!r}, expected an entry of the validation or the training "
            "split: the test split is for measuring a choice, not for making it. Take "
            f"{on_validation!r}."
        )
    checks.lookup("monitor", monitor, dict.fromkeys(allowed))


def named_metrics(metrics: Mapping[str, Metric] | None) -> tuple[tuple[str, Metric], ...]:
    """Return the metrics as sorted pairs (name, function).

    Raises ValueError for arguments of another kind, and for names that the history has already.
    """
    if metrics is None:
        return ()
    if not isinstance(metrics, Mapping):
        raise ValueError(
            f"metrics: got {metrics!r}, expected a dict such as {{'f1': f}}, f(prediction, target)."
        )
    for name, metric in metrics.items():
        if not _can_be_a_metric(name):
            raise ValueError(
                f"metrics: got the name {name!r}, expected one such as 'f1' that is none of "
                f"{', '.join(HISTORY_NAMES)} and does not begin with a split: validation_ and "
                "test_ are put before it."
            )
        if not callable(metric) or metric.__hash__ is None:
            raise ValueError(
                f"metrics[{name!r}]: got {metric!r}, expected a function (prediction, target) -> "
                "number."
            )
    return tuple(sorted(metrics.items()))


def _can_be_a_metric(name: Any) -> bool:
    if not isinstance(name, str) or not name.isidentifier():
        return False
    return name not in HISTORY_NAMES and not name.startswith(SPLITS)


def one_process(door: str) -> None:
    """Refuse to run as one of several processes of jax.distributed."""
    if jax.process_count() > 1:
        raise ValueError(
            f"{door}: jax.distributed has {jax.process_count()} processes, and each would run the "
            "whole; start one process without it, and give it executor= for the others."
        )


def check_names(setting: Mapping[str, Any], plan: Plan) -> None:
    """Refuse a hyperparameter with the name of a metric in the history: they share the columns."""
    of_metrics = {f"{split}{name}" for split in SPLITS for name, _ in plan.metrics}
    shared = sorted(of_metrics & set(setting))
    if shared:
        raise ValueError(
            f"hyper: got the name {shared[0]!r}, which is that of a metric; take another one."
        )


def check_batches(plan: Plan, dataset: Dataset) -> None:
    """Refuse batches that are larger than the training split."""
    n = len(dataset.train.x)
    if plan.batch_size > n:
        raise ValueError(
            f"batch_size: got {plan.batch_size} for {n} training examples, expected at most {n}."
        )


def check_metrics(spec: TrainSpec, plan: Plan, dataset: Dataset) -> None:
    """Refuse a monitor that the history does not have, and metrics that give no number."""
    names = history_names(spec.loss, plan)
    allowed = [name for name in names if not name.startswith("test_")]
    checks.lookup("monitor", plan.monitor.metric, dict.fromkeys(allowed))
    if not plan.metrics:
        return
    features = dataset.train.x.shape[1]
    outputs = outputs_of(spec.net, features)
    y = dataset.validation.y
    dtype = jax.dtypes.canonicalize_dtype(y.dtype)
    is_weighted = dataset.weights is not None
    for name, metric in plan.metrics:
        check_metric(name, metric, outputs, y.shape, dtype, is_weighted)
        if is_weighted and not takes_weights(metric):
            checks.warn(
                f"metrics[{name!r}]: the examples have weights, and this metric counts all the "
                "same; give it a third parameter, weights, to be told them."
            )


@lru_cache(maxsize=256)
def check_metric(
    name: str,
    metric: Metric,
    outputs: int,
    shape: tuple[int, ...],
    dtype: Any,
    is_weighted: bool,
) -> None:
    """Refuse a metric that gives no number for targets of this shape, by tracing it once."""
    label = f"metrics[{name!r}]"
    prediction = jax.ShapeDtypeStruct((shape[0], outputs), jnp.result_type(float))
    target = jax.ShapeDtypeStruct(shape, dtype)
    options = {}
    if is_weighted and takes_weights(metric):
        options["weights"] = jax.ShapeDtypeStruct(shape[:1], jnp.result_type(float))

    def value_of(prediction: Any, target: Any, options: Any) -> Any:
        return metric(*paired(prediction, target), **options)

    try:
        value = jax.eval_shape(value_of, prediction, target, options)
    except NUMPY_ERRORS as error:
        raise ValueError(
            f"{label}: {place_of(error)} makes a NumPy or Python number of one that is traced. "
            "Write it with jax.numpy, or compute it from fnn.apply(net, run.params, x) after "
            "training."
        ) from error
    except Exception as error:  # user code may raise anything
        raise ValueError(
            f"{label}: raises {type(error).__name__}: {sentence(error)} It is called as "
            f"f(prediction, target), here with shapes {prediction.shape} and {shape}, and returns "
            "one number."
        ) from error
    value_shape = getattr(value, "shape", None)
    if value_shape != ():
        got = type(value).__name__ if value_shape is None else f"shape {value_shape}"
        raise ValueError(
            f"{label}: returned {got}, expected one number, such as a mean over the examples."
        )
    if jnp.issubdtype(value.dtype, jnp.complexfloating):
        raise ValueError(
            f"{label}: returned a complex number, expected a real one; take its magnitude."
        )


def sentence(error: BaseException) -> str:
    """Return the text of an error, with a full stop at its end."""
    text = str(error).rstrip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def check_parts(net: Any, loss: Any, optimizer: Any, transform_train: Any = None) -> None:
    """Refuse values that are not a Layer, a Loss, an optimizer and a function, in this order.

    transform_train  may be None
    """
    check_net(net)
    if _is_optimizer(loss) and isinstance(optimizer, Loss):
        raise ValueError(
            "loss, optimizer: got them in the other order; the order is net, loss, optimizer."
        )
    check_loss(loss)
    checks.instance(
        "optimizer", optimizer, _is_optimizer(optimizer), "one such as fnn.optim.adam(1e-3)"
    )
    if transform_train is not None and not callable(transform_train):
        raise ValueError(
            f"transform_train: got {transform_train!r}, expected a function (key, x, y) -> (x, y), "
            "or None."
        )


def _is_optimizer(value: Any) -> bool:
    return hasattr(value, "init") and hasattr(value, "update")


def check_data(dataset: Any) -> None:
    """Refuse splits that are no arrays, are empty, do not match, or hold numbers JAX would change.

    Arrays that were looked at before and cannot have changed are not looked at again.
    """
    if not isinstance(dataset, Dataset):
        raise ValueError(
            f"dataset: got {type(dataset).__name__}, expected a Dataset; make one with "
            "fnn.data.from_arrays(x, y)."
        )
    for name, split in dataset.splits.items():
        _check_arrays(name, split)
    _check_weight_arrays(dataset.weights)
    forget_changed(dataset)
    for name, weights in weights_of(dataset).items():
        examples = len(dataset.splits[name].x)
        check_weights = partial(checks.weights, weights, examples, f"weights.{name}")
        check_once(weights, ("weights", examples), check_weights)
    for name, split in dataset.splits.items():
        x, y = split
        name_of_x, name_of_y = f"{name}.x", f"{name}.y"
        check_once(x, "features", partial(checks.features, x, name_of_x))
        check_once(y, "targets", partial(checks.targets, y, name_of_y))
        checks.pairs(x, y, name_of_x, name_of_y)
        _check_shapes(name, split, dataset.train)


def _check_shapes(name: str, split: Split, train: Split) -> None:
    shapes = split.x.shape[1:], split.y.shape[1:]
    expected = train.x.shape[1:], train.y.shape[1:]
    if shapes != expected:
        raise ValueError(
            f"{name}: got x {split.x.shape} and y {split.y.shape}, which do not match train's "
            f"{train.x.shape} and {train.y.shape}."
        )


def _check_weight_arrays(weights: Any) -> None:
    if weights is None:
        return
    if not isinstance(weights, Weights):
        raise ValueError(
            f"weights: got {type(weights).__name__}, expected fnn.data.Weights(train, validation, "
            "test)."
        )
    for name, array in weights._asdict().items():
        if not isinstance(array, (np.ndarray, jax.Array)):
            raise ValueError(
                f"weights.{name}: got {type(array).__name__}, expected an array; use np.asarray."
            )


def _check_arrays(name: str, split: Any) -> None:
    if not isinstance(split, Split):
        raise ValueError(f"{name}: got {type(split).__name__}, expected a fnn.data.Split(x, y).")
    for part, array in split._asdict().items():
        if not isinstance(array, (np.ndarray, jax.Array)):
            raise ValueError(
                f"{name}.{part}: got {type(array).__name__}, expected an array; use "
                f"np.asarray({part})."
            )


def check_fit(spec: TrainSpec, dataset: Dataset) -> None:
    """Refuse a network, a loss and data that do not fit together.

    The shapes are traced and the targets are read.
    """
    net, loss, _, transform_train = spec
    _check_amounts(loss, dataset)
    outputs = outputs_of(net, dataset.train.x.shape[1])
    if transform_train is not None:
        dataset = dataset._replace(train=_transformed(transform_train, dataset.train))
    for name, split in dataset.splits.items():
        try:
            _check_target(loss.forward, outputs, split.y.shape[::-1], split.y.dtype)
            if loss.check is not None:
                read = partial(loss.check, np.asarray(split.y).T, outputs)
                check_once(split.y, (loss.check, outputs), read)
        except ValueError as error:
            raise ValueError(f"{name}.{error}") from error


def _check_amounts(loss: Loss, dataset: Dataset) -> None:
    """Refuse a loss for amounts on whole numbers that were taken as classes."""
    classes = dataset.preprocessing.classes if dataset.encoding is not None else ()
    if not loss.regression or not classes:
        return
    if isinstance(classes[0], int) and not isinstance(classes[0], bool):
        names = ", ".join(map(str, classes[:5]))
        raise ValueError(
            f"loss: got {loss.name}, which is for amounts, but the whole numbers of y were taken "
            f"as the classes {names}…; pass y as floats, y.astype(float)."
        )


@lru_cache(maxsize=256)
def _check_target(forward: Callable, outputs: int, shape: tuple[int, ...], dtype: Any) -> None:
    """Refuse targets of a shape or dtype that the loss does not take, by tracing it once."""
    prediction = jax.ShapeDtypeStruct((outputs, shape[-1]), jnp.result_type(float))
    target = jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(dtype))
    jax.eval_shape(forward, prediction, target)


def _transformed(transform_train: TransformTrain, train: Split) -> Split:
    """Return the training rows of the run with seed 0.

    While hyperparameters are traced, the rows are returned unchanged. Raises ValueError for rows of
    other shapes or dtypes, since the checks of the data would not hold for them.
    """
    rows = jax.eval_shape(lambda *rows: rows, *train)
    try:
        returned = jax.eval_shape(transform_train, jax.random.key(0), *rows)
    except TypeError as error:
        raise ValueError(
            f"transform_train: {error}; it is called as transform_train(key, x, y) and returns "
            "(x, y)."
        ) from error
    expected = [(row.shape, row.dtype) for row in rows]
    got = [(np.shape(leaf), leaf.dtype) for leaf in jax.tree.leaves(returned)]
    if not isinstance(returned, tuple) or got != expected:
        raise ValueError(
            f"transform_train: returned {_in_words(got)}; expected x and y as they came, "
            f"{_in_words(expected)}."
        )
    x, y = transform_train(jax.random.key(0), *map(jnp.asarray, train))
    return Split(np.asarray(x), np.asarray(y)) if checks.is_concrete((x, y)) else train


def _in_words(arrays: list[tuple[tuple[int, ...], Any]]) -> str:
    """Return the shapes and dtypes of arrays as a text."""
    words = [f"{shape} {dtype}" for shape, dtype in arrays]
    return ", ".join(words)
