"""Blocks: lanes are run in groups of one fixed size, so that one compiled program serves any number of them.

The size depends on the network alone, never on how many lanes or devices there are: then every lane is computed by
the same program at the same shape, and its result is the same bit for bit whatever runs beside it.
"""

from collections.abc import Callable

import jax
import numpy as np
import optax
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from fnn import tree
from fnn.data import Dataset
from fnn.sweeping.lanes import Lanes
from fnn.training.program import Outcome, Plan, trajectory
from fnn.types import Layer, Loss

Builder = Callable[[dict], tuple[Layer, Loss, optax.GradientTransformation]]

LARGEST_BLOCK = 32  # lanes; a larger vmap is no faster on a CPU and takes more memory
PARAMETERS_OF_A_BLOCK = 2**17  # a network of this size fills a core's matrix unit alone


def block_size(parameters: int) -> int:
    """Lanes in a block for a network of that many parameters: a power of two from 1 to LARGEST_BLOCK."""
    fitting = max(1, PARAMETERS_OF_A_BLOCK // max(1, parameters))
    return min(LARGEST_BLOCK, 2 ** (fitting.bit_length() - 1))


def parameter_count(builder: Builder, hyper: dict) -> int:
    """How many parameters the network of a setting has, from shapes alone."""

    def init(hyper):
        net, _, _ = builder(hyper)
        return net.init(jax.random.key(0))[0]

    return tree.size(jax.eval_shape(init, hyper))


def device_mesh() -> Mesh:
    """All devices of the default backend, in a row. Each runs a block of its own."""
    return jax.make_mesh((jax.device_count(),), ("lanes",), axis_types=(AxisType.Auto,))


def run_block(builder: Builder, plan: Plan, exact: bool, mesh: Mesh, lanes: Lanes, dataset: Dataset) -> Outcome:
    """The outcomes of size × devices lanes, along the leading axis of every leaf.

    exact=False runs the lanes of a device as one vmapped program; exact=True one after the other, each computed just
    as `fnn.train` computes it.
    """

    def on_device(lanes: Lanes, dataset: Dataset) -> Outcome:
        def lane(one: Lanes) -> Outcome:
            return trajectory(*builder(one.hyper), plan, one.seeds, dataset)

        return lax.map(lane, lanes) if exact else jax.vmap(lane)(lanes)

    return jax.shard_map(on_device, mesh=mesh, in_specs=(P("lanes"), P()), out_specs=P("lanes"), check_vma=False)(
        lanes, dataset
    )


compiled_block = jax.jit(run_block, static_argnums=(0, 1, 2, 3))


def replicated(mesh: Mesh, dataset: Dataset) -> Dataset:
    """The data on every device of the mesh."""
    return jax.device_put(jax.tree.map(np.asarray, dataset._replace(scaling=None)), NamedSharding(mesh, P()))


def spread(mesh: Mesh, lanes: Lanes) -> Lanes:
    """The lanes cut among the devices of the mesh, a block each."""
    return jax.device_put(lanes, NamedSharding(mesh, P("lanes")))
