"""`fnn.sweep_function`: any pure function of a key, such as a training loop of Flax or Equinox."""

import reprlib
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
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
from fnn.runs.groups import (
    ReadRecord,
    SettingGroup,
    StaticHyper,
    group_settings,
    traced_names,
)
from fnn.runs.journal import Journal, journal_of
from fnn.runs.process import Hyper, Seed
from fnn.runs.refusals import one_process
from fnn.runs.results import Sweep
from fnn.runs.settings import STATISTICS, HyperValues, Setting, runs_of, settings_of
from fnn.runs.sweep_collector import put_outputs, run_missing, zeros
from fnn.types import PRNGKey, PyTree
from fnn.workers import Workers, workers_of

ROWS = 4  # of a block, on each device: Ctrl-C waits for a block
RUNS_PER_VMAP = 8
COLUMNS = ("metric", "setting", "seed", "machine", "epoch", "n", "diverged", *STATISTICS)
JITTED = ("jit", "pjit")  # names of the operation that calls a jitted function

Function = Callable[[PRNGKey, Any], PyTree]


class FunctionState(NamedTuple):
    """A function before or after its only epoch."""

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
        """Return False: a function of the user's may be of any kind."""
        return False

    def begin(self, seed: Seed, hyper: Hyper) -> FunctionState:
        """Return zeros of the function's value."""
        like = jax.eval_shape(self._value, seed, hyper)
        zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), like)
        return FunctionState(zero, jnp.int32(0), jnp.array(True), jnp.array(False))

    def advance(self, seed: Seed, hyper: Hyper, data: PyTree, state: FunctionState, until):
        """Compute the function; a row in which no run is active is left as it is."""

        def is_unfinished(state: FunctionState):
            return state.active & (state.epochs < until)

        def compute(state: FunctionState) -> FunctionState:
            value = tree.as_types_of(state.value, self._value(seed, hyper))
            return FunctionState(value, jnp.int32(1), jnp.array(False), jnp.array(False))

        return lax.while_loop(is_unfinished, compute, state)

    def locate_divergence(self, seed: Seed, hyper: Hyper, data: PyTree, state: FunctionState):
        """Return the state: what is not finite is a value as any."""
        return state

    def _value(self, seed: Seed, hyper: Hyper) -> PyTree:
        value = self.function(jax.random.key(seed), self.static.with_traced(hyper))
        return jax.tree.map(jnp.asarray, checked_value(value))


class FunctionJob(NamedTuple):
    """What builds the groups of a function's sweep, in this process or in another."""

    function: Function
    settings: Sequence[Setting]
    seeds: Sequence[int]
    static: Sequence[str] | None
    runs_per_vmap: int

    def groups(self) -> list[Group]:
        """Build the groups."""
        return [
            self._group(each) for each in function_groups(self.function, self.settings, self.static)
        ]

    def _group(self, found: SettingGroup) -> Group:
        runs = runs_of([self.settings[row] for row in found.rows], found.traced, self.seeds)
        process = FunctionProcess(self.function, found.static)
        engine = engine_of(process, runs, self.runs_per_vmap, most_rows=ROWS)
        columns = range(len(self.seeds))
        return Group(engine, runs, 1, outcome=value_of, rows=found.rows, columns=columns)


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

    f              pure, and returns a pytree of arrays, best a dict with names. key is
                   jax.random.key(seed); hyper maps each name to a number, traced where f lets it be
    runs_per_vmap  how many runs one vmap computes at once: 1, for work that fills a core, or a
                   power of two of at least 8 (None: 8). At equal numbers a run is the same, bit for
                   bit, in any sweep

    hyper, static, checkpoint, executor and Ctrl-C are as in `fnn.sweep`. A block is computed in one
    piece, so Ctrl-C waits for it, and only finished blocks are saved. Raises ValueError before
    anything is compiled, for hyperparameters that f does not read too, and for several seeds where
    f does not use its key.
    """
    if not callable(f):
        raise ValueError(f"f: got {f!r}, expected a function (key, hyper) -> pytree of arrays.")
    workers = workers_of(executor)
    one_process("fnn.sweep_function")
    checks.threefry()
    checked_seeds, settings = checks.seeds(seeds), settings_of(hyper)
    per_vmap = check_runs_per_vmap(runs_per_vmap)
    if per_vmap is None:
        per_vmap = recorded(checkpoint, "fnn.sweep_function", "runs_per_vmap") or RUNS_PER_VMAP
    job = FunctionJob(f, settings, checked_seeds, static, per_vmap)
    groups = job.groups()
    if len(checked_seeds) > 1:
        check_uses_key(f, settings[0], len(checked_seeds))

    def describe() -> Call:
        named: dict[str, Any] = {
            "call": "fnn.sweep_function",
            "runs_per_vmap": per_vmap,
            "seeds": seeds_fingerprint(checked_seeds),
            **settings_fingerprint(settings),
            **constants_of("f", f),
        }
        traced = [program for g in groups for program in g.engine.trace_one()]
        programs = [program_fingerprint(program) for program in traced]
        content = {
            "settings": plain_settings(settings),
            "seeds": checked_seeds,
            "rows": rows,
        }
        return Call(named, programs, "function", content | {"runs_per_vmap": per_vmap})

    rows = [group.rows for group in groups]
    journal = journal_of(checkpoint, checkpoint_every, None, describe, Journal([signal.SIGINT]))
    likes = [group.engine.like.value for group in groups]
    for like in likes:
        check_names(like, settings[0])
    empty = empty_sweep(settings, checked_seeds, rows, likes, per_vmap)
    return run_missing(empty, groups, put_values, journal, progress, job=job, workers=workers)


def put_values(sweep: Sweep, rows: np.ndarray, columns: np.ndarray, outcome: PyTree) -> None:
    """Put what the function returned for runs into a sweep."""
    put_outputs(sweep.outputs, rows, columns, outcome)
    for name, history in sweep.history.items():
        history[rows, columns] = np.asarray(outcome[name]).reshape(len(rows), -1)


def empty_sweep(
    settings: list[Setting],
    seeds: list[int],
    rows: Sequence[Sequence[int]],
    likes: Sequence[PyTree],
    per_vmap: int,
) -> Sweep:
    """Make a sweep of which nothing is finished; `likes` has the shapes of each group's value."""
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
    """Keep the value."""
    return state.value


