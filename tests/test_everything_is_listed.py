"""What is added to fnn comes into every table that tests, checks or documents its kind."""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from fnn import activations, initializers, layers, losses, optim
from fnn.doctor import library
from fnn.sklearn import recipe
from fnn.types import Layer
from tests import test_activations, test_fuzz, test_remembered
from tests.optim import test_aliases, test_properties, test_refusals, test_trajectories

ROOT = Path(__file__).parents[1]

WITHOUT_EQUATION = {"graph", "padded", "repeat", "serial"}  # they arrange other layers
NOT_DRAWN = {"padded", "serial"}  # every network that is drawn is a serial one; padded has a file
TESTED_TOGETHER = {"activation", "batch_norm", "dense", "dropout", "serial"}  # in test_layers.py


def functions_of(package) -> dict:
    """Return the public functions of a package."""
    return {name: getattr(package, name) for name in package.__all__ if name.islower()}


OPTIMIZERS = {
    name: inspect.signature(function).parameters
    for name, function in functions_of(optim).items()
    if "learning_rate" in inspect.signature(function).parameters
}
LAYERS = {
    name: inspect.signature(function).parameters
    for name, function in functions_of(layers).items()
    if inspect.signature(function).return_annotation is Layer
}


# --------------------------------------------------------------------------- what the places name


def first_words(names: Iterable[str]) -> set[str]:
    """Return "momentum" for "momentum ema": a table may have a rule in several forms."""
    return {name.split()[0] for name in names}


def in_docstring(package) -> set[str]:
    """Return the names of the list in a module's docstring, such as "adam, adamw"."""
    lists = re.findall(r"^    (\w+(?:, \w+)*)  ", package.__doc__, re.MULTILINE)
    return {name for names in lists for name in names.split(", ")}


def in_first_column(text: str) -> set[str]:
    """Return the words in the first column of the tables of a text."""
    columns = re.findall(r"^\| ([^|]*)\|", text, re.MULTILINE)
    return {word for column in columns for word in re.findall(r"\w+", column)}


def page_of(name: str) -> str:
    return (ROOT / "docs" / "equations" / f"{name}.md").read_text()


def functions_shown(page: str) -> set[str]:
    """Return the functions that a page of equations shows: "relu" for _relu, make_relu."""
    shown = re.findall(r"^:pyobject: (\w+)$", page_of(page), re.MULTILINE)
    return {name.removeprefix("make").removeprefix("_") for name in shown}


def files_shown(page: str) -> set[str]:
    """Return the files whose functions a page of equations shows, without their endings."""
    return set(re.findall(r"literalinclude\} \S+/(\w+)\.py", page_of(page)))


def layers_drawn() -> set[str]:
    """Return what the doctor's networks are made of."""
    return set(re.findall(r"layers\.(\w+)", inspect.getsource(library.networks)))


def called_in_full(parameters: dict) -> set[str]:
    """Return the names whose call in CALLS has every argument."""
    calls = {name: set(right) for name, (_, right, _) in test_fuzz.CALLS.items()}
    return {name for name, wanted in parameters.items() if calls.get(name) == set(wanted)}


def files_of_tests() -> set[str]:
    files = (ROOT / "tests" / "layers").glob("test_*.py")
    return {file.stem.removeprefix("test_") for file in files} | TESTED_TOGETHER


# -------------------------------------------------------------------------------------- the places


class Kind(NamedTuple):
    """What there is of a kind, and for each place the names that it has."""

    names: Iterable[str]
    places: dict[str, set[str]]


