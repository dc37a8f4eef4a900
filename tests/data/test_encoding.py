"""The preprocessing: raw rows in, the user's terms out, kept in a file."""

import numpy as np
import pytest

from fnn import data
from tests.data.tables import table

RNG = np.random.default_rng(0)


def test_new_rows_are_held_against_the_columns_of_training():
    made = data.from_frame(table(), "price")
    row = {"size": [1.0], "rooms": [2], "new": [True], "colour": ["red"]}
    for change, message in (
        ({"colour": ["pink"]}, "column 'colour', row 0: got 'pink', which is not among the 3"),
        ({"new": [1.5]}, "column 'new', row 0: got '1.5', a number, expected a boolean"),
        ({"size": ["big"]}, "column 'size', row 0: got 'big', a text, expected a number"),
        ({"sise": [1.0]}, r"column\(s\) sise unknown; expected size"),
    ):
        with pytest.raises(ValueError, match=message):
            made.encode(row | change)
    del row["rooms"]
    with pytest.raises(ValueError, match=r"column\(s\) rooms missing"):
        made.encode(row)
    with pytest.raises(ValueError, match="got ndarray, expected the columns size, rooms"):
        made.encode(np.ones((1, 4)))
