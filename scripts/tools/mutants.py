"""Measures which mistakes the tests can catch: makes small mistakes in fnn and runs the tests.

A mutant is a copy of fnn with one mistake: + for -, 2c for c, axis 1 for 0, a term dropped, two
arguments swapped, a condition negated. The same --seed and sources give the same mutants. Each is
run against the files of tests that execute its line, those that mirror its file first, until a
test fails:

killed                a test fails; the verdict says which
timeout               a test takes more than 60 s and 3 times what the longest of them takes
killed only by --all  no test fails as long as pytest is not given --all
survived              no test fails, or none executes the line; with --seconds the far files of
                      tests may have been left out, which the verdict says

Everything happens in copies of the repository in a temporary folder. The first run learns which
tests execute which lines (--map), which takes as long as all tests in one process. It can be
interrupted with Ctrl-C, as can the mutants: the same command goes on where it stopped. With
--usual both use the tests of scripts/test alone, which are quicker.

    scripts/mutants --jobs 2                          300 mutants of all files
    scripts/mutants --jobs 2 --usual --seconds 300    the same by the usual tests, with a limit
    scripts/mutants --list --only 'layers/*' --mutants 20
    scripts/mutants --map runs/old/map.jsonl --tests ../old/tests --out runs/old/verdicts.jsonl
    scripts/mutants --again runs/old/verdicts.jsonl --out runs/mutants/again.jsonl

The last two say whether the tests of today kill every mutant that those of ../old kill.
"""

import argparse
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

from copies import Copy, Outcome, copies, each
from coverage_map import NEAR, TestFile, all_tests, compiled_programs, coverage_map, covering
from mutations import PACKAGE, Mutant, sample, sources

