"""Checks of several splits of the same rows, which a sweep trains every setting and seed on."""

from collections.abc import Sequence
from typing import Any

from fnn.data import Dataset
from fnn.runs.refusals import check_data


def splits_of(dataset: Any) -> list[Dataset]:
    """Return the splits of a sweep as a list; its argument is one Dataset, or several."""
    return [dataset] if isinstance(dataset, Dataset) else list(dataset)


def checked_splits(dataset: Any) -> list[Dataset]:
    """Return the splits of a sweep as a list, each of them checked.

    Raises ValueError for values that are not Datasets, and for splits of unlike rows.
    """
    is_several = isinstance(dataset, (list, tuple)) and not isinstance(dataset, Dataset)
    if is_several and not dataset:
        raise ValueError("dataset: got an empty list, expected one Dataset at least.")
    splits: list[Any] = list(dataset) if is_several else [dataset]
    for number, split in enumerate(splits):
        try:
            check_data(split)
        except ValueError as error:
            if is_several:
                error.add_note(f"It is raised for split {number} of {len(splits)}.")
            raise
    first, *others = splits
    for number, split in enumerate(others, 1):
        check_same_rows(first, split, number)
    return splits


def check_same_rows(first: Dataset, split: Dataset, number: int) -> None:
    """Refuse a split whose rows are not those of split 0."""
    expected = common_properties(first)
    got = common_properties(split)
    for name, value in expected.items():
        if got[name] != value:
            raise ValueError(
                f"dataset: split {number} has {name} {got[name]}, split 0 {value}; expected splits "
                "of the same rows, as splits= of fnn.data.from_arrays makes them."
            )


def common_properties(dataset: Dataset) -> dict[str, Any]:
    """Return by name the properties that splits of the same rows have in common."""
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
    """Return for each part (train, …) how many examples it has, the fewest among the splits."""
    fewest = {}
    for name in datasets[0].splits:
        fewest[name] = min(len(dataset.splits[name].x) for dataset in datasets)
    return fewest
