"""How much a test does: little by default, and more with scripts/test --all."""

ALL = False  # conftest sets it before the test files are imported


def amount(default: int, with_all: int) -> int:
    """Return the number of draws, runs or repetitions of a test."""
    return with_all if ALL else default
