"""Blocks: runs are computed in groups of one fixed shape, so that one program serves any number.

A block has rows of runs, shared out among the devices. A device computes its rows one after the
other; the runs of a row are one vmapped program. At equal runs per row every run is computed by the
same instructions at the same shape, so its bits do not depend on what runs beside it, in which
slot, or on how many devices.
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
"""The block of one run: its arrays have no axes for rows and runs."""


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

    run: Int[np.ndarray, "*rows_and_runs"]
    occupied: Bool[np.ndarray, "*rows_and_runs"]

    def collect(self, values: PyTree) -> PyTree:
        """Reorder leaves (rows, runs_per_vmap, …) to (runs, …), in the order of the runs.

        Those of a SINGLE block get their axis.
        """
        if self.run.ndim == 0:
            return jax.tree.map(lambda leaf: np.asarray(leaf)[None], values)
        order = np.argsort(self.run[self.occupied])
        return jax.tree.map(lambda leaf: np.asarray(leaf)[self.occupied][order], values)


@lru_cache(256)
def slots(shape: BlockShape, runs: int) -> Slots:
    """Assign slots to at most shape.runs runs: every device gets a row before any gets a second."""
    if shape == SINGLE:
        return Slots(np.array(0), np.array(True))
    sizes = (shape.rows, shape.devices, shape.runs_per_vmap)
    row, device, place = np.meshgrid(*map(np.arange, sizes), indexing="ij")
    number = (row * shape.devices + device) * shape.runs_per_vmap + place
    number = number.swapaxes(0, 1).reshape(-1, shape.runs_per_vmap)
    return Slots(np.minimum(number, runs - 1), number < runs)


def device_mesh() -> Mesh:
    """Return all devices of the default backend, in a row."""
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
    """Compute f(*mapped, *shared) for every run, up to the last row in which one is wanted.

    The leaves of `mapped` are (devices · rows, runs_per_vmap, …), in the SINGLE block without these
    axes; those of `shared` are the same for all. A run that is alone in its row is not vmapped, so
    it has the bits of a single run. The barriers keep a row apart from the slicing around it: fused
    with the update of a block's arrays, one initial value of a network 3-8-3 was another by a last
    bit in blocks of several rows (jax 0.12).

    otherwise  what the rows behind return: of the structure of the result; None: zeros
    """

    def on_device(wanted, mapped, shared, otherwise):
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
            otherwise = jax.tree.map(
                lambda leaf: jnp.zeros((shape.rows, *leaf.shape), leaf.dtype),
                jax.eval_shape(row, 0),
            )
        rows = jnp.max(jnp.where(wanted.any(axis=1), jnp.arange(1, shape.rows + 1), 0))
        return lax.fori_loop(0, rows, with_row, otherwise)

    if shape == SINGLE:
        return f(*mapped, *shared)
    if shape.devices == 1:
        return on_device(wanted, mapped, shared, otherwise)
    return jax.shard_map(
        on_device,
        mesh=mesh,
        in_specs=(P("rows"), P("rows"), P(), P("rows")),
        out_specs=P("rows"),
        check_vma=False,
    )(wanted, mapped, shared, otherwise)


def shard(mesh: Mesh | None, values: PyTree) -> PyTree:
    """Cut arrays (devices · rows, …) among the devices of the mesh (None: the default device)."""
    return jax.device_put(values, mesh and NamedSharding(mesh, P("rows")))


def sharded_like(mesh: Mesh | None, shapes: PyTree) -> PyTree:
    """Return the shapes of arrays that are shard, for a compiler."""
    place = mesh and NamedSharding(mesh, P("rows"))

    def placed(leaf):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place)

    return jax.tree.map(placed, shapes)
