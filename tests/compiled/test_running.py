"""What is told of a child process."""

import pytest

from fnn.compiled.running import last_line


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        (b"", ""),
        (b"\n \n", ""),
        (b"one\ntwo\nthree\n\n", "three"),
        (b"caf\xe9\n", "caf\ufffd"),
    ],
)
def test_last_line_that_a_process_wrote(stderr, line):
    assert last_line(stderr) == line
