"""Which options are tried, and from which jaxlib on an option is no longer needed."""

import jax
import pytest

from fnn import compiler
from fnn.compiled import remedies
from fnn.compiled.remedies import (
    NO_AUTOTUNING,
    NO_FUSION,
    NO_FUSION_EMITTERS,
    NO_OPTIMIZATION,
    NO_TRITON,
    Remedy,
)
from fnn.compiler import Fault, Option

ONE, OTHER = Option("one", 1, "--one=1"), Option("other", 2, "--other=2")


def fault(option, until=None):
    return Fault("name", (0, 1, 0), until, "programs", option, "source")


@pytest.mark.parametrize(
    ("faults", "version"),
    [
        ([fault(ONE, (0, 11, 1))], "0.11.1"),
        ([fault(ONE, (0, 12, 0)), fault(ONE, (0, 11, 1))], "0.12.0"),
        ([fault(ONE, (0, 11, 1)), fault(ONE)], None),
        ([fault(ONE, (0, 11, 1)), fault(OTHER)], "0.11.1"),
        ([fault(OTHER, (0, 11, 1))], None),
        ([], None),
    ],
)
def test_first_jaxlib_without_any_fault_of_an_option(monkeypatch, faults, version):
    monkeypatch.setattr(compiler, "present", lambda: faults)
    assert remedies.right_since(ONE) == version


@pytest.mark.parametrize(
    ("backend", "passes"),
    [
        ("cpu", [NO_FUSION_EMITTERS, NO_FUSION, NO_OPTIMIZATION]),
        ("gpu", [NO_TRITON, NO_AUTOTUNING, NO_FUSION]),
    ],
)
def test_options_of_known_faults_come_first_and_once(monkeypatch, backend, passes):
    faults = [fault(ONE), fault(OTHER), fault(ONE)]
    monkeypatch.setattr(compiler, "present", lambda: faults)
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    assert remedies.candidates() == [ONE, OTHER, *passes]


def test_remedy_in_words():
    without = str(Remedy(OTHER, None))
    assert without == (
        'XLA_FLAGS="--other=2" before JAX starts, for every program\n'
        "or, of the outermost jit alone, jax.jit(f, compiler_options={'other': 2})"
    )
    assert str(Remedy(OTHER, "0.12.0")) == f"{without}\nor jaxlib >= 0.12.0"