def empty_history(outputs: Sequence[PyTree], sides: tuple[int, int]) -> dict[str, np.ndarray]:
    """Make room for the entries of a function's dict that are numbers or histories."""
    if not all(isinstance(output, Mapping) for output in outputs):
        return {}
    history = {}
    for name, first in outputs[0].items():
        others = [output.get(name) for output in outputs]
        is_array = all(isinstance(other, np.ndarray) for other in others)
        is_history = is_array and {other.shape for other in others} == {first.shape}
        if is_history and first.ndim <= 2 and first.size and not np.iscomplexobj(first):
            history[str(name)] = nan_array((*sides, first[0].size), first.dtype)
    return history


def function_groups(
    f: Function, settings: Sequence[Setting], static: Sequence[str] | None
) -> list[SettingGroup]:
    """Group the settings, each asked for with shapes alone."""

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
    """Refuse names of results that are columns of the tables already."""
    for name in value if isinstance(value, Mapping) else ():
        if name in COLUMNS or name in setting:
            what = "a hyperparameter" if name in setting else "a column of the tables"
            raise ValueError(f"f: returns {name!r}, which is the name of {what}; rename it.")


def check_uses_key(f: Function, setting: Setting, seeds: int) -> None:
    """Refuse a function that returns the same for every seed."""

    def call(key_data):
        return checked_value(f(jax.random.wrap_key_data(key_data), dict(setting)))

    key_data = jax.random.key_data(jax.random.key(0))
    program = jax.make_jaxpr(call)(key_data).jaxpr
    (made,) = next(e for e in program.eqns if program.invars[0] in e.invars).outvars
    if not is_used(program, made):
        raise ValueError(
            f"seeds: got {seeds}, but f never uses its key, so it returns the same for each of "
            "them. Draw random numbers from key (numpy.random and keys of your own do not depend "
            "on the seed), or give one seed."
        )


def is_used(program: Any, variable: Any) -> bool:
    """Return whether a program, or a jitted function in it, computes with a variable."""
    for equation in program.eqns:
        places = [i for i, each in enumerate(equation.invars) if each is variable]
        if not places:
            continue
        if equation.primitive.name not in JITTED:
            return True
        inner = equation.params["jaxpr"].jaxpr
        if any(is_used(inner, inner.invars[place]) for place in places):
            return True
    return any(each is variable for each in program.outvars)


def checked_value(values: PyTree) -> PyTree:
    """Return what a function returned; ValueError for leaves that are no arrays of numbers."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(values):
        name = jax.tree_util.keystr(path) or "the value"
        kinds = (jax.Array, np.ndarray, np.generic, bool, int, float, complex)
        if not isinstance(leaf, kinds):
            raise ValueError(f"f: {name} is {reprlib.repr(leaf)}, expected a pytree of arrays.")
        if jax.dtypes.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key):
            raise ValueError(f"f: {name} is a typed key; return jax.random.key_data of it.")
    return values
