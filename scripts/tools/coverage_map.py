"""Learns which file of tests executes which lines of fnn, for scripts/mutants.

Each file of tests runs in a process of its own. In one process for all, JAX would keep programs
from one file to the next, and lines that are executed at import would be seen in the first alone.
Processes that a test starts are measured, too.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from copies import Copy, each
from mutations import PACKAGE, Mutant

SETTINGS = """
[run]
source = fnn
data_file = {data}/coverage
parallel = true
patch = subprocess
disable_warnings = module-not-measured, module-not-imported, no-data-collected
"""
AMOUNTS = "tests.amounts"  # a file of tests that imports this module does more with --all
NEAR = 1
FEW = 3  # tests of a file that are noted for a line, the quickest ones


@dataclass(frozen=True)
class TestFile:
    """What a file of tests executes and how long it takes."""

    path: str
    of: str
    """Identifies the sources and tests that were measured."""
    lines: dict[str, list[int]]
    """Path in the repository -> lines of it that are executed."""
    tests: list[dict[str, Any]]
    """Each test with its seconds, whether it needs --all (long), and whether it fails."""
    quickest: dict[str, dict[str, list[int]]]
    """Path -> line -> FEW of the tests that were seen to execute it, by their places in `tests`.
    JAX executes a line once for all tests that use the same program."""
    all_matters: bool
    """Whether --all adds tests to the file, or makes a test do more."""

    def seconds(self, *, everything: bool) -> list[float]:
        """Lists the seconds of all tests, or of those that are not marked long."""
        return [test["seconds"] for test in self.tests if everything or not test["long"]]

    def executes(self, mutant: Mutant) -> bool:
        """Tells whether any line of the mutant's statement is executed."""
        first, last = mutant.statement
        return any(first <= line <= last for line in self.lines.get(mutant.path, []))

    def tests_of(self, mutant: Mutant) -> list[dict[str, Any]]:
        """Lists quick tests that were seen to execute lines of the mutant's statement."""
        first, last = mutant.statement
        by_line = self.quickest.get(mutant.path, {})
        places = {place for line in range(first, last + 1) for place in by_line.get(str(line), [])}
        return [self.tests[place] for place in sorted(places)]

    def distance(self, mutant: Mutant) -> int:
        """Says how far the file is from the mutant: 0 for its mirror, 1 for its folder, else 2.

        The mirrors of fnn/layers/dense.py are test_dense.py and test_dense_*.py in tests/layers.
        """
        source, test = Path(mutant.path), Path(self.path)
        folder = source.parent.relative_to(PACKAGE)
        in_folder = test.parent == Path("tests") / folder
        if in_folder and f"{test.stem}_".startswith(f"test_{source.stem}_"):
            return 0
        of_package = f"{test.stem}_".startswith(f"test_{folder.name or source.stem}_")
        return NEAR if of_package or (in_folder and folder.name) else NEAR + 1


def covering(mutant: Mutant, files: Sequence[TestFile]) -> list[TestFile]:
    """Lists the files of tests that execute a mutant: the nearest first, then the quickest."""
    found = [file for file in files if file.tests and file.executes(mutant)]
    return sorted(found, key=lambda f: (f.distance(mutant), sum(f.seconds(everything=False))))


def coverage_map(path: Path, places: Sequence[Copy], all_option: Sequence[str]) -> list[TestFile]:
    """Reads the map that stands at a path, and makes what is missing of it.

    Each of its lines is a TestFile. What was made of other sources or tests, or with another
    all_option, is made again.
    """
    from tqdm import tqdm

    amount = " ".join(all_option)
    texts = fingerprints(places[0].folder)
    expected = {name: f"{text}{amount}" for name, text in texts.items()}
    known = {made.path: made for made in read(path) if made.of == expected.get(made.path)}
    missing = [name for name in expected if name not in known]
    cache = compiled_programs(path)

    def work(copy: Copy, name: str) -> TestFile:
        return measured(copy, name, expected[name], cache, all_option)

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        made_now = each(places, work, missing)
        for made in tqdm(made_now, f"map {path}", len(missing), unit="file", disable=not missing):
            file.write(json.dumps(asdict(made)) + "\n")
            file.flush()
            known[made.path] = made
    return [known[name] for name in expected]


