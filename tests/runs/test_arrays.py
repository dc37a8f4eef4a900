"""Arrays for results lie in a file from a number of bytes on."""

import numpy as np
import pytest

from fnn.runs import arrays


@pytest.mark.parametrize(
    ("shape", "dtype", "in_file"),
    [
        ((5, 5), np.float32, False),  # 100 bytes
        ((26,), np.float32, True),
        ((13,), np.float64, True),
        ((12,), np.float64, False),
        ((26,), np.int32, True),
        ((25,), np.int32, False),
    ],
)
def test_more_than_so_many_bytes_lie_in_a_file(monkeypatch, shape, dtype, in_file):
    monkeypatch.setattr(arrays, "BYTES_IN_MEMORY", 100)
    array = arrays.nan_array(shape, dtype)
    assert isinstance(array, np.memmap) == in_file
    assert (array.shape, array.dtype) == (shape, dtype)
    fill = 0 if dtype == np.int32 else np.nan
    np.testing.assert_array_equal(array, fill)
    array[:] = 3
    assert (array == 3).all()
