"""What decides which epoch is the best, and when a run has waited long enough for a better one."""

from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn import checks
from fnn.runs.process import NEVER

Number: TypeAlias = Float[Array, ""] | np.floating
MODES = {"accuracy": "max", "r2": "max", "loss": "min", "error": "min", "rmse": "min"}
"""Parts of names -> which direction is better."""


class Monitor(NamedTuple):
    """An entry of the history, and what an improvement of it is.

    metric     its name
    mode       "min" or "max": which direction is better
    min_delta  by how much more than this an epoch must be better than the best before
    """

    metric: str = "validation_loss"
    mode: str = "min"
    min_delta: float = 0.0

    @property
    def worst(self) -> float:
        """Return what every finite value improves."""
        return np.inf if self.mode == "min" else -np.inf

    def improves(self, value: Number, best: Number) -> Any:
        """Return whether a value is better than the best before; NaN is not."""
        if self.mode == "min":
            return value < best - self.min_delta
        return value > best + self.min_delta

    def stop(self, history: Float[np.ndarray, "epochs"], patience: int | None) -> int | None:
        """Return after how many of these epochs a run stops for want of an improvement, if it does.

        history  of the metric, in the epochs that were trained
        """
        best, best_epoch = history.dtype.type(self.worst), NEVER
        for epoch, value in enumerate(history):
            if self.improves(value, best):
                best, best_epoch = value, epoch
            if patience is not None and epoch - best_epoch >= patience:
                return epoch + 1
        return None

    def __str__(self) -> str:
        direction = {"min": "lowest", "max": "highest"}[self.mode]
        by = f", by more than {self.min_delta:g}" if self.min_delta else ""
        return f"{direction} {self.metric}{by}"


def monitor_of(metric: str, mode: str | None, min_delta: float) -> Monitor:
    """Return the monitor of some arguments.

    Raises ValueError for a mode that is not known, and for a min_delta below 0.
    """
    checks.non_negative("min_delta", min_delta)
    if min_delta > 0 == float(jnp.asarray(min_delta, float)):
        raise ValueError(
            f"min_delta: got {min_delta}, which JAX's default float dtype rounds to 0; take 0.0."
        )
    return Monitor(metric, mode_of(metric, mode), float(min_delta))


def mode_of(metric: str, mode: str | None) -> str:
    """Return "min" or "max"; by the name of the metric where it is None.

    Raises ValueError for another mode, and where the name says nothing.
    """
    if mode is None:
        modes = {mode for part, mode in MODES.items() if part in metric}
        mode = modes.pop() if len(modes) == 1 else None
        if mode is None:
            raise ValueError(
                f"mode: got None for {metric!r}, whose name does not say which direction is "
                "better; pass 'min' or 'max'."
            )
    if mode not in ("min", "max"):
        raise ValueError(f"mode: got {mode!r} for {metric!r}, expected 'min' or 'max'.")
    return mode