ROOT = Path(__file__).resolve().parents[2]
KILLED, TIMEOUT, ONLY_ALL, SURVIVED = "killed", "timeout", "killed only by --all", "survived"
NOT_FOUND = 4  # exit status of pytest where a name is unknown
FIRST_TESTS = 8  # that run by themselves before whole files do
TIMES, GRACE = 3, 60
"""A test is given TIMES the seconds of the longest one, and GRACE seconds."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    verdict: str
    by: str
    """The test that killed it, or why no test did."""
    seconds: float
    of: str
    """Identifies the sources and tests that were run."""

    def line(self, text: str) -> dict[str, Any]:
        """Returns what is written to --out."""
        return {"id": self.mutant.id} | asdict(self) | {"diff": self.mutant.diff(text)}


def main(arguments: Sequence[str]) -> None:
    """Runs mutants, or lists them."""
    options = parser().parse_args(arguments)
    try:
        texts = sources(ROOT)
        mutants = list(chosen(options, texts))
        if options.list:
            for mutant in mutants:
                print(mutant.id, *mutant.diff(texts[mutant.path]), sep="\n")
        else:
            verdicts = judged(options, mutants, texts)
            lines = [*table(verdicts), *survivors(verdicts, texts), *worse(options.again, verdicts)]
            print("\n".join(lines))
    except ValueError as error:
        sys.exit(f"scripts/mutants: {error}")
    except KeyboardInterrupt:
        sys.exit("scripts/mutants: interrupted; the same command goes on where it stopped.")


def parser() -> argparse.ArgumentParser:
    """Builds the command line."""
    made = argparse.ArgumentParser(
        prog="scripts/mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--mutants", type=int, default=300, metavar="N", help="how many (300)")
    made.add_argument("--seed", type=int, default=0, help="other seeds give other mutants (0)")
    made.add_argument("--only", metavar="GLOB", default="*", help="files of fnn: 'layers/*'")
    made.add_argument("--jobs", type=int, default=1, help="mutants that run at a time (1)")
    made.add_argument("--usual", action="store_true", help="never give pytest --all")
    made.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        default=float("inf"),
        help="leave out files of tests, the farthest first, beyond so many seconds (no limit)",
    )
    made.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    made.add_argument("--survivors-too", action="store_true", help="with --again: all of FILE")
    add_files(made)
    return made


def add_files(made: argparse.ArgumentParser) -> None:
    """Adds the options that name files and folders."""
    made.add_argument(
        "--map",
        type=Path,
        metavar="FILE",
        default=Path("runs/mutants/map.jsonl"),
        help="which tests execute which lines; made where it does not exist (%(default)s)",
    )
    made.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        default=Path("runs/mutants/verdicts.jsonl"),
        help="a JSON line for each mutant; those that are in it are not run again (%(default)s)",
    )
    made.add_argument(
        "--tests",
        type=Path,
        metavar="DIR",
        default=ROOT / "tests",
        help="the folder tests of another checkout, with a --map and --out of its own",
    )
    made.add_argument(
        "--again",
        type=Path,
        metavar="FILE",
        help="run the mutants that were killed in this earlier --out instead of new ones",
    )


def chosen(options: argparse.Namespace, texts: Mapping[str, str]) -> Iterator[Mutant]:
    """Yields the mutants that the options ask for."""
    matching = {
        path: text
        for path, text in texts.items()
        if fnmatch(path.removeprefix(PACKAGE + "/"), options.only)
    }
    if not matching:
        raise ValueError(
            f"--only: got {options.only!r}, which no file of {PACKAGE} matches; expected a "
            "pattern such as 'layers/*' or losses.py."
        )
    if not options.again:
        yield from sample(matching, options.mutants, options.seed)
        return
    if options.out.resolve() == options.again.resolve():
        raise ValueError(f"--out: got {options.out}, the file of --again; name another one.")
    for earlier in recorded(options.again):
        mutant = earlier.mutant
        wanted = options.survivors_too or earlier.verdict != SURVIVED
        if wanted and fnmatch(mutant.path.removeprefix(PACKAGE + "/"), options.only):
            mutant.applied(texts.get(mutant.path, ""))  # refuses sources that have changed
            yield mutant


# --------------------------------------------------------------------------------------- verdicts


def judged(
    options: argparse.Namespace, mutants: Sequence[Mutant], texts: Mapping[str, str]
) -> list[Verdict]:
    """Runs the mutants that have no verdict in --out yet; returns the verdicts of all."""
    with copies(ROOT, options.tests, options.jobs) as places:
        all_option = [] if options.usual else all_tests(places[0])
        cache = compiled_programs(options.map)
        files = coverage_map(options.map, places, all_option)
        judge = Judge(files, all_option, cache, options.seconds)
        known = {
            earlier.mutant: earlier for earlier in recorded(options.out) if earlier.of == judge.of
        }
        missing = [mutant for mutant in mutants if mutant not in known]
        print_failing(files)
        for verdict in progress(each(places, judge, missing), len(missing)):
            append(options.out, verdict, texts)
            known[verdict.mutant] = verdict
    return [known[mutant] for mutant in mutants]


def progress(verdicts: Iterator[Verdict], number: int) -> Iterator[Verdict]:
    """Shows how many mutants have run, and how many of each verdict there are."""
    from tqdm import tqdm

    counts: Counter[str] = Counter()
    with tqdm(total=number, desc="mutants", unit="mutant") as bar:
        for verdict in verdicts:
            counts[verdict.verdict] += 1
            bar.set_postfix(counts, refresh=False)
            bar.update()
            yield verdict


def print_failing(files: Sequence[TestFile]) -> None:
    """Names the tests that fail without any mistake; they are not run on mutants."""
    names = [test["test"] for file in files for test in file.tests if test["failed"]]
    if names:
        print("left out, for they fail without any mistake:", *names, sep="\n  ")


def recorded(path: Path) -> list[Verdict]:
    """Reads the verdicts that stand in a file, none where there is no file."""
    verdicts = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        record = json.loads(line)
        first, last = record["mutant"].pop("statement")
        mutant = Mutant(**record["mutant"], statement=(first, last))
        verdicts.append(
            Verdict(mutant, record["verdict"], record["by"], record["seconds"], record["of"])
        )
    return verdicts


def append(path: Path, verdict: Verdict, texts: Mapping[str, str]) -> None:
    """Writes a verdict to the end of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        line = verdict.line(texts[verdict.mutant.path])
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


