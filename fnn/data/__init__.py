"""Data: one's own arrays through `from_arrays`, known sets through `load(name)`.

A `Dataset` has three `Split`s, train, validation and test, of NumPy arrays: x is (examples,
features), y is int32 labels (examples,) or floating targets (examples,) or (examples, outputs).
Loading starts no JAX backend, so that the number of CPU devices can still be chosen afterwards.

| name          | examples | features | y        | split                        | scaled
                |
|---------------|----------|----------|----------|------------------------------|------------------------|
| digits        | 1,797    | 64       | 10       | 1,257 / 270 / 270            | one mean and std
                |
| breast_cancer | 569      | 30       | 2        | 399 / 85 / 85                | by feature
                           |
| wine          | 178      | 13       | 3        | 124 / 27 / 27                | by feature
                |
| diabetes      | 442      | 10       | floating | 310 / 66 / 66                | by feature; y too
                |
| moons         | 2,000    | 2        | 2        | 1,400 / 300 / 300            | by feature
                |
| circles       | 2,000    | 2        | 2        | 1,400 / 300 / 300            | by feature
                |
| spirals       | 2,000    | 2        | 2        | 1,400 / 300 / 300            | by feature
                |
| xor           | 4        | 2        | 2        | the whole table three times  | raw
                |
| cubic         | 100      | 3        | floating | all points three times       | raw
                |
| mnist         | 70,000   | 784      | 10       | 55,000 / 5,000 / 10,000      | one mean and std
                |
| mnist1d       | 5,000    | 40       | 10       | 3,400 / 600 / 1,000          | one mean and std
                |

A number under y is the number of classes; the split is train / validation / test. Whatever is
scaled is scaled by the mean and standard deviation of the training rows alone: one pair for each
feature, or, where the features are pixels or samples of a signal and share a unit, one pair for
all. `dataset.scale(x)` does the same to new rows. Splits are random with seed 0, not stratified;
the test sets of mnist and mnist1d are the canonical ones, and `fnn.data.mnist1d.sized` makes
mnist1d of other sizes. Sources and licences stand with each loader, in `fnn.data.bundled`, `toy`,
`mnist` and `mnist1d`.
"""

from fnn.data.class_weights import with_class_weights
from fnn.data.columns import Column
from fnn.data.dataset import Arrays, Dataset, Split, Weights
from fnn.data.encoding import Encoding, load_encoding
from fnn.data.frame import from_frame
from fnn.data.label_noise import label_noise
from fnn.data.numbers import Scaling
from fnn.data.own_arrays import from_arrays, from_splits
from fnn.data.registry import load, names
from fnn.data.toy import cubic_points

__all__ = [
    "Arrays",
    "Column",
    "Dataset",
    "Encoding",
    "Scaling",
    "Split",
    "Weights",
    "cubic_points",
    "from_arrays",
    "from_frame",
    "from_splits",
    "label_noise",
    "load",
    "load_encoding",
    "names",
    "with_class_weights",
]
