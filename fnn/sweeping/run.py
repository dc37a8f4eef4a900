"""`fnn.sweep`: the same training over seeds and hyperparameters."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from fnn import checks
from fnn.data import Dataset
from fnn.sweeping.blocks import device_mesh, replicated
from fnn.sweeping.fill import fill
from fnn.sweeping.groups import Builder, Group, groups_of
from fnn.sweeping.keeping import Keeper, keeping
from fnn.sweeping.keeping import described as lanes_described
from fnn.sweeping.lanes import lanes_of
from fnn.sweeping.program import program_of
from fnn.sweeping.results import Part, Sweep, empty
from fnn.sweeping.settings import Hyper, settings_of
from fnn.training.keeping import checked_saving, described
from fnn.training.program import Plan


def sweep(
    builder: Builder,
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    seeds: Iterable[int],
    hyper: Hyper | None = None,
    patience: int | None = None,
    exact: bool = False,
    keep_params: bool | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 30.0,
) -> Sweep:
    """Trains one network for each setting and seed, as blocks of lanes that share one compiled program.

    builder      hyper -> (net, loss, optimizer), or (net, loss, optimizer, prepare) with the prepare of fnn.train;
                 hyper maps each name to a value. Numbers are traced where the builder lets them be: a learning rate, a
                 decay, an initial scale cost no compilation. Names, truth values, tuples, and the numbers that it
                 needs while it builds, such as a width, make a program for each of their values; a fnn.layers.Width
                 is traced
    hyper        name -> values, for every combination, the last name changing fastest; or a list of points
                 {name: value}, such as scikit-learn's ParameterSampler draws. The builder reads them all; batch_size
                 may be one, and the argument then counts for nothing. Names of results (n, min, epoch, test_loss, …)
                 are taken
    seeds        distinct whole numbers in [0, 2³²). A lane's random numbers come from its seed alone, as in
                 fnn.train(seed=), so settings share them
    exact        compute every lane as fnn.train does: equal to it bit for bit where the builder's hyperparameters are
                 constants; otherwise equal to about 1e-6
    keep_params  keep the parameters of every lane (None: if they fit into 256 MiB); where they are not kept,
                 sweep.lane(…) trains that lane again, bit for bit the same
    checkpoint   a directory in which every finished block of lanes is saved and, every checkpoint_every seconds, the
                 block at hand; started again with the same arguments the sweep goes on from there, and ends bit for
                 bit as one that was never interrupted. SIGTERM ends it after a chunk of epochs, saved, with status 143

    The other arguments are those of fnn.train. Call fnn.use_all_devices() first to use every core. A lane that
    diverges or stops early is frozen and the others go on. Ctrl-C ends within a chunk of epochs with a
    `SweepInterrupted`, which has what was finished and goes on from there. Raises ValueError before anything is
    compiled.

    Blocks that fail, for want of memory or with another error of the machine, do not keep the others from being
    trained: a `SweepFailed` at the end has those that were finished, and trains the failed lanes again if asked.

    A program is compiled once for each builder object: a lambda written in the call is a new one every time, so give
    a builder that several sweeps share a name.
    """
    seeds = checks.seeds(seeds)
    checks.truth("exact", exact)
    if keep_params is not None:
        checks.truth("keep_params", keep_params)
    settings = settings_of(hyper)
    saving = checked_saving(checkpoint, checkpoint_every)
    groups = groups_of(builder, settings, dataset, epochs, batch_size, patience)
    mesh = device_mesh()
    shared = replicated(mesh, dataset._replace(scaling=None))

    def part(group: Group) -> Part:
        lanes = lanes_of([settings[row] for row in group.rows], group.traced, seeds)
        return Part(program_of(group, mesh, shared, lanes, exact), lanes)

    parts = [part(group) for group in groups]
    for each in parts:
        each.program.trace(each.lanes.at(np.array([0])))

    def describe() -> tuple[dict, list[str]]:
        options = {"call": "fnn.sweep", "exact": exact, "keep_params": keep_params}
        data_and_plan = described(Plan(epochs, batch_size, patience), dataset)
        programs = [text for part in parts for text in part.program.texts(part.lanes)]
        return options | data_and_plan | lanes_described(settings, seeds), programs

    keeper = Keeper() if checkpoint is None else partial(keeping, checkpoint, saving, describe)
    return fill(empty(settings, seeds, parts, keep_params), keeper, progress)
