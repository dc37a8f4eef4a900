"""scripts/mutants makes one mistake at a time, in code alone, and says what the tests did."""

import ast
import json
import re
import signal
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import coverage_map
import mutants
import pytest
from copies import Outcome
from coverage_map import TestFile as FileOfTests  # pytest would take the other name for tests
from mutations import Mutant, mutants_by_site, quotas, sample, sources

ROOT = Path(__file__).parents[2]


def mutants_of(text, path="fnn/layers/thing.py"):
    return [mutant for site in mutants_by_site(path, text) for mutant in site]


def changed_lines(text):
    """Lists what each mutant makes of a text of one line."""
    return {mutant.name: mutant.applied(text) for mutant in mutants_of(text)}


# ---------------------------------------------------------------------------------- the mistakes


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        ("y = a + b", "sub-for-add", "y = a - b"),
        ("y = (a + b) * c", "dropped-term", "y = (a + b)"),
        ("y = (a) @ (b)", "mul-for-matmul", "y = (a) * (b)"),
        ("y = x**n", "mul-for-pow", "y = x*n"),
        ("y = a is not b", "is-for-is-not", "y = a is b"),
        ("y = a < b", "le-for-lt", "y = a <= b"),
        ("y = a and b", "or-for-and", "y = a or b"),
        ("y -= x", "add-for-sub", "y += x"),
        ("y = -x", "dropped-minus", "y = x"),
        ("y = 3", "plus-one", "y = 4"),
        ("y = 0.5", "doubled", "y = 1.0"),
        ("y = 2", "negated", "y = (-2)"),
        ("y = 1", "zero-for-one", "y = 0"),
        ("y = True", "false-for-true", "y = False"),
        ("y = x.sum(axis=0)", "axis-1-for-0", "y = x.sum(axis=1)"),
        ("y = x.sum(axis=-1)", "axis-0-for--1", "y = x.sum(axis=0)"),
        ("y = x[i]", "next-index", "y = x[i + 1]"),
        ("y = x[:-1]", "dropped-bound", "y = x[:]"),
        ("y = f(a, b)", "swapped-arguments", "y = f(b, a)"),
        ("y = max(a)", "min-for-max", "y = min(a)"),
        ("y = jnp.minimum(a)", "maximum-for-minimum", "y = jnp.maximum(a)"),
        ("y = W.T @ x", "dropped-transpose", "y = W @ x"),
        ("y = a if b else c", "negated-condition", "y = a if not (b) else c"),
        ("y = not a", "dropped-not", "y =  a"),
    ],
)
def test_mistakes(line, name, expected):
    assert changed_lines(line)[name] == expected


@pytest.mark.parametrize(
    "text",
    [
        '"""One + two."""',
        "def f(a: Float[Array, 2] = None) -> tuple[int, 3]: ...",
        "x: int | None",
        "Axes: TypeAlias = dict[str, 3]",
        "__all__ = [1]",
        "if TYPE_CHECKING:\n    x = 1 + 1",
        'raise ValueError("a" + 2 * b)',
        "warnings.warn(message(1, 2), stacklevel=2)",
        'y = f"{a + 1} {x[0]}"',
        'y = "a" + b',
        'checks.count("n", n)',
        "isinstance(x, y)",
        "y = Layer | None",
    ],
)
def test_what_is_no_code_is_left_alone(text):
    assert mutants_of(text) == []


def test_columns_of_text_that_is_not_ascii():
    text = 'y = σ(δ, "∂L/∂z", δ) + ∂ - 2  # ∂ + ∂'.replace("∂ -", "d -")
    changed = changed_lines(text)
    assert changed["sub-for-add"] == text.replace(") + d", ") - d")
    assert changed["plus-one"] == text.replace("- 2", "- 3")
    assert {mutant.column for mutant in mutants_of(text) if mutant.name == "plus-one"} == {28}


def test_line_breaks_are_kept():
    text = "y = (\n    a\n    + b[\n        1:\n    ]\n)\nz = f(\n    a,\n    # both\n    b,\n)\n"
    found = mutants_of(text)
    assert {mutant.name for mutant in found} >= {"dropped-term", "swapped-arguments"}
    for mutant in found:
        assert mutant.applied(text).count("\n") == text.count("\n")


def test_statement_of_a_mutant_has_all_lines_that_may_be_traced():
    text = "@g(1)\ndef f(\n    a=2,\n):\n    return (\n        3\n    )\n"
    lines = {mutant.old: mutant.statement for mutant in mutants_of(text)}
    assert lines == {"1": (1, 4), "2": (1, 4), "3": (5, 7)}


def test_mutant_of_another_text_is_refused():
    mutant = mutants_of("y = a + b")[0]
    with pytest.raises(ValueError, match=r"has changed since .* got ' - b', expected ' \+ b'"):
        mutant.applied("y = a - b")


