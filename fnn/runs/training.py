"""A training run as functions of a seed: `begin` makes the start, `advance` trains to an epoch.

A run that is advanced in pieces is the same, bit for bit, as one advanced at once. So the caller
may stop between epochs, to report or to save. The data are arguments. While a run advances, nothing
is written, printed or decided in Python.

Checking every number of every step would cost a quarter of the time of a small network. So
`advance` checks once an epoch. Where a number is not finite, it leaves the run before that epoch
and marks it `nonfinite`. `locate_divergence` trains this epoch again, step by step, and stops
before the step that diverges. It is compiled when it is first needed.
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
from fnn.runs.run_data import ONLY_SPLIT, SPLIT, RunData, SplitChoice, data_of_run
from fnn.runs.step import EpochMetrics, TrainSpec, TrainState, guarded_step, stays_finite, step
from fnn.runs.updates import named_errors, warn_of_lbfgs
from fnn.types import Loss, Params, State

Step: TypeAlias = Callable[..., tuple[TrainState, EpochMetrics]]
"""(state, metrics, x, target, key, number, examples, weights, units) -> state, metrics."""
Row: TypeAlias = dict[str, Float[Array, ""]]
History: TypeAlias = dict[str, Float[Array, "epochs"]]

LEAST_ROOM = 32  # epochs
SMALL = 20_000  # parameters: a network with fewer always fills up its last batch
WASTE = 0.01  # the share of an epoch's examples that a larger network may compute in vain


class Plan(NamedTuple):
    """Hold the options that shape the program, besides the spec. Each plan is compiled once.

    epochs         the number of epochs
    batch_size     the number of examples of a batch
    patience       a run stops after this many epochs without an improvement; None: it does not
    monitor        decides which epoch is the best
    metrics        names and functions, computed on the validation and the test split
    train_metrics  whether the metrics are computed on the training split too
    """

    epochs: int
    batch_size: int
    patience: int | None = None
    monitor: Monitor = Monitor()
    metrics: tuple[tuple[str, Metric], ...] = ()
    train_metrics: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON. The metrics are names alone."""
        names = [name for name, _ in self.metrics]
        return self._asdict() | {"monitor": self.monitor.to_json(), "metrics": names}

    @classmethod
    def from_json(
        cls, saved: Mapping[str, Any], metrics: Mapping[str, Metric] | None = None
    ) -> Self:
        """Make a plan of JSON and the functions of its metrics.

        Raises ValueError where a metric is missing, and for one that is not in the plan.
        """
        functions = metrics or {}
        names = saved["metrics"]
        if extra := sorted(set(functions) - set(names)):
            raise ValueError(
                f"metrics: got {', '.join(map(repr, extra))}, which the training did not compute."
            )
        if missing := [name for name in names if name not in functions]:
            raise ValueError(
                f"metrics: {', '.join(map(repr, missing))} missing, which the training computed; "
                "functions are not saved, so pass those that it ran with."
            )
        named = tuple((name, functions[name]) for name in names)
        monitor = Monitor(**saved["monitor"])
        return cls(**{**saved, "monitor": monitor, "metrics": named})


class Best(NamedTuple):
    """Hold the best epoch so far: its parameters, its state, and its value of the monitored metric.

    epoch  its number, counted from 0; −1 if there is none yet
    """

    params: Params
    state: State
    value: Float[Array, ""]
    epoch: Integer[Array, ""]


class RunState(NamedTuple):
    """Hold a run between two epochs.

    current        parameters, state and optimizer state
    evaluated      the optimizer's evaluation parameters, where they differ from those at which it
                   descends; () where they do not
    best           the best epoch
    epochs         the number of epochs that have been trained
    diverged_step  the first step that was not finite, counted from 0; −1 if there was none
    active         whether another epoch would be trained, if the caller asks for it: the run has
                   neither diverged nor run out of patience
    nonfinite      whether the next epoch ends in numbers that are not finite
    history        name -> (capacity(plan.epochs),), NaN in an epoch that was not trained or that
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
    """Define a training for the engine.

    build   makes the TrainSpec of the traced hyperparameters; it is hashable, so that equal
            processes are compiled once
    plan    the options
    splits  the number of splits of equal sizes that lie one behind the other in the data; where
            there are several, hyper[SPLIT] is the number of a run's split
    """

    build: Any
    plan: Plan
    splits: int = 1

    @property
    def few_optimizations(self) -> bool:
        """Return True: measurements show that the runs take no longer."""
        return True

    def begin(self, seed: Seed, hyper: Hyper) -> RunState:
        """Return the run before its first epoch."""
        return begin(self.spec(hyper), self.plan, seed)

    def advance(self, seed: Seed, hyper: Hyper, data: Arrays, state: RunState, until) -> RunState:
        """Return the run after `until` epochs."""
        choice = self.split_of(hyper)
        return advance(self.spec(hyper), self.plan, seed, data, state, until, choice)

    def locate_divergence(
        self, seed: Seed, hyper: Hyper, data: Arrays, state: RunState
    ) -> RunState:
        """Return a nonfinite run before the step that diverged."""
        choice = self.split_of(hyper)
        return locate_divergence(self.spec(hyper), self.plan, seed, data, state, choice)

    def spec(self, hyper: Hyper) -> TrainSpec:
        """Build the spec of a run's hyperparameters."""
        own = {name: value for name, value in hyper.items() if name != SPLIT}
        return self.build(own)

    def split_of(self, hyper: Hyper) -> SplitChoice:
        """Return which of the splits a run has."""
        return SplitChoice(hyper[SPLIT], self.splits) if SPLIT in hyper else ONLY_SPLIT


