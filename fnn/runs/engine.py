"""The engine: a process, compiled over blocks of runs. It uses no clock, no files and no prints."""

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
MOST_RUNS_PER_VMAP = 32  # a larger vmap is no faster on a CPU, and takes more memory
PARAMETERS_PER_VMAP = 20_000  # of all runs of a row: a core's caches hold them beside the batches
MOST_ROWS = 8
BYTES_PER_BLOCK = 2**26  # of the states of all runs, on each device
MOST_PROGRAMS = 512  # kept for later calls


class Program:
    """Hold the two compiled functions for blocks of one shape. They are None before the first call.

    `locate_divergence` is not among them. It is compiled when a run diverges.
    """

    begin: Any = None
    advance: Any = None


class Engine(NamedTuple):
    """Hold a process, compiled for blocks of one shape, with its data on every device.

    process   defines one run
    compiled  an equal process that may have been compiled before, or the process itself
    shape     of the blocks
    mesh      the devices; None: the default device
    data      the process's data, on the devices
    one       the shapes of the seed and the hyperparameters of a run
    like      the shapes and dtypes of the state of one run
    program   the compiled functions; the same object for equal programs
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
        """Trace begin and advance for a block of runs with these shapes."""
        static = self._static
        _, placed, occupied = self._place(runs)
        start = begin_block.eval_shape(*static, placed, occupied)
        state = sharded_like(self.mesh, start)
        until = np.int32(0)
        begin = begin_block.trace(*static, placed, occupied)
        advance = advance_block.trace(*static, placed, self.data, state, until)
        return begin, advance

    def trace_one(self) -> tuple[ClosedJaxpr, ClosedJaxpr]:
        """Trace begin and advance for one run. They are the same for any block and any devices."""
        begin, _ = trace_begin(self.process, self.one)
        data = Shapes.of(self.data)
        advance = trace_advance(self.process, self.one, data)
        return begin, advance

    def is_compiled(self) -> bool:
        """Return whether an equal program was compiled before."""
        return self.program.advance is not None

    def compile(self, runs: Runs) -> None:
        """Compile begin and advance for runs with these shapes, both at the same time."""
        lowered = [traced.lower() for traced in self.trace(runs)]
        options = {}
        if self.process.few_optimizations:
            options = compiler.options_to_compile_fast()
        with ThreadPoolExecutor() as threads:
            compiled = threads.map(lambda each: each.compile(options), lowered)
        self.program.begin, self.program.advance = compiled

    def block(self, runs: Runs) -> "Block":
        """Give the runs their slots on the devices. Compile the program if that is not done."""
        if not self.is_compiled():
            self.compile(runs)
        assigned, placed, occupied = self._place(runs)
        return Block(self, assigned, placed, occupied)

    def block_like(self) -> ProcessState:
        """Return the shapes of the state of a block."""
        if self.shape == SINGLE:
            return self.like
        devices, rows, runs_per_vmap = self.shape
        leading = devices * rows, runs_per_vmap

        def with_leading(leaf: Any) -> jax.ShapeDtypeStruct:
            shape = *leading, *leaf.shape
            return jax.ShapeDtypeStruct(shape, leaf.dtype)

        return jax.tree.map(with_leading, self.like)

    def split(self, numbers: Integer[np.ndarray, "runs"]) -> list[Integer[np.ndarray, "runs"]]:
        """Split the numbers of runs into blocks."""
        size = self.shape.runs
        blocks = []
        for start in range(0, len(numbers), size):
            end = start + size
            blocks.append(numbers[start:end])
        return blocks

    def with_one_row(self) -> "Engine":
        """Return the engine with blocks of one row on each device. They take the least memory."""
        shape = self.shape._replace(rows=1)
        data = Shapes.of(self.data)
        program = program_of(self.compiled, self.mesh, shape, self.one, data)
        return self._replace(shape=shape, program=program)

    def _place(self, runs: Runs) -> tuple[Slots, Runs, Bool[ArrayLike, "rows runs_per_vmap"]]:
        """Return the slots of runs, and the runs and `occupied` in these slots."""
        assigned = slots(self.shape, len(runs.seeds))
        placed = runs.at(assigned.run)
        occupied = assigned.occupied
        if self.mesh is not None:
            placed, occupied = shard(self.mesh, (placed, occupied))
        return assigned, placed, occupied

    @property
    def _static(self) -> tuple[Process, Mesh | None, BlockShape]:
        return self.compiled, self.mesh, self.shape


class Block(NamedTuple):
    """Hold the runs of a block, in their slots on the devices."""

    engine: Engine
    slots: Slots
    runs: Runs
    occupied: Bool[ArrayLike, "rows runs_per_vmap"]

    def begin(self) -> ProcessState:
        """Return every run before its first epoch. A slot without a run is not active."""
        return self.engine.program.begin(self.runs, self.occupied)

    def restore(self, saved: PyTree) -> ProcessState:
        """Put a saved state back on the devices."""
        return shard(self.engine.mesh, saved)

    def place(self, states: PyTree) -> ProcessState:
        """Put states of the runs, leaves (runs, …), into their slots on the devices."""

        def of_slots(leaf: ArrayLike) -> np.ndarray:
            of_runs = np.asarray(leaf)
            return of_runs[self.slots.run]

        in_slots = jax.tree.map(of_slots, states)
        active = in_slots.active & self.slots.occupied
        return self.restore(in_slots._replace(active=active))

    def advance(self, state: ProcessState, until: np.int32) -> ProcessState:
        """Return every run after `until` epochs, or at its end where it ended before."""
        program = self.engine.program
        return program.advance(self.runs, self.engine.data, state, until)

    def locate_divergence(self, state: ProcessState) -> ProcessState:
        """Return every nonfinite run before the step that diverged."""
        return locate_block(*self.engine._static, self.runs, self.engine.data, state)

    def collect(self, values: PyTree) -> PyTree:
        """Bring values of the runs to the host: leaves (runs, …), in the order of the runs."""
        of_slots = on_host(values)
        return self.slots.collect(of_slots)


def on_host(values: PyTree) -> PyTree:
    """Bring arrays to the host."""
    if jax.default_backend() == "cpu":
        # jax.device_get starts all copies ahead, which takes longer on a CPU.
        return jax.tree.map(np.asarray, values)
    return jax.device_get(values)


def engine_of(
    process: Process,
    runs: Runs,
    runs_per_vmap: int,
    place: Callable[[Mesh | None], PyTree] = lambda mesh: (),
    most_rows: int | None = None,
) -> Engine:
    """Build the engine of a process for some runs, on all devices if they are more than one row.

    place      puts the data on the devices of a mesh (None: on the default device)
    most_rows  the largest number of rows of a block on each device; None: MOST_ROWS
    """
    one = Shapes.of(runs.one())
    like = like_of(process, one)
    mesh = None
    shape = BlockShape(1, 1, runs_per_vmap)
    if len(runs.seeds) > runs_per_vmap:
        all_devices = device_mesh()
        bytes_of_row = runs_per_vmap * tree.nbytes(like)
        fitting = BYTES_PER_BLOCK // max(1, bytes_of_row)
        most = most_rows or MOST_ROWS
        rows = max(1, min(most, fitting))
        shape = BlockShape(all_devices.size, rows, runs_per_vmap)
        mesh = all_devices if all_devices.size > 1 else None
    data = place(mesh)
    shapes = Shapes.of(data)
    compiled = first_equal(process, one, shapes)
    program = program_of(compiled, mesh, shape, one, shapes)
    return Engine(process, compiled, shape, mesh, data, one, like, program)


@lru_cache(MOST_PROGRAMS)
def program_of(
    process: Process, mesh: Mesh | None, shape: BlockShape, one: "Shapes", data: "Shapes"
) -> Program:
    """Return the program for blocks of a shape. It may have been compiled before."""
    return Program()


class Shapes(NamedTuple):
    """Hold the shapes and dtypes of a pytree in JAX. Pytrees that are traced alike are equal here.

    structure  of the pytree
    leaves     the shape and the dtype of each leaf
    x64        whether JAX has 64-bit numbers
    """

    structure: Any
    leaves: tuple[tuple[tuple[int, ...], Any], ...]
    x64: bool

    @classmethod
    def of(cls, values: PyTree) -> "Shapes":
        """Read the shapes of a pytree of arrays."""
        leaves, structure = jax.tree.flatten(values)
        shapes = []
        for leaf in leaves:
            dtype = held_dtype(leaf.dtype)
            shapes.append((leaf.shape, dtype))
        return cls(structure, tuple(shapes), checks.is_x64())

    def tree(self) -> PyTree:
        """Return the pytree, for JAX to trace with."""
        leaves = [jax.ShapeDtypeStruct(*leaf) for leaf in self.leaves]
        return self.structure.unflatten(leaves)


@lru_cache(MOST_PROGRAMS)
def shapes_after(function: Callable[[PyTree], PyTree], before: Shapes) -> PyTree:
    """Return the shapes of a function of a pytree. JAX takes milliseconds to trace them."""
    return jax.eval_shape(function, before.tree())


def held_dtype(dtype: Any) -> Any:
    """Return the dtype in which JAX holds numbers of another: outside x64, float32 for float64."""
    is_key = jax.dtypes.issubdtype(dtype, jax.dtypes.extended)
    if is_key:
        return dtype
    return jax.dtypes.canonicalize_dtype(dtype)


@lru_cache(MOST_PROGRAMS)
def trace_begin(process: Process, one: Shapes) -> tuple[ClosedJaxpr, ProcessState]:
    """Trace the beginning of one run. Blocks of any shape on any devices are made of it.

    one  the shapes of its seed and hyperparameters

    Returns the program, and the shapes and dtypes of the state.
    """
    seed, hyper = one.tree()
    trace = jax.make_jaxpr(process.begin, return_shape=True)
    return trace(seed, hyper)


def like_of(process: Process, one: Shapes) -> ProcessState:
    """Return the shapes and dtypes of the state of a run."""
    _, like = trace_begin(process, one)
    return like


@lru_cache(MOST_PROGRAMS)
def trace_advance(process: Process, one: Shapes, data: Shapes) -> ClosedJaxpr:
    """Trace the advancing of one run. Blocks of any shape on any devices are made of it."""
    like = like_of(process, one)
    until = jax.ShapeDtypeStruct((), np.int32)
    seed, hyper = one.tree()
    trace = jax.make_jaxpr(process.advance)
    return trace(seed, hyper, data.tree(), like, until)


def begin_one(process: Process, runs: Runs) -> ProcessState:
    """Begin one run by its traced program."""
    one = Shapes.of(tuple(runs))
    traced, like = trace_begin(process, one)
    return call(traced, like, runs)


def advance_one(
    process: Process, runs: Runs, data: PyTree, state: ProcessState, until: Any
) -> ProcessState:
    """Advance one run by its traced program."""
    one = Shapes.of(tuple(runs))
    shapes = Shapes.of(data)
    traced = trace_advance(process, one, shapes)
    return call(traced, state, runs, data, state, until)


def call(traced: ClosedJaxpr, like: PyTree, *args: PyTree) -> PyTree:
    """Call a traced program.

    like  has the structure and the dtypes of its result
    """
    run = jaxpr_as_fun(traced)
    leaves = run(*jax.tree.leaves(args))
    structure = jax.tree.structure(like)
    result = jax.tree.unflatten(structure, leaves)
    return tree.as_types_of(like, result)


def clear_caches() -> None:
    """Forget every traced and compiled program, here and in JAX.

    A builder's globals are read again then, as in a new process.
    """
    _first_processes.clear()
    for cached in (program_of, trace_begin, trace_advance, first_equal):
        cached.cache_clear()
    jax.clear_caches()


@lru_cache(MOST_PROGRAMS)
def first_equal(process: Process, one: Shapes, data: Shapes) -> Process:
    """Return the first process that had the same program, or this one where there was none.

    A closure that is written anew in each turn of a loop (a builder, a user's layer, optax.adam) is
    equal to itself alone, so that jit would compile each. Tracing shows that two closures compute
    the same. It also refuses parts that do not fit together.
    """
    begin, like = trace_begin(process, one)
    advance = trace_advance(process, one, data)
    begin_text = program_fingerprint(begin)
    advance_text = program_fingerprint(advance)
    text = f"{begin_text}\n{advance_text}"
    if "callback" in text:
        # The text does not say what the Python function of a callback does.
        return process
    digest = sha256(text.encode()).digest()
    structure = jax.tree.structure(like)
    program = digest, one, data, structure
    return _first_processes.setdefault(program, process)


_first_processes: dict[Any, Process] = {}


def default_runs_per_vmap(parameters: int, runs: int) -> int:
    """Return how many runs share a row.

    parameters  the number of parameters of the network
    runs        the number of runs

    It is 1 for few runs, and for large networks, which keep a core busy alone. Otherwise it is 8,
    and for many runs of small networks 16 or 32. It is never 2 or 4: the remainders of vector
    instructions may then round the runs of a row differently.

    The table has the milliseconds of a run of 20 epochs (16-256-10: of 10 epochs) on two CPU cores,
    in rows of 1 and of 8. Rows of 16 and 32 are at most 12% faster, from 64 runs on.

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
    power_of_two = 2 ** (fitting.bit_length() - 1)
    return min(MOST_RUNS_PER_VMAP, max(8, power_of_two))


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
        active = state.active & occupied
        return state._replace(active=active)

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
    """Locate the step at which each nonfinite run of a block diverges."""

    def locate(runs: Runs, state: ProcessState, data) -> ProcessState:
        return process.locate_divergence(runs.seeds, runs.hyper, data, state)

    return over_rows(mesh, shape, locate, state.nonfinite, (runs, state), (data,), state)
