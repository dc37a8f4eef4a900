"""The README's Python runs as written, and its commands exist."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest
from tour import blocks_of

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()


@pytest.mark.optimized(otherwise=False)
def test_the_tour_runs_as_written(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # it writes a table and a figure
    blocks = blocks_of(TEXT)
    assert len(blocks) == 15
    names = {}
    for block in blocks:
        with jax.numpy_rank_promotion("allow"):  # as users have it
            exec(compile(block, "README.md", "exec"), names)
        if "def my_gradient" in block:
            assert names["report"].cause == "missing derivative"
        if block is blocks[0]:
            assert names["logits"].shape == (270, 10)
            assert names["sweep"].history["test_accuracy"].shape == (2, 32, 20)
            assert names["one"].history["test_accuracy"][-1] > 0.9
    assert np.isfinite(names["run"].history["test_loss"]).any()
    assert names["report"].passed
    assert (tmp_path / "heatmap.png").stat().st_size > 10_000
    assert "learning_rate" in capsys.readouterr().out


def test_what_it_names_exists():
    for script in set(re.findall(r"scripts/\w+", TEXT)):
        assert (ROOT / script).exists(), script
    for image in re.findall(r"!\[.*?\]\((.*?)\)", TEXT):
        assert (ROOT / image).is_file(), image
    table = TEXT.split("## Where things are")[1].split("\n\n")[1]
    first_column = " ".join(line.split("|")[1] for line in table.splitlines())
    paths = re.findall(r"`([\w./]+)`", first_column)
    assert len(paths) > 10
    for path in paths:
        assert any((ROOT / base / path).exists() for base in ("", "fnn")), path
