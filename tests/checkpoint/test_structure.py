"""Which NamedTuples a saved structure may have, and which modules are imported for them."""

import sys

import pytest

from fnn.checkpoint import structure
from fnn.layers import DenseParams


def named(name, *fields):
    return {"class": name, "fields": list(fields)}


EMPTY = {"tuple": []}


def test_named_tuple_of_a_module_that_is_not_imported_yet(monkeypatch):
    imported = []
    monkeypatch.setattr(structure, "import_module", imported.append)
    value = structure.from_json(named("fnn.layers.dense:DenseParams", EMPTY, EMPTY), {})
    assert value == DenseParams((), ())
    assert type(value) is DenseParams
    assert imported == ["fnn.layers.dense"]


def test_no_module_of_another_package_is_imported(monkeypatch):
    module = "wave"  # of Python's own library
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ValueError, match="expected a NamedTuple of 1 fields; import wave, where"):
        structure.from_json(named(f"{module}:_wave_params", EMPTY), {})
    assert module not in sys.modules


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fnn.nothing:Thing", "fnn.nothing:Thing: not in this version of the package"),
        ("fnn.layers.dense:Nothing", "expected a NamedTuple of 1 fields"),
        ("fnn.layers.dense:DenseParams", "expected a NamedTuple of 1 fields"),
        ("builtins:tuple", "expected a NamedTuple of 1 fields"),
        ("builtins:print", "expected a NamedTuple of 1 fields"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        structure.from_json(named(name, EMPTY), {})
