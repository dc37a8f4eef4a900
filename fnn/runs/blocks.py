"""Blocks: runs are computed in groups of one fixed shape, so that one program serves any number.

A block has rows of runs, which are divided among the devices. A device computes its rows one after
the other. The runs of a row are one vmapped program. With the same number of runs per row every run
is computed by the same instructions at the same shape. So its bits do not depend on the other runs,
on its slot, or on the number of devices.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Bool, Int, Num, UInt32

from fnn import checks
from fnn.types import ArrayLike, PyTree


class Runs(NamedTuple):
    """Hold the values in which the runs of one program differ: arrays with one entry per run."""

    seeds: UInt32[np.ndarray, "*runs"]
    hyper: dict[str, Num[np.ndarray, "*runs"]]

    def at(self, index: np.ndarray) -> "Runs":
        """Return the runs with these numbers, in the shape of `index`."""
        hyper = {name: values[index] for name, values in self.hyper.items()}
        return Runs(self.seeds[index], hyper)

    def one(self) -> tuple[np.uint32, dict[str, Num[np.ndarray, ""]]]:
        """Return the seed and the hyperparameters of the first run."""
        hyper = {name: values[0] for name, values in self.hyper.items()}
        return self.seeds[0], hyper


class BlockShape(NamedTuple):
    """Give the shape of a block: rows × runs_per_vmap runs on each of its devices."""

    devices: int
    rows: int
    runs_per_vmap: int

    @property
    def runs(self) -> int:
        """Return the number of runs of a block."""
        return self.devices * self.rows * self.runs_per_vmap


SINGLE = BlockShape(devices=1, rows=1, runs_per_vmap=1)
"""The block of one run. Its arrays have no axes for rows and runs."""


def check_runs_per_vmap(runs_per_vmap: Any, exact: Any = False) -> int | None:
    """Check and return how many runs share a row: None, 1, or a power of two of at least 8.

    exact  whether a run must have the bits of a single run; then 1 is returned
    """
    checks.truth("exact", exact)
    if runs_per_vmap is None:
        return 1 if exact else None
    is_count = isinstance(runs_per_vmap, int) and not isinstance(runs_per_vmap, bool)
    count = runs_per_vmap if is_count else 0
    is_power_of_two = count & (count - 1) == 0
    if count != 1 and (count < 8 or not is_power_of_two):
        raise ValueError(
            f"runs_per_vmap: got {runs_per_vmap!r}, expected 1, or a power of two of at least "
            "8: with others the last bits of a run depend on its place in the row."
        )
    if exact and count != 1:
        raise ValueError(f"runs_per_vmap: got {count} with exact=True, which means 1.")
    return count


class Slots(NamedTuple):
    """Assign the runs of a block to its slots.

    run       the number of the run in each slot
    occupied  False where a slot has no run; its number means nothing then
    """

    run: Int[np.ndarray, "*rows_and_runs"]
    occupied: Bool[np.ndarray, "*rows_and_runs"]

    def collect(self, values: PyTree) -> PyTree:
        """Reorder leaves (rows, runs_per_vmap, …) to (runs, …), in the order of the runs.

        The leaves of a SINGLE block get an axis for the runs.
        """
        if self.run.ndim == 0:
            return jax.tree.map(lambda leaf: np.asarray(leaf)[None], values)
        order = np.argsort(self.run[self.occupied])
        return jax.tree.map(lambda leaf: np.asarray(leaf)[self.occupied][order], values)


@lru_cache(256)
def slots(shape: BlockShape, runs: int) -> Slots:
    """Assign slots to at most shape.runs runs. Every device gets a row before any gets a second."""
    if shape == SINGLE:
        return Slots(np.array(0), np.array(True))
    indices = np.arange(shape.rows), np.arange(shape.devices), np.arange(shape.runs_per_vmap)
    row, device, place = np.meshgrid(*indices, indexing="ij")
    number = (row * shape.devices + device) * shape.runs_per_vmap + place
    number = number.swapaxes(0, 1).reshape(-1, shape.runs_per_vmap)
    return Slots(np.minimum(number, runs - 1), number < runs)


def device_mesh() -> Mesh:
    """Return all devices of the default backend, as one axis named "rows"."""
    return jax.make_mesh((jax.device_count(),), ("rows",), axis_types=(AxisType.Auto,))


def over_rows(
    mesh: Mesh | None,
    shape: BlockShape,
    f: Callable,
    wanted: Bool[ArrayLike, "..."],
    mapped: PyTree,
    shared: PyTree = (),
    otherwise: PyTree = None,
) -> PyTree:
    """Compute f(*mapped, *shared) for every run, up to the last row with a wanted run.

    wanted     whether a run is wanted, in the shape of the slots
    mapped     differs between runs: leaves (devices · rows, runs_per_vmap, …); the leaves of a
               SINGLE block lack these two axes
    shared     is the same for all runs
    otherwise  the result of the rows behind the last wanted one, in the structure of the result;
               None: zeros

    A run that is alone in its row is not vmapped, so it has the bits of a single run.
    """
    if shape == SINGLE:
        return f(*mapped, *shared)

    def on_device(wanted, mapped, shared, otherwise):
        return _rows_on_device(shape, f, wanted, mapped, shared, otherwise)

    if shape.devices == 1:
        return on_device(wanted, mapped, shared, otherwise)
    return jax.shard_map(
        on_device,
        mesh=mesh,
        in_specs=(P("rows"), P("rows"), P(), P("rows")),
        out_specs=P("rows"),
        check_vma=False,
    )(wanted, mapped, shared, otherwise)


def _rows_on_device(
    shape: BlockShape,
    f: Callable,
    wanted: Bool[ArrayLike, "rows runs_per_vmap"],
    mapped: PyTree,
    shared: PyTree,
    otherwise: PyTree,
) -> PyTree:
    """Compute the rows of one device, one after the other. See `over_rows`.

    The barrier keeps a row apart from the update of the block's arrays. Fused with it, one initial
    value of a network 3-8-3 differed by a last bit in blocks of several rows (jax 0.12).
    """

    def run(args):
        return f(*args, *shared)

    def single(args):
        result = run(jax.tree.map(lambda leaf: leaf[0], args))
        return jax.tree.map(lambda leaf: leaf[None], result)

    def row(i):
        args = lax.optimization_barrier(jax.tree.map(lambda leaf: leaf[i], mapped))
        result = single(args) if shape.runs_per_vmap == 1 else jax.vmap(run)(args)
        return lax.optimization_barrier(result)

    def with_row(i, results):
        return jax.tree.map(lambda leaf, one: leaf.at[i].set(one), results, row(i))

    if shape.rows == 1:
        return jax.tree.map(lambda leaf: leaf[None], row(0))
    if otherwise is None:
        like = jax.eval_shape(row, 0)
        otherwise = jax.tree.map(
            lambda leaf: jnp.zeros((shape.rows, *leaf.shape), leaf.dtype),
            like,
        )
    row_is_wanted = wanted.any(axis=1)
    rows = jnp.max(jnp.where(row_is_wanted, jnp.arange(1, shape.rows + 1), 0))
    return lax.fori_loop(0, rows, with_row, otherwise)


def shard(mesh: Mesh | None, values: PyTree) -> PyTree:
    """Divide arrays (devices · rows, …) among the devices of a mesh (None: the default device)."""
    return jax.device_put(values, mesh and NamedSharding(mesh, P("rows")))


def sharded_like(mesh: Mesh | None, shapes: PyTree) -> PyTree:
    """Return the shapes of arrays that `shard` has divided, for a compiler."""
    sharding = mesh and NamedSharding(mesh, P("rows"))

    def sharded(leaf):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    return jax.tree.map(sharded, shapes)