def read(path: Path) -> list[TestFile]:
    """Reads the lines of a map, none where there is no file, but not those of older versions."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    records = [json.loads(line) for line in lines]
    names = {each.name for each in fields(TestFile)}
    return [TestFile(**record) for record in records if set(record) == names]


def fingerprints(folder: Path) -> dict[str, str]:
    """Identifies the text of each file of tests together with all that it may import."""
    sources, tests = (folder / PACKAGE).rglob("*.py"), set((folder / "tests").rglob("*.py"))
    run = sorted(file for file in tests if file.name.startswith("test_"))
    imported = hashlib.sha256()
    for file in sorted([*sources, *tests.difference(run)]):
        imported.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    found = {}
    for file in run:
        one = imported.copy()
        one.update(file.read_bytes())
        found[file.relative_to(folder).as_posix()] = one.hexdigest()[:16]
    return found


def compiled_programs(path: Path) -> Path:
    """Names the folder in which a map keeps JAX's compiled programs."""
    return path.with_suffix(".programs").resolve()


def measured(copy: Copy, name: str, of: str, cache: Path, all_option: Sequence[str]) -> TestFile:
    """Runs one file of tests under coverage."""
    data = copy.folder.with_suffix(".data")
    data.mkdir(exist_ok=True)
    settings = data / "settings"
    settings.write_text(SETTINGS.format(data=data))
    outcome = copy.pytest(
        [name, *all_option],
        coverage=[f"--rcfile={settings}"],
        MUTANTS_CACHE=str(cache),
        MUTANTS_FILLS_CACHE="1",
    )
    if not outcome.passed and not outcome.failed:
        raise ValueError(
            f"{name} does not run without any mistake in the sources: pytest ended with status "
            f"{outcome.status}\n{copy.output.read_text()[-3000:]}"
        )
    has_long = any(test["long"] for test in outcome.tests)
    does_more = AMOUNTS in (copy.folder / name).read_text(encoding="utf-8")
    lines = {}
    quickest = {}
    for path, tests_by_line in executed(data, copy.folder):
        lines[path] = sorted(tests_by_line)
        quickest[path] = dict(quickest_by_line(tests_by_line, outcome.tests))
    return TestFile(name, of, lines, outcome.tests, quickest, has_long or does_more)


def quickest_by_line(
    tests_by_line: Mapping[int, Sequence[str]], tests: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, list[int]]]:
    """Yields FEW tests of each line, those that pass and are not long, the quickest first."""
    places = {
        test["test"]: place
        for place, test in enumerate(tests)
        if not test["failed"] and not test["long"]
    }
    for line, names in tests_by_line.items():
        of_line = [places[name] for name in names if name in places]
        by_seconds = sorted(of_line, key=lambda place: tests[place]["seconds"])
        if by_seconds:
            yield str(line), by_seconds[:FEW]


def executed(data: Path, folder: Path) -> Iterator[tuple[str, dict[int, list[str]]]]:
    """Yields each file with the lines that were executed, and by which tests.

    Lines that are executed between tests, such as those of an import, have the test "". Coverage's
    own files are removed.
    """
    from coverage import CoverageData

    combined = CoverageData(no_disk=True)
    for file in data.glob("coverage.*"):
        one = CoverageData(str(file))
        one.read()
        combined.update(one)
        file.unlink()
    for source in sorted(combined.measured_files()):
        if Path(source).is_relative_to(folder / PACKAGE):
            yield Path(source).relative_to(folder).as_posix(), combined.contexts_by_lineno(source)


def all_tests(copy: Copy) -> list[str]:
    """Returns ["--all"] where tests/conftest.py has this option, else no argument."""
    conftest = copy.folder / "tests" / "conftest.py"
    has_option = conftest.exists() and '"--all"' in conftest.read_text(encoding="utf-8")
    return ["--all"] if has_option else []
