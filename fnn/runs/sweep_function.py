"""Compute any pure function of a key over seeds and hyperparameters: `fnn.sweep_function`.

The function may be a training loop of Flax or Equinox. The engine runs it as a run of one epoch,
whose state is the value of the function.
"""

import reprlib
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Integer

from fnn import checks, tree
from fnn.checkpoint.run_directory import Call, recorded
from fnn.runs.arrays import nan_array
from fnn.runs.blocks import check_runs_per_vmap
from fnn.runs.driver import Group
from fnn.runs.engine import engine_of
from fnn.runs.fingerprint import (
    constants_of,
    plain_settings,
    program_fingerprint,
    seeds_fingerprint,
    settings_fingerprint,
)
from fnn.runs.journal import Journal, journal_of
from fnn.runs.missing_runs import run_missing
from fnn.runs.process import Hyper, Seed
from fnn.runs.refusals import one_process
from fnn.runs.results import Sweep
from fnn.runs.settings import STATISTICS, HyperValues, Setting, runs_of, settings_of
from fnn.runs.sweep_collector import put_outputs, zeros
from fnn.runs.traced import (
    ReadRecord,
    SettingGroup,
    StaticHyper,
    group_settings,
    traced_names,
)
from fnn.types import PRNGKey, PyTree
from fnn.workers import Workers, workers_of

ROWS = 4  # rows of a block on each device; few, since Ctrl-C waits for a block
RUNS_PER_VMAP = 8
COLUMNS = ("metric", "setting", "seed", "machine", "epoch", "n", "diverged", *STATISTICS)
"""The columns of the tables, whose names no result may have."""
JITTED = ("jit", "pjit")  # names of the operation that calls a jitted function
LEAVES = (jax.Array, np.ndarray, np.generic, bool, int, float, complex)

Function = Callable[[PRNGKey, Any], PyTree]


class FunctionState(NamedTuple):
    """The state of a run before or after its only epoch."""

    value: PyTree
    epochs: Integer[Array, ""]
    active: Bool[Array, ""]
    nonfinite: Bool[Array, ""]


class FunctionProcess(NamedTuple):
    """A function as the engine runs it: a run of one epoch."""

    function: Function
    static: StaticHyper

    @property
    def few_optimizations(self) -> bool:
        """Return False, since a user's function may be of any kind."""
        return False

    def begin(self, seed: Seed, hyper: Hyper) -> FunctionState:
        """Return zeros in the shapes of the function's value."""

        def zero(leaf: jax.ShapeDtypeStruct) -> Array:
            return jnp.zeros(leaf.shape, leaf.dtype)

        like = jax.eval_shape(self._value, seed, hyper)
        value = jax.tree.map(zero, like)
        return FunctionState(value, jnp.int32(0), jnp.array(True), jnp.array(False))

    def advance(self, seed: Seed, hyper: Hyper, data: PyTree, state: FunctionState, until):
        """Compute the function. A row in which no run is active stays as it is."""

        def is_unfinished(state: FunctionState):
            return state.active & (state.epochs < until)

        def compute(state: FunctionState) -> FunctionState:
            value = tree.as_types_of(state.value, self._value(seed, hyper))
            return FunctionState(value, jnp.int32(1), jnp.array(False), jnp.array(False))

        return lax.while_loop(is_unfinished, compute, state)

    def locate_divergence(self, seed: Seed, hyper: Hyper, data: PyTree, state: FunctionState):
        """Return the state unchanged: numbers that are not finite are values like any other."""
        return state

    def _value(self, seed: Seed, hyper: Hyper) -> PyTree:
        value = self.function(jax.random.key(seed), self.static.with_traced(hyper))
        return jax.tree.map(jnp.asarray, checked_value(value))


class FunctionJob(NamedTuple):
    """The arguments from which this process, or another one, builds the groups of a sweep."""

    function: Function
    settings: Sequence[Setting]
    seeds: Sequence[int]
    static: Sequence[str] | None
    runs_per_vmap: int

    def groups(self) -> list[Group]:
        """Build the groups."""
        setting_groups = function_groups(self.function, self.settings, self.static)
        return [self._group(setting_group) for setting_group in setting_groups]

    def _group(self, setting_group: SettingGroup) -> Group:
        rows = setting_group.rows
        settings = [self.settings[row] for row in rows]
        runs = runs_of(settings, setting_group.traced, self.seeds)
        process = FunctionProcess(self.function, setting_group.static)
        engine = engine_of(process, runs, self.runs_per_vmap, most_rows=ROWS)
        columns = range(len(self.seeds))
        return Group(engine, runs, 1, outcome=value_of, rows=rows, columns=columns)

    def describe(self, groups: Sequence[Group]) -> Call:
        """Describe the call for a checkpoint directory."""
        named: dict[str, Any] = {
            "call": "fnn.sweep_function",
            "runs_per_vmap": self.runs_per_vmap,
            "seeds": seeds_fingerprint(self.seeds),
            **settings_fingerprint(self.settings),
            **constants_of("f", self.function),
        }
        content = {
            "settings": plain_settings(self.settings),
            "seeds": self.seeds,
            "rows": [group.rows for group in groups],
            "runs_per_vmap": self.runs_per_vmap,
        }
        traced = [program for group in groups for program in group.engine.trace_one()]
        programs = [program_fingerprint(program) for program in traced]
        return Call(named, programs, "function", content)


