"""The README's Python runs as written, and its commands exist."""

import re
from pathlib import Path

import jax
import pytest
from tour import blocks_of

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()


@pytest.mark.optimized(otherwise=False)
def test_the_tour_runs_as_written(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks_of(TEXT)
    names = {}
    with jax.numpy_rank_promotion("allow"):  # as users have it
        exec(compile(block, "README.md", "exec"), names)
    assert names["logits"].shape == (270, 10)
    assert names["sweep"].history["test_accuracy"].shape == (2, 32, 20)
    assert names["run"].history["test_accuracy"][-1] > 0.9
    assert names["report"].passed
    assert "learning_rate" in capsys.readouterr().out


def test_it_is_one_screen():
    assert len(TEXT.splitlines()) <= 80


def test_what_it_names_exists():
    for script in set(re.findall(r"scripts/\w+", TEXT)):
        assert (ROOT / script).exists(), script
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert len(links) > 15
    for link in links:
        assert (ROOT / link).is_file(), link
