"""What the report keeps, and what it refuses."""

import importlib.util
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from experiments.claims import (
    Interval,
    any_of,
    claim,
    depends_on,
    every,
    holds_if,
    mean_interval,
    plain,
    share_interval,
)
from experiments.course import IDS
from experiments.experiment import claims_of, files, load
from experiments.report import pages, records, store
from experiments.report import recorded as recorded_verdicts
from experiments.report.code import code_of, without_docstring
from experiments.report.dark import darken
from fnn import plot as draw

EXPERIMENT = '''"""An experiment."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fnn import plot as draw

LENGTH = 3


@dataclass(frozen=True)
class Config:
    steps: int = 3
    out: Path = Path("runs")


def run(config):
    """Numbers."""
    return {"numbers": np.arange(float(LENGTH * config.steps))}


def plot(results, config):
    figure, (axis,) = draw.figure()
    axis.plot(results["numbers"])
    return {"line": figure}
'''


@pytest.fixture
def experiment(tmp_path):
    """Writes an experiment and imports it."""

    def written(code=EXPERIMENT):
        path = tmp_path / "tiny.py"
        path.write_text(code)
        spec = importlib.util.spec_from_file_location("experiments.tiny", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # where dataclasses look for it
        spec.loader.exec_module(module)
        return module

    yield written
    sys.modules.pop("experiments.tiny", None)


def test_results_are_kept(experiment, tmp_path):
    module = experiment()
    assert store.kept(module, module.Config(), tmp_path) is None
    made = store.compute(module, module.Config(), tmp_path)
    again = store.kept(module, module.Config(out=Path("elsewhere")), tmp_path)
    np.testing.assert_array_equal(again.results["numbers"], np.arange(9.0))
    assert again.folder == made.folder
    assert again.drawings == ["line.png"]
    assert again.environment["seconds"] < 10
    assert store.kept(module, module.Config(steps=4), tmp_path) is None


@pytest.mark.every(1)
@pytest.mark.parametrize(
    ("old", "new", "stale"),
    [
        ("LENGTH = 3", "LENGTH = 4", True),
        ('"""Numbers."""', '"""Other words."""  # and a comment', False),
        ("axis.plot(", "axis.step(range(9), ", False),
        (
            "from fnn import plot as draw",
            "from experiments.capacity import point_clouds\nfrom fnn import plot as draw",
            True,
        ),
    ],
)
def test_results_are_stale_where_what_they_depend_on_changed(experiment, tmp_path, old, new, stale):
    module = experiment()
    store.compute(module, module.Config(), tmp_path)
    changed = experiment(EXPERIMENT.replace(old, new))
    assert (store.kept(changed, changed.Config(), tmp_path) is None) == stale


def test_results_do_not_depend_on_the_functions_that_draw(experiment):
    plot, drawing = "from fnn import plot as draw", "from experiments import drawing as draw"
    module = experiment(EXPERIMENT.replace(plot, drawing))
    assert store._imported(Path(module.__file__)) == set()


def test_a_changed_drawing_is_drawn_again(experiment, tmp_path):
    module = experiment()
    before = (store.compute(module, module.Config(), tmp_path).folder / "line.png").read_bytes()
    changed = experiment(EXPERIMENT.replace("axis.plot(", "axis.step(range(9), "))
    assert (
        store.kept(changed, changed.Config(), tmp_path).folder / "line.png"
    ).read_bytes() != before


def test_what_was_begun_and_not_finished_is_not_taken(experiment, tmp_path, monkeypatch):
    module = experiment()

    def fails(*arguments, **options):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(store, "save", fails)
        with pytest.raises(OSError, match="no space left"):
            store.compute(module, module.Config(), tmp_path)
    assert store.kept(module, module.Config(), tmp_path) is None
    assert store.compute(module, module.Config(), tmp_path).results["numbers"].size == 9


@pytest.fixture
def recorded(monkeypatch):
    """Return the records of an experiment that settles these claims."""

    def records_of(claims):
        monkeypatch.setattr(records, "claims_of", {"tiny": list(claims)}.get)
        module, folder = SimpleNamespace(), Path("results/tiny-0")
        tiny = store.Kept("tiny", module, folder, {}, ["a.png", "b.gif"], {})
        return records.records_of([tiny])

    return records_of


def settled(id: str, figure: str | None = None):
    make = claim(id, "tiny", "Something.", figure)
    return make(lambda results: holds_if(True, "Seen.", number=1.0))


def test_records_stand_in_the_order_of_the_documents_with_their_figures(recorded):
    backwards = [settled(id, "b" if id == "X1" else None) for id in reversed(IDS)]
    found = recorded(backwards)
    assert [record.id for record in found] == IDS
    assert found[0].figure == "results/tiny-0/b.gif"
    assert found[1].figure == "results/tiny-0/a.png"


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (IDS[:-1], f"no experiment settles {IDS[-1]}"),
        ([*IDS, "2.5"], "more than one experiment settles 2.5"),
        ([*IDS, "4.35"], "got the id '4.35', expected one of a document"),
    ],
)
def test_ids_that_are_missing_or_too_many_are_refused(ids, message, recorded):
    with pytest.raises(ValueError, match=message):
        recorded(map(settled, ids))


@pytest.mark.parametrize("value", ["twice", ["twice"], {"a": {"b": "twice"}}, np.array(["twice"])])
def test_a_text_among_the_numbers_is_refused(value, monkeypatch, recorded):
    make = claim("0.1", "tiny", "Something.")
    with pytest.raises(ValueError, match=r"claim 0.1: got 'twice' in the numbers 'factor'"):
        recorded([make(lambda results: holds_if(True, "Seen.", factor=value))])


