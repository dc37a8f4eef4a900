"""The refusals that `fnn.train` and `fnn.sweep` share, all made before anything is compiled."""

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
from fnn.runs.evaluate import paired
from fnn.runs.monitor import monitor_of
from fnn.runs.placed import check_once, forget_changed, weights_of
from fnn.runs.step import TrainSpec, TransformTrain
from fnn.runs.training import Plan, history_names
from fnn.runs.updates import NUMPY_ERRORS, place_of
from fnn.types import Loss

TAKEN = ("loss", "accuracy", *OF_REGRESSION)  # names of metrics that are there already
SPLITS = ("train_", "validation_", "test_")


def check_run(spec: TrainSpec, dataset: Dataset, plan: Plan) -> None:
    """Refuse whatever does not fit together."""
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
    monitor: str = "validation_loss",
    mode: str | None = None,
    min_delta: float = 0.0,
    metrics: Mapping[str, Metric] | None = None,
    train_metrics: bool = False,
) -> Plan:
    """Return the plan of some arguments, each of them checked; the generator of random
    numbers too.
    """
    checks.threefry()
    checks.truth("train_metrics", train_metrics)
    named = named_metrics(metrics)
    check_monitor(monitor, named, train_metrics)
    return Plan(
        checks.count("epochs", epochs),
        checks.count("batch_size", batch_size),
        None if patience is None else checks.count("patience", patience),
        monitor_of(monitor, mode, min_delta),
        named,
        train_metrics,
    )


def check_monitor(
    monitor: Any, metrics: tuple[tuple[str, Metric], ...], train_metrics: bool
) -> None:
    """Refuse what is in no history, and the test split."""
    own = [*OF_REGRESSION, *(name for name, _ in metrics)]
    known = [f"validation_{kind}" for kind in ("loss", "accuracy", *own)]
    known += [f"train_{kind}" for kind in ("loss", "accuracy", *(own if train_metrics else []))]
    if monitor in known:
        return
    other = f"validation_{str(monitor).removeprefix('test_')}"
    if other in known:
        raise ValueError(
            f"monitor: got {monitor!r}, expected an entry of the validation or the training "
            f"split: the test split is "
            f"for what was chosen. Take {other!r}."
        )
    checks.lookup("monitor", monitor, dict.fromkeys(known))


def named_metrics(metrics: Mapping[str, Metric] | None) -> tuple[tuple[str, Metric], ...]:
    """Return names and functions. Refuses other things, and names that the history has already."""
    if metrics is None:
        return ()
    if not isinstance(metrics, Mapping):
        raise ValueError(
            f"metrics: got {metrics!r}, expected a dict such as {{'f1': f}}, f(prediction, target)."
        )
    for name, metric in metrics.items():
        if (
            not isinstance(name, str)
            or not name.isidentifier()
            or name in TAKEN
            or name.startswith(SPLITS)
        ):
            raise ValueError(
                f"metrics: got the name {name!r}, expected one such as 'f1' that is none of "
                f"{', '.join(TAKEN)} and "
                "does not begin with a split: validation_ and test_ are put before it."
            )
        if not callable(metric) or metric.__hash__ is None:
            raise ValueError(
                f"metrics[{name!r}]: got {metric!r}, expected a function (prediction, target) -> "
                f"number."
            )
    return tuple(sorted(metrics.items()))


def one_process(door: str) -> None:
    """Refuse to run as one of several processes of jax.distributed."""
    if jax.process_count() > 1:
        raise ValueError(
            f"{door}: jax.distributed has {jax.process_count()} processes, and each would run the "
            "whole; start one process without it, and give it executor= for the others."
        )


