"""Make a `Dataset`: of your own arrays or tables, or of a known set by name.

Arrays, or a table of named columns, flow in. A `Dataset` flows out, with three `Split`s, train,
validation and test, of NumPy arrays: x is (examples, features), y is int32 labels (examples,) or
floating targets (examples,) or (examples, outputs). Its `Encoding` turns new rows into features,
and outputs of the network into the user's terms. Loading starts no JAX backend, so the number of
CPU devices can still be chosen afterwards.

| name          | examples | features | y        | split                   | scaled            |
|---------------|----------|----------|----------|-------------------------|-------------------|
| digits        | 1,797    | 64       | 10       | 1,257 / 270 / 270       | one mean and std  |
| breast_cancer | 569      | 30       | 2        | 399 / 85 / 85           | by feature        |
| wine          | 178      | 13       | 3        | 124 / 27 / 27           | by feature        |
| diabetes      | 442      | 10       | floating | 310 / 66 / 66           | by feature; y too |
| moons         | 2,000    | 2        | 2        | 1,400 / 300 / 300       | by feature        |
| circles       | 2,000    | 2        | 2        | 1,400 / 300 / 300       | by feature        |
| spirals       | 2,000    | 2        | 2        | 1,400 / 300 / 300       | by feature        |
| xor           | 4        | 2        | 2        | the table three times   | raw               |
| cubic         | 100      | 3        | floating | all points three times  | raw               |
| mnist         | 70,000   | 784      | 10       | 55,000 / 5,000 / 10,000 | one mean and std  |
| mnist1d       | 5,000    | 40       | 10       | 3,400 / 600 / 1,000     | one mean and std  |

A number under y is the number of classes. The split is train / validation / test. Data are scaled
by the mean and the standard deviation of the training rows alone: by one pair for each feature, or
by one pair for all where the features are pixels or samples of a signal, which share a unit.
`dataset.scale(x)` does the same to new rows. Splits are random with seed 0, not stratified. The
test sets of mnist and mnist1d are the canonical ones, and `fnn.data.mnist1d.sized` makes mnist1d of
other sizes. Each loader names its source and licence.

The modules, in the order of reading:

- `dataset`: `Dataset`, `Split`, `Weights` and `Arrays`.
- `own_arrays`: `from_arrays` and `from_splits`.
- `frame`: `from_frame`.
- `arrays`: reads features and targets that come as arrays.
- `table`: reads named columns, and refuses wrong ones by column and row.
- `columns`: turns columns into features.
- `numbers`: scales numbers, and holds them as floats.
- `encoding`: turns raw rows into features, and outputs into labels or amounts.
- `parts`: chooses the rows of each split, at random, by class, by group or by time.
- `several_splits`: makes several splits of the same rows, or folds.
- `owned`: remembers the arrays that fnn made, which are copied to a device once.
- `class_weights`, `label_noise`: weight the examples by class; turn some training labels.
- `shuffle`: draws the order of the examples in each epoch.
- `registry`: `load`, and the table of the known sets.
- `bundled`, `toy`, `mnist`, `mnist1d`: the loaders; `download` and `idx` fetch and read MNIST.

Add a known set in a loader's module and in `registry`. Change `table` and `columns` where a new
kind of column is to be read, and `parts` where rows are to be split in a new way.
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
