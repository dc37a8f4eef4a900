"""`fnn.sweep_function`: lanes, blocks, devices and results for anybody's pure function, such as a training loop of Flax
or Equinox."""

import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Bool

from fnn import checks, compiler
from fnn.sweeping.blocks import Shape, device_mesh, over_rows, seats, spread
from fnn.sweeping.groups import Fixed, Recorded, check_read, traced_names
from fnn.sweeping.interrupted import SweepInterrupted
from fnn.sweeping.lanes import Lanes, lanes_of
from fnn.sweeping.settings import Hyper, Setting, settings_of
from fnn.sweeping.summary import Summary, summary_of
from fnn.types import PRNGKey, PyTree

ROWS = 4  # of a block, on each device: what Ctrl-C waits for


class FixedFunction(Fixed):
    """(key, traced hyperparameters) -> pytree."""

    def __call__(self, key: PRNGKey, hyper: dict[str, Any]) -> PyTree:
        """The function's value, all of its hyperparameters given."""
        return arrays(self.function(key, self.full(hyper)))


class FunctionGroup(NamedTuple):
    """The settings, by row, that one program serves."""

    function: FixedFunction
    traced: tuple[str, ...]
    rows: list[int]


@dataclass(repr=False)
class FunctionSweep:
    """What a function returned for every lane.

    settings  one dict of hyperparameters a row
    seeds     the seeds
    found     for each setting, the function's pytree with leaves (seeds, …); zero where it is not finished
    finished  (settings, seeds)
    """

    settings: list[Setting]
    seeds: list[int]
    found: list[PyTree]
    finished: Bool[np.ndarray, "settings seeds"]

    @property
    def values(self) -> PyTree:
        """The pytree with leaves (settings, seeds, …). ValueError where settings returned other shapes; `found` has
        them one by one."""
        for row, value in enumerate(self.found):
            if difference := checks.difference(value, self.found[0]):
                raise ValueError(f"values: setting {row}{difference}, unlike setting 0; use found[setting].")
        return jax.tree.map(lambda *leaves: np.stack(leaves), *self.found)

    def summary(self, metric: str, *, interval: str = "t") -> Summary:
        """One row a setting, as in `Sweep.summary`: `metric` is a name of the dict that the function returns, holding
        one number, or a history of which the last is taken. What is not finite counts as diverged."""
        if not all(isinstance(value, Mapping) for value in self.found):
            raise ValueError("metric: f returned no dict, so nothing has a name; take `values` or `found`.")
        columns = [np.asarray(checks.lookup("metric", metric, value)) for value in self.found]
        if len({column.shape for column in columns}) > 1:
            raise ValueError(f"metric: {metric!r} is {columns[0].shape[1:]} in the first setting, otherwise in others.")
        values = np.stack(columns)
        if values.ndim == 3:
            values = values[..., -1]
        if values.ndim != 2:
            raise ValueError(
                f"metric: {metric!r} has shape {values.shape[2:]} in each lane, expected one number or (n,)."
            )
        finite = np.isfinite(values)
        return summary_of(metric, self.settings, values, self.finished & finite, self.finished & ~finite, interval)

    def __repr__(self) -> str:
        missing = "" if self.finished.all() else f", {np.count_nonzero(~self.finished)} unfinished"
        return f"FunctionSweep({len(self.settings)} setting(s) x {len(self.seeds)} seed(s){missing})"


def sweep_function(
    f: Callable[[PRNGKey, dict[str, Any]], PyTree],
    *,
    seeds: Iterable[int],
    hyper: Hyper | None = None,
    abreast: int = 8,
    progress: bool = True,
) -> FunctionSweep:
    """f(key, hyper) for each setting and seed, in blocks, on all devices; f is pure and returns arrays.

    f        key is jax.random.key(seed); hyper maps each name to a number, traced where f lets it be, as in `fnn.sweep`
    hyper    as in `fnn.sweep`
    abreast  lanes that one vmap computes at once: more for small work, 1 for work that fills a core. With 1, 8, 16 or
             32 a lane has been seen to be the same bit for bit wherever it sits; with 2 or 4 it is not

    Ctrl-C ends after a block with a `SweepInterrupted`, which has what was finished and goes on from there. Raises
    ValueError before anything is compiled.
    """
    if not callable(f):
        raise ValueError(f"f: got {f!r}, expected a function (key, hyper) -> pytree of arrays.")
    checks.threefry()
    seeds, settings = checks.seeds(seeds), settings_of(hyper)
    mesh = device_mesh()
    shape = Shape(mesh.size, ROWS, checks.count("abreast", abreast))
    groups = function_groups(f, settings)
    found: list[PyTree] = [None] * len(settings)
    for group in groups:
        like = group_like(group, settings)
        for row in group.rows:
            found[row] = jax.tree.map(lambda leaf: np.zeros((len(seeds), *leaf.shape), leaf.dtype), like)
    sweep = FunctionSweep(settings, seeds, found, np.zeros((len(settings), len(seeds)), bool))
    return fill_function(sweep, groups, mesh, shape, progress)


