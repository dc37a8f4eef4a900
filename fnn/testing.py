"""Assertions for test files, whose failure shows the report.

from fnn.testing import assert_gradient

def test_my_backward_pass():
    assert_gradient(loss, gradient, params)

An abstention does not pass: choose a point off the kink, or make assertions on the report.
"""

from typing import Any

from fnn.compiled import CompiledReport, check_compiled
from fnn.gradcheck import Report, check_gradient, check_network, check_vjp


def assert_gradient(*arguments: Any, **options: Any) -> Report:
    """Raise AssertionError with the report of `fnn.check_gradient` unless it passes.

    arguments, options  those of `fnn.check_gradient`

    Returns the report.

    >>> import numpy as np
    >>> from fnn.testing import assert_gradient
    >>> report = assert_gradient(lambda w: np.sum(w**2), lambda w: 2 * w, np.array([1.0, 3.0]))
    >>> report.verdict
    'pass'
    """
    return _assert_passed(check_gradient(*arguments, **options))


def assert_vjp(*arguments: Any, **options: Any) -> Report:
    """Raise AssertionError with the report of `fnn.check_vjp` unless it passes.

    arguments, options  those of `fnn.check_vjp`

    Returns the report.

    >>> import numpy as np
    >>> from fnn.testing import assert_vjp
    >>> assert_vjp(lambda x: 3 * x, lambda x, c: 3 * c, np.array([1.0, 2.0])).verdict
    'pass'
    """
    return _assert_passed(check_vjp(*arguments, **options))


def assert_network(*arguments: Any, **options: Any) -> Report:
    """Raise AssertionError with the report of `fnn.check_network` unless it passes.

    arguments, options  those of `fnn.check_network`

    Returns the report.

    >>> import numpy as np
    >>> import fnn
    >>> from fnn.testing import assert_network
    >>> net, loss = fnn.mlp((2, 3, 1), activation="tanh"), fnn.losses.squared_error
    >>> assert_network(net, loss, np.ones((4, 2)), np.zeros((4, 1))).verdict
    'pass'
    """
    return _assert_passed(check_network(*arguments, **options))


def assert_compiled(*arguments: Any, **options: Any) -> CompiledReport:
    """Raise AssertionError with the report of `fnn.check_compiled` unless it agrees.

    arguments, options  those of `fnn.check_compiled`

    An abstention does not pass either: nothing was compared. Returns the report.

    >>> import jax.numpy as jnp
    >>> from fnn.testing import assert_compiled
    >>> assert_compiled(lambda x: jnp.sum(x**2), jnp.arange(3.0)).verdict
    'agrees'
    """
    return _assert_passed(check_compiled(*arguments, **options))


def _assert_passed(report: Any) -> Any:
    if not report.passed:
        raise AssertionError(f"\n{report}")
    return report
