"""How much a test does: little by default, and more with scripts/test --all."""

FEWER_OPTIMIZATIONS = "--xla_backend_optimization_level=1"
"""A flag of XLA that saves a quarter of the time it compiles. (Level 0 saves half, and computes NaN
for a right program: the checker's of a network with batch norm, on jaxlib 0.10.2.)"""

ALL = False  # conftest sets it before the test files are imported


def amount(default: int, with_all: int) -> int:
    """Return the number of draws, runs or repetitions of a test."""
    return with_all if ALL else default
