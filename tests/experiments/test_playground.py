"""The playground writes its pages, and the Python that it shows makes the run."""

import re

import numpy as np
import pytest

from experiments.playground import CODE, TASKS, Options, playground, swept


@pytest.mark.long
def test_it_writes_a_page_for_each_task(tmp_path, capsys):
    playground(["--quick", "--epochs", "3", "--out", str(tmp_path)])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"index.html", "charts.js", *(f"{task}.html" for task in TASKS)}
    for task in TASKS:
        page = (tmp_path / f"{task}.html").read_text()
        assert '<script src="charts.js"></script>' in page
        assert len(page) < 1e6
        assert f'href="{task}.html"' in (tmp_path / "index.html").read_text()
    assert "16 runs" in capsys.readouterr().out


@pytest.mark.long
def test_the_python_of_a_run_makes_it():
    sweep, epochs = swept("moons", Options(quick=True, epochs=3))
    setting = sweep.settings[3]
    code = CODE.format(task="moons", epochs=epochs)
    names = setting | {"seed": 2}
    filled = re.sub(r"\{(\w+)\}", lambda mark: repr(names[mark.group(1)]), code)
    made = {}
    exec(filled, made)
    there = sweep.run(3, seed=2).history["validation_loss"]
    np.testing.assert_allclose(made["run"].history["validation_loss"], there, rtol=1e-4)
