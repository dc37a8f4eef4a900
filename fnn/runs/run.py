"""What one training run gives."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from fnn import checks
from fnn.backprop import apply
from fnn.checkpoint import result
from fnn.data import Encoding
from fnn.runs.predict import answer, check_known
from fnn.runs.process import NEVER
from fnn.types import Layer, Loss, Params, PyTree, State


class Run(NamedTuple):
    """A trained network.

    params, state            after the last epoch that was trained
    best_params, best_state  after the best epoch, by validation loss unless another entry of the
                             history was monitored
    best_epoch               that epoch (−1: there was none)
    stopped_epoch            the last epoch that was trained
    diverged_step            the first step, counted from 0, whose loss, parameters, state or
                             optimizer state were not finite (−1: there was none); params and state
                             are those before it. It is looked for in every step of an epoch that
                             has a loss that is not finite or ends in such numbers: an infinity of
                             the optimizer's state that is gone at the end of its epoch is not one
    history                  name -> (epochs,): train_loss, validation_loss, test_loss, and for
                             classification train_accuracy, validation_accuracy, test_accuracy. The
                             training entries are means over the epoch as it was trained; NaN from
                             the epoch in which the run diverged, and after an early stop. Where
                             fnn scaled a real target, metrics are in its own units, and so are
                             squared and absolute errors of one target; other losses are those of
                             the scaled targets
    seed                     the seed that it was started with
    optimizer_state          after the last epoch; None for a run of a sweep, which does not keep it
    descent_params           where the optimizer takes its gradients, if that is not at params (as
                             for optax.contrib.schedule_free); None otherwise
    encoding                 the preprocessing of its rows, `Dataset.preprocessing`
    origin                   the call, by which `fnn.train(start=run)` tells whether it goes on
    compile_seconds, run_seconds  of the call; for a run of a sweep those of the whole sweep
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
    compile_seconds: float = 0.0
    run_seconds: float = 0.0

    @property
    def diverged(self) -> bool:
        """Return whether the run ended because a step was not finite."""
        return self.diverged_step != NEVER

    def final(self, metric: str) -> float:
        """Return a history entry at the last trained epoch; NaN if the run diverged in it."""
        return float(checks.lookup("metric", metric, self.history)[self.stopped_epoch])

    def predict(
        self,
        rows: Any,
        *,
        probabilities: bool = False,
        net: Layer | None = None,
        loss: Loss | None = None,
    ) -> np.ndarray:
        """Return what the network of the best epoch says of raw rows, in the user's terms.

        Labels as they were given, numbers in the units of the target.

        rows           as the training rows were before any preprocessing: a frame, a dict of
                       columns or a list of dicts for data.from_frame, an array (examples,
                       features) for data.from_arrays, scaled as its training rows were
        probabilities  (examples, classes) instead of labels, in the order of `encoding.classes`
        net, loss      those that it was trained with, where it was loaded or comes from a sweep;
                       the loss only for probabilities and for a single output

        Raises ValueError for other columns, unknown categories and what else `Encoding.encode`
        refuses.
        """
        call = None if self.origin is None else self.origin.call
        if call is not None:
            net, loss = net or call.spec.net, loss or call.spec.loss
        check_known(net, self.encoding)
        assert net is not None
        assert self.encoding is not None
        state = self.best_state
        outputs = apply(net, self.best_params, self.encoding.encode(rows), state=state)
        return answer(self.encoding, loss, outputs, probabilities=probabilities)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save the run as a folder of `arrays.npz` and `manifest.json`, which `fnn.load` reads.

        Raises ValueError for a folder that exists (overwrite=True replaces a result), and for
        parameters that are not in tuples, lists, dicts and NamedTuples.
        """
        origin = None if self.origin is None else self.origin.fingerprint()._asdict()
        encoding = None if self.encoding is None else self.encoding.to_json()
        content = {**self._asdict(), "origin": origin, "encoding": encoding}
        return result.save(path, "run", content, overwrite=overwrite)

    def __repr__(self) -> str:
        epochs = len(next(iter(self.history.values())))
        ended = " (diverged)" if self.diverged else ""
        metrics = ", ".join(f"{name} {self.final(name):.4g}" for name in self.history)
        if self.encoding is not None and self.encoding.units is not None:
            told = [self.encoding.in_units(name) for name in ("test_rmse", "test_loss")]
            metrics += "; rmse {}, losses: {}".format(*told)
        return (
            f"Run(seed {self.seed}, {self.stopped_epoch + 1} of {epochs} epochs{ended}, "
            f"best_epoch {self.best_epoch}; after the last: {metrics})"
        )
