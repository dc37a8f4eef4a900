"""The engine: a process compiled over blocks of runs. It has no clock, prints and saves nothing."""

from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jax.stages import Traced
from jaxtyping import Bool, Integer

from fnn import compiler, tree
from fnn.runs.blocks import (
    BlockShape,
    Runs,
    Slots,
    over_rows,
    shard,
    sharded_like,
    slots,
)
from fnn.runs.process import Process, ProcessState
from fnn.types import ArrayLike, PyTree

MOST_RUNS_PER_VMAP = 32  # a larger vmap is no faster on a CPU and takes more memory
PARAMETERS_PER_VMAP = 20_000  # of all runs of a row: what a core's caches hold beside the batches
MOST_ROWS = 8
BYTES_PER_BLOCK = 2**26  # of the states of all runs, on each device


class Engine(NamedTuple):
    """A process, compiled for blocks of one shape, with its data on every device.

    mesh  None: the default device
    like  shapes and dtypes of the state of one run
    """

    process: Any
    shape: BlockShape
    mesh: Mesh | None
    data: PyTree
    like: Any

    def trace(self, runs: Runs) -> tuple[Traced, Traced]:
        """Trace begin and advance for runs like these; what does not fit is refused here."""
        block = self.block(runs)
        start = begin_block.eval_shape(*self._static, block.runs, block.occupied)
        state = sharded_like(self.mesh, start)
        return (
            begin_block.trace(*self._static, block.runs, block.occupied),
            advance_block.trace(*self._static, block.runs, self.data, state, np.int32(0)),
        )

    def trace_one(self, runs: Runs) -> tuple[Traced, Traced]:
        """Trace begin and advance for one run: the same for any block and any devices."""
        one = runs.one()
        return (
            begin_one.trace(self.process, *one),
            advance_one.trace(self.process, *one, self.data, self.like, np.int32(0)),
        )

    def compile(self, runs: Runs) -> None:
        """Compile for runs like these, unless an equal program was compiled before.

        JAX keeps what is compiled here for the calls of `Block`, which have the same shapes.
        """
        for traced in self.trace(runs):
            traced.lower().compile()

    def block(self, runs: Runs) -> "Block":
        """Give the runs their slots on the devices."""
        assigned = slots(self.shape, len(runs.seeds))
        placed, occupied = shard(self.mesh, (runs.at(assigned.run), assigned.occupied))
        return Block(self, assigned, placed, occupied)

    def block_like(self) -> ProcessState:
        """Return the shapes of the state of a block."""
        leading = (self.shape.devices * self.shape.rows, self.shape.runs_per_vmap)
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct((*leading, *leaf.shape), leaf.dtype), self.like
        )

    def split(self, numbers: Integer[np.ndarray, "runs"]) -> list[Integer[np.ndarray, "runs"]]:
        """Split the numbers of runs into blocks."""
        size = self.shape.runs
        return [numbers[start : start + size] for start in range(0, len(numbers), size)]

    def with_one_row(self) -> "Engine":
        """Return the engine with blocks of one row on each device, which take the least memory."""
        return self._replace(shape=self.shape._replace(rows=1))

    @property
    def _static(self) -> tuple[Process, Mesh | None, BlockShape]:
        return self.process, self.mesh, self.shape


class Block(NamedTuple):
    """The runs of a block, in their slots on the devices."""

    engine: Engine
    slots: Slots
    runs: Runs
    occupied: Bool[jax.Array, "rows runs_per_vmap"]

    def begin(self) -> ProcessState:
        """Return every run before its first epoch; a slot without a run is not active."""
        return begin_block(*self.engine._static, self.runs, self.occupied)

    def restore(self, saved: PyTree) -> ProcessState:
        """Put a saved state back on the devices."""
        return shard(self.engine.mesh, saved)

    def advance(self, state: ProcessState, until: np.int32) -> ProcessState:
        """Return every run after `until` epochs, or where it ended before."""
        return advance_block(*self.engine._static, self.runs, self.engine.data, state, until)

    def locate_divergence(self, state: ProcessState) -> ProcessState:
        """Return every nonfinite run before the step that diverged."""
        return locate_block(*self.engine._static, self.runs, self.engine.data, state)

    def collect(self, values: PyTree) -> PyTree:
        """Bring values of the runs to the host: leaves (runs, …), in the order of the runs."""
        return self.slots.collect(jax.device_get(values))