# --------------------------------------------------------------------------------------- the draw


@pytest.fixture(scope="module")
def ours():
    return sources(ROOT)


@pytest.fixture(scope="module")
def drawn(ours):
    return sample(ours, 240, seed=0)


@pytest.mark.slow
def test_every_module_with_code_gets_a_mutant(ours, drawn):
    with_code = {path for path, text in ours.items() if mutants_by_site(path, text)}
    assert {mutant.path for mutant in drawn} == with_code
    assert len(drawn) == 240


@pytest.mark.slow
def test_draw_is_determined_by_seed_and_text(ours, drawn):
    losses = {"fnn/losses.py": ours["fnn/losses.py"]}
    first = sample(losses, 20, seed=1)
    assert sample(losses, 20, seed=1) == first
    assert sample(losses, 20, seed=2) != first
    assert len({mutant.id for mutant in drawn}) == len(drawn)


@pytest.mark.slow
def test_mutants_are_programs_with_one_other_segment(ours, drawn):
    for mutant in drawn:
        text = ours[mutant.path]
        changed = mutant.applied(text)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(text))
        assert changed.startswith(text[: mutant.start])
        assert changed.endswith(text[mutant.end :])
        old, new = text.splitlines(), changed.splitlines()
        assert len(old) == len(new)
        assert (
            old[mutant.line - 1][: mutant.column - 1] == new[mutant.line - 1][: mutant.column - 1]
        )
        removed = [line[2:] for line in mutant.diff(text) if line.startswith("- ")]
        assert set(removed) <= set(old)


@pytest.mark.slow
def test_mutants_leave_strings_and_annotations_alone(ours, drawn):
    def strings_and_annotations(text):
        nodes = list(ast.walk(ast.parse(text)))
        strings = [
            n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)
        ]
        hints = [getattr(n, name, None) for n in nodes for name in ("annotation", "returns")]
        return Counter(strings), Counter(ast.unparse(hint) for hint in hints if hint)

    for mutant in drawn:
        if mutant.name == "dropped-term":
            continue  # the term may have strings in it
        text = ours[mutant.path]
        assert strings_and_annotations(mutant.applied(text)) == strings_and_annotations(text)


def test_quotas():
    class Middle:
        def random(self):
            return 0.5

    assert quotas({"a": 90, "b": 9, "c": 1}, 13, Middle()) == {"a": 10, "b": 2, "c": 1}
    assert quotas({"a": 90, "b": 9, "c": 1}, 2, Middle()) == {"a": 2, "b": 0, "c": 0}
    assert quotas({"a": 2, "b": 1}, 300, Middle()) == {"a": 2, "b": 1}


# ---------------------------------------------------------------------------- which tests run first


def test_near_tests_come_first_then_quick_ones():
    mutant = mutants_of("y = a + b", "fnn/layers/dense.py")[0]
    lines = {"fnn/layers/dense.py": [1]}
    seconds = {
        "tests/test_readme.py": 1.0,
        "tests/test_fuzz.py": 0.1,
        "tests/layers/test_graph.py": 3.0,
        "tests/layers/test_dense_maps.py": 9.0,
    }
    files = [
        FileOfTests(path, "", lines, [{"seconds": cost, "long": False}], {}, all_matters=False)
        for path, cost in seconds.items()
    ]
    elsewhere = {"fnn/layers/dense.py": [2]}
    files.append(
        FileOfTests("tests/layers/test_dense.py", "", elsewhere, [{}], {}, all_matters=False)
    )
    assert [Path(file.path).stem for file in coverage_map.covering(mutant, files)] == [
        "test_dense_maps",
        "test_graph",
        "test_fuzz",
        "test_readme",
    ]


def test_quickest_tests_of_a_line():
    tests = [
        {"test": "slow", "seconds": 2.0, "long": False, "failed": False},
        {"test": "long", "seconds": 0.1, "long": True, "failed": False},
        {"test": "fails", "seconds": 0.1, "long": False, "failed": True},
        {"test": "quick", "seconds": 0.2, "long": False, "failed": False},
    ]
    by_line = {7: ["slow", "long", "fails", "quick", ""], 8: [""]}
    assert dict(coverage_map.quickest_by_line(by_line, tests)) == {"7": [3, 0]}


# ------------------------------------------------------------------------------ a toy repository

