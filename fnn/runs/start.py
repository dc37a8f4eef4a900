"""The start of a run: a finished run that goes on, given parameters, or neither.

A run of 10 epochs that goes on to 20 has the bits of a run of 20. Therefore network, loss,
optimizer, data, batches and monitor must be those of the earlier run. The number of epochs may be
larger. The patience may be another one under which the run would not have stopped before.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks, tree
from fnn.backprop import shapes_of
from fnn.runs.fingerprint import array_fingerprint
from fnn.runs.origin import Origin
from fnn.runs.process import NEVER
from fnn.runs.results import Sweep
from fnn.runs.run import Run
from fnn.runs.step import TrainSpec, TrainState
from fnn.runs.training import Best, Plan, RunState, capacity, evaluated_of
from fnn.types import Layer, Params, PyTree, State


class Start:
    """The furthest known state of a run, at which a call starts.

    start       a Run to go on with; parameters, or a pair (params, state), to begin with; None
    origin      the call
    spec, plan  the network with its loss and optimizer, and the other arguments that shape programs

    Raises ValueError for a run of another call, with the difference, for epochs or a patience with
    which it would have ended before, and for parameters that are not those of the network.
    """

    def __init__(
        self, start: Run | PyTree | None, origin: Origin, spec: TrainSpec, plan: Plan
    ) -> None:
        self.spec = spec
        self.plan = plan
        self.furthest: RunState | None = None
        self.params: tuple[Params, State | None] | None = None
        if isinstance(start, Run):
            check_goes_on(start, origin)
            self.take(state_of(start, plan), "start")
        elif start is not None:
            self.params = checked_params(spec.net, start)

    def take(self, state: RunState, source: str) -> None:
        """Take a known state of the run, if it is further than the others.

        source  its place of origin, for messages
        """
        state = under_plan(state, self.plan, source)
        if self.furthest is None or self.furthest.epochs < state.epochs:
            self.furthest = state

    @property
    def epochs(self) -> int:
        """Return how many epochs are trained already."""
        return 0 if self.furthest is None else int(self.furthest.epochs)

    @property
    def is_ended(self) -> bool:
        """Return whether nothing is left to be trained."""
        return self.furthest is not None and not self.furthest.active

    def __call__(self, begun: RunState) -> RunState:
        """Return the state at which to start.

        begun  the state of a run that was just begun, or that a journal restored
        """
        if int(begun.epochs):
            self.take(begun, "the directory")
        elif self.furthest is None and self.params is not None:
            return copied(with_params(self.spec, *self.params, begun))
        return begun if self.furthest is None else copied(self.furthest)

    def fingerprint(self) -> dict[str, str]:
        """Return checksums of the given start by name, which tell it from others."""
        values: PyTree = self.params or ()
        if self.furthest is not None:
            values = self.furthest.current
        sums = {}
        for path, leaf in jax.tree.leaves_with_path(values):
            sums[f"start{jax.tree_util.keystr(path)}"] = array_fingerprint(leaf)
        return sums


def copied(state: RunState) -> RunState:
    """Return a copy on the device, for a program that overwrites its argument."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf).copy(), state)


def check_goes_on(run: Run, now: Origin) -> None:
    """Refuse a run that another call trained."""
    if run.origin is None or run.optimizer_state is None:
        raise ValueError(
            "start: got a run without the state of its optimizer, such as a sweep gives, so it "
            "cannot go on bit for bit. Train that seed with fnn.train, or begin anew at its "
            "parameters: start=run.params."
        )
    if run.origin.fingerprint_is_of_another_jax():
        checks.warn(
            "start: the run was trained with another version of JAX, so whether net, loss, "
            "optimizer and metrics are the same could not be compared; the last bits may differ."
        )
    unlike = run.origin.differences(now)
    if unlike:
        raise ValueError(
            f"start: the run was trained by another call. {'; '.join(unlike)}. Go on with the same "
            "one, or begin anew at its parameters: start=run.params."
        )