def begin(spec: TrainSpec, plan: Plan, seed: Seed) -> RunState:
    """Return the run of a seed before its first epoch."""
    params, state = spec.net.init(run_keys(seed).init)
    none = jnp.int32(NEVER)
    with named_errors():
        current = TrainState(params, state, spec.optimizer.init(params))
    evaluated = evaluated_of(spec, current)
    best = Best(params, state, jnp.array(plan.monitor.worst), none)
    start = RunState(
        current=current,
        evaluated=evaluated,
        best=best,
        epochs=jnp.int32(0),
        diverged_step=none,
        active=jnp.array(True),
        nonfinite=jnp.array(False),
        history={
            name: jnp.full(capacity(plan.epochs), jnp.nan)
            for name in history_names(spec.loss, plan)
        },
    )
    # An advanced state has no weak types, so one here would make another program.
    return tree.as_types_of(start, start)


def capacity(epochs: int) -> int:
    """Return the length of a history: a power of two, so that runs of 20 and 30 share a program."""
    return max(LEAST_ROOM, 1 << (epochs - 1).bit_length())


def evaluated_of(spec: TrainSpec, current: TrainState) -> Params:
    """Return the optimizer's evaluation parameters; () where the current ones are evaluated."""
    optimizer, state, params = spec.optimizer, current.optimizer_state, current.params
    with named_errors():
        evaluated = optim.evaluation_params(optimizer, state, params)
    if evaluated is None:
        return ()
    return tree.as_types_of(params, evaluated)


def trained(run: RunState) -> tuple[Params, State]:
    """Return the parameters and the state of the network after the last epoch."""
    has_own = bool(jax.tree.leaves(run.evaluated))
    params = run.evaluated if has_own else run.current.params
    return params, run.current.state


def advance(
    spec: TrainSpec,
    plan: Plan,
    seed: Seed,
    dataset: Arrays,
    run: RunState,
    until: Integer[Array, ""] | int,
    choice: SplitChoice = ONLY_SPLIT,
) -> RunState:
    """Train until `until` epochs are done, the run has ended, or an epoch is not finite.

    dataset  the arrays of the training, the validation and the test split
    run      the state from which it goes on
    choice   the split of the run, where the arrays hold several

    Under vmap the loop lasts until every run is there. A run that is there does not change.
    """
    keys = run_keys(seed)
    data = data_of_run(spec, keys, dataset, choice)

    def is_unfinished(run: RunState):
        return run.active & ~run.nonfinite & (run.epochs < until)

    def one_epoch(run: RunState) -> RunState:
        after = train_epoch(spec, plan, keys, data, run, unguarded(spec))
        nonfinite = after.nonfinite | ~stays_finite(run.current, after.current)
        marked = run._replace(nonfinite=jnp.array(True))
        return tree.choose(nonfinite, marked, after)

    return lax.while_loop(is_unfinished, one_epoch, run)


def locate_divergence(
    spec: TrainSpec,
    plan: Plan,
    seed: Seed,
    dataset: Arrays,
    run: RunState,
    choice: SplitChoice = ONLY_SPLIT,
) -> RunState:
    """Train the next epoch of a nonfinite run step by step, up to the step that is not finite.

    `nonfinite` is False afterwards. Where no step diverges, the run goes on after that epoch.
    """
    keys = run_keys(seed)
    data = data_of_run(spec, keys, dataset, choice)

    def is_marked(run: RunState):
        return run.active & run.nonfinite

    def one_epoch(run: RunState) -> RunState:
        after = train_epoch(spec, plan, keys, data, run, partial(guarded_step, spec))
        return after._replace(nonfinite=jnp.array(False))

    return lax.while_loop(is_marked, one_epoch, run)