def function_groups(f: Callable, settings: Sequence[Setting]) -> list[FunctionGroup]:
    """Groups in the order of their first settings."""

    def attempt(setting: Setting, traced: Sequence[str]) -> None:
        recorded = Recorded(setting, "f")

        def call(hyper):
            recorded.update(hyper)
            return arrays(f(jax.random.key(0), recorded))

        jax.eval_shape(call, {name: setting[name] for name in traced})
        check_read(recorded, "f")

    traced = traced_names(settings, list(settings[0]), attempt)
    groups: dict[FixedFunction, FunctionGroup] = {}
    for row, setting in enumerate(settings):
        key = FixedFunction.of(f, setting, traced)
        groups.setdefault(key, FunctionGroup(key, traced, [])).rows.append(row)
    return list(groups.values())


def group_like(group: FunctionGroup, settings: Sequence[Setting]) -> PyTree:
    """The shapes of what the function returns."""
    lanes = lanes_of([settings[row] for row in group.rows], group.traced, [0])
    dtypes = {name: jax.dtypes.canonicalize_dtype(values.dtype) for name, values in lanes.hyper.items()}
    hyper = {name: jax.ShapeDtypeStruct((), dtype) for name, dtype in dtypes.items()}
    return jax.eval_shape(lambda key, hyper: group.function(key, hyper), jax.random.key(0), hyper)


def arrays(values: PyTree) -> PyTree:
    """What a function returned; ValueError for leaves that are no arrays of numbers."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(values):
        name = jax.tree_util.keystr(path) or "the value"
        if not isinstance(leaf, (jax.Array, np.ndarray, np.generic, bool, int, float, complex)):
            raise ValueError(f"f: {name} is {reprlib.repr(leaf)}, expected a pytree of arrays.")
        if jax.dtypes.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key):
            raise ValueError(f"f: {name} is a typed key; return jax.random.key_data of it.")
    return values


def fill_function(
    sweep: FunctionSweep, groups: Sequence[FunctionGroup], mesh: Mesh, shape: Shape, progress: bool
) -> FunctionSweep:
    """The sweep with every lane finished."""
    from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

    done = int(np.count_nonzero(sweep.finished))
    with tqdm(total=sweep.finished.size, initial=done, unit="run", disable=not progress) as bar:
        try:
            for group in groups:
                rows = np.array(group.rows)
                lanes = lanes_of([sweep.settings[row] for row in rows], group.traced, sweep.seeds)
                missing = np.flatnonzero(~sweep.finished[rows])
                for start in range(0, len(missing), shape.lanes):
                    numbers = missing[start : start + shape.lanes]
                    here = seats(shape, len(numbers))
                    placed = spread(mesh, (lanes.at(numbers[here.lane]), here.taken))
                    values = here.collect(jax.device_get(function_block(group.function, mesh, shape, *placed)))
                    write(sweep, rows[numbers // len(sweep.seeds)], numbers % len(sweep.seeds), values)
                    bar.update(len(numbers))
        except KeyboardInterrupt as stop:
            raise SweepInterrupted(sweep, partial(fill_function, sweep, groups, mesh, shape)) from stop
    return sweep


def write(sweep: FunctionSweep, rows: np.ndarray, columns: np.ndarray, values: PyTree) -> None:
    """The values of these lanes."""
    for row in np.unique(rows):
        here = rows == row
        jax.tree.map(lambda all, some, here=here: all.__setitem__(columns[here], some[here]), sweep.found[row], values)
    sweep.finished[rows, columns] = True


@partial(compiler.jit, static_argnums=(0, 1, 2))
def function_block(
    function: FixedFunction, mesh: Mesh, shape: Shape, lanes: Lanes, taken: Bool[jax.Array, "rows abreast"]
) -> PyTree:
    """Every lane's value."""

    def lane(lanes: Lanes) -> PyTree:
        return jax.tree.map(jnp.asarray, function(jax.random.key(lanes.seeds), lanes.hyper))

    return over_rows(mesh, shape, lane, (lanes,), (), taken)