def test_numbers_that_are_not_finite_keep_their_names(recorded):
    make = claim("0.1", "tiny", "Something.")
    with pytest.raises(ValueError, match="no experiment settles"):  # past the numbers
        recorded([make(lambda results: holds_if(True, "Seen.", worst=[np.inf, -np.inf, np.nan]))])


def test_the_code_of_a_claim_is_shown_without_its_docstring(experiment):
    module = experiment()
    assert without_docstring(module.run).splitlines() == [
        "def run(config):",
        '    return {"numbers": np.arange(float(LENGTH * config.steps))}',
    ]
    assert "<script" not in code_of(module, "run")
    with pytest.raises(ValueError, match="a claim names the code 'ran', expected a function"):
        code_of(module, "ran")


def test_every_claim_names_code_that_is_short_enough_to_be_read():
    for name in files():
        module = load(name)
        for each in claims_of(name):
            lines = without_docstring(getattr(module, each.code)).splitlines()
            assert len(lines) <= 25, f"{each.id}: {name}.{each.code} has {len(lines)} lines"
            assert code_of(module, each.code)  # of a compiled function too


def test_verdicts_that_differ_from_the_recorded_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded_verdicts, "FILE", tmp_path / "recorded.json")
    first = [record_of("0.1", "holds"), record_of("0.2", "fails")]
    recorded_verdicts.record(first, "2026-01-31", "0.10.2")
    assert recorded_verdicts.recorded()["date"] == "2026-01-31"
    assert recorded_verdicts.changes(first) == []
    changed = record_of("0.2", "undecided")
    new = record_of("0.3", "holds")
    assert recorded_verdicts.changes([first[0], changed, new]) == [
        recorded_verdicts.Change(changed, "fails"),
        recorded_verdicts.Change(new, "new"),
    ]


def record_of(id: str, verdict: str) -> records.Record:
    return records.Record(id, "S", "Something.", verdict, "Seen.", {}, "tiny", None)


def test_the_recorded_verdicts_are_those_of_every_id():
    verdicts = recorded_verdicts.recorded()["verdicts"]
    assert list(verdicts) == IDS


def test_a_dark_figure_turns_grays_around_and_keeps_colors():
    drawing, (lines, cells) = draw.figure(columns=2)
    (black,) = lines.plot([0, 1], "ko-")
    (blue,) = lines.plot([1, 0], color="#0072b2")
    lines.set_title("title")
    cells.pcolormesh(np.eye(2))
    on_a_cell = cells.text(0.5, 0.5, "1", color="black")
    darken(drawing)
    for color in (black.get_color(), black.get_markerfacecolor(), lines.title.get_color()):
        assert min(to_rgb(color)) > 0.85
    assert max(to_rgb(drawing.get_facecolor())) < 0.1
    assert to_rgb(blue.get_color()) == to_rgb("#0072b2")
    assert to_rgb(on_a_cell.get_color()) == (0, 0, 0)


def test_a_figure_that_is_not_drawn_is_refused(recorded):
    with pytest.raises(ValueError, match="a claim names the figure 'c'"):
        recorded([settled("0.1", "c")])


# --------------------------------------------------------------------------------- the rules' words


def test_words():
    assert [
        holds_if(answer, "Seen.").word for answer in (True, False, None, np.True_, np.False_)
    ] == [
        "holds",
        "fails",
        "undecided",
        "holds",
        "fails",
    ]


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        ((True, True), "holds"),
        ((False, np.False_), "fails"),
        ((True, np.False_), "depends"),
        ((True, None, False), "depends"),
        ((True, None), "undecided"),
        ((False, None), "undecided"),
        ((None, None), "undecided"),
    ],
)
def test_depends_on(answers, word):
    found = depends_on(dict(zip("abc", answers, strict=False)), "Seen.")
    assert found.word == word
    if word == "depends":
        assert "Holds for a; fails for" in found.evidence


def test_every_and_any_of():
    assert every() is True
    assert every(True, None) is None
    assert every(None, False) is False
    assert not every(np.False_, True)
    assert any_of() is False
    assert any_of(None, True) is True
    assert any_of(None, False) is None


def test_intervals():
    around = Interval(1.0, 0.5, 1.5)
    assert (around.above(0.4), around.above(1.0), around.above(2.0)) == (True, None, False)
    assert (around.below(2.0), around.below(1.0), around.below(0.4)) == (True, None, False)
    assert (around.within(0.0, 2.0), around.within(0.0, 1.0), around.within(2.0, 3.0)) == (
        True,
        None,
        False,
    )
    mean = mean_interval(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(
        mean, (2.0, 2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)), rtol=1e-6
    )
    share = share_interval(np.array([True] * 9 + [False]))
    np.testing.assert_allclose(share, (0.9, 0.5958, 0.9821), atol=1e-4)
    with pytest.raises(ValueError, match="at least two finite values"):
        mean_interval(np.array([1.0, np.nan]))


def test_plain_is_json():
    found = plain(
        {
            "a": np.float32(0.5),
            "b": [np.arange(2), np.inf],
            "c": Interval(1.0, 0.0, np.nan),
            "d": np.True_,
        }
    )
    assert found == {
        "a": 0.5,
        "b": [[0, 1], "inf"],
        "c": {"middle": 1.0, "low": 0.0, "high": "nan"},
        "d": True,
    }


def test_numbers_are_shown_briefly():
    assert pages.shown(plain(Interval(1 / 3, 0.0, 1.0))) == "0.333333 (95%: 0 to 1)"
    assert pages.shown(list(range(20))) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … 20 in all]"
    assert pages.shown({"a": 1.5, "b": None}) == "a: 1.5; b: None"
    assert pages.duration(125.0) == "2 min 5 s"