def sweep_function(
    f: Function,
    *,
    seeds: Iterable[int],
    hyper: HyperValues | None = None,
    runs_per_vmap: int | None = None,
    static: Sequence[str] | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 30.0,
    executor: Executor | Workers | None = None,
) -> Sweep:
    """Compute f(key, hyper) for each setting and seed, in blocks, on all devices.

    f                 a pure function that returns a pytree of arrays, best a dict with names. key
                      is jax.random.key(seed). hyper maps each name to a number, which is traced
                      where f lets it be, or to another value
    seeds             distinct whole numbers in [0, 2³²)
    hyper             name -> list of values, or a list of points, as in `fnn.sweep`. None: one
                      setting without names
    runs_per_vmap     how many runs one vmap computes at once: 1, for work that fills a core, or a
                      power of two of at least 8. None: 8. With equal numbers the bits of a run are
                      the same in any sweep
    static            names of hyper that shape the program. None: found by trying f
    progress          show a progress bar
    checkpoint        a directory in which finished blocks are saved; the same call goes on from
                      there. None: nothing is saved
    checkpoint_every  seconds, as in `fnn.sweep`; a block is saved when it is finished
    executor          computes blocks on its workers, as in `fnn.sweep`. None: this process does

    Returns a `fnn.Sweep`. `outputs` has the values of each setting. Entries of a dict that are
    numbers or of shape (n,) are its history too.

    Raises ValueError before anything is compiled, among others for hyperparameters that f does not
    read, and for several seeds where f does not use its key. Ctrl-C raises a `SweepInterrupted` as
    in `fnn.sweep`. A block is computed in one piece, so Ctrl-C waits for it.

    >>> import fnn, jax
    >>> def walk(key, hyper):
    ...     steps = hyper["scale"] * jax.random.normal(key, (100,))
    ...     return {"end": steps.sum(), "path": steps.cumsum()}
    >>> sweep = fnn.sweep_function(
    ...     walk, seeds=range(3), hyper={"scale": [0.0, 1.0]}, progress=False
    ... )
    >>> sweep.history["path"].shape  # (settings, seeds, n)
    (2, 3, 100)
    >>> sweep.final("end")[0].tolist()
    [0.0, 0.0, 0.0]
    """
    if not callable(f):
        raise ValueError(f"f: got {f!r}, expected a function (key, hyper) -> pytree of arrays.")
    workers = workers_of(executor)
    one_process("fnn.sweep_function")
    checks.threefry()
    checked_seeds = checks.seeds(seeds)
    settings = settings_of(hyper)
    per_vmap = check_runs_per_vmap(runs_per_vmap)
    if per_vmap is None:
        per_vmap = recorded(checkpoint, "fnn.sweep_function", "runs_per_vmap") or RUNS_PER_VMAP
    job = FunctionJob(f, settings, checked_seeds, static, per_vmap)
    groups = job.groups()
    if len(checked_seeds) > 1:
        check_uses_key(f, settings[0], len(checked_seeds))
    describe = partial(job.describe, groups)
    journal = journal_of(checkpoint, checkpoint_every, None, describe, Journal([signal.SIGINT]))
    likes = [group.engine.like.value for group in groups]
    for like in likes:
        check_names(like, settings[0])
    rows = [group.rows for group in groups]
    empty = empty_sweep(settings, checked_seeds, rows, likes, per_vmap)
    return run_missing(empty, groups, put_values, journal, progress, job=job, workers=workers)


def put_values(sweep: Sweep, rows: np.ndarray, columns: np.ndarray, outcome: PyTree) -> None:
    """Put the function's values for some runs into a sweep."""
    put_outputs(sweep.outputs, rows, columns, outcome)
    for name, history in sweep.history.items():
        values = np.asarray(outcome[name])
        history[rows, columns] = values.reshape(len(rows), -1)


