"""The contract between what is run and the engine that runs it."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from jaxtyping import Array, UInt32
from numpy import ndarray, uint32

from fnn.types import PyTree

NEVER = -1  # the number of a step or an epoch that there was not

Seed: TypeAlias = UInt32[Array, ""] | UInt32[ndarray, ""] | uint32
Hyper: TypeAlias = Mapping[str, Any]
ProcessState: TypeAlias = Any
"""See `Process`."""


class Process(Protocol):
    """What one run does: pure functions of its seed and its traced hyperparameters.

    The engine compiles them over many runs. A process is hashable, and two of equal parts are
    equal, so that nothing is compiled twice. Advancing in pieces gives the same bits as advancing
    at once. Under vmap a run that is not active, or that has `until` epochs, does not change.

    A state is a NamedTuple of pytrees with these three arrays among them:

    epochs     how many have been run
    active     whether another epoch would be run, if the caller asks for it
    nonfinite  whether the next epoch ends in numbers that are not finite

    """

    def __hash__(self) -> int: ...

    @property
    def few_optimizations(self) -> bool:
        """Whether LLVM's first level is enough: less compiling, and runs that take no longer."""

    def begin(self, seed: Seed, hyper: Hyper) -> Any:
        """Return the state before the first epoch."""

    def advance(self, seed: Seed, hyper: Hyper, data: PyTree, state: Any, until: Any) -> Any:
        """Return the state after `until` epochs.

        A run that ends before stays where it ended. One whose next epoch ends in numbers that are
        not finite stays before that epoch, marked `nonfinite`.
        """

    def locate_divergence(self, seed: Seed, hyper: Hyper, data: PyTree, state: Any) -> Any:
        """Return a nonfinite run with the step that diverged, and nonfinite=False.

        It is called until no active run is nonfinite.
        """
