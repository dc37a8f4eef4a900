"""Blocks: runs are computed in groups of one fixed shape, so that one program serves any number.

A block has rows of runs, shared out among the devices. A device computes its rows one after the
other; the runs of a row are one vmapped program. At equal runs per row every run is computed by the
same instructions at the same shape, so its bits do not depend on what runs beside it, in which
slot, or on how many devices.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Bool, Int, Num, UInt32

from fnn import checks
from fnn.types import PyTree


class Runs(NamedTuple):
    """What differs between the runs of one program: arrays with one entry a run."""

    seeds: UInt32[np.ndarray, "*runs"]
    hyper: dict[str, Num[np.ndarray, "*runs"]]

    def at(self, index: np.ndarray) -> "Runs":
        """Return the runs of these numbers, in the shape of `index`."""
        return Runs(self.seeds[index], {name: v[index] for name, v in self.hyper.items()})

    def one(self) -> tuple[np.uint32, dict[str, Num[np.ndarray, ""]]]:
        """Return the seed and the hyperparameters of the first run."""
        return self.seeds[0], {name: values[0] for name, values in self.hyper.items()}


class BlockShape(NamedTuple):
    """rows × runs_per_vmap runs on each of so many devices."""

    devices: int
    rows: int
    runs_per_vmap: int

    @property
    def runs(self) -> int:
        """Return the number of runs of a block."""
        return self.devices * self.rows * self.runs_per_vmap


SINGLE = BlockShape(devices=1, rows=1, runs_per_vmap=1)


def check_runs_per_vmap(runs_per_vmap: Any, exact: Any = False) -> int | None:
    """Check how many runs share a row: None, 1, or a power of two of at least 8."""
    checks.truth("exact", exact)
    if runs_per_vmap is not None:
        is_count = isinstance(runs_per_vmap, int) and not isinstance(runs_per_vmap, bool)
        count = runs_per_vmap if is_count else 0
        if count != 1 and (count < 8 or count & (count - 1)):
            raise ValueError(
                f"runs_per_vmap: got {runs_per_vmap!r}, expected 1, or a power of two of at least "
                "8: with others the last bits of a run depend on its place in the row."
            )
        if exact and count != 1:
            raise ValueError(f"runs_per_vmap: got {count} with exact=True, which means 1.")
        return count
    return 1 if exact else None


class Slots(NamedTuple):
    """Where the runs of a block are computed.

    run    the number of the run in each slot
    occupied  false where a slot has no run; its number means nothing then
    """

    run: Int[np.ndarray, "rows runs_per_vmap"]
    occupied: Bool[np.ndarray, "rows runs_per_vmap"]

    def collect(self, values: PyTree) -> PyTree:
        """Reorder leaves (rows, runs_per_vmap, …) to (runs, …), in the order of the runs."""
        order = np.argsort(self.run[self.occupied])
        return jax.tree.map(lambda leaf: np.asarray(leaf)[self.occupied][order], values)


def slots(shape: BlockShape, runs: int) -> Slots:
    """Assign slots to at most shape.runs runs: every device gets a row before any gets a second."""
    sizes = (shape.rows, shape.devices, shape.runs_per_vmap)
    row, device, place = np.meshgrid(*map(np.arange, sizes), indexing="ij")
    number = (row * shape.devices + device) * shape.runs_per_vmap + place
    number = number.swapaxes(0, 1).reshape(-1, shape.runs_per_vmap)
    return Slots(np.minimum(number, runs - 1), number < runs)


def device_mesh() -> Mesh:
    """Return all devices of the default backend, in a row."""
    return jax.make_mesh((jax.device_count(),), ("rows",), axis_types=(AxisType.Auto,))


def over_rows(
    mesh: Mesh | None, shape: BlockShape, f: Callable, mapped: PyTree, shared: PyTree = ()
) -> PyTree:
    """Compute f(*mapped, *shared) for every run.

    The leaves of `mapped` are (devices · rows, runs_per_vmap, …), those of `shared` are the same
    for all. A run that is alone in its row is not vmapped, so it has the bits of a single run.
    """

    def on_device(mapped, shared):
        def run(args):
            return f(*args, *shared)

        def single(args):
            result = run(jax.tree.map(lambda leaf: leaf[0], args))
            return jax.tree.map(lambda leaf: leaf[None], result)

        row = single if shape.runs_per_vmap == 1 else jax.vmap(run)
        if shape.rows > 1:
            return lax.map(row, mapped)
        result = row(jax.tree.map(lambda leaf: leaf[0], mapped))
        return jax.tree.map(lambda leaf: leaf[None], result)

    if shape.devices == 1:
        return on_device(mapped, shared)
    return jax.shard_map(
        on_device, mesh=mesh, in_specs=(P("rows"), P()), out_specs=P("rows"), check_vma=False
    )(mapped, shared)


def shard(mesh: Mesh | None, values: PyTree) -> PyTree:
    """Cut arrays (devices · rows, …) among the devices of the mesh (None: the default device)."""
    return jax.device_put(values, mesh and NamedSharding(mesh, P("rows")))


def sharded_like(mesh: Mesh | None, shapes: PyTree) -> PyTree:
    """Return the shapes of arrays that are shard, for a compiler."""
    place = mesh and NamedSharding(mesh, P("rows"))

    def placed(leaf):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place)

    return jax.tree.map(placed, shapes)


def replicated(mesh: Mesh, values: PyTree) -> PyTree:
    """Put arrays on every device of the mesh."""
    return jax.device_put(jax.tree.map(np.asarray, values), NamedSharding(mesh, P()))
