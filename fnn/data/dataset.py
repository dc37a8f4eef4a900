"""Train, validation and test rows, and how one's own arrays become them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int32

from fnn import checks
from fnn.data.owned import own


class Split(NamedTuple):
    """Examples and their targets: y holds int32 class labels, or floating targets for regression."""

    x: Float[np.ndarray, "examples features"]
    y: Int32[np.ndarray, "examples"] | Float[np.ndarray, "examples"] | Float[np.ndarray, "examples outputs"]

    def __repr__(self) -> str:
        return f"Split({', '.join(f'{name} {_shape(array)}' for name, array in self._asdict().items())})"


class Weights(NamedTuple):
    """How much each example of each split counts: numbers of at least 0, (examples,)."""

    train: Float[np.ndarray, "examples"]
    validation: Float[np.ndarray, "examples"]
    test: Float[np.ndarray, "examples"]

    def __repr__(self) -> str:
        return f"Weights({', '.join(f'{name} {_shape(array)}' for name, array in self._asdict().items())})"


class Scaling(NamedTuple):
    """x ← (x − mean)/std, in float64: one pair for each feature, or one for all."""

    mean: Float[np.ndarray, "features"] | Float[np.ndarray, ""]
    std: Float[np.ndarray, "features"] | Float[np.ndarray, ""]

    def of(self, x: np.ndarray) -> Float[np.ndarray, "examples features"]:
        """The scaled rows."""
        return (x.astype(np.float64) - self.mean) / self.std


class Dataset(NamedTuple):
    """Three splits, `train` to learn from, `validation` to choose by, `test` to report once, how their features were
    scaled (None: not at all, or not by this library), and how much each example counts (None: all the same)."""

    train: Split
    validation: Split
    test: Split
    scaling: Scaling | None = None
    weights: Weights | None = None

    @property
    def splits(self) -> dict[str, Split]:
        """Name -> split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def arrays(self) -> "Dataset":
        """The splits and their weights alone, which a program computes with."""
        return Dataset(self.train, self.validation, self.test, weights=self.weights)

    def scale(self, x: Any) -> Float[np.ndarray, "examples features"]:
        """New rows as a network trained on this data expects them: scaled as its training rows were, in float64, then
        in JAX's default float dtype. Raises ValueError for what is not (examples, features of the training rows)."""
        x = checks.numbers("x", x).astype(np.float64)
        checks.features(x)
        if x.shape[1] != self.train.x.shape[1]:
            raise ValueError(
                f"x: got {x.shape[1]} features, expected {self.train.x.shape[1]}, those of the training rows."
            )
        return as_float("x", x if self.scaling is None else self.scaling.of(x))

    def __repr__(self) -> str:
        lines = [f"  {name:10}  x {_shape(x)}, y {_shape(y)}" for name, (x, y) in self.splits.items()]
        return "\n".join(["Dataset(", *lines, f"  scaled      {'no' if self.scaling is None else 'yes'})"])


def _shape(array: Any) -> str:
    return f"{np.shape(array)} {getattr(array, 'dtype', '')}"


def from_arrays(
    x: Any, y: Any, *, validation: float = 0.15, test: float = 0.15, seed: int = 0, standardize: bool = True
) -> Dataset:
    """Splits x (examples, features) and y (examples,) or (examples, outputs) at random into a Dataset.

    validation, test    fractions of the examples, in (0, 1); rounded to whole examples, the rest is for training
    seed                equal seeds give equal splits
    standardize         x ← (x − mean)/std by the feature, from the training rows alone, in float64; a feature that is
                        constant there is divided by 1

    The arrays are read-only: what cannot change is copied to the devices once. `dataset._replace(train=…)` exchanges
    them. Integer and bool y become int32 labels, floating y stays floating. Floating results have JAX's default dtype:
    float32, or float64 where x64 is enabled. Raises ValueError for arrays that are empty, not finite, not numbers or
    of other shapes, for labels outside int32, and for fractions that leave a split without examples.
    """
    x, y = _checked_x(x), _checked_y(y)
    checks.examples(x, y)
    if not isinstance(standardize, bool):
        raise ValueError(f"standardize: got {standardize!r}, expected True or False.")
    sizes = _split_sizes(len(x), validation, test)
    test_rows, validation_rows, train_rows = partition(len(x), sizes, checks.seed(seed))
    train, validation_split, test_split = (Split(x[rows], y[rows]) for rows in (train_rows, validation_rows, test_rows))
    dataset = Dataset(train, validation_split, test_split)
    return owned(standardise(dataset) if standardize else _each_x(dataset, lambda x: x))


def owned(dataset: Dataset) -> Dataset:
    """Return the dataset, whose arrays were made here and are read-only from now on."""
    return _each(dataset, lambda split: Split(*map(own, split)))