def state_of(run: Run, plan: Plan) -> RunState:
    """Return the state with which a run ended."""
    descends_elsewhere = run.descent_params is not None
    descent_params = run.descent_params if descends_elsewhere else run.params
    monitored = run.history[plan.monitor.metric]
    best_value = plan.monitor.worst if run.best_epoch == NEVER else monitored[run.best_epoch]
    best = Best(
        run.best_params,
        run.best_state,
        jnp.asarray(best_value, monitored.dtype),
        jnp.int32(run.best_epoch),
    )
    return RunState(
        current=TrainState(descent_params, run.state, run.optimizer_state),
        evaluated=run.params if descends_elsewhere else (),
        best=best,
        epochs=jnp.int32(run.stopped_epoch + 1),
        diverged_step=jnp.int32(run.diverged_step),
        active=jnp.array(False),
        nonfinite=jnp.array(False),
        history={name: jnp.asarray(values) for name, values in run.history.items()},
    )


def under_plan(run: RunState, plan: Plan, source: str) -> RunState:
    """Return a run as it would be under a plan with other epochs or another patience.

    source  its place of origin, for messages

    Raises ValueError where the run would have ended before.
    """
    done = int(run.epochs)
    if done > plan.epochs:
        raise ValueError(
            f"epochs: got {plan.epochs}, but the run of {source} has trained {done}; expected as "
            "many at least."
        )
    trained = {metric: np.asarray(values)[:done] for metric, values in run.history.items()}
    stop = plan.monitor.stop(trained[plan.monitor.metric], plan.patience)
    if stop is not None and stop < done:
        raise ValueError(
            f"patience: got {plan.patience}, with which the run of {source} would have stopped "
            f"after {stop} epochs; it has trained {done}. Take a larger one, or None."
        )
    missing = capacity(plan.epochs) - done
    history = {}
    for metric, values in trained.items():
        room = np.full(missing, np.nan, values.dtype)
        history[metric] = jnp.concatenate([values, room])
    has_diverged = int(run.diverged_step) != NEVER
    is_active = not has_diverged and stop is None and done < plan.epochs
    return run._replace(history=history, active=jnp.array(is_active))


def with_params(spec: TrainSpec, params: Params, state: State | None, begun: RunState) -> RunState:
    """Return a run that was just begun, with other parameters and a fresh state of the optimizer.

    state  the state of the network. None: the state of the run stays
    """
    own_state = begun.current.state if state is None else state
    optimizer_state = spec.optimizer.init(params)
    fresh = tree.as_types_of(begun.current.optimizer_state, optimizer_state)
    current = TrainState(params, own_state, fresh)
    evaluated = evaluated_of(spec, current)
    best = begun.best._replace(params=params, state=own_state)
    return begun._replace(current=current, evaluated=evaluated, best=best)


def checked_params(net: Layer, start: PyTree) -> tuple[Params, State | None]:
    """Return the parameters to begin with and, if `start` is a pair, the state.

    Raises ValueError for parameters of another network.
    """
    if isinstance(start, Sweep):
        raise ValueError(
            "start: got a Sweep, expected a Run or parameters; take those of one run: "
            "start=sweep.run(setting, seed).params."
        )
    expected = shapes_of(net)
    expected_params, expected_state = expected
    if isinstance(start, (str, Path)):
        raise ValueError(f"start: got {start!r}; load it first, start=fnn.load({str(start)!r}).")
    if expected_state != () and not checks.difference(start, expected[::-1]):
        raise ValueError("start: got (state, params), expected (params, state).")
    is_pair = not checks.difference(start, expected)
    difference = checks.difference(start, expected_params)
    if difference and not is_pair:
        raise ValueError(
            f"start: got a {type(start).__name__} that is neither a Run, nor params of this "
            f"network, nor a pair (params, state): params{difference}."
        )
    params, state = start if is_pair else (start, None)
    check_leaves("start: params", params, expected_params)
    if state is not None:
        check_leaves("start: state", state, expected_state)
    return jax.tree.map(jnp.asarray, (params, state))


def check_leaves(name: str, values: PyTree, like: PyTree) -> None:
    """Refuse leaves of other dtypes, which would be rounded, and numbers that are not finite."""
    pairs = zip(jax.tree.leaves_with_path(values), jax.tree.leaves(like), strict=True)
    for (path, leaf), expected in pairs:
        place = f"{name}{jax.tree_util.keystr(path)}"
        if leaf.dtype != expected.dtype:
            raise ValueError(
                f"{place}: got dtype {leaf.dtype}, expected {expected.dtype}; convert it with "
                f"astype({str(expected.dtype)!r})."
            )
        if not bool(jnp.all(jnp.isfinite(leaf))):
            raise ValueError(f"{place}: got a number that is not finite.")