class Judge:
    """Runs a mutant against the tests that execute it."""

    def __init__(
        self,
        files: Sequence[TestFile],
        all_option: Sequence[str],
        cache: Path,
        limit: float = float("inf"),
    ):
        self.files = files
        self.all_option = all_option
        self.cache = cache
        self.limit = limit
        identity = [f"{limit}", *(file.of for file in files)]
        self.of = sha256(" ".join(identity).encode()).hexdigest()[:16]
        self.alone: dict[str, bool] = {}  # test -> whether it passes by itself without a mistake

    def __call__(self, copy: Copy, mutant: Mutant) -> Verdict:
        """Puts the mutant into a copy, runs the tests and takes it out again."""
        tests = covering(mutant, self.files)
        if not tests:
            return Verdict(mutant, SURVIVED, "no test executes this line", 0.0, self.of)
        seconds = 0.0
        ran: set[str] = set()
        for names, everything in self.stages(mutant, tests):
            with mistake(copy.folder / mutant.path, mutant):
                outcome = self.run(copy, tests, names, everything)
            ran |= set(names)
            if outcome.ended_from_outside:
                raise ValueError(
                    f"{mutant.id}: got status {outcome.status} of pytest, expected it to end "
                    "by itself: somebody ended it. The same command goes on where it stopped."
                )
            seconds += outcome.seconds
            if outcome.passed or self.says_nothing(copy, tests, names, outcome):
                continue
            found = ONLY_ALL if everything else TIMEOUT if outcome.out_of_time else KILLED
            return Verdict(mutant, found, reason(outcome), round(seconds, 2), self.of)
        left_out = len(set(paths_of(tests)) - ran)
        passed = f"all tests pass, {left_out} files left out" if left_out else "all tests pass"
        return Verdict(mutant, SURVIVED, passed, round(seconds, 2), self.of)

    def stages(self, mutant: Mutant, tests: Sequence[TestFile]) -> Iterator[tuple[list[str], bool]]:
        """Yields what to run in one process each: names of tests or files, and whether with --all.

        First come some quick tests that were seen to execute the line: they kill most mutants. The
        near files have a process of their own, because collecting the others takes seconds. Those
        for which --all matters are repeated with it: other tests of theirs may do more.
        """
        usual = [file for file in tests if file.seconds(everything=False)]  # it has such tests
        quick = sorted(
            (file.distance(mutant), test["seconds"], test["test"])
            for file in usual
            for test in file.tests_of(mutant)
        )
        if names := [name for _, _, name in quick[:FIRST_TESTS]]:
            yield names, False
        near = [file for file in usual if file.distance(mutant) <= NEAR]
        others = [file for file in usual if file not in near]
        if near:
            yield paths_of(near), False
        if others := self.within_limit(others):
            yield paths_of(others), False
        more = [file for file in tests if file.all_matters]
        if more and self.all_option:
            yield paths_of(more), True

    def says_nothing(
        self, copy: Copy, tests: Sequence[TestFile], names: Sequence[str], outcome: Outcome
    ) -> bool:
        """Tells whether tests that ran by themselves failed for another reason than the mistake.

        A mistake may change the name of a parameter, so that pytest does not find the test. A test
        may need those before it in its file, and fail by itself without any mistake.
        """
        are_files = "::" not in names[0]
        if are_files:
            return False
        if not outcome.failed:
            return outcome.status == NOT_FOUND
        test = outcome.failed[0]
        if test not in names:  # a file that cannot be collected
            return False
        if test not in self.alone:
            self.alone[test] = self.run(copy, tests, [test], everything=False).passed
        return not self.alone[test]

    def within_limit(self, files: Sequence[TestFile]) -> list[TestFile]:
        """Returns the first files, as many as take no longer together than the limit."""
        ends = accumulate(sum(file.seconds(everything=False)) for file in files)
        return [file for file, end in zip(files, ends, strict=True) if end <= self.limit]

    def run(
        self, copy: Copy, files: Sequence[TestFile], names: Sequence[str], everything: bool
    ) -> Outcome:
        """Runs tests or files of tests by their names until a test fails."""
        longest = max(second for file in files for second in file.seconds(everything=everything))
        failing = [test["test"] for file in files for test in file.tests if test["failed"]]
        return copy.pytest(
            [
                "-x",
                *(self.all_option if everything else []),
                *names,
            ],
            MUTANTS_LEFT_OUT=json.dumps(failing),
            MUTANTS_SECONDS=str(round(TIMES * longest + GRACE)),
            PYTHONDONTWRITEBYTECODE="1",
            MUTANTS_CACHE=str(self.cache),
        )


