"""Where a run starts: at a finished run, which it goes on with, or at given parameters.

A run of 10 epochs that goes on to 20 has the bits of a run of 20. What is trained must therefore be
what it was: the network, the loss, the optimizer, the data, the batches and what is monitored. The
number of epochs may be larger, and the patience another one under which it would not have stopped
before.
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
from fnn.runs.run import Run
from fnn.runs.step import TrainSpec, TrainState
from fnn.runs.training import Best, Plan, RunState, capacity, evaluated_of
from fnn.types import Layer, Params, PyTree, State


class Start:
    """Where the run of a call starts: the furthest of what is known of it.

    given       a Run to go on with; parameters, or a pair (params, state), to begin with; None
    origin      the call
    spec, plan  what it trains

    Raises ValueError for a run of another call, with the difference, for epochs or a patience with
    which it would have ended before, and for parameters that are not those of the network.
    """

    def __init__(
        self, given: Run | PyTree | None, origin: Origin, spec: TrainSpec, plan: Plan
    ) -> None:
        self.spec = spec
        self.plan = plan
        self.furthest: RunState | None = None
        self.params: tuple[Params, State | None] | None = None
        if isinstance(given, Run):
            check_goes_on(given, origin)
            self.take(state_of(given, plan), "start")
        elif given is not None:
            self.params = given_params(spec.net, given)

    def take(self, state: RunState, name: str) -> None:
        """Take a state that is known of the run, if it is further than the others.

        name  what it came from, for refusals
        """
        state = fitted(state, self.plan, name)
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
        """Return the run at which to start, for one that was begun, or restored by a journal."""
        if int(begun.epochs):
            self.take(begun, "the directory")
        elif self.furthest is None and self.params is not None:
            return owned(beginning_with(self.spec, *self.params, begun))
        return begun if self.furthest is None else owned(self.furthest)

    def fingerprint(self) -> dict[str, str]:
        """Return sums of what was given, which tell the start from others."""
        given: PyTree = self.params or ()
        if self.furthest is not None:
            given = self.furthest.current
        return {
            f"start{jax.tree_util.keystr(path)}": array_fingerprint(leaf)
            for path, leaf in jax.tree.leaves_with_path(given)
        }


def owned(state: RunState) -> RunState:
    """Return a copy on the device, for a program that writes over what it is given."""
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
    if unlike := run.origin.differences(now):
        raise ValueError(
            f"start: the run was trained by another call. {'; '.join(unlike)}. Go on with the same "
            "one, or begin anew at its parameters: start=run.params."
        )


def state_of(run: Run, plan: Plan) -> RunState:
    """Return the state with which a run ended."""
    descends_at = run.params if run.descent_params is None else run.descent_params
    monitored = run.history[plan.monitor.metric]
    best = plan.monitor.worst if run.best_epoch == NEVER else monitored[run.best_epoch]
    return RunState(
        current=TrainState(descends_at, run.state, run.optimizer_state),
        evaluated=() if run.descent_params is None else run.params,
        best=Best(
            run.best_params,
            run.best_state,
            jnp.asarray(best, monitored.dtype),
            jnp.int32(run.best_epoch),
        ),
        epochs=jnp.int32(run.stopped_epoch + 1),
        diverged_step=jnp.int32(run.diverged_step),
        active=jnp.array(False),
        nonfinite=jnp.array(False),
        history={name: jnp.asarray(values) for name, values in run.history.items()},
    )


def fitted(run: RunState, plan: Plan, name: str) -> RunState:
    """Return a run as it would be under a plan of other epochs, or of another patience.

    name  what it came from, for the refusal

    Raises ValueError where it would have ended before.
    """
    done = int(run.epochs)
    if done > plan.epochs:
        raise ValueError(
            f"epochs: got {plan.epochs}, but the run of {name} has trained {done}; expected as "
            "many at least."
        )
    trained = {metric: np.asarray(values)[:done] for metric, values in run.history.items()}
    stop = plan.monitor.stop(trained[plan.monitor.metric], plan.patience)
    if stop is not None and stop < done:
        raise ValueError(
            f"patience: got {plan.patience}, with which the run of {name} would have stopped after "
            f"{stop} epochs; it has trained {done}. Take a larger one, or None."
        )
    room = capacity(plan.epochs)
    history = {
        metric: jnp.concatenate([values, np.full(room - done, np.nan, values.dtype)])
        for metric, values in trained.items()
    }
    has_diverged = int(run.diverged_step) != NEVER
    is_active = not has_diverged and stop is None and done < plan.epochs
    return run._replace(history=history, active=jnp.array(is_active))


def beginning_with(
    spec: TrainSpec, params: Params, state: State | None, begun: RunState
) -> RunState:
    """Return a run that was begun with other parameters, and a fresh state of the optimizer."""
    own_state = begun.current.state if state is None else state
    fresh = tree.as_types_of(begun.current.optimizer_state, spec.optimizer.init(params))
    current = TrainState(params, own_state, fresh)
    best = begun.best._replace(params=params, state=own_state)
    return begun._replace(current=current, evaluated=evaluated_of(spec, current), best=best)


def given_params(net: Layer, start: PyTree) -> tuple[Params, State | None]:
    """Return parameters and, if given, the state; ValueError for those of another network."""
    expected = shapes_of(net)
    if isinstance(start, (str, Path)):
        raise ValueError(f"start: got {start!r}; load it first, start=fnn.load({str(start)!r}).")
    if not checks.difference(start, expected[::-1]) and expected[1] != ():
        raise ValueError("start: got (state, params), expected (params, state).")
    if checks.difference(start, expected) and checks.difference(start, expected[0]):
        raise ValueError(
            f"start: got a {type(start).__name__} that is neither a Run, nor params of this "
            f"network, nor a pair (params, state): params{checks.difference(start, expected[0])}."
        )
    is_pair = not checks.difference(start, expected)
    params, state = start if is_pair else (start, None)
    for name, given, like in (("params", params, expected[0]), ("state", state, expected[1])):
        if given is not None:
            check_leaves(f"start: {name}", given, like)
    return jax.tree.map(jnp.asarray, (params, state))


def check_leaves(name: str, given: PyTree, like: PyTree) -> None:
    """Refuse leaves of other dtypes, which would be rounded, and numbers that are not finite."""
    pairs = zip(jax.tree.leaves_with_path(given), jax.tree.leaves(like), strict=True)
    for (path, leaf), expected in pairs:
        place = f"{name}{jax.tree_util.keystr(path)}"
        if leaf.dtype != expected.dtype:
            raise ValueError(
                f"{place}: got dtype {leaf.dtype}, expected {expected.dtype}; convert it with "
                f"astype({str(expected.dtype)!r})."
            )
        if not bool(jnp.all(jnp.isfinite(leaf))):
            raise ValueError(f"{place}: got a number that is not finite.")
