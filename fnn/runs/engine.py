"""The engine: a process compiled over blocks of runs. It has no clock, prints and saves nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jax.sharding import Mesh
from jax.stages import Traced
from jaxtyping import Bool, Integer

from fnn import checks, compiler, tree
from fnn.runs.blocks import (
    SINGLE,
    BlockShape,
    Runs,
    Slots,
    device_mesh,
    over_rows,
    shard,
    sharded_like,
    slots,
)
from fnn.runs.fingerprint import program_fingerprint
from fnn.runs.process import Process, ProcessState
from fnn.types import ArrayLike, PyTree

FEW, MANY = 8, 64  # runs
TINY = 500  # parameters
MOST_RUNS_PER_VMAP = 32  # a larger vmap is no faster on a CPU and takes more memory
PARAMETERS_PER_VMAP = 20_000  # of all runs of a row: what a core's caches hold beside the batches
MOST_ROWS = 8
BYTES_PER_BLOCK = 2**26  # of the states of all runs, on each device
MOST_PROGRAMS = 512  # that are kept for later calls


class Program:
    """What is compiled for blocks of one shape: None before the first call.

    What locates a divergence is compiled when one happens.
    """

    begin: Any = None
    advance: Any = None


class Engine(NamedTuple):
    """A process, compiled for blocks of one shape, with its data on every device.

    compiled  an equal process that may have been compiled before, or the process itself
    mesh      None: the default device
    one       the shapes of the seed and the hyperparameters of a run
    like      shapes and dtypes of the state of one run
    program   the same object for equal programs
    """

    process: Any
    compiled: Process
    shape: BlockShape
    mesh: Mesh | None
    data: PyTree
    one: "Shapes"
    like: Any
    program: Program

    def trace(self, runs: Runs) -> tuple[Traced, Traced]:
        """Trace begin and advance for runs like these."""
        _, placed, occupied = self._place(runs)
        start = begin_block.eval_shape(*self._static, placed, occupied)
        state = sharded_like(self.mesh, start)
        return (
            begin_block.trace(*self._static, placed, occupied),
            advance_block.trace(*self._static, placed, self.data, state, np.int32(0)),
        )

    def trace_one(self) -> tuple[ClosedJaxpr, ClosedJaxpr]:
        """Trace begin and advance for one run: the same for any block and any devices."""
        begin, _ = trace_begin(self.process, self.one)
        return begin, trace_advance(self.process, self.one, Shapes.of(self.data))

    def is_compiled(self) -> bool:
        """Return whether an equal program was compiled before."""
        return self.program.advance is not None

    def compile(self, runs: Runs) -> None:
        """Compile what begins and what advances runs like these, side by side."""
        lowered = [traced.lower() for traced in self.trace(runs)]
        few = self.process.few_optimizations
        options = compiler.options_to_compile_fast() if few else {}
        with ThreadPoolExecutor() as threads:
            programs = threads.map(lambda each: each.compile(options), lowered)
        self.program.begin, self.program.advance = programs

    def block(self, runs: Runs) -> "Block":
        """Give the runs their slots on the devices, and compile what they need if nobody has."""
        if not self.is_compiled():
            self.compile(runs)
        return Block(self, *self._place(runs))

    def block_like(self) -> ProcessState:
        """Return the shapes of the state of a block."""
        if self.shape == SINGLE:
            return self.like
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
        shape = self.shape._replace(rows=1)
        program = program_of(self.compiled, self.mesh, shape, self.one, Shapes.of(self.data))
        return self._replace(shape=shape, program=program)

    def _place(self, runs: Runs) -> tuple[Slots, Runs, Bool[ArrayLike, "rows runs_per_vmap"]]:
        assigned = slots(self.shape, len(runs.seeds))
        values = runs.at(assigned.run), assigned.occupied
        return assigned, *(values if self.mesh is None else shard(self.mesh, values))

    @property
    def _static(self) -> tuple[Process, Mesh | None, BlockShape]:
        return self.compiled, self.mesh, self.shape


class Block(NamedTuple):
    """The runs of a block, in their slots on the devices."""

    engine: Engine
    slots: Slots
    runs: Runs
    occupied: Bool[ArrayLike, "rows runs_per_vmap"]

    def begin(self) -> ProcessState:
        """Return every run before its first epoch; a slot without a run is not active."""
        return self.engine.program.begin(self.runs, self.occupied)

    def restore(self, saved: PyTree) -> ProcessState:
        """Put a saved state back on the devices."""
        return shard(self.engine.mesh, saved)

    def place(self, states: PyTree) -> ProcessState:
        """Put states of the runs, leaves (runs, …), into their slots on the devices."""
        own = jax.tree.map(lambda leaf: np.asarray(leaf)[self.slots.run], states)
        return self.restore(own._replace(active=own.active & self.slots.occupied))

    def advance(self, state: ProcessState, until: np.int32) -> ProcessState:
        """Return every run after `until` epochs, or where it ended before."""
        return self.engine.program.advance(self.runs, self.engine.data, state, until)

    def locate_divergence(self, state: ProcessState) -> ProcessState:
        """Return every nonfinite run before the step that diverged."""
        return locate_block(*self.engine._static, self.runs, self.engine.data, state)

    def collect(self, values: PyTree) -> PyTree:
        """Bring values of the runs to the host: leaves (runs, …), in the order of the runs."""
        return self.slots.collect(on_host(values))


def on_host(values: PyTree) -> PyTree:
    """Bring arrays to the host; for those of a CPU, asking ahead of time would take longer."""
    if jax.default_backend() != "cpu":
        return jax.device_get(values)
    return jax.tree.map(np.asarray, values)


def engine_of(
    process: Process,
    runs: Runs,
    runs_per_vmap: int,
    place: Callable[[Mesh | None], PyTree] = lambda mesh: (),
    most_rows: int | None = None,
) -> Engine:
    """Build the engine of a process for some runs, on all devices if they are more than one row.

    place  mesh -> the data, on its devices (None: on the default device)
    """
    one = Shapes.of(runs.one())
    like = like_of(process, one)
    mesh, shape = None, BlockShape(1, 1, runs_per_vmap)
    if len(runs.seeds) > runs_per_vmap:
        mesh = device_mesh()
        rows = BYTES_PER_BLOCK // max(1, runs_per_vmap * tree.nbytes(like))
        shape = BlockShape(mesh.size, max(1, min(most_rows or MOST_ROWS, rows)), runs_per_vmap)
        mesh = mesh if mesh.size > 1 else None
    data = place(mesh)
    shapes = Shapes.of(data)
    compiled = first_equal(process, one, shapes)
    program = program_of(compiled, mesh, shape, one, shapes)
    return Engine(process, compiled, shape, mesh, data, one, like, program)


@lru_cache(MOST_PROGRAMS)
def program_of(
    process: Process, mesh: Mesh | None, shape: BlockShape, one: "Shapes", data: "Shapes"
) -> Program:
    """Return the program for blocks of a shape, with what was compiled of it before."""
    return Program()


class Shapes(NamedTuple):
    """Shapes and dtypes of a pytree, as JAX holds it: equal for pytrees that are traced alike."""

    structure: Any
    leaves: tuple[tuple[tuple[int, ...], Any], ...]
    x64: bool

    @classmethod
    def of(cls, values: PyTree) -> "Shapes":
        """Take the shapes of arrays."""
        leaves, structure = jax.tree.flatten(values)
        shapes = tuple((leaf.shape, held_dtype(leaf.dtype)) for leaf in leaves)
        return cls(structure, shapes, checks.is_x64())

    def tree(self) -> PyTree:
        """Return the pytree, for JAX to trace with."""
        return self.structure.unflatten([jax.ShapeDtypeStruct(*leaf) for leaf in self.leaves])


def held_dtype(dtype: Any) -> Any:
    """Return the dtype that JAX makes of another: float32 of float64 outside x64."""
    is_key = jax.dtypes.issubdtype(dtype, jax.dtypes.extended)
    return dtype if is_key else jax.dtypes.canonicalize_dtype(dtype)


@lru_cache(MOST_PROGRAMS)
def trace_begin(process: Process, one: Shapes) -> tuple[ClosedJaxpr, ProcessState]:
    """Trace the beginning of one run, of which blocks of any shape on any devices are made.

    one  the shapes of its seed and hyperparameters

    Returns the program, and shapes and dtypes of the state.
    """
    return jax.make_jaxpr(process.begin, return_shape=True)(*one.tree())


def like_of(process: Process, one: Shapes) -> ProcessState:
    """Return shapes and dtypes of the state of a run."""
    return trace_begin(process, one)[1]


@lru_cache(MOST_PROGRAMS)
def trace_advance(process: Process, one: Shapes, data: Shapes) -> ClosedJaxpr:
    """Trace the advancing of one run, of which blocks of any shape on any devices are made."""
    until = jax.ShapeDtypeStruct((), np.int32)
    return jax.make_jaxpr(process.advance)(*one.tree(), data.tree(), like_of(process, one), until)


def begin_one(process: Process, runs: Runs) -> ProcessState:
    """Begin one run as it was traced."""
    one = Shapes.of(tuple(runs))
    return call(*trace_begin(process, one), runs)


def advance_one(
    process: Process, runs: Runs, data: PyTree, state: ProcessState, until: Any
) -> ProcessState:
    """Advance one run as it was traced."""
    traced = trace_advance(process, Shapes.of(tuple(runs)), Shapes.of(data))
    return call(traced, state, runs, data, state, until)


def call(traced: ClosedJaxpr, like: PyTree, *args: PyTree) -> PyTree:
    """Call what was traced; `like` has the structure and the dtypes of what it returns."""
    leaves = jaxpr_as_fun(traced)(*jax.tree.leaves(args))
    return tree.as_types_of(like, jax.tree.unflatten(jax.tree.structure(like), leaves))


def clear_caches() -> None:
    """Forget what was traced and compiled, here and in JAX.

    A global that a builder reads is read again then, as in a new process.
    """
    _first.clear()
    for cached in (program_of, trace_begin, trace_advance, first_equal):
        cached.cache_clear()
    jax.clear_caches()


@lru_cache(MOST_PROGRAMS)
def first_equal(process: Process, one: Shapes, data: Shapes) -> Process:
    """Return the first process that had the program of this one; itself, where there is none.

    Closures that are written anew in each turn of a loop (a builder, a layer of one's own,
    optax.adam) are equal to nothing but themselves, and jit would compile each. What they compute
    shows when they are traced, and what does not fit together is refused there.
    """
    begin, like = trace_begin(process, one)
    programs = begin, trace_advance(process, one, data)
    text = "\n".join(map(program_fingerprint, programs))
    if "callback" in text:  # what Python does there is not in the text
        return process
    program = sha256(text.encode()).digest(), one, data, jax.tree.structure(like)
    return _first.setdefault(program, process)


_first: dict[Any, Process] = {}


def default_runs_per_vmap(parameters: int, runs: int) -> int:
    """Return how many runs share a row, by the parameters of a network and the number of runs.

    1 for few runs and for large networks, which keep a core busy alone; else 8, and for many runs
    of small networks 16 or 32. Never 2 or 4: the remainders of vector instructions may then round
    the runs of a row differently. Milliseconds of a run of 20 epochs (16-256-10: of 10) on two CPU
    cores, in rows of 1 and of 8 (rows of 16 and 32 are at most 12% faster, from 64 runs on):

    | network   | parameters | 4 runs     | 8          | 16         | 32         | 64         |
    |-----------|------------|------------|------------|------------|------------|------------|
    | 2-16-16-2 | 354        | 7.3,  7.6  | 7.2,  4.6  | 5.8,  2.9  | 7.1,  2.8  | 7.3,  2.6  |
    | 64-32-10  | 2,410      | 9.7, 27.2  | 7.9, 13.2  | 7.1,  5.8  | 7.4,  5.5  | 7.5,  5.2  |
    | 16-256-10 | 6,922      | 10.1, 41.7 | 9.4, 20.8  | 7.7,  8.9  | 8.5,  8.1  | 8.3,  7.8  |
    """
    few = FEW if parameters >= TINY else FEW // 2
    fitting = PARAMETERS_PER_VMAP // max(1, parameters)
    if runs <= few or fitting < 4:
        return 1
    if runs < MANY:
        return 8
    return min(MOST_RUNS_PER_VMAP, max(8, 2 ** (fitting.bit_length() - 1)))


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
        state = begin_one(process, runs)
        return state._replace(active=state.active & occupied)

    return over_rows(mesh, shape, begin, occupied, (runs, occupied))


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
        return advance_one(process, runs, data, state, until)

    return over_rows(mesh, shape, advance, state.active, (runs, state), (data, until), state)


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

    return over_rows(mesh, shape, locate, state.nonfinite, (runs, state), (data,), state)
