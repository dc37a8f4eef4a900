"""`partial_fit`: one pass over some rows. The optimizer's state is kept between calls."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn import compiler
from fnn.backprop import feature_major, target_of
from fnn.data.shuffle import permutation
from fnn.runs.keys import run_keys
from fnn.runs.step import EpochMetrics, TrainSpec, TrainState, step
from fnn.sklearn.ensemble import Ensemble
from fnn.sklearn.recipe import Recipe
from fnn.sklearn.rows import Parts, Rows
from fnn.sklearn.training import FoldData, Job
from fnn.types import PyTree


class PassState(NamedTuple):
    """The state that one pass hands to the next.

    trained  a TrainState of every network; leaves (seeds, …)
    passes   number of passes so far
    steps    number of updates so far
    """

    trained: PyTree
    passes: int
    steps: int


def partial_fit(
    job: Job,
    rows: Rows,
    seeds: Sequence[int],
    start: Ensemble | None,
    last_pass: PassState | None,
) -> tuple[Ensemble, PassState]:
    """Pass once over the rows with every network.

    start      the networks so far; None initializes new ones
    last_pass  returned by the pass before; None begins with a fresh state of the optimizer

    Returns the networks and the state for the next pass.
    """
    data = job.fold_data([Parts(rows, None)])
    job = job.in_epochs_of(data)
    with jax.enable_x64(data.dtype == "float64"):
        before = _state_before(job, data, seeds, start, last_pass)
        trained, sums = _one_pass(job, rows, data, seeds, before)
        trained = jax.tree.map(np.asarray, trained)
    earlier = np.empty((len(seeds), 0)) if start is None else start.loss_curve
    curve = np.concatenate([earlier, sums[:, None] / len(rows.x)], axis=1)
    ensemble = Ensemble(
        recipe=job.recipe,
        params=trained.params,
        state=trained.state,
        loss_curve=curve,
        score_curve=None,
        n_iter=np.isfinite(curve).sum(axis=1),
        diverged=~_are_finite(trained, sums),
    )
    updates = -(-len(rows.x) // data.batch_size)
    return ensemble, PassState(trained, before.passes + 1, before.steps + updates)


def _state_before(
    job: Job,
    data: FoldData,
    seeds: Sequence[int],
    start: Ensemble | None,
    last_pass: PassState | None,
) -> PassState:
    """Return the state in which a pass begins, in the dtype of its data."""
    params_and_state = None if start is None else (start.params, start.state)
    numbers = np.array(seeds, np.uint32)
    fresh = begin(job.recipe, job.hyper(data), numbers, params_and_state)
    if last_pass is None:
        return PassState(fresh, 0, 0)
    trained = jax.tree.map(lambda leaf, kept: kept.astype(leaf.dtype), fresh, last_pass.trained)
    return last_pass._replace(trained=trained)


def _one_pass(
    job: Job, rows: Rows, data: FoldData, seeds: Sequence[int], before: PassState
) -> tuple[Any, Float[np.ndarray, "seeds"]]:
    """Take the steps of a pass. Returns the networks, and the sums of their losses."""
    hyper = job.hyper(data)
    seed_numbers = np.array(seeds, np.uint32)
    counts = rows.counts / rows.mean_weight
    examples = len(rows.x)
    orders = np.asarray(orders_of(seed_numbers, examples, np.int32(before.passes)))
    x, y = data.datasets[0].train
    trained = before.trained
    step_number = before.steps
    sums = np.zeros(len(seeds))
    for first in range(0, examples, data.batch_size):
        batch = orders[:, first : first + data.batch_size]
        trained, losses = update(
            job.recipe,
            hyper,
            seed_numbers,
            trained,
            x[batch],
            y[batch],
            counts[batch].astype(data.dtype),
            np.int32(step_number),
        )
        sums += np.asarray(losses)
        step_number += 1
    return trained, sums


def _are_finite(trained: PyTree, sums: np.ndarray) -> np.ndarray:
    """Return for each network whether its loss and all its numbers are finite."""
    are_finite = np.isfinite(sums)
    for leaf in jax.tree.leaves(trained):
        by_network = leaf.reshape(len(sums), -1)
        are_finite &= np.isfinite(by_network).all(axis=1)
    return are_finite


@partial(compiler.jit, static_argnums=0)
def begin(recipe: Recipe, hyper: Any, seeds: Any, params_and_state: Any) -> TrainState:
    """Return every network before its first update.

    params_and_state  leaves (seeds, …) to begin from; None initializes by the seeds
    """

    def begin_one(seed: Array, params_and_state: Any) -> TrainState:
        net, _, optimizer = recipe(hyper)
        if params_and_state is None:
            params_and_state = net.init(run_keys(seed).init)
        params, state = params_and_state
        return TrainState(params, state, optimizer.init(params))

    return jax.vmap(begin_one)(seeds, params_and_state)


@partial(compiler.jit, static_argnums=1)
def orders_of(seeds: Any, n: int, number: Any) -> Any:
    """Return the order of the n rows in a pass, for every network.

    number  of the pass, from 0
    """
    return jax.vmap(lambda seed: permutation(run_keys(seed).shuffle, n, number))(seeds)


@partial(compiler.jit, static_argnums=0)
def update(
    recipe: Recipe, hyper: Any, seeds: Any, before: Any, x: Any, y: Any, weights: Any, number: Any
) -> tuple[TrainState, Float[Array, "seeds"]]:
    """Take a step with every network on a batch of its own.

    number  of the step, from 0

    Returns the networks, and the sums of their losses over the batches.
    """

    def update_one(
        seed: Array, before: Any, x: Any, y: Any, weights: Any
    ) -> tuple[TrainState, Array]:
        spec = TrainSpec(*recipe(hyper))
        key = jax.random.fold_in(run_keys(seed).noise, number)
        zero = EpochMetrics.zero()
        after, sums = step(spec, before, zero, feature_major(x), target_of(y), key, weights=weights)
        return after, jnp.asarray(sums.loss)

    return jax.vmap(update_one)(seeds, before, x, y, weights)
