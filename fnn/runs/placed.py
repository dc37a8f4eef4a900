"""Data that were checked and copied to the devices, kept there for the next call.

Checking every number of 20,000 images and copying them takes as long as an epoch. An array that
cannot have changed (one of JAX's, or one that fnn made) is checked and copied once. An array that
its owner may change is compared with the copy at each call, which takes a tenth of the time. The
record of an array is deleted with it: dropping a Dataset frees its copies.
"""

import weakref
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from fnn import checks
from fnn.data import Arrays, Dataset
from fnn.data.owned import is_owned
from fnn.devices import usable_cores
from fnn.runs.fingerprint import array_fingerprint, names_fingerprint
from fnn.types import ArrayLike

ROWS = 256
DEFAULT_DEVICE = "jax_default_device"  # the setting
LARGE = 2**22  # bytes: larger arrays are worth starting threads for


class ArrayRecord:
    """Record the checks that an array passed, its copies, and its fingerprint.

    passed  the checks that its numbers passed
    copies  a device or a mesh, with the x64 setting -> the copy there
    sum     a fingerprint of its numbers; None until it is asked for
    """

    def __init__(self, array: ArrayLike) -> None:
        number = id(array)

        def forget(_: Any) -> None:
            _records.pop(number, None)

        self.reference = weakref.ref(array, forget)
        self.passed: set[Hashable] = set()
        self.copies: dict[Hashable, jax.Array] = {}
        self.sum: str | None = None

    def is_of(self, array: ArrayLike) -> bool:
        """Return whether the record is about this array, and its numbers have not changed."""
        if self.reference() is not array:
            return False
        if isinstance(array, jax.Array) or is_owned(array):
            return True
        copies = map(np.asarray, self.copies.values())
        return any(are_equal(array, copy) for copy in copies)


_records: dict[int, ArrayRecord] = {}  # by the id of the array


def record_of(array: ArrayLike) -> ArrayRecord | None:
    """Return the record of an array, or None. Another array may have had the same id before."""
    record = _records.get(id(array))
    if record is None or record.reference() is not array:
        return None
    return record


def forget_changed(dataset: Dataset) -> None:
    """Replace the records of arrays whose numbers have changed by empty ones."""
    for array in arrays_of(dataset):
        number = id(array)
        record = _records.get(number)
        if record is None or not record.is_of(array):
            _records[number] = ArrayRecord(array)


def check_once(array: ArrayLike, check: Hashable, run: Callable[[], None]) -> None:
    """Run a check of an array's numbers, unless they passed it before.

    check  identifies the check
    run    raises where the numbers do not pass
    """
    record = record_of(array)
    if record is None:
        run()
        return
    # JAX changes other numbers with x64 than without it.
    key = check, checks.is_x64()
    if key not in record.passed:
        run()
        record.passed.add(key)


def fingerprint_once(array: ArrayLike) -> str:
    """Return a fingerprint of an array's numbers. It is computed once while they do not change."""
    record = record_of(array)
    if record is None:
        return array_fingerprint(array)
    if record.sum is None:
        record.sum = array_fingerprint(array)
    return record.sum


def dataset_fingerprint(dataset: Dataset) -> dict[str, str]:
    """Return a fingerprint for each array, by name: train.x, train.y, …, train.weights, …

    The names of columns, categories and classes are told too: other names for equal numbers are
    other data.
    """
    sums = {}
    for name, split in dataset.splits.items():
        parts = split._asdict()
        for part, array in parts.items():
            sums[f"{name}.{part}"] = fingerprint_once(array)
    units = dataset.arrays.units
    if units is not None:
        sums["units.mean"] = array_fingerprint(units.mean)
        sums["units.std"] = array_fingerprint(units.std)
    weights = weights_of(dataset)
    for name, array in weights.items():
        sums[f"{name}.weights"] = fingerprint_once(array)
    if dataset.encoding is not None:
        sums |= names_fingerprint(dataset.encoding)
    return sums


def on_devices(dataset: Dataset, mesh: Mesh | None) -> Arrays:
    """Return the numbers of a dataset on every device of a mesh (None: the default device).

    An array that was copied there before is not copied again.
    """
    devices: Any = mesh
    if mesh is None:
        devices = getattr(jax.config, DEFAULT_DEVICE)
    where = devices, checks.is_x64()

    def placed(array: ArrayLike) -> jax.Array:
        if mesh is None and isinstance(array, jax.Array):
            return array
        record = _records.get(id(array))
        if record is None:
            record = ArrayRecord(array)
            _records[id(array)] = record
        if where not in record.copies:
            record.copies[where] = copied(array, mesh)
        return record.copies[where]

    return jax.tree.map(placed, dataset.arrays)


def together_on_devices(datasets: Sequence[Dataset], mesh: Mesh | None) -> Arrays:
    """Return the numbers of several datasets of equal shapes, one behind the other.

    Their units, one pair for each dataset, get an axis for the dataset.
    """

    def concatenated(*arrays: ArrayLike) -> np.ndarray:
        return np.concatenate([np.asarray(array) for array in arrays])

    def stacked(*arrays: ArrayLike) -> np.ndarray:
        return np.stack(arrays)

    def placed(array: ArrayLike) -> jax.Array:
        return copied(array, mesh)

    all_arrays = [dataset.arrays for dataset in datasets]
    without_units = [arrays._replace(units=None) for arrays in all_arrays]
    joined = jax.tree.map(concatenated, *without_units)
    if all_arrays[0].units is not None:
        pairs = [arrays.units for arrays in all_arrays]
        units = jax.tree.map(stacked, *pairs)
        joined = joined._replace(units=units)
    return jax.tree.map(placed, joined)


def copied(array: ArrayLike, mesh: Mesh | None) -> jax.Array:
    """Copy an array to the devices. The copy shares no memory with the array."""
    if mesh is None:
        return jnp.array(array, copy=True)
    whole_on_each = NamedSharding(mesh, P())
    return jax.device_put(np.array(array), whole_on_each)


def are_equal(array: np.ndarray, copy: np.ndarray) -> bool:
    """Return whether an array has the numbers of its copy. JAX may have made the copy narrower."""
    if array.shape != copy.shape:
        return False
    if array.dtype == copy.dtype:
        # Unsigned integers are compared faster than floats.
        unsigned = f"u{array.itemsize}"
        array = array.view(unsigned)
        copy = copy.view(unsigned)

    def are_equal_from(start: int) -> bool:
        # So few rows stay in the caches, in any memory order.
        rows = slice(start, start + ROWS)
        some = array[rows]
        is_narrowed = some.dtype != copy.dtype
        if is_narrowed and some.dtype.kind == "f":
            with np.errstate(over="ignore"):
                some = some.astype(copy.dtype)
        return np.array_equal(some, copy[rows])

    starts = range(0, len(array), ROWS)
    if array.nbytes < LARGE:
        return all(map(are_equal_from, starts))
    with ThreadPoolExecutor(usable_cores()) as threads:
        return all(threads.map(are_equal_from, starts))


def arrays_of(dataset: Dataset) -> list[Any]:
    """Return the arrays of the three splits, and their weights."""
    arrays: list[Any] = []
    for split in dataset.splits.values():
        arrays += split
    weights = weights_of(dataset)
    return [*arrays, *weights.values()]


def weights_of(dataset: Dataset) -> dict[str, Any]:
    """Return the weights of each split by its name, or {} where all examples count the same."""
    if dataset.weights is None:
        return {}
    return dataset.weights._asdict()