def partition(examples: int, sizes: list[int], seed: int) -> list[np.ndarray]:
    """The row numbers in random order, cut into parts of these sizes and the rest: each row is in exactly one."""
    return np.split(np.random.default_rng(seed).permutation(examples), np.cumsum(sizes))


def standardise(dataset: Dataset, axis: int | None = 0) -> Dataset:
    """x ← (x − mean)/std with the training mean and std: by the feature (axis 0), or one pair for all (axis None)."""
    scaling = Scaling(*_statistics(dataset.train.x, axis))
    return _each_x(dataset, scaling.of)._replace(scaling=scaling)


def standardise_targets(dataset: Dataset) -> Dataset:
    """y ← (y − mean)/std with the training mean and std, by the output."""
    scaling = Scaling(*_statistics(dataset.train.y, axis=0))
    return _each(dataset, lambda split: split._replace(y=as_float("y", scaling.of(split.y))))


def as_float(name: str, values: np.ndarray) -> np.ndarray:
    """The values in JAX's default float dtype. ValueError beyond float32's range."""
    _check_range(name, values)
    return values.astype(jax.dtypes.canonicalize_dtype(float))


def _check_range(name: str, values: np.ndarray) -> None:
    """Refuses what float32 cannot hold, under x64 too: data load under both dtypes or none, and squares are finite."""
    limit = float(np.finfo(np.float32).max)
    largest = float(np.max(np.abs(values)))
    if largest > limit:
        raise ValueError(f"{name}: got a value of magnitude {largest:.3g}, expected at most {limit:.3g}; rescale it.")


def _statistics(train: np.ndarray, axis: int | None) -> tuple[Any, np.ndarray]:
    """Mean and std in float64, the std of constants being 1; arrays or, for axis None, scalars."""
    # Compared, not std == 0: rounding gives a column of 0.1 a std of 1e-17. The std of subnormal numbers is 0.
    constant = np.max(train, axis=axis) == np.min(train, axis=axis)
    std = np.std(train, axis=axis, dtype=np.float64)
    return np.mean(train, axis=axis, dtype=np.float64), np.where(constant | (std == 0), 1.0, std)


def _each_x(dataset: Dataset, f: Callable[[np.ndarray], np.ndarray]) -> Dataset:
    """f of every split's x, in JAX's default float dtype."""
    return _each(dataset, lambda split: split._replace(x=as_float("x", f(split.x))))


def _each(dataset: Dataset, f: Callable[[Split], Split]) -> Dataset:
    return dataset._replace(train=f(dataset.train), validation=f(dataset.validation), test=f(dataset.test))


def _checked_x(x: Any) -> np.ndarray:
    x = checks.numbers("x", x).astype(np.float64)
    checks.features(x)
    _check_range("x", x)
    return x


def _checked_y(y: Any) -> np.ndarray:
    y = checks.numbers("y", y, " Labels that are strings: classes, y = np.unique(y, return_inverse=True).")
    if 0 in y.shape:
        raise ValueError(f"y: got shape {y.shape}, which is empty; expected at least one target.")
    if jax.dtypes.issubdtype(y.dtype, np.floating):
        checks.finite("y", y)
        return as_float("y", y.astype(np.float64))
    return _labels(y)


def _labels(y: np.ndarray) -> np.ndarray:
    """Integers as int32 labels; refuses those that would not survive, and anything but one label per example."""
    if y.ndim != 1:
        raise ValueError(
            f"y: got integers of shape {y.shape}, expected labels of shape (examples,). Use y.argmax(axis=1) for "
            "one-hot rows, y.ravel() for a column, y.astype(float) for regression."
        )
    limits = np.iinfo(np.int32)
    for label in (int(y.min()), int(y.max())):
        if not limits.min <= label <= limits.max:
            raise ValueError(
                f"y: got label {label}, expected labels within int32, {limits.min} to {limits.max}. "
                "Use classes, y = np.unique(y, return_inverse=True)."
            )
    return y.astype(np.int32)


def _split_sizes(examples: int, validation: Any, test: Any) -> list[int]:
    """Numbers of test and validation examples; refuses fractions that leave any split empty."""
    fractions = {"test": test, "validation": validation}
    for name, fraction in fractions.items():
        if isinstance(fraction, bool) or not isinstance(fraction, (float, np.floating)) or not 0 < fraction < 1:
            raise ValueError(f"{name}: got {fraction!r}, expected a fraction in (0, 1).")
    if validation + test >= 1:
        raise ValueError(f"validation, test: got {validation} + {test}, expected a sum below 1: the rest is training.")
    sizes = {name: round(float(fraction) * examples) for name, fraction in fractions.items()}
    sizes["train"] = examples - sum(sizes.values())
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(
                f"{name}: of {examples} examples, validation={validation} and test={test} leave none for {name}; "
                "expected at least one in each split."
            )
    return [sizes["test"], sizes["validation"]]
