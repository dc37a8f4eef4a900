"""What is added to fnn comes into every table that tests, checks or documents its kind."""

import inspect
import re
from pathlib import Path

import pytest

from fnn import activations, initializers, layers, losses, optim
from fnn.types import Layer

ROOT = Path(__file__).parents[1]

WITHOUT_EQUATION = {"graph", "padded", "repeat", "serial"}  # they arrange other layers
NOT_DRAWN = {"padded", "serial"}  # every network that is drawn is a serial one; padded has a file


def makers_with(package, argument: str) -> list[str]:
    """Return the public functions of a package that take an argument."""
    functions = {name: getattr(package, name) for name in package.__all__ if name.islower()}
    return [name for name, f in functions.items() if argument in inspect.signature(f).parameters]


OPTIMIZERS = makers_with(optim, "learning_rate")
LAYERS = ["activation", "batch_norm", "dense", "dropout", "graph", "padded", "repeat", "serial"]
PLACES = {
    "optimizer": (
        OPTIMIZERS,
        {
            "tests/optim/test_trajectories.py": set(),
            "tests/optim/test_properties.py": set(),
            "tests/optim/test_refusals.py": set(),
            "tests/test_fuzz.py": set(),
            "fnn/doctor/library.py": set(),
            "docs/equations/optimizers.md": set(),
        },
    ),
    "layer": (
        LAYERS,
        {
            "tests/test_fuzz.py": NOT_DRAWN,
            "fnn/doctor/library.py": set(),
            "docs/equations/layers.md": WITHOUT_EQUATION,
        },
    ),
    "loss": (
        list(losses.REGISTRY),
        {
            "tests/test_losses.py": set(),
            "tests/test_fuzz.py": set(),
            "docs/equations/losses.md": set(),
        },
    ),
    "activation": (
        list(activations.REGISTRY),
        {
            "tests/test_activations.py": set(),
            "docs/equations/activations.md": set(),
            "fnn/activations.py": set(),
        },
    ),
    "initialiser": (
        list(initializers.REGISTRY),
        {"tests/test_initializers.py": set(), "docs/equations/initialisers.md": set()},
    ),
}
CASES = [(kind, file) for kind, (_, files) in PLACES.items() for file in files]


@pytest.mark.parametrize(("kind", "file"), CASES)
def test_every_one_is_named_there(kind, file):
    names, files = PLACES[kind]
    text = (ROOT / file).read_text()
    missing = sorted(name for name in set(names) - files[file] if not is_named(name, text))
    assert not missing, f"{file} lacks the {kind} {', '.join(missing)}: see CONTRIBUTING.md"


def is_named(name: str, text: str) -> bool:
    """Return whether a text has a name, as code or as words: "leaky_relu", "Leaky ReLU"."""
    words = re.sub("[_-]", " ", f"{name}\n{text}".lower())
    first, _, rest = words.partition("\n")
    return re.search(rf"\b{first}\b", rest) is not None


def test_every_layer_is_known_here():
    """A function of fnn.layers that returns a Layer must be in LAYERS."""
    functions = {name: getattr(layers, name) for name in layers.__all__ if name.islower()}
    makers = {
        name for name, f in functions.items() if inspect.signature(f).return_annotation is Layer
    }
    assert makers == set(LAYERS)