def paths_of(files: Sequence[TestFile]) -> list[str]:
    """Lists the paths of files of tests."""
    return [file.path for file in files]


@contextmanager
def mistake(file: Path, mutant: Mutant) -> Iterator[None]:
    """Puts a mutant into a file, and restores text and time, by which Python knows it again."""
    text, times = file.read_bytes(), file.stat()
    file.write_text(mutant.applied(text.decode()), encoding="utf-8")
    try:
        yield
    finally:
        file.write_bytes(text)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def reason(outcome: Outcome) -> str:
    """Says what ended a run."""
    if outcome.out_of_time:
        last = outcome.tests[-1]["test"] if outcome.tests else "it began"
        return f"out of time after {last}"
    return outcome.failed[0] if outcome.failed else f"pytest ended with status {outcome.status}"


# ----------------------------------------------------------------------------------------- report


def table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yields a line for each package, and one for all."""
    packages: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        package = Path(verdict.mutant.path).parent.as_posix()
        packages.setdefault(package, Counter())[verdict.verdict] += 1
    columns = (KILLED, TIMEOUT, ONLY_ALL, SURVIVED)
    yield "  ".join([f"{'package':24}", "mutants", *columns, "score"])
    for package in sorted(packages):
        yield row(package, packages[package], columns)
    yield row("all", sum(packages.values(), Counter()), columns)


def row(name: str, counts: Counter[str], columns: Sequence[str]) -> str:
    """Formats one line of the table; the score is the share that did not survive."""
    score = 1 - counts[SURVIVED] / counts.total() if counts else 1.0
    cells = [f"{counts[column]:{len(column)}}" for column in columns]
    return "  ".join([f"{name:24}", f"{counts.total():7}", *cells, f"{score:5.0%}"])


def survivors(verdicts: Sequence[Verdict], texts: Mapping[str, str]) -> Iterator[str]:
    """Yields the mutants that no test kills, with what they change."""
    for verdict in verdicts:
        if verdict.verdict == SURVIVED:
            yield f"\n{verdict.mutant.id}: survived, {verdict.by}"
            yield from verdict.mutant.diff(texts[verdict.mutant.path])


def worse(path: Path | None, verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yields the mutants that were killed with less in an earlier file."""
    if path is None:
        return
    ranks = {KILLED: 0, TIMEOUT: 0, ONLY_ALL: 1, SURVIVED: 2}
    before = {earlier.mutant: earlier.verdict for earlier in recorded(path)}
    changed = [v for v in verdicts if ranks[v.verdict] > ranks[before[v.mutant]]]
    yield f"\n{len(verdicts) - len(changed)} of {len(verdicts)} as in {path}, or better"
    for verdict in changed:
        yield f"{verdict.mutant.id}: {before[verdict.mutant]} there, {verdict.verdict} here"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, it ends the tests, too
    main(sys.argv[1:])