SOURCE = '''"""Numbers, 1 + 1."""


def double(x):
    return 2 * x


def previous(x):
    return x - 1


def half(x):
    return x / 2


def same(x):
    return x + 0


def countdown(n):
    while n > 0:
        n -= 1
    return n
'''
CONFTEST = """import pytest


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: only with --all")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--all"):
        items[:] = [item for item in items if not item.get_closest_marker("long")]
"""
TESTS = """import subprocess
import sys

import pytest
from fnn import numbers


def test_double():
    assert numbers.double(3) == 6


def test_same_in_another_process():
    code = "from fnn import numbers; print(numbers.same(3))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "3\\n"


def test_countdown():
    assert numbers.countdown(3) == 0


def test_that_fails_anyway():
    assert not numbers.countdown(3) == 0


@pytest.mark.long
def test_previous():
    assert numbers.previous(3) == 2


def test_that_executes_the_line():
    numbers.previous(3)
"""
FIVE = {
    5: ("div-for-mul", "killed"),
    9: ("add-for-sub", "killed only by --all"),
    13: ("mul-for-div", "survived"),
    17: ("sub-for-add", "survived"),
    22: ("add-for-sub", "timeout"),
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A repository, and a file in which each of five mutants counts as killed."""
    root = tmp_path_factory.mktemp("toy")
    (root / "fnn").mkdir()
    (root / "tests").mkdir()
    (root / "fnn" / "__init__.py").touch()
    (root / "fnn" / "numbers.py").write_text(SOURCE)
    (root / "tests" / "conftest.py").write_text(CONFTEST)
    (root / "tests" / "test_numbers.py").write_text(TESTS)
    earlier = root / "earlier.jsonl"
    texts = {"fnn/numbers.py": SOURCE}
    for mutant in mutants_of(SOURCE, "fnn/numbers.py"):
        if FIVE.get(mutant.line, ("",))[0] == mutant.name:
            mutants.append(earlier, mutants.Verdict(mutant, "killed", "a test", 1.0, ""), texts)
    return root


@pytest.fixture
def run(toy, monkeypatch, capsys):
    """Calls scripts/mutants on the toy repository; returns what it prints."""
    monkeypatch.setattr(mutants, "ROOT", toy)
    monkeypatch.setattr(mutants, "GRACE", 3)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # loading them takes 2 s each time
    places = ["--map", str(toy / "map.jsonl"), "--out", str(toy / "out.jsonl")]

    def called(*arguments):
        mutants.main([*places, *arguments])
        return capsys.readouterr().out

    return called


@pytest.fixture
def printed(toy, run):
    """What is printed where all five have a verdict; only the first time the tests are run."""
    return run("--again", str(toy / "earlier.jsonl"))


@pytest.mark.long
def test_verdicts(toy, printed):
    records = [json.loads(line) for line in (toy / "out.jsonl").read_text().splitlines()]
    assert {r["mutant"]["line"]: (r["mutant"]["name"], r["verdict"]) for r in records} == FIVE
    by = {r["mutant"]["line"]: r["by"] for r in records}
    assert by[5] == "tests/test_numbers.py::test_double"
    assert by[9] == "tests/test_numbers.py::test_previous"
    assert by[13] == "no test executes this line"
    assert by[17] != by[13]  # though only another process executes it
    assert by[22] == "out of time after it began"  # test_countdown ran by itself


@pytest.mark.long
def test_report(printed):
    assert "left out, for they fail" in printed
    assert "test_that_fails_anyway" in printed
    row = next(line for line in printed.splitlines() if line.startswith("fnn "))
    assert row.split() == ["fnn", "5", "1", "1", "1", "2", "60%"]
    assert "numbers.py:13:14:mul-for-div: survived, no test executes this line\n" in printed
    assert "\n-     return x / 2\n+     return x * 2\n" in printed
    assert re.search(r"2 of 5 as in .*earlier.jsonl, or better\n", printed)
    assert "numbers.py:9:14:add-for-sub: killed there, killed only by --all here" in printed


@pytest.mark.long
def test_what_has_a_verdict_is_not_run_again(toy, run, printed, monkeypatch):
    out = toy / "out.jsonl"
    *others, last = sorted(out.read_text().splitlines())
    out.write_text("\n".join(others) + "\n")
    judged = []
    judge = mutants.Judge.__call__

    def noted(self, copy, mutant):
        judged.append(mutant.id)
        return judge(self, copy, mutant)

    monkeypatch.setattr(mutants.Judge, "__call__", noted)
    again = run("--again", str(toy / "earlier.jsonl"))
    assert judged == [json.loads(last)["id"]]
    assert again.splitlines()[-3:] == printed.splitlines()[-3:]


@pytest.mark.long
def test_usual_tests_alone(toy, run):
    out = toy / "usual.jsonl"
    files = ["--map", str(toy / "usual_map.jsonl"), "--out", str(out)]
    run("--usual", *files, "--again", str(toy / "earlier.jsonl"))
    verdicts = {record.mutant.line: record.verdict for record in mutants.recorded(out)}
    usual = {line: verdict for line, (_, verdict) in FIVE.items()} | {9: "survived"}
    assert verdicts == usual


def test_far_files_beyond_the_limit_are_left_out(toy):
    def file_of(seconds):
        test = {"test": "test", "seconds": seconds, "long": False, "failed": False}
        lines = {"fnn/numbers.py": [5]}
        return FileOfTests(f"tests/far/test_{seconds}.py", "", lines, [test], {}, all_matters=False)

    files = [file_of(seconds) for seconds in (1.0, 2.0, 30.0)]
    judge = mutants.Judge(files, [], Path(), limit=10.0)
    copy = CopyWithOneStatus(toy)
    mutant = mutants_of(SOURCE, "fnn/numbers.py")[0]
    verdict = judge(copy, mutant)
    assert copy.ran == ["tests/far/test_1.0.py", "tests/far/test_2.0.py"]
    assert (verdict.verdict, verdict.by) == ("survived", "all tests pass, 1 files left out")


@pytest.mark.parametrize(
    ("status", "failed", "alone", "says_nothing"),
    [
        (4, [], 0, True),  # pytest knows no test of this name: the mistake is in a parameter's name
        (1, ["tests/test_a.py::test_one"], 0, False),
        (1, ["tests/test_a.py::test_one"], 1, True),  # it needs the tests before it
        (1, ["tests/test_b.py::test_in_a_whole_file"], 1, False),
        (2, ["tests/test_a.py"], 1, False),  # it cannot be collected
    ],
)
def test_tests_that_fail_by_themselves_say_nothing(toy, status, failed, alone, says_nothing):
    test = {"test": "tests/test_a.py::test_one", "seconds": 1.0, "long": False, "failed": False}
    files = [FileOfTests("tests/test_a.py", "", {}, [test], {}, all_matters=False)]
    judge = mutants.Judge(files, [], Path())
    copy = CopyWithOneStatus(toy, alone)
    outcome = Outcome(status, 1.0, [{"test": name, "failed": True} for name in failed])
    for _ in range(2):
        assert judge.says_nothing(copy, files, [test["test"]], outcome) is says_nothing
    assert len(copy.ran) <= 1  # the answer is kept
    assert not judge.says_nothing(copy, files, ["tests/test_a.py"], Outcome(4, 1.0, []))


def test_a_verdict_is_that_of_its_limit():
    assert mutants.Judge([], [], Path()).of != mutants.Judge([], [], Path(), limit=10.0).of


def test_lines_of_an_older_map_are_made_again(tmp_path):
    path = tmp_path / "map.jsonl"
    made = FileOfTests("tests/test_a.py", "", {}, [], {}, all_matters=False)
    older = {name: value for name, value in asdict(made).items() if name != "quickest"}
    path.write_text(f"{json.dumps(older)}\n{json.dumps(asdict(made))}\n")
    assert coverage_map.read(path) == [made]


class CopyWithOneStatus:
    """Stand for a copy of the repository in which every test ends with one status."""

    def __init__(self, folder, status=0):
        self.folder = folder
        self.status = status
        self.ran = []

    def pytest(self, arguments, **environment):
        self.ran += [argument for argument in arguments if argument.startswith("tests/")]
        return Outcome(self.status, 1.0, [])


def test_list(run):
    listed = run("--list", "--only", "num*", "--mutants", "2")
    assert re.fullmatch(r"(numbers\.py:\d+:\d+:[\w-]+\n- .*\n\+ .*\n){2}", listed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "nothing"], "--only: got 'nothing', which no file of fnn matches"),
        (["--again", "a.jsonl", "--out", "a.jsonl"], "--out: got a.jsonl, the file of --again"),
    ],
)
def test_refusals(run, arguments, message):
    with pytest.raises(SystemExit, match=re.escape(message)):
        run(*arguments)


def test_tests_that_cannot_be_collected_are_refused(toy, run, tmp_path):
    (tmp_path / "test_broken.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(SystemExit, match=r"cannot be collected(.|\n)*nothing_of_this_name"):
        run("--again", str(toy / "earlier.jsonl"), "--tests", str(tmp_path))


def test_run_that_was_ended_from_outside_is_no_verdict():
    failed = {"test": "tests/test_broken.py", "failed": True}
    assert Outcome(-signal.SIGTERM, 1.0, []).ended_from_outside
    assert Outcome(2, 1.0, []).ended_from_outside
    assert not Outcome(2, 1.0, [failed]).ended_from_outside
    assert not Outcome(1, 1.0, [failed]).ended_from_outside


def test_no_mutant_needs_more_than_its_record(toy):
    for verdict in mutants.recorded(toy / "earlier.jsonl"):
        assert isinstance(verdict.mutant, Mutant)
        assert verdict.mutant in mutants_of(SOURCE, "fnn/numbers.py")