def unguarded(spec: TrainSpec) -> Step:
    """Return `step` as a function with the arguments of `guarded_step`."""

    def take_step(state, metrics, x, target, key, number, examples, weights, units):
        return step(spec, state, metrics, x, target, key, examples, weights, units)

    return take_step


def history_names(loss: Loss, plan: Plan) -> list[str]:
    """Return the names in a history, such as "validation_loss"."""
    kinds = ["loss"] if loss.matches is None else ["loss", "accuracy"]
    metrics = list(metrics_of(loss, plan))
    names = []
    for split in ("train", "validation", "test"):
        has_metrics = split != "train" or plan.train_metrics
        kinds_of_split = kinds + metrics if has_metrics else kinds
        names += [f"{split}_{kind}" for kind in kinds_of_split]
    return names


def metrics_of(loss: Loss, plan: Plan) -> dict[str, Metric]:
    """Return the metrics that are computed: RMSE and R² for regression, then the user's."""
    metrics = dict(OF_REGRESSION) if loss.regression else {}
    return metrics | dict(plan.metrics)


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
    this_epoch = Best(*trained(after), monitored, epoch)
    best = tree.choose(improved, this_epoch, run.best)
    history = {name: values.at[epoch].set(row[name]) for name, values in run.history.items()}
    is_patient = True
    if plan.patience is not None:
        of_monitored = history[plan.monitor.metric]
        is_patient = plan.monitor.waited(of_monitored, epoch, best.epoch) < plan.patience
    return after._replace(
        best=best,
        epochs=epoch + 1,
        diverged_step=metrics.diverged_step,
        active=~diverged & is_patient,
        nonfinite=~metrics.finite,
        history=history,
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
    """Take ⌈N/B⌉ updates for N examples in batches of B. Every example is used once.

    The order is drawn for this epoch. A short last batch is filled up with examples that do not
    count, so that one step is compiled. The last batch is a step of its own shape in two cases: an
    example depends on the others of its batch, as with batch normalisation; or filling up would
    take more time than it saves.
    """
    train, weights = data.train, data.weights
    n = train.size
    if plan.batch_size < n:
        warn_of_lbfgs(state.optimizer_state)
    full, rest = divmod(n, plan.batch_size)
    order = permutation(keys.shuffle, n, epoch)
    first_step = epoch * (full + (rest > 0))
    missing = -n % plan.batch_size
    is_cheap = tree.size(state.params) < SMALL or missing < n * WASTE
    is_filled = rest > 0 and spec.net.per_example and is_cheap
    if is_filled:
        # The batch is filled up with its own examples, which are as finite as the batch.
        last = order[n - rest :]
        order = jnp.concatenate([order, jnp.resize(last, (missing,))])
        full, rest = full + 1, 0

    def on_batch(carry, batch):
        state, metrics = carry
        number, rows = batch
        features, y = train.take(rows)
        examples = None
        if is_filled:
            examples = jnp.minimum(plan.batch_size, n - number * plan.batch_size)
        batch_weights = None if weights is None else weights[rows]
        number = first_step + number
        key = jax.random.fold_in(keys.noise, number)
        x, target = feature_major(features), target_of(y)
        after = take_step(
            state, metrics, x, target, key, number, examples, batch_weights, data.units
        )
        return after, None

    carry = (state, EpochMetrics.zero())
    if full:
        rows = order[: len(order) - rest].reshape(full, plan.batch_size)
        numbers = jnp.arange(full, dtype=jnp.int32)
        carry, _ = lax.scan(on_batch, carry, (numbers, rows))
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
    """Compute the history's entries for one epoch. They are NaN where it diverged."""
    n = data.train.size
    row = {"train_loss": metrics.loss / n}
    if spec.loss.matches is not None:
        row["train_accuracy"] = metrics.correct / n
    computed = metrics_of(spec.loss, plan)
    net, loss = spec.net, spec.loss
    params, state = trained(run)
    if plan.train_metrics:
        of_train = evaluate(net, loss, params, state, data.training, computed, data.units)
        # The loss and the accuracy that were summed while training take precedence.
        row = of_train | row
    for splits in data.held_out:
        row |= evaluate(net, loss, params, state, splits, computed, data.units)
    return {name: jnp.where(diverged, jnp.nan, value) for name, value in row.items()}
