"""`partial_fit`: one pass over some rows, the optimizer's state kept between calls."""

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
from fnn.sklearn.recipe import PENALTY, RATE, Recipe
from fnn.sklearn.rows import Parts, Rows
from fnn.sklearn.training import Job
from fnn.types import PyTree


class PassState(NamedTuple):
    """What lasts from one pass to the next.

    trained  parameters, state and optimizer state of every network; leaves (seeds, …)
    passes   how many there were
    steps    how many updates there were
    """

    trained: PyTree
    passes: int
    steps: int


def partial_fit(
    job: Job,
    rows: Rows,
    seeds: Sequence[int],
    start: Ensemble | None,
    before: PassState | None,
) -> tuple[Ensemble, PassState]:
    """Pass once over the rows with every network.

    start   the networks that are there; None: none were trained
    before  what the last pass returned; None: the optimizer's state is a fresh one
    """
    prepared = job.prepared([Parts(rows, None)])
    dataset = prepared.datasets[0]
    n, size = len(rows.x), prepared.batch_size
    hyper = {RATE: job.learning_rate, PENALTY: job.alpha / prepared.counted}
    counts = rows.counts / rows.mean_weight
    with jax.enable_x64(prepared.dtype == "float64"):
        numbers = np.array(seeds, np.uint32)
        given = None if start is None else (start.params, start.state)
        state = PassState(begin(job.recipe, hyper, numbers, given), 0, 0)
        if before is not None:
            like = state.trained
            kept = jax.tree.map(lambda leaf, its: its.astype(leaf.dtype), like, before.trained)
            state = before._replace(trained=kept)
        orders = np.asarray(orders_of(numbers, n, np.int32(state.passes)))
        trained, total = state.trained, np.zeros(len(seeds))
        for first in range(0, n, size):
            batch = orders[:, first : first + size]
            x, y = (array[batch] for array in dataset.train)
            weights = counts[batch].astype(prepared.dtype)
            number = np.int32(state.steps + first // size)
            trained, losses = update(job.recipe, hyper, numbers, trained, x, y, weights, number)
            total += np.asarray(losses)
        trained = jax.tree.map(np.asarray, trained)
    earlier = np.empty((len(seeds), 0)) if start is None else start.loss_curve
    curve = np.concatenate([earlier, total[:, None] / n], axis=1)
    finite = [np.isfinite(leaf).reshape(len(seeds), -1).all(1) for leaf in jax.tree.leaves(trained)]
    diverged = ~np.all([np.isfinite(total), *finite], axis=0)
    passes = np.isfinite(curve).sum(axis=1)
    ensemble = Ensemble(job.recipe, trained.params, trained.state, curve, None, passes, diverged)
    steps = state.steps + -(-n // size)
    return ensemble, PassState(trained, state.passes + 1, steps)


@partial(compiler.jit, static_argnums=0)
def begin(recipe: Recipe, hyper: Any, seeds: Any, given: Any) -> TrainState:
    """Return every network before its first update, with the parameters that are given."""

    def of_one(seed: Array, given: Any) -> TrainState:
        net, _, optimizer = recipe(hyper)
        params, state = net.init(run_keys(seed).init) if given is None else given
        return TrainState(params, state, optimizer.init(params))

    return jax.vmap(of_one)(seeds, given)


@partial(compiler.jit, static_argnums=1)
def orders_of(seeds: Any, n: int, number: Any) -> Any:
    """Return the order of the rows in a pass, for every network."""
    return jax.vmap(lambda seed: permutation(run_keys(seed).shuffle, n, number))(seeds)


@partial(compiler.jit, static_argnums=0)
def update(
    recipe: Recipe, hyper: Any, seeds: Any, before: Any, x: Any, y: Any, weights: Any, number: Any
) -> tuple[TrainState, Float[Array, "seeds"]]:
    """Take a step with every network on a batch of its own; returns the sums of the losses too."""

    def of_one(seed: Array, before: Any, x: Any, y: Any, weights: Any) -> tuple[TrainState, Array]:
        spec = TrainSpec(*recipe(hyper))
        key = jax.random.fold_in(run_keys(seed).noise, number)
        batch = feature_major(x), target_of(y)
        after, sums = step(spec, before, EpochMetrics.zero(), *batch, key, weights=weights)
        return after, jnp.asarray(sums.loss)

    return jax.vmap(of_one)(seeds, before, x, y, weights)
