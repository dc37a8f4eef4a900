"""Load known data by name."""

from fnn import checks
from fnn.data import bundled, mnist, mnist1d, toy
from fnn.data.dataset import Dataset, read_only

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
    """Load a known data set.

    name  one of `fnn.data.names`; the table in `fnn.data` describes them

    Returns a Dataset, whose arrays are read-only.

    Raises ValueError for unknown names, ImportError where a set needs a package that is not
    installed, and ConnectionError where MNIST is neither on this machine nor to be downloaded.

    >>> from fnn import data
    >>> xor = data.load("xor")
    >>> xor.train.x.tolist(), xor.train.y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    loader = checks.lookup("data", name, LOADERS)
    return read_only(loader())