def engine_of(
    process: Process,
    mesh: Mesh | None,
    data: PyTree,
    runs: Runs,
    runs_per_vmap: int,
    most_rows: int | None = None,
) -> Engine:
    """Build the engine of a process; `data` is on every device, `runs` are any of its runs."""
    like = like_of(process, runs)
    rows = BYTES_PER_BLOCK // max(1, runs_per_vmap * tree.nbytes(like))
    shape = BlockShape(
        mesh.size if mesh else 1, max(1, min(most_rows or MOST_ROWS, rows)), runs_per_vmap
    )
    return Engine(process, shape, mesh, data, like)


def like_of(process: Process, runs: Runs) -> Any:
    """Return shapes and dtypes of the state of one run."""
    return begin_one.eval_shape(process, *runs.one())


def default_runs_per_vmap(parameters: int) -> int:
    """Return how many runs share a row, for a network of that many parameters.

    Small networks take 8, 16 or 32; larger ones 1, which keeps a core busy alone. Never 2 or 4:
    the remainders of vector instructions may then round the runs of a row differently.
    """
    fitting = PARAMETERS_PER_VMAP // max(1, parameters)
    if fitting < 4:
        return 1
    return min(MOST_RUNS_PER_VMAP, max(8, 2 ** (fitting.bit_length() - 1)))


@partial(jax.jit, static_argnums=0)
def begin_one(process: Process, seed: np.uint32, hyper: dict) -> ProcessState:
    """Begin one run. It is never executed: jit remembers its shapes and its trace."""
    return process.begin(seed, hyper)


@partial(jax.jit, static_argnums=0)
def advance_one(
    process: Process, seed: np.uint32, hyper: dict, data: PyTree, state: ProcessState, until
) -> ProcessState:
    """Advance one run. It is never executed: its trace is that of any block, on any devices."""
    return process.advance(seed, hyper, data, state, until)


@partial(compiler.jit, static_argnums=(0, 1, 2))
def begin_block(
    process: Process,
    mesh: Mesh | None,
    shape: BlockShape,
    runs: Runs,
    occupied: Bool[ArrayLike, "rows runs_per_vmap"],
) -> ProcessState:
    """Begin every run of a block."""

    def begin(runs: Runs, occupied) -> ProcessState:
        state = process.begin(runs.seeds, runs.hyper)
        return state._replace(active=state.active & occupied)

    return over_rows(mesh, shape, begin, (runs, occupied))


@partial(compiler.jit, static_argnums=(0, 1, 2), donate_argnums=5)
def advance_block(
    process: Process,
    mesh: Mesh | None,
    shape: BlockShape,
    runs: Runs,
    data: PyTree,
    state: ProcessState,
    until: Integer[ArrayLike, ""],
) -> ProcessState:
    """Advance every run of a block."""

    def advance(runs: Runs, state: ProcessState, data, until) -> ProcessState:
        return process.advance(runs.seeds, runs.hyper, data, state, until)

    return over_rows(mesh, shape, advance, (runs, state), (data, until))


@partial(compiler.jit, static_argnums=(0, 1, 2), donate_argnums=5)
def locate_block(
    process: Process,
    mesh: Mesh | None,
    shape: BlockShape,
    runs: Runs,
    data: PyTree,
    state: ProcessState,
) -> ProcessState:
    """Locate the divergence of every nonfinite run of a block."""

    def locate(runs: Runs, state: ProcessState, data) -> ProcessState:
        return process.locate_divergence(runs.seeds, runs.hyper, data, state)

    return over_rows(mesh, shape, locate, (runs, state), (data,))
