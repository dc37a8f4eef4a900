"""A training run as functions of a seed: `begin` makes the start, `advance` trains to an epoch.

A run that is advanced in pieces is the same, bit for bit, as one advanced at once, so the caller
may stop between epochs, to report or to save. The data are arguments; nothing is written, printed
or decided in Python while it runs.

Looking at every number of every step for one that is not finite would cost a quarter of the time
of a small network. `advance` looks once an epoch. Where it finds one, it leaves the run before that
epoch, marked nonfinite; `locate_divergence` trains the epoch again, step by step, and stops before
the step that went wrong. It is compiled when it is first needed.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Self, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Integer

from fnn import optim, tree
from fnn.backprop import feature_major, target_of
from fnn.data import Arrays
from fnn.data.shuffle import permutation
from fnn.metrics import OF_REGRESSION, Metric
from fnn.runs.evaluate import evaluate
from fnn.runs.keys import RunKeys, run_keys
from fnn.runs.monitor import Monitor
from fnn.runs.process import NEVER, Hyper, Seed
from fnn.runs.run_data import ALONE, SPLIT, Among, RunData, data_of_run
from fnn.runs.step import EpochMetrics, TrainSpec, TrainState, guarded_step, is_sound, step
from fnn.runs.updates import named_errors
from fnn.types import Loss, Params, State

Step: TypeAlias = Callable[..., tuple[TrainState, EpochMetrics]]
"""(state, metrics, x, target, key, number, examples, weights, units) -> state, metrics."""
Row: TypeAlias = dict[str, Float[Array, ""]]
History: TypeAlias = dict[str, Float[Array, "epochs"]]


LEAST_ROOM = 32  # epochs
SMALL = 20_000  # parameters, below which a last batch is filled up whatever that wastes
WASTE = 0.01  # of the examples of an epoch, that a larger network may compute in vain


class Plan(NamedTuple):
    """What shapes the program besides the spec. Another plan is another compilation.

    monitor        which epoch is the best
    metrics        names and functions, computed on the validation and the test split
    train_metrics  whether they are computed on the training split too
    """

    epochs: int
    batch_size: int
    patience: int | None = None
    monitor: Monitor = Monitor()
    metrics: tuple[tuple[str, Metric], ...] = ()
    train_metrics: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; metrics are names alone."""
        names = [name for name, _ in self.metrics]
        return self._asdict() | {"monitor": self.monitor._asdict(), "metrics": names}

    @classmethod
    def from_json(
        cls, saved: Mapping[str, Any], metrics: Mapping[str, Metric] | None = None
    ) -> Self:
        """Make it of JSON and the functions of its metrics.

        Raises ValueError where metrics are missing.
        """
        given = metrics or {}
        if extra := sorted(set(given) - set(saved["metrics"])):
            raise ValueError(
                f"metrics: got {', '.join(map(repr, extra))}, which the training did not compute."
            )
        if missing := [name for name in saved["metrics"] if name not in given]:
            raise ValueError(
                f"metrics: {', '.join(map(repr, missing))} missing, which the training computed; "
                "functions are not saved, so pass those that it ran with."
            )
        named = tuple((name, given[name]) for name in saved["metrics"])
        return cls(**{**saved, "monitor": Monitor(**saved["monitor"]), "metrics": named})


class Best(NamedTuple):
    """The parameters of the best epoch so far, and its value of what is monitored."""

    params: Params
    state: State
    value: Float[Array, ""]
    epoch: Integer[Array, ""]


class RunState(NamedTuple):
    """A run between two epochs.

    current        parameters, state and optimizer state
    evaluated      the parameters of the network that one gets, where the optimizer's evaluation
                   parameters are others than those it descends at; () where they are not
    best           those of the best epoch
    epochs         how many have been trained
    diverged_step  the first step that was not finite, counted from 0; −1 if there was none
    active         whether another epoch would be trained, if asked for: not diverged, and patient
    nonfinite      whether the next epoch ends in numbers that are not finite
    history        name -> (capacity(plan.epochs),), NaN where nothing was trained and where it
                   diverged
    """

    current: TrainState
    evaluated: Params
    best: Best
    epochs: Integer[Array, ""]
    diverged_step: Integer[Array, ""]
    active: Bool[Array, ""]
    nonfinite: Bool[Array, ""]
    history: History