KINDS = {
    "activation": Kind(
        activations.REGISTRY,
        {
            "the list at the top of fnn/activations.py": in_docstring(activations),
            "COUNTERPARTS of tests/test_activations.py": set(test_activations.COUNTERPARTS),
            "docs/equations/activations.md": functions_shown("activations"),
        },
    ),
    "layer": Kind(
        LAYERS,
        {
            "the list at the top of fnn/layers/__init__.py": in_docstring(layers),
            "tests/layers/test_NAME.py": files_of_tests(),
            "CALLS of tests/test_fuzz.py, with every argument": called_in_full(LAYERS) | NOT_DRAWN,
            "LAYERS of tests/test_remembered.py": set(test_remembered.LAYERS),
            "networks of fnn/doctor/library.py": layers_drawn(),
            "docs/equations/layers.md": files_shown("layers") | WITHOUT_EQUATION,
        },
    ),
    "optimizer": Kind(
        OPTIMIZERS,
        {
            "the list at the top of fnn/optim/__init__.py": in_docstring(optim),
            "RULES of tests/optim/test_trajectories.py": first_words(test_trajectories.RULES),
            "RULES of tests/optim/test_properties.py": first_words(test_properties.RULES),
            "RATES of tests/optim/test_properties.py": first_words(test_properties.RATES),
            "RATES of tests/optim/test_aliases.py": first_words(test_aliases.RATES),
            "FACTORIES of tests/optim/test_aliases.py": set(test_aliases.FACTORIES),
            "RULES of tests/optim/test_refusals.py": set(test_refusals.RULES),
            "CALLS of tests/test_fuzz.py, with every argument": called_in_full(OPTIMIZERS),
            "RULES of tests/test_fuzz.py": set(test_fuzz.RULES),
            "OPTIMIZERS of fnn/doctor/library.py": set(library.OPTIMIZERS),
            "OPTIMIZERS of fnn/sklearn/recipe.py": set(recipe.OPTIMIZERS),
            "docs/equations/optimizers.md": files_shown("optimizers"),
        },
    ),
    "initialiser": Kind(
        initializers.REGISTRY,
        {
            "the table at the top of fnn/initializers.py": in_first_column(initializers.__doc__),
            "docs/equations/initialisers.md": in_first_column(page_of("initialisers")),
        },
    ),
    "loss": Kind(
        losses.REGISTRY,
        {
            "LOSSES of tests/test_fuzz.py": set(test_fuzz.LOSSES),
            "docs/equations/losses.md": functions_shown("losses"),
        },
    ),
}
CASES = [(kind, name) for kind, (names, _) in KINDS.items() for name in names]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_every_one_is_in_every_place(kind, name):
    missing = [place for place, names in KINDS[kind].places.items() if name not in names]
    assert not missing, f"the {kind} {name} is missing in {missing}: see CONTRIBUTING.md"


@pytest.mark.parametrize("name", losses.REGISTRY)
def test_every_loss_is_tested(name):
    text = (ROOT / "tests" / "test_losses.py").read_text()
    assert f"losses.{name}" in text, f"tests/test_losses.py lacks {name}: see CONTRIBUTING.md"


# ------------------------------------------------------------------------------------ and the rest


@pytest.mark.parametrize(
    ("package", "makers", "others"),
    [
        (layers, LAYERS, {"parts"}),
        (optim, OPTIMIZERS, {"clip", "evaluation", "factory", "learning_rate"}),
    ],
    ids=["layers", "optim"],
)
def test_every_file_has_its_function_in_the_package(package, makers, others):
    """A function that is not imported, or of which no type says that it returns a Layer, would be
    in no other test of this file.
    """
    files = {file.stem for file in Path(package.__file__).parent.glob("[!_]*.py")}
    assert files - others == set(makers), "import it in __init__.py, name it in __all__, `-> Layer`"


@pytest.mark.parametrize(
    ("package", "name"),
    [(layers, name) for name in LAYERS] + [(optim, name) for name in OPTIMIZERS],
    ids=[*LAYERS, *OPTIMIZERS],
)
def test_its_parameters_and_state_are_public(package, name):
    """DenseParams and AdamState can be imported from where dense and adam are."""
    module = inspect.getmodule(inspect.unwrap(getattr(package, name)))
    own = {
        each
        for each, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }
    missing = {each for each in own if each.endswith(("Params", "State"))} - set(package.__all__)
    assert not missing, f"{package.__name__}.__all__ lacks {missing}"


def test_every_rule_has_its_rates():
    assert set(test_properties.RATES) == set(test_properties.RULES)
    assert set(test_aliases.RATES) == set(test_properties.RULES)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_argument_of_an_optimizer_is_refused_where_it_is_wrong(name):
    arguments = {
        argument
        for argument, parameter in OPTIMIZERS[name].items()
        if argument != "learning_rate" and not isinstance(parameter.default, bool)
    }
    tables = (
        test_refusals.DECAYS,
        test_refusals.EPSILONS,
        test_refusals.AMOUNTS,
        test_refusals.CHOICES,
    )
    refused = {row[1] for table in tables for row in table if row[0] == name}
    missing = arguments - refused
    assert not missing, (
        f"tests/optim/test_refusals.py lacks {sorted(missing)} of {name}, in DECAYS, EPSILONS, "
        "AMOUNTS or CHOICES"
    )
