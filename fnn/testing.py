"""For test files: an assertion whose failure explains itself.

from fnn.testing import assert_gradient

def test_my_backward_pass():
    assert_gradient(loss, gradient, params)
"""

from typing import Any

from fnn.compiled import CompiledReport, check_compiled
from fnn.gradcheck import Report, check_gradient, check_network, check_vjp


def assert_gradient(*arguments: Any, **options: Any) -> Report:
    """`fnn.check_gradient`, raising AssertionError with the report as its text unless it passes. An
    abstention does not pass: choose a point off the kink, or assert on the report.
    """
    return _assert_passed(check_gradient(*arguments, **options))


def assert_vjp(*arguments: Any, **options: Any) -> Report:
    """`fnn.check_vjp`, raising AssertionError with the report as its text unless it passes."""
    return _assert_passed(check_vjp(*arguments, **options))


def assert_network(*arguments: Any, **options: Any) -> Report:
    """`fnn.check_network`, raising AssertionError with the report as its text unless it passes."""
    return _assert_passed(check_network(*arguments, **options))


def assert_compiled(*arguments: Any, **options: Any) -> CompiledReport:
    """Raise AssertionError with the report of `fnn.check_compiled` unless it agrees.

    An abstention does not pass either: nothing was compared.
    """
    return _assert_passed(check_compiled(*arguments, **options))


def _assert_passed(report: Any) -> Any:
    if not report.passed:
        raise AssertionError(f"\n{report}")
    return report