class TrainProcess(NamedTuple):
    """The training that `build` makes of the traced hyperparameters, as the engine runs it.

    build   hyper -> TrainSpec; hashable, so that equal processes are compiled once
    splits  how many splits of equal sizes lie one behind the other in the data; where they are
            several, `hyper` says which one a run has, by the name SPLIT
    """

    build: Any
    plan: Plan
    splits: int = 1

    @property
    def few_optimizations(self) -> bool:
        """Return True: it was measured."""
        return True

    def begin(self, seed: Seed, hyper: Hyper) -> RunState:
        """Return the run before its first epoch."""
        return begin(self.spec(hyper), self.plan, seed)

    def advance(self, seed: Seed, hyper: Hyper, data: Arrays, state: RunState, until) -> RunState:
        """Return the run after `until` epochs."""
        among = self.among(hyper)
        return advance(self.spec(hyper), self.plan, seed, data, state, until, among)

    def locate_divergence(
        self, seed: Seed, hyper: Hyper, data: Arrays, state: RunState
    ) -> RunState:
        """Return a nonfinite run before the step that diverged."""
        return locate_divergence(self.spec(hyper), self.plan, seed, data, state, self.among(hyper))

    def spec(self, hyper: Hyper) -> TrainSpec:
        """Return what is trained."""
        return self.build({name: value for name, value in hyper.items() if name != SPLIT})

    def among(self, hyper: Hyper) -> Among:
        """Return which of the splits a run has."""
        return Among(hyper[SPLIT], self.splits) if SPLIT in hyper else ALONE


def begin(spec: TrainSpec, plan: Plan, seed: Seed) -> RunState:
    """Return the run of a seed before its first epoch."""
    params, state = spec.net.init(run_keys(seed).init)
    none = jnp.int32(NEVER)
    with named_errors():
        current = TrainState(params, state, spec.optimizer.init(params))
    start = RunState(
        current=current,
        evaluated=evaluated_of(spec, current),
        best=Best(params, state, jnp.array(plan.monitor.worst), none),
        epochs=jnp.int32(0),
        diverged_step=none,
        active=jnp.array(True),
        nonfinite=jnp.array(False),
        history={
            name: jnp.full(capacity(plan.epochs), jnp.nan)
            for name in history_names(spec.loss, plan)
        },
    )
    return tree.as_types_of(start, start)  # weak types would come back strong: another program


def capacity(epochs: int) -> int:
    """Return for how many epochs a history has room: runs of 20 and of 30 are one program."""
    return max(LEAST_ROOM, 1 << (epochs - 1).bit_length())


def evaluated_of(spec: TrainSpec, current: TrainState) -> Params:
    """Return the optimizer's evaluation parameters; () where they are those of the state."""
    with named_errors():
        found = optim.evaluation_params(spec.optimizer, current.optimizer_state, current.params)
    return () if found is None else tree.as_types_of(current.params, found)


def trained(run: RunState) -> tuple[Params, State]:
    """Return the parameters and the state of the network after the last epoch."""
    params = run.evaluated if jax.tree.leaves(run.evaluated) else run.current.params
    return params, run.current.state


def advance(
    spec: TrainSpec,
    plan: Plan,
    seed: Seed,
    dataset: Arrays,
    run: RunState,
    until: Integer[Array, ""] | int,
    among: Among = ALONE,
) -> RunState:
    """Train until `until` epochs are done, the run has ended, or an epoch is not finite.

    Under vmap the loop lasts until every run is there; those that are do not change.
    """
    keys = run_keys(seed)
    data = data_of_run(spec, keys, dataset, among)

    def is_unfinished(run: RunState):
        return run.active & ~run.nonfinite & (run.epochs < until)

    def one_epoch(run: RunState) -> RunState:
        after = train_epoch(spec, plan, keys, data, run, unguarded(spec))
        nonfinite = after.nonfinite | ~is_sound(run.current, after.current)
        return tree.choose(nonfinite, run._replace(nonfinite=jnp.array(True)), after)

    return lax.while_loop(is_unfinished, one_epoch, run)


def locate_divergence(
    spec: TrainSpec,
    plan: Plan,
    seed: Seed,
    dataset: Arrays,
    run: RunState,
    among: Among = ALONE,
) -> RunState:
    """Train the next epoch of a nonfinite run step by step, up to the step that is not finite.

    `nonfinite` is False afterwards. Where no step diverges, the run goes on behind that epoch.
    """
    keys = run_keys(seed)
    data = data_of_run(spec, keys, dataset, among)

    def is_marked(run: RunState):
        return run.active & run.nonfinite

    def one_epoch(run: RunState) -> RunState:
        after = train_epoch(spec, plan, keys, data, run, partial(guarded_step, spec))
        return after._replace(nonfinite=jnp.array(False))

    return lax.while_loop(is_marked, one_epoch, run)


def unguarded(spec: TrainSpec) -> Step:
    """Return `step` in the form of `guarded_step`."""

    def take_step(state, metrics, x, target, key, number, examples, weights, units):
        return step(spec, state, metrics, x, target, key, examples, weights, units)

    return take_step


