"""What a progress bar says."""

import numpy as np
import pytest

from fnn.runs.driver import Report
from fnn.runs.progress import progress_bar


@pytest.mark.parametrize(
    ("groups", "words"),
    [(1, "training on 1 device"), (3, "program 2 of 3, training on 1 device")],
)
def test_programs_are_counted_where_there_are_several(capsys, groups, words):
    group = 1 if groups > 1 else 0
    epochs, active = np.array([2, 4]), np.array([True, False])
    report = Report(group, groups, "1 device", False, 4, epochs, active, {})
    with progress_bar("run", 2, 0, True) as bar:
        bar(report._replace(compiling=True, epochs=epochs[:0]))
        bar(report)
    lines = capsys.readouterr().err.replace("\r", "\n").splitlines()
    described = {line.partition(":")[0] for line in lines}
    assert words in described
    assert words.replace("training on 1 device", "compiling") in described
