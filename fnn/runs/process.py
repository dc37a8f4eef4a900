"""The contract between a computation and the engine that runs it."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from jaxtyping import Array, UInt32
from numpy import ndarray, uint32

from fnn.types import PyTree

NEVER = -1  # stands for the number of a step or an epoch that did not happen

Seed: TypeAlias = UInt32[Array, ""] | UInt32[ndarray, ""] | uint32
Hyper: TypeAlias = Mapping[str, Any]
ProcessState: TypeAlias = Any
"""See `Process`."""


class Process(Protocol):
    """Define one run by pure functions of its seed and its traced hyperparameters.

    The engine compiles these functions over many runs. A process is hashable. Two processes with
    equal parts are equal, so that nothing is compiled twice. Advancing in pieces gives the same
    bits as advancing at once. Under vmap a run does not change if it is not active, or if it has
    done `until` epochs.

    A state is a NamedTuple of pytrees. Three arrays are among them:

    epochs     the number of epochs done
    active     whether another epoch would be run, if the caller asks for it
    nonfinite  whether the next epoch ends in numbers that are not finite
    """

    def __hash__(self) -> int: ...

    @property
    def few_optimizations(self) -> bool:
        """Return whether LLVM's first level is enough.

        It compiles faster. It suits programs whose runs take no longer with it.
        """

    def begin(self, seed: Seed, hyper: Hyper) -> Any:
        """Return the state before the first epoch."""

    def advance(self, seed: Seed, hyper: Hyper, data: PyTree, state: Any, until: Any) -> Any:
        """Return the state after `until` epochs.

        A run that ends before stays where it ended. A run whose next epoch ends in numbers that
        are not finite stays before that epoch and is marked `nonfinite`.
        """

    def locate_divergence(self, seed: Seed, hyper: Hyper, data: PyTree, state: Any) -> Any:
        """Return a nonfinite run with the step that diverged, and with nonfinite=False.

        It is called after a chunk of epochs that left active runs nonfinite. The run may be sound
        after all: then it has trained that epoch, and goes on.
        """
