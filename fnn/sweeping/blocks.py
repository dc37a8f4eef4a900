"""Blocks: lanes are run in groups of one fixed shape, so that one compiled program serves any number of them.

A block is rows of lanes, shared out among the devices. A device takes its rows one after the other; the lanes of a row
stand abreast, as one vmapped program. How many stand abreast depends on the size of the network alone, never on how
many lanes or devices there are: then every lane is computed by the same instructions at the same shape, and its result
is the same bit for bit whatever runs beside it. Rows without lanes cost nothing.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Bool, Int

from fnn import tree
from fnn.types import PyTree

Taken: TypeAlias = Bool[jax.Array, "rows abreast"]


class Shape(NamedTuple):
    """rows × abreast lanes on each of so many devices."""

    devices: int
    rows: int
    abreast: int

    @property
    def lanes(self) -> int:
        """Lanes of a block."""
        return self.devices * self.rows * self.abreast


class Seats(NamedTuple):
    """Where the lanes of a block sit: lane[i, j] is the number of the lane in row i, and taken[i, j] is false where
    there is none (lane is any then)."""

    lane: Int[np.ndarray, "rows abreast"]
    taken: Bool[np.ndarray, "rows abreast"]

    def collect(self, values: PyTree) -> PyTree:
        """(rows, abreast, …) -> (lanes, …) in the order of the lanes."""
        order = np.argsort(self.lane[self.taken])
        return jax.tree.map(lambda leaf: np.asarray(leaf)[self.taken][order], values)


def seats(shape: Shape, lanes: int) -> Seats:
    """Seats of so many lanes, at most those of a block. Every device gets a row before any gets a second one."""
    turn, device, seat = np.meshgrid(*map(np.arange, (shape.rows, shape.devices, shape.abreast)), indexing="ij")
    number = (turn * shape.devices + device) * shape.abreast + seat
    number = number.swapaxes(0, 1).reshape(shape.devices * shape.rows, shape.abreast)
    return Seats(np.minimum(number, lanes - 1), number < lanes)


def device_mesh() -> Mesh:
    """All devices of the default backend, in a row."""
    return jax.make_mesh((jax.device_count(),), ("rows",), axis_types=(AxisType.Auto,))


def over_rows(
    mesh: Mesh, shape: Shape, f: Callable, mapped: PyTree, shared: PyTree = (), taken: Taken | None = None
) -> PyTree:
    """f(*mapped, *shared) for every lane: the leaves of `mapped` are (devices · rows, abreast, …), those of `shared`
    the same for all. A lane that is alone in its row is not vmapped, which makes it what it is in `fnn.train`. A row
    of which no seat is taken, if that is told, is not computed, and zero."""

    def on_device(mapped, shared, taken):
        def lane(args):
            return f(*args, *shared)

        def alone(args):
            return jax.tree.map(lambda leaf: leaf[None], lane(jax.tree.map(lambda leaf: leaf[0], args)))

        together = alone if shape.abreast == 1 else jax.vmap(lane)

        def row(args):
            args, taken = args
            like = jax.eval_shape(together, args)
            return lax.cond(jnp.any(taken), together, lambda _: tree.zeros_like(like), args)

        return lax.map(together, mapped) if taken is None else lax.map(row, (mapped, taken))

    specs = (P("rows"), P(), P("rows"))
    return jax.shard_map(on_device, mesh=mesh, in_specs=specs, out_specs=P("rows"), check_vma=False)(
        mapped, shared, taken
    )


def spread(mesh: Mesh, values: PyTree) -> PyTree:
    """Arrays (devices · rows, …) cut among the devices of the mesh."""
    return jax.device_put(values, NamedSharding(mesh, P("rows")))


def spread_like(mesh: Mesh, shapes: PyTree) -> PyTree:
    """The shapes of such arrays, for a compiler."""
    place = NamedSharding(mesh, P("rows"))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place), shapes)


def replicated(mesh: Mesh, values: PyTree) -> PyTree:
    """Arrays on every device of the mesh."""
    return jax.device_put(jax.tree.map(np.asarray, values), NamedSharding(mesh, P()))
