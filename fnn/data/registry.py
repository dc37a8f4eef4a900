"""Known data by name."""

from fnn import checks
from fnn.data import bundled, mnist, mnist1d, toy
from fnn.data.dataset import Dataset, owned

LOADERS = {
    "digits": bundled.digits,
    "breast_cancer": bundled.breast_cancer,
    "wine": bundled.wine,
    "diabetes": bundled.diabetes,
    "moons": toy.moons,
    "circles": toy.circles,
    "spirals": toy.spirals,
    "xor": toy.xor,
    "cubic": toy.cubic,
    "mnist": mnist.mnist,
    "mnist1d": mnist1d.mnist1d,
}

names = tuple(LOADERS)


def load(name: str) -> Dataset:
    """The Dataset of that name, one of `names`; the table in `fnn.data` describes them. Its arrays
    are read-only.

    Raises ValueError for unknown names, ImportError where a set needs a package that is not
    installed, and ConnectionError where MNIST is neither on this machine nor to be downloaded.
    """
    return owned(checks.lookup("data", name, LOADERS)())
