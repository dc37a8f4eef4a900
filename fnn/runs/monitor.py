"""The monitor: it decides which epoch is the best, and when a run stops without improving."""

from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from fnn import checks
from fnn.runs.process import NEVER

Number: TypeAlias = Float[Array, ""] | np.floating
History: TypeAlias = Float[Array, "epochs"] | Float[np.ndarray, "epochs"]
MODES = {"accuracy": "max", "r2": "max", "loss": "min", "error": "min", "rmse": "min"}
"""Word of a metric's name -> the direction that is better."""


class Monitor(NamedTuple):
    """Name an entry of the history, and say when a value of it is an improvement.

    metric     the name of the entry
    mode       "min" or "max": the direction that is better
    min_delta  an epoch must be better than the best before by more than this
    tol        scikit-learn's rule. The best epoch is the best of all. Patience waits for an epoch
               that is better than all before by tol at least. So improvements smaller than tol do
               not add up. None: patience waits for the best epoch
    """

    metric: str = "validation_loss"
    mode: str = "min"
    min_delta: float = 0.0
    tol: float | None = None

    @property
    def worst(self) -> float:
        """Return the infinity that is worse than every finite value."""
        return np.inf if self.mode == "min" else -np.inf

    def improves(self, value: Number | History, best: Number | History) -> Any:
        """Return whether a value is better than the best before. NaN never is."""
        if self.mode == "min":
            return value < best - self.min_delta
        return value > best + self.min_delta

    def gains(self, value: Number | History, best: Number | History) -> Any:
        """Return whether patience begins anew at a value, after the best before. NaN never does."""
        if self.tol is None:
            return self.improves(value, best)
        if self.mode == "min":
            return value <= best - self.tol
        return value >= best + self.tol

    def waited(self, history: History, epoch: Any, best_epoch: Any) -> Any:
        """Return for how many epochs patience has been waiting.

        history     (epochs,) of the metric, NaN after this epoch
        epoch       this one
        best_epoch  the best so far
        """
        if self.tol is None:
            return epoch - best_epoch
        values = jnp.where(jnp.isnan(history), self.worst, history)
        best = lax.cummin(values) if self.mode == "min" else lax.cummax(values)
        best_before = jnp.roll(best, 1).at[0].set(self.worst)
        epochs = jnp.arange(len(history))
        gaining = jnp.where(self.gains(history, best_before), epochs, NEVER)
        return epoch - jnp.max(gaining)

    def stop(self, history: Float[np.ndarray, "epochs"], patience: int | None) -> int | None:
        """Return the number of epochs after which a run stops, or None where it does not stop.

        history   the metric's value in each epoch that was trained
        patience  a run stops after this many epochs without an improvement; None: it never stops
        """
        best = history.dtype.type(self.worst)
        last = NEVER
        for epoch, value in enumerate(history):
            improves = self.improves(value, best)
            if self.gains(value, best):
                last = epoch
            if improves:
                best = value
            if patience is not None and epoch - last >= patience:
                return epoch + 1
        return None

    def to_json(self) -> dict[str, Any]:
        """Return the arguments that make it, without a tol of None."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    def __str__(self) -> str:
        direction = {"min": "lowest", "max": "highest"}[self.mode]
        description = f"{direction} {self.metric}"
        if self.min_delta:
            description += f", by more than {self.min_delta:g}"
        if self.tol is not None:
            description += f", by at least {self.tol:g} for patience"
        return description


def monitor_of(metric: str, mode: str | None, min_delta: float) -> Monitor:
    """Build the monitor from a caller's arguments.

    Raises ValueError for an unknown mode, and for a min_delta that is negative or rounds to 0.
    """
    checks.non_negative("min_delta", min_delta)
    rounded = float(np.asarray(min_delta, jnp.result_type(float)))
    if min_delta > 0 == rounded:
        raise ValueError(
            f"min_delta: got {min_delta}, which JAX's default float dtype rounds to 0; take 0.0."
        )
    return Monitor(metric, mode_of(metric, mode), float(min_delta))


def mode_of(metric: str, mode: str | None) -> str:
    """Return the mode, "min" or "max". Where it is None, the metric's name decides.

    Raises ValueError for another mode, and where the name does not decide.
    """
    if mode is None:
        words = metric.split("_")
        modes = {direction for word, direction in MODES.items() if word in words}
        if len(modes) != 1:
            raise ValueError(
                f"mode: got None for {metric!r}, whose name does not say which direction is "
                "better; pass 'min' or 'max'."
            )
        return modes.pop()
    if mode not in ("min", "max"):
        raise ValueError(f"mode: got {mode!r} for {metric!r}, expected 'min' or 'max'.")
    return mode