def empty_sweep(
    settings: list[Setting],
    seeds: list[int],
    rows: Sequence[Sequence[int]],
    likes: Sequence[PyTree],
    per_vmap: int,
) -> Sweep:
    """Make a sweep in which no run is finished.

    rows   of each group, the rows of its settings
    likes  of each group, the shapes of one value
    """
    outputs: list[PyTree] = [None] * len(settings)
    for rows_of_group, like in zip(rows, likes, strict=True):
        for row in rows_of_group:
            outputs[row] = zeros(len(seeds), like)
    sides = (len(settings), len(seeds))
    return Sweep(
        settings=settings,
        seeds=seeds,
        history=empty_history(outputs, sides),
        finished=np.zeros(sides, bool),
        outputs=outputs,
        runs_per_vmap=(per_vmap,) * len(settings),
    )


def value_of(state: FunctionState) -> PyTree:
    """Return the value, which is all that is kept of a state."""
    return state.value


def empty_history(outputs: Sequence[PyTree], sides: tuple[int, int]) -> dict[str, np.ndarray]:
    """Make room for the entries of a function's dict that are numbers or histories (n,).

    outputs  of each setting, zeros with leaves (runs, …)
    sides    (settings, runs)
    """
    if not all(isinstance(output, Mapping) for output in outputs):
        return {}
    history = {}
    for name, first in outputs[0].items():
        entries = [output.get(name) for output in outputs]
        if is_history(entries):
            length = first[0].size
            history[str(name)] = nan_array((*sides, length), first.dtype)
    return history


def is_history(entries: Sequence[Any]) -> bool:
    """Return whether the entries of all settings are arrays (runs,) or (runs, n) of one shape."""
    if not all(isinstance(entry, np.ndarray) for entry in entries):
        return False
    first = entries[0]
    if first.ndim > 2 or first.size == 0 or np.iscomplexobj(first):
        return False
    return all(entry.shape == first.shape for entry in entries)


def function_groups(
    f: Function, settings: Sequence[Setting], static: Sequence[str] | None
) -> list[SettingGroup]:
    """Group the settings that one program serves, by calling f with shapes alone."""

    def attempt(setting: Setting, traced: Sequence[str]) -> None:
        record = ReadRecord(setting, "f")

        def call(hyper):
            record.update(hyper)
            return checked_value(f(jax.random.key(0), record))

        jax.eval_shape(call, {name: setting[name] for name in traced})
        record.check_all_read()

    traced = traced_names(settings, list(settings[0]), attempt, static, "f")
    return group_settings(settings, traced)


def check_names(value: PyTree, setting: Setting) -> None:
    """Refuse names of results that the tables have as columns already."""
    names = value if isinstance(value, Mapping) else ()
    for name in names:
        if name in setting:
            raise ValueError(
                f"f: returns {name!r}, which is the name of a hyperparameter; rename it."
            )
        if name in COLUMNS:
            raise ValueError(
                f"f: returns {name!r}, which is the name of a column of the tables; rename it."
            )


def check_uses_key(f: Function, setting: Setting, seeds: int) -> None:
    """Refuse a function that returns the same for every seed."""

    def call(key_data):
        key = jax.random.wrap_key_data(key_data)
        return checked_value(f(key, dict(setting)))

    key_data = jax.random.key_data(jax.random.key(0))
    program = jax.make_jaxpr(call)(key_data).jaxpr
    (argument,) = program.invars
    wrapping = next(equation for equation in program.eqns if argument in equation.invars)
    (key,) = wrapping.outvars
    if not is_used(program, key):
        raise ValueError(
            f"seeds: got {seeds}, but f never uses its key, so it returns the same for each of "
            "them. Draw random numbers from key (numpy.random and keys of your own do not depend "
            "on the seed), or give one seed."
        )


def is_used(program: Any, variable: Any) -> bool:
    """Return whether a program, or a jitted function in it, computes with a variable."""
    for equation in program.eqns:
        positions = [i for i, argument in enumerate(equation.invars) if argument is variable]
        if not positions:
            continue
        if equation.primitive.name not in JITTED:
            return True
        inner = equation.params["jaxpr"].jaxpr
        if any(is_used(inner, inner.invars[position]) for position in positions):
            return True
    return any(output is variable for output in program.outvars)


def checked_value(values: PyTree) -> PyTree:
    """Return the value of a function.

    Raises ValueError for leaves that are not arrays of numbers.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(values):
        name = jax.tree_util.keystr(path) or "the value"
        if not isinstance(leaf, LEAVES):
            raise ValueError(f"f: {name} is {reprlib.repr(leaf)}, expected a pytree of arrays.")
        dtype = jnp.result_type(leaf)
        if jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key):
            raise ValueError(f"f: {name} is a typed key; return jax.random.key_data of it.")
    return values
