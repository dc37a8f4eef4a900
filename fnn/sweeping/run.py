"""`fnn.sweep`: the same training over seeds and hyperparameters."""

from collections.abc import Iterable, Mapping, Sequence

import jax
import numpy as np
import optax

from fnn import checks
from fnn.data import Dataset
from fnn.sweeping.blocks import (
    Builder,
    block_size,
    compiled_block,
    device_mesh,
    parameter_count,
    replicated,
    spread,
)
from fnn.sweeping.lanes import WHAT_IS_NO_NUMBER, Recorded, lanes_of, settings_of
from fnn.sweeping.results import Sweep
from fnn.training.program import Outcome, Plan, trajectory
from fnn.training.refusals import check_run
from fnn.training.run import timed
from fnn.types import Layer, Loss

UNDECIDED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


def sweep(
    builder: Builder,
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    seeds: Iterable[int],
    hyper: Mapping[str, Sequence[float]] | None = None,
    patience: int | None = None,
    exact: bool = False,
    progress: bool = True,
) -> Sweep:
    """Trains one network for each setting and seed, as blocks of lanes that share one compiled program.

    builder   hyper -> (net, loss, optimizer), where hyper maps each name to one traced number: a learning rate, a
              decay, an initial scale. What changes the program (sizes, names, epochs) cannot be in it
    hyper     name -> values; every combination is a setting, the last name changing fastest. The builder reads them all
    seeds     distinct whole numbers in [0, 2³²). A lane's random numbers come from its seed alone, as in
              fnn.train(seed=), so settings share them
    exact     run lanes one after another instead of vmapped: equal to fnn.train bit for bit where the builder's
              hyperparameters are constants; otherwise equal to about 1e-6

    The other arguments are those of fnn.train. Call fnn.use_all_devices() first to use every core. A lane that
    diverges or stops early is frozen and the others go on. Raises ValueError before anything is compiled.

    A program is compiled once for each builder object: a lambda written in the call is a new one every time, so give
    a builder that several sweeps share a name.
    """
    from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

    seeds = checks.seeds(seeds)
    settings = settings_of(hyper)
    lanes = lanes_of(settings, seeds)
    first = jax.tree.map(lambda values: values[0], lanes.hyper)
    plan = checked_plan(builder, first, dataset, epochs, batch_size, patience)

    mesh = device_mesh()
    at_once = block_size(parameter_count(builder, first)) * mesh.size
    shared = replicated(mesh, dataset)

    def arguments(start: int):
        return builder, plan, exact, mesh, spread(mesh, lanes.padded(start, at_once)), shared

    outcomes, run_seconds, total = [], 0.0, len(lanes.seeds)
    with tqdm(total=total, unit="run", disable=not progress) as bar:
        bar.set_description("compiling")
        _, compile_seconds = timed(lambda: compiled_block.lower(*arguments(0)).compile())
        bar.set_description(f"training {_counted(total, 'run')} on {_counted(mesh.size, 'device')}")
        for start in range(0, total, at_once):
            block, seconds = timed(lambda start=start: jax.device_get(compiled_block(*arguments(start))))
            real = min(at_once, total - start)
            outcomes.append(jax.tree.map(lambda leaf, real=real: leaf[:real], block))
            run_seconds += seconds
            bar.update(real)
    return Sweep(settings, seeds, by_setting(outcomes, len(settings), len(seeds)), compile_seconds, run_seconds)


def checked_plan(builder, first, dataset, epochs, batch_size, patience) -> Plan:
    """The plan, after every refusal of `fnn.train`. The builder is called with tracers, as it will be later."""
    if not callable(builder):
        raise ValueError(f"builder: got {builder!r}, expected a function hyper -> (net, loss, optimizer).")
    plans = []

    def check(hyper):
        recorded = Recorded(hyper)
        parts = built(builder, recorded)
        plans.append(check_run(*parts, dataset, epochs, batch_size, patience))
        if set(hyper) - recorded.read:  # what only an optimizer's update reads shows when the whole run is traced
            jax.eval_shape(
                lambda seed: trajectory(*parts, plans[0], seed, dataset._replace(scaling=None)), np.uint32(0)
            )
        if unread := set(hyper) - recorded.read:
            names = ", ".join(repr(name) for name in hyper if name in unread)
            raise ValueError(
                f"hyper: the builder never reads {names}, so its settings would be the same; leave it out."
            )

    jax.eval_shape(check, first)
    return plans[0]


def built(builder: Builder, hyper: Recorded) -> tuple[Layer, Loss, optax.GradientTransformation]:
    """What the builder returns for traced hyperparameters: net, loss, optimizer."""
    try:
        parts = builder(hyper)
    except UNDECIDED as error:
        raise ValueError(f"builder: it needs the value of a number in hyper. {WHAT_IS_NO_NUMBER}") from error
    if not isinstance(parts, tuple) or len(parts) != 3:
        raise ValueError(f"builder: returned {parts!r}, expected (net, loss, optimizer).")
    return parts


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def by_setting(blocks: list[Outcome], settings: int, seeds: int) -> Outcome:
    """The lanes of all blocks with leading axes (settings, seeds)."""

    def join(*leaves):
        lanes = np.concatenate(leaves)
        return lanes.reshape(settings, seeds, *lanes.shape[1:])

    return jax.tree.map(join, *blocks)