def check_names(setting: Mapping[str, Any], plan: Plan) -> None:
    """Refuse hyperparameters that are called as a metric is in the history: one column for two."""
    both = {f"{split}{name}" for split in SPLITS for name, _ in plan.metrics} & set(setting)
    if both:
        raise ValueError(
            f"hyper: got the name {sorted(both)[0]!r}, which is that of a metric; take another one."
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
    names = [name for name in history_names(spec.loss, plan) if not name.startswith("test_")]
    checks.lookup("monitor", plan.monitor.metric, dict.fromkeys(names))
    outputs = outputs_of(spec.net, dataset.train.x.shape[1]) if plan.metrics else 0
    y = dataset.validation.y
    for name, metric in plan.metrics:
        check_metric(name, metric, outputs, y.shape, jax.dtypes.canonicalize_dtype(y.dtype))


@lru_cache(maxsize=256)
def check_metric(
    name: str, metric: Metric, outputs: int, shape: tuple[int, ...], dtype: Any
) -> None:
    """Refuse a metric that gives no number for targets of this shape, by tracing it once."""
    prediction = jax.ShapeDtypeStruct((shape[0], outputs), jnp.result_type(float))
    label = f"metrics[{name!r}]"
    try:
        value = jax.eval_shape(
            lambda *both: metric(*paired(*both)), prediction, jax.ShapeDtypeStruct(shape, dtype)
        )
    except NUMPY_ERRORS as error:
        raise ValueError(
            f"{label}: {place_of(error)} makes a NumPy or Python number of one that is traced. "
            f"Write it with "
            "jax.numpy, or compute it from fnn.apply(net, run.params, x) after training."
        ) from error
    except Exception as error:  # of whatever kind the user's own code raises
        raise ValueError(
            f"{label}: raises {type(error).__name__}: {error} It is called as f(prediction, "
            f"target), here with shapes "
            f"{prediction.shape} and {shape}, and returns one number."
        ) from error
    if getattr(value, "shape", None) == () and jnp.issubdtype(value.dtype, jnp.complexfloating):
        raise ValueError(
            f"{label}: returned a complex number, expected a real one; take its magnitude."
        )
    if getattr(value, "shape", None) != ():
        got = f"shape {value.shape}" if hasattr(value, "shape") else type(value).__name__
        raise ValueError(
            f"{label}: returned {got}, expected one number, such as a mean over the examples."
        )


def check_parts(net: Any, loss: Any, optimizer: Any, transform_train: Any = None) -> None:
    """Refuses what is not a Layer, a Loss, an optimizer and, if there is one, a function, in this
    order.
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
            f"transform_train: got {transform_train!r}, expected a function (key, x, y) -> (x, "
            f"y), or None."
        )


def _is_optimizer(value: Any) -> bool:
    return hasattr(value, "init") and hasattr(value, "update")


def check_data(dataset: Any) -> None:
    """Refuses splits that are no arrays, are empty, do not match each other or hold what JAX would
    change.
    """
    if not isinstance(dataset, Dataset):
        raise ValueError(
            f"dataset: got {type(dataset).__name__}, expected a Dataset; make one with "
            f"fnn.data.from_arrays(x, y)."
        )
    for name, split in dataset.splits.items():
        _check_arrays(name, split)
    _check_weight_arrays(dataset.weights)
    forget_changed(dataset)
    for name, weights in weights_of(dataset).items():
        examples = len(dataset.splits[name].x)
        check_once(
            weights,
            ("weights", examples),
            partial(checks.weights, weights, examples, f"weights.{name}"),
        )
    for name, split in dataset.splits.items():
        check_once(split.x, "features", partial(checks.features, split.x, f"{name}.x"))
        check_once(split.y, "targets", partial(checks.targets, split.y, f"{name}.y"))
        checks.pairs(split.x, split.y, f"{name}.x", f"{name}.y")
        if (
            split.x.shape[1:] != dataset.train.x.shape[1:]
            or split.y.shape[1:] != dataset.train.y.shape[1:]
        ):
            raise ValueError(
                f"{name}: got x {split.x.shape} and y {split.y.shape}, which do not match train's "
                f"{dataset.train.x.shape} and {dataset.train.y.shape}."
            )


def _check_weight_arrays(weights: Any) -> None:
    if weights is not None and not isinstance(weights, Weights):
        raise ValueError(
            f"weights: got {type(weights).__name__}, expected fnn.data.Weights(train, validation, "
            f"test)."
        )
    for name, array in ({} if weights is None else weights._asdict()).items():
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
    """Refuses a network, a loss and data that do not fit together, by tracing the shapes and
    reading the targets.
    """
    net, loss, _, transform_train = spec
    classes = dataset.preprocessing.classes if dataset.encoding is not None else ()
    if (
        loss.regression
        and classes
        and isinstance(classes[0], int)
        and not isinstance(classes[0], bool)
    ):
        raise ValueError(
            f"loss: got {loss.name}, which is for amounts, but the whole numbers of y were taken "
            f"as the classes "
            f"{', '.join(map(str, classes[:5]))}…; pass y as floats, y.astype(float)."
        )
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


@lru_cache(maxsize=256)
def _check_target(value: Callable, outputs: int, shape: tuple[int, ...], dtype: Any) -> None:
    """Refuses targets of a shape or dtype that the loss does not take, by tracing it once."""
    prediction = jax.ShapeDtypeStruct((outputs, shape[-1]), jnp.result_type(float))
    target = jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(dtype))
    jax.eval_shape(value, prediction, target)


def _transformed(transform_train: TransformTrain, train: Split) -> Split:
    """The training rows as one seed's run has them, or as they came while hyperparameters are
    traced. Refuses rows of other shapes or dtypes, since what was checked of the data would not
    hold for them.
    """
    rows = jax.eval_shape(lambda *rows: rows, *train)
    try:
        returned = jax.eval_shape(transform_train, jax.random.key(0), *rows)
    except TypeError as error:
        raise ValueError(
            f"transform_train: {error}; it is called as transform_train(key, x, y) and returns "
            f"(x, y)."
        ) from error
    found = [(np.shape(leaf), leaf.dtype) for leaf in jax.tree.leaves(returned)]
    if not isinstance(returned, tuple) or found != [(array.shape, array.dtype) for array in rows]:
        expected = ", ".join(f"{array.shape} {array.dtype}" for array in rows)
        got = ", ".join(f"{shape} {dtype}" for shape, dtype in found)
        raise ValueError(
            f"transform_train: returned {got}; expected x and y as they came, {expected}."
        )
    x, y = transform_train(jax.random.key(0), *map(jnp.asarray, train))
    return Split(np.asarray(x), np.asarray(y)) if checks.is_concrete((x, y)) else train