def history_names(loss: Loss, plan: Plan) -> list[str]:
    """Return the names in a history."""
    kinds = ("loss",) if loss.matches is None else ("loss", "accuracy")
    of_run = {"train": [*kinds], "validation": [*kinds], "test": [*kinds]}
    for split, names in of_run.items():
        if split != "train" or plan.train_metrics:
            names += metrics_of(loss, plan)
    return [f"{split}_{kind}" for split, names in of_run.items() for kind in names]


def metrics_of(loss: Loss, plan: Plan) -> dict[str, Metric]:
    """Return the metrics that are computed: for regression RMSE and R², and the user's."""
    return (OF_REGRESSION if loss.regression else {}) | dict(plan.metrics)


def train_epoch(
    spec: TrainSpec, plan: Plan, keys: RunKeys, data: RunData, run: RunState, take_step: Step
) -> RunState:
    """Pass once over the training rows, evaluate, and decide whether to go on."""
    epoch = run.epochs
    current, metrics = train_steps(spec, plan, keys, data, run.current, epoch, take_step)
    diverged = metrics.diverged_step != NEVER
    after = run._replace(current=current, evaluated=evaluated_of(spec, current))
    row = epoch_row(spec, plan, after, metrics, data, diverged)

    monitored = row[plan.monitor.metric]
    improved = plan.monitor.improves(monitored, run.best.value)
    best = tree.choose(improved, Best(*trained(after), monitored, epoch), run.best)
    is_patient = plan.patience is None or epoch - best.epoch < plan.patience
    return after._replace(
        best=best,
        epochs=epoch + 1,
        diverged_step=metrics.diverged_step,
        active=~diverged & is_patient,
        nonfinite=~metrics.finite,
        history={name: values.at[epoch].set(row[name]) for name, values in run.history.items()},
    )


def train_steps(
    spec: TrainSpec,
    plan: Plan,
    keys: RunKeys,
    data: RunData,
    state: TrainState,
    epoch,
    take_step: Step,
) -> tuple[TrainState, EpochMetrics]:
    """Take ⌈N/B⌉ updates in an order drawn for this epoch, every example once.

    A short last batch is filled up with examples that have no weight, so that one step is compiled.
    It is a step of its own shape where something depends on the others of a batch, such as batch
    normalisation, and where filling up would take more time than it is worth.
    """
    train, weights = data.train, data.weights
    n = train.size
    full, rest = divmod(n, plan.batch_size)
    order = permutation(keys.shuffle, n, epoch)
    first_step = epoch * (full + (rest > 0))
    missing = -n % plan.batch_size
    is_cheap = tree.size(state.params) < SMALL or missing < n * WASTE
    is_filled = rest > 0 and spec.net.per_example and is_cheap
    if is_filled:
        last = order[n - rest :]  # its own examples, so that what fills it up is as finite
        order = jnp.concatenate([order, jnp.resize(last, (missing,))])
        full, rest = full + 1, 0

    def on_batch(carry, batch):
        state, metrics = carry
        number, rows = batch
        x, y = train.take(rows)
        examples = jnp.minimum(plan.batch_size, n - number * plan.batch_size) if is_filled else None
        counts = None if weights is None else weights[rows]
        number = first_step + number
        key = jax.random.fold_in(keys.noise, number)
        state, metrics = take_step(
            state,
            metrics,
            feature_major(x),
            target_of(y),
            key,
            number,
            examples,
            counts,
            data.units,
        )
        return (state, metrics), None

    carry = (state, EpochMetrics.zero())
    if full:
        rows = order[: len(order) - rest].reshape(full, plan.batch_size)
        carry, _ = lax.scan(on_batch, carry, (jnp.arange(full, dtype=jnp.int32), rows))
    if rest:
        carry, _ = on_batch(carry, (full, order[n - rest :]))
    return carry


def epoch_row(
    spec: TrainSpec,
    plan: Plan,
    run: RunState,
    metrics: EpochMetrics,
    data: RunData,
    diverged: Bool[Array, ""],
) -> Row:
    """Compute the history's entries for one epoch: NaN where it diverged."""
    n = data.train.size
    row = {"train_loss": metrics.loss / n}
    if spec.loss.matches is not None:
        row["train_accuracy"] = metrics.correct / n
    computed = metrics_of(spec.loss, plan)
    net, loss = spec.net, spec.loss
    if plan.train_metrics:
        row = evaluate(net, loss, *trained(run), data.training, computed, data.units) | row
    for splits in data.held_out:
        row |= evaluate(net, loss, *trained(run), splits, computed, data.units)
    return {name: jnp.where(diverged, jnp.nan, value) for name, value in row.items()}
