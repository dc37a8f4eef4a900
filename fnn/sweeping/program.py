"""A group's compiled program, which trains any number of its lanes."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.stages import Traced
from jaxtyping import Bool, Integer

from fnn import compiler, tree
from fnn.checkpoint.run_directory import text_of
from fnn.data import Dataset
from fnn.sweeping.blocks import Seats, Shape, over_rows, seats, spread, spread_like
from fnn.sweeping.groups import FixedBuilder, Group
from fnn.sweeping.lanes import Lanes
from fnn.training.pace import Pace
from fnn.training.program import Plan, Training, advance, begin, examine
from fnn.training.run import timed
from fnn.types import ArrayLike, Layer

MOST_ABREAST = 32  # lanes; a larger vmap is no faster on a CPU and takes more memory
PARAMETERS_ABREAST = 20_000  # of all lanes of a row: what a core's caches hold beside the batches
MOST_ROWS = 8
BYTES_OF_A_BLOCK = 2**26  # of parameters, optimizer state and history, on each device


class Program(NamedTuple):
    """What it takes to train the lanes of a group."""

    group: Group
    mesh: Mesh
    shape: Shape
    dataset: Dataset  # on every device
    like: Training  # one lane's shapes and dtypes

    def trace(self, lanes: Lanes) -> tuple[Traced, Traced]:
        """Of begin and advance, for lanes like these: what does not fit is refused here, before anything is
        compiled."""
        placed, real = self._placed(lanes, self.seats(lanes))
        training = spread_like(self.mesh, begin_block.eval_shape(*self._static, placed, real))
        return (
            begin_block.trace(*self._static, placed, real),
            advance_block.trace(*self._static, placed, self.dataset, training, np.int32(0)),
        )

    def compile(self, lanes: Lanes) -> float:
        """Compiles, unless an equal program was compiled before; the seconds it took."""
        return timed(lambda: [traced.lower().compile() for traced in self.trace(lanes)])[1]

    def block(self, lanes: Lanes, pace: Pace, saved: Training | None = None) -> Iterator[Training]:
        """The lanes of a block after every chunk of epochs, in their seats on the devices, until all have ended; from
        the start, or from where they were saved."""
        here = self.seats(lanes)
        placed, real = self._placed(lanes, here)
        first = begin_block(*self._static, placed, real) if saved is None else spread(self.mesh, saved)
        yield first
        on, again = partial(self._advance, placed), partial(self._examine, placed)
        yield from pace.chunks(on, again, first, self.group.plan.epochs)

    def results(self, lanes: Lanes, training: Training) -> Training:
        """A block on the host; leaves have the lanes as their first axis. The optimizer's state, which nobody asks
        for, is left out."""
        return self.seats(lanes).collect(jax.device_get(without_optimizer_state(training)))

    def trained(self, lanes: Lanes) -> Iterator[Training]:
        """The results of any number of lanes, a block at a time. ValueError where they would not be what they were."""
        if any(leaf.dtype != jnp.result_type(float) for leaf in self.like.history.values()):
            raise ValueError(
                "x64: the sweep ran under the other setting of jax_enable_x64; train these lanes under it."
            )
        for numbers in self.cut(np.arange(len(lanes.seeds))):
            here = lanes.at(numbers)
            *_, training = self.block(here, Pace())
            yield self.results(here, training)

    def cut(self, numbers: Integer[np.ndarray, "lanes"]) -> list[Integer[np.ndarray, "lanes"]]:
        """Into blocks."""
        size = self.shape.lanes
        return [numbers[start : start + size] for start in range(0, len(numbers), size)]

    def seats(self, lanes: Lanes) -> Seats:
        """Of the lanes of a block."""
        return seats(self.shape, len(lanes.seeds))

    def net(self, hyper: dict[str, float]) -> Layer:
        """The network that the builder makes of these hyperparameters where they are traced."""

        def within(use: Callable) -> Callable:
            return compiler.jit(
                lambda hyper, *rest, **named: use(self.group.builder(hyper).net, *rest, **named),
                static_argnames="train",
            )

        init = within(lambda net, key: net.init(key))
        run = within(lambda net, *rest, key, train: net.forward(*rest, key=key, train=train))
        backward = within(lambda net, *rest: net.backward(*rest))

        def forward(params, state, x, *, key=None, train=False):
            return run(hyper, params, state, x, key=key, train=train)

        return Layer(partial(init, hyper), forward, partial(backward, hyper), "network of a sweep")

    def block_like(self) -> Training:
        """The shapes of a block."""
        d, r, a = self.shape
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((d * r, a, *leaf.shape), leaf.dtype), self.like)

    def texts(self, lanes: Lanes) -> list[str]:
        """The programs of one lane, for comparison: they depend on the builder, the plan and what is traced alone."""
        one = lanes.seeds[0], {name: values[0] for name, values in lanes.hyper.items()}
        fixed = self.group.builder, self.group.plan
        traced = begin_lane.trace(*fixed, *one), advance_lane.trace(*fixed, *one, self.dataset, self.like, np.int32(0))
        return [text_of(each) for each in traced]

    def smaller(self) -> "Program":
        """The same with blocks of one row, which take the least memory."""
        return self._replace(shape=self.shape._replace(rows=1))

    @property
    def _static(self) -> tuple[FixedBuilder, Plan, Mesh, Shape]:
        return self.group.builder, self.group.plan, self.mesh, self.shape

    def _placed(self, lanes: Lanes, here: Seats) -> tuple[Lanes, Bool[jax.Array, "rows abreast"]]:
        return spread(self.mesh, (lanes.at(here.lane), here.taken))

    def _advance(self, lanes: Lanes, training: Training, until: np.int32) -> Training:
        return advance_block(*self._static, lanes, self.dataset, training, until)

    def _examine(self, lanes: Lanes, training: Training) -> Training:
        return examine_block(*self._static, lanes, self.dataset, training)


def without_optimizer_state(training: Training) -> Training:
    """The rest: for Adam, two thirds of the bytes of a learner."""
    return training._replace(learner=training.learner._replace(optimizer_state=()))


@partial(jax.jit, static_argnums=(0, 1))
def begin_lane(builder: FixedBuilder, plan: Plan, seed: np.uint32, hyper: dict) -> Training:
    """One lane before its first epoch; used for its shapes, which jit remembers, and as a text."""
    return begin(builder(hyper), plan, seed)


@partial(jax.jit, static_argnums=(0, 1))
def advance_lane(
    builder: FixedBuilder, plan: Plan, seed: np.uint32, hyper: dict, dataset: Dataset, training: Training, until
) -> Training:
    """One lane after `until` epochs; used as a text."""
    return advance(builder(hyper), plan, seed, dataset, training, until)


@partial(compiler.jit, static_argnums=(0, 1, 2, 3))
def begin_block(
    builder: FixedBuilder, plan: Plan, mesh: Mesh, shape: Shape, lanes: Lanes, real: Bool[ArrayLike, "rows abreast"]
) -> Training:
    """Every lane before its first epoch; those that are not real are not active."""

    def lane(lanes: Lanes, real) -> Training:
        training = begin(builder(lanes.hyper), plan, lanes.seeds)
        return training._replace(active=training.active & real)

    return over_rows(mesh, shape, lane, (lanes, real))


@partial(compiler.jit, static_argnums=(0, 1, 2, 3), donate_argnums=6)
def advance_block(
    builder: FixedBuilder, plan: Plan, mesh: Mesh, shape: Shape, lanes: Lanes, dataset: Dataset, training: Training,
    until: Integer[ArrayLike, ""],
) -> Training:  # fmt: skip
    """Every lane after `until` epochs, or where it ended before."""

    def lane(lanes: Lanes, training: Training, dataset: Dataset, until) -> Training:
        return advance(builder(lanes.hyper), plan, lanes.seeds, dataset, training, until)

    return over_rows(mesh, shape, lane, (lanes, training), (dataset, until))


@partial(compiler.jit, static_argnums=(0, 1, 2, 3), donate_argnums=6)
def examine_block(
    builder: FixedBuilder, plan: Plan, mesh: Mesh, shape: Shape, lanes: Lanes, dataset: Dataset, training: Training
) -> Training:
    """Every suspect after the epoch in question."""

    def lane(lanes: Lanes, training: Training, dataset: Dataset) -> Training:
        return examine(builder(lanes.hyper), plan, lanes.seeds, dataset, training)

    return over_rows(mesh, shape, lane, (lanes, training), (dataset,))


def program_of(group: Group, mesh: Mesh, dataset: Dataset, lanes: Lanes, exact: bool) -> Program:
    """The program of a group, with the shape of its blocks from the network and the plan alone. `dataset` is on every
    device of the mesh; `lanes` are any of the group's."""
    hyper = {name: values[0] for name, values in lanes.hyper.items()}
    like = begin_lane.eval_shape(group.builder, group.plan, np.uint32(0), hyper)
    abreast = 1 if exact else lanes_abreast(tree.size(like.learner.params))
    rows = max(1, min(MOST_ROWS, BYTES_OF_A_BLOCK // (abreast * tree.nbytes(like))))
    return Program(group, mesh, Shape(mesh.size, rows, abreast), dataset, like)


def lanes_abreast(parameters: int) -> int:
    """Lanes of one vmap for a network of that many parameters: 8, 16 or 32 of small ones, and 1 of larger ones, which
    keep a core busy alone. Not 2 or 4: vector instructions would then treat the lanes of a row unlike."""
    fitting = PARAMETERS_ABREAST // max(1, parameters)
    return min(MOST_ABREAST, max(8, 2 ** (fitting.bit_length() - 1))) if fitting >= 4 else 1
