"""Several splits of the same rows: what a sweep over them takes, and what it refuses."""

from collections.abc import Sequence
from typing import Any

from fnn.data import Dataset
from fnn.runs.refusals import check_data


def splits_of(dataset: Any) -> list[Dataset]:
    """Return the splits that a sweep was given: one Dataset, or several."""
    return [dataset] if isinstance(dataset, Dataset) else list(dataset)


def checked_splits(dataset: Any) -> list[Dataset]:
    """Return the splits; ValueError for what is no Dataset, and for splits of unlike rows."""
    is_several = isinstance(dataset, (list, tuple)) and not isinstance(dataset, Dataset)
    if is_several and not dataset:
        raise ValueError("dataset: got an empty list, expected one Dataset at least.")
    datasets: list[Any] = list(dataset) if is_several else [dataset]
    for number, each in enumerate(datasets):
        try:
            check_data(each)
        except ValueError as error:
            if is_several:
                error.add_note(f"It is raised for split {number} of {len(datasets)}.")
            raise
    first = datasets[0]
    for number, each in enumerate(datasets):
        for what, (expected, got) in differences(first, each).items():
            raise ValueError(
                f"dataset: split {number} has {what} {got}, split 0 {expected}; expected splits of "
                "the same rows, as splits= of fnn.data.from_arrays makes them."
            )
    return datasets


def differences(first: Dataset, other: Dataset) -> dict[str, tuple[Any, Any]]:
    """Return what must be equal in splits of the same rows, and is not."""
    expected, got = described(first), described(other)
    return {what: (value, got[what]) for what, value in expected.items() if value != got[what]}


def described(dataset: Dataset) -> dict[str, Any]:
    """Return what splits of the same rows have in common."""
    encoding = dataset.preprocessing
    x, y = dataset.train
    return {
        "features": x.shape[1:],
        "targets": (*y.shape[1:], str(y.dtype)),
        "the classes": encoding.classes,
        "the columns": [column.features for column in encoding.columns],
        "scaled targets": encoding.units is not None,
        "weights": dataset.weights is not None,
    }


def fewest_examples(datasets: Sequence[Dataset]) -> dict[str, int]:
    """Return how many examples each part has, the fewest among the splits."""
    return {
        name: min(len(dataset.splits[name].x) for dataset in datasets)
        for name in datasets[0].splits
    }
