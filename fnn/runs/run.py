"""The result of one training run: `fnn.Run`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from jaxtyping import Float

from fnn import checks
from fnn.backprop import apply
from fnn.checkpoint import result
from fnn.data import Encoding
from fnn.runs.predict import check_can_predict, decode_outputs
from fnn.runs.process import NEVER
from fnn.types import Layer, Loss, Params, PyTree, State

Build: TypeAlias = Callable[[], tuple[Layer | None, Loss | None]]


class RunParts:
    """Build the network and the loss of a run. Pickle leaves them out, for they are functions.

    build  () -> (net, loss); by default it knows neither
    """

    def __init__(self, build: Build = lambda: (None, None)) -> None:
        self.build = build

    def __eq__(self, other: object) -> bool:
        """Return True for any parts, so that trees of runs have equal structures."""
        return isinstance(other, RunParts)

    def __hash__(self) -> int:
        return hash(RunParts)

    def __reduce__(self) -> Any:
        return RunParts, ()


jax.tree_util.register_pytree_node(RunParts, lambda parts: ((), parts), lambda parts, _: parts)


class Run(NamedTuple):
    """A trained network, as `fnn.train`, `sweep.run` and `fnn.load` return it.

    params           the parameters after the last epoch that was trained
    state            the state of the network after that epoch
    best_params      the parameters after the best epoch: the one with the lowest validation loss,
                     unless another entry of the history was monitored
    best_state       the state of the network after the best epoch
    best_epoch       the best epoch, counted from 0; −1 if there was none
    stopped_epoch    the last epoch that was trained, counted from 0
    diverged_step    the first step, counted from 0, whose loss, parameters, state or optimizer
                     state were not finite; −1 if there was none. See below
    history          name -> (epochs,), see below
    seed             the seed of the run
    optimizer_state  after the last epoch; None for a run of a sweep, which does not keep it
    descent_params   the parameters at which the optimizer takes its gradients, where they are not
                     params (as for optax.contrib.schedule_free); None otherwise
    origin           the call that trained it, with which `fnn.train(start=run)` is compared
    encoding         the preprocessing of its rows, `Dataset.preprocessing`
    parts            builds the network and the loss, for `predict`; a run that was loaded or
                     pickled has none
    compile_seconds  of the call; for a run of a sweep, of the whole sweep
    run_seconds      the same for the time after compiling

    The history has train_loss, validation_loss and test_loss, for classification train_accuracy,
    validation_accuracy and test_accuracy, and the metrics that were asked for. Entries of the
    training split are means over the epoch while it was trained. Entries are NaN from the epoch in
    which the run diverged, and after an early stop. Where fnn scaled a real target, metrics are in
    the units of the target, and so are squared and absolute errors of one target; other losses are
    those of the scaled targets.

    If a step diverged, params and state are those before it. Every step of an epoch is examined
    whose loss is not finite, or which ends in numbers that are not finite. An infinity of the
    optimizer's state that is gone at the end of its epoch does not count.

    >>> import fnn
    >>> xor = fnn.data.load("xor")
    >>> net = fnn.mlp((2, 4, 1))
    >>> loss = fnn.losses.sigmoid_cross_entropy
    >>> adam = fnn.optim.adam(0.1)
    >>> run = fnn.train(net, loss, adam, xor, epochs=30, batch_size=4, progress=False)
    >>> run.stopped_epoch
    29
    >>> fnn.apply(net, run.best_params, xor.test.x, state=run.best_state).shape
    (4, 1)
    """

    params: Params
    state: State
    best_params: Params
    best_state: State
    best_epoch: int
    stopped_epoch: int
    diverged_step: int
    history: dict[str, Float[np.ndarray, "epochs"]]
    seed: int
    optimizer_state: PyTree | None = None
    descent_params: Params | None = None
    origin: Any = None
    encoding: Encoding | None = None
    parts: RunParts = RunParts()
    compile_seconds: float = 0.0
    run_seconds: float = 0.0

    @property
    def diverged(self) -> bool:
        """Return whether the run ended because a step was not finite.

        >>> run.diverged
        False
        """
        return self.diverged_step != NEVER

    def final(self, metric: str) -> float:
        """Return an entry of the history at the last trained epoch.

        metric  the name of an entry of `history`

        Returns NaN if the run diverged in that epoch. Raises ValueError for another name.

        >>> run.final("test_accuracy")
        1.0
        """
        values = checks.lookup("metric", metric, self.history)
        return float(values[self.stopped_epoch])

    def predict(
        self,
        rows: Any,
        *,
        probabilities: bool = False,
        net: Layer | None = None,
        loss: Loss | None = None,
    ) -> np.ndarray:
        """Predict the targets of raw rows with the network of the best epoch.

        rows           rows as they were before any preprocessing: for data.from_frame a frame, a
                       dict of columns or a list of dicts; for data.from_arrays an array (examples,
                       features), which is scaled as its training rows were
        probabilities  return probabilities (examples, classes) instead of labels, in the order of
                       `encoding.classes`
        net            the network that was trained; needed for a run that was loaded or pickled
        loss           its loss; needed for such a run if probabilities are asked for, the network
                       has one output, or the targets are floats of 0 and 1

        Returns labels as they were given, or numbers in the units of the target.

        Raises ValueError for other columns, unknown categories and everything else that
        `Encoding.encode` refuses, and where no epoch is the best.

        >>> run.predict([[0, 0], [0, 1], [1, 0], [1, 1]])
        array([0, 1, 1, 0])
        """
        if self.best_epoch == NEVER:
            why = "diverged in its first epoch"
            if not self.diverged:
                why = "has no epoch in which the monitored metric was a finite number"
            raise ValueError(
                f"predict: the run {why}, so no epoch is the best. fnn.apply(net, run.params, x, "
                "state=run.state) takes the parameters of its end."
            )
        if net is None or loss is None:
            own_net, own_loss = self.parts.build()
            net, loss = net or own_net, loss or own_loss
        check_can_predict(net, self.encoding)
        assert net is not None
        assert self.encoding is not None
        x = self.encoding.encode(rows)
        outputs = apply(net, self.best_params, x, state=self.best_state)
        return decode_outputs(self.encoding, loss, outputs, probabilities=probabilities)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save the run as a folder of `arrays.npz` and `manifest.json`.

        path       the folder, which must not exist
        overwrite  replace a result that is there

        Returns the path of the folder. `fnn.load` reads it.

        Raises ValueError for a folder that exists, and for parameters that are not in tuples,
        lists, dicts and NamedTuples.

        >>> import tempfile
        >>> folder = run.save(tempfile.mkdtemp() + "/run")
        >>> fnn.load(folder).seed
        0
        """
        content = self._asdict()
        del content["parts"]
        if self.origin is not None:
            content["origin"] = self.origin.fingerprint()._asdict()
        if self.encoding is not None:
            content["encoding"] = self.encoding.to_json()
        return result.save(path, "run", content, overwrite=overwrite)

    def __repr__(self) -> str:
        first, *_ = self.history.values()
        epochs = len(first)
        ended = " (diverged)" if self.diverged else ""
        metrics = ", ".join(f"{name} {self.final(name):.4g}" for name in self.history)
        if self.encoding is not None and self.encoding.units is not None:
            rmse_unit = self.encoding.in_units("test_rmse")
            loss_unit = self.encoding.in_units("test_loss")
            metrics += f"; rmse {rmse_unit}, losses: {loss_unit}"
        return (
            f"Run(seed {self.seed}, {self.stopped_epoch + 1} of {epochs} epochs{ended}, "
            f"best_epoch {self.best_epoch}; after the last: {metrics})"
        )
