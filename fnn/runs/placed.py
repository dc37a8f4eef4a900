"""Data that were looked at and put on the devices, kept there for the next call.

Looking at every number of 20,000 images and copying them takes as long as an epoch. An array that
cannot have changed (one of JAX's, or one that fnn made) is looked at and copied once. One that its
owner may change is compared with the copy at each call, which takes a tenth of the time. What is
known of an array goes with it: dropping a Dataset frees its copies.
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
from fnn.runs.fingerprint import array_fingerprint
from fnn.types import ArrayLike

ROWS = 256
DEFAULT_DEVICE = "jax_default_device"  # the setting
LARGE = 2**22  # bytes, from which on threads are worth starting


class Known:
    """What is known of an array.

    passed  the checks that its numbers passed
    copies  where -> the array there
    sum     a fingerprint of its numbers, once it was asked for
    """

    def __init__(self, array: ArrayLike) -> None:
        number = id(array)
        self.reference = weakref.ref(array, lambda _: _known.pop(number, None))
        self.passed: set[Hashable] = set()
        self.copies: dict[Hashable, jax.Array] = {}
        self.sum: str | None = None

    def is_of(self, array: ArrayLike) -> bool:
        """Return whether this is about the array, and its numbers are what they were."""
        if self.reference() is not array:
            return False
        if isinstance(array, jax.Array) or is_owned(array):
            return True
        return any(are_equal(array, np.asarray(copy)) for copy in self.copies.values())


_known: dict[int, Known] = {}


def forget_changed(dataset: Dataset) -> None:
    """Forget what was known of arrays whose numbers are others now."""
    for array in arrays_of(dataset):
        known = _known.get(id(array))
        if known is None or not known.is_of(array):
            _known[id(array)] = Known(array)


def once(array: ArrayLike, check: Hashable, run: Callable[[], None]) -> None:
    """Run a check of an array's numbers, unless they passed it before.

    check  tells it from other checks
    """
    known = _known.get(id(array))
    if known is None or known.reference() is not array:
        run()
        return
    check = check, checks.is_x64()  # on which depends what JAX would change
    if check not in known.passed:
        run()
        known.passed.add(check)


def sum_once(array: ArrayLike) -> str:
    """Return a fingerprint of an array's numbers, computed once while they are what they are."""
    known = _known.get(id(array))
    if known is None or known.reference() is not array:
        return array_fingerprint(array)
    if known.sum is None:
        known.sum = array_fingerprint(array)
    return known.sum


def dataset_fingerprint(dataset: Dataset) -> dict[str, str]:
    """Return a fingerprint for each array: train.x, train.y, …, train.weights, …"""
    sums = {
        f"{name}.{part}": sum_once(array)
        for name, split in dataset.splits.items()
        for part, array in split._asdict().items()
    }
    units = dataset.arrays.units
    of_units = {} if units is None else units._asdict()
    return (
        sums
        | {f"units.{part}": array_fingerprint(array) for part, array in of_units.items()}
        | {f"{name}.weights": sum_once(array) for name, array in weights_of(dataset).items()}
    )


def on_devices(dataset: Dataset, mesh: Mesh | None) -> Arrays:
    """Return the numbers of a dataset on every device of a mesh (None: the default device)."""
    place = getattr(jax.config, DEFAULT_DEVICE) if mesh is None else mesh
    where = place, checks.is_x64()

    def placed(array: ArrayLike) -> jax.Array:
        if mesh is None and isinstance(array, jax.Array):
            return array
        if id(array) not in _known:
            _known[id(array)] = Known(array)
        known = _known[id(array)]
        if where not in known.copies:
            known.copies[where] = copied(array, mesh)
        return known.copies[where]

    return jax.tree.map(placed, dataset.arrays)


def together_on_devices(datasets: Sequence[Dataset], mesh: Mesh | None) -> Arrays:
    """Return the numbers of several datasets of equal shapes, one behind the other.

    Their units, one pair each, get an axis for the dataset.
    """
    every = [dataset.arrays for dataset in datasets]
    joined = jax.tree.map(
        lambda *arrays: np.concatenate([*map(np.asarray, arrays)]),
        *(arrays._replace(units=None) for arrays in every),
    )
    if every[0].units is not None:
        pairs = [arrays.units for arrays in every]
        joined = joined._replace(units=jax.tree.map(lambda *each: np.stack(each), *pairs))
    return jax.tree.map(lambda array: copied(array, mesh), joined)


def copied(array: ArrayLike, mesh: Mesh | None) -> jax.Array:
    """Copy an array to the devices: it shares no memory with one that may be changed."""
    if mesh is None:
        return jnp.array(array, copy=True)
    return jax.device_put(np.array(array), NamedSharding(mesh, P()))


def are_equal(array: np.ndarray, copy: np.ndarray) -> bool:
    """Return whether an array has the numbers of its copy, which JAX may have made narrower."""
    if array.shape != copy.shape:
        return False
    if array.dtype == copy.dtype:  # whole numbers are compared in less time
        array, copy = (values.view(f"u{values.itemsize}") for values in (array, copy))

    def are_equal_from(start: int) -> bool:
        rows = slice(start, start + ROWS)  # few at once stay in the caches, in whatever order
        some = array[rows]
        if some.dtype != copy.dtype and some.dtype.kind == "f":
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
    arrays = [array for split in dataset.splits.values() for array in split]
    return [*arrays, *weights_of(dataset).values()]


def weights_of(dataset: Dataset) -> dict[str, Any]:
    """Return the weights of each split by its name; nothing where all examples count the same."""
    return {} if dataset.weights is None else dataset.weights._asdict()
