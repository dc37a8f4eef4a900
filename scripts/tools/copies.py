"""Copies of the repository in which scripts/mutants runs pytest, one process at a time in each."""

import json
import os
import queue
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

TOOLS = Path(__file__).parent
GENERATED = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*_cache", ".hypothesis")
NOT_COPIED = {".git", ".venv", "runs", "report"}  # at the root of the repository
PASSED = (0, 5)  # exit statuses of pytest: all passed, no tests
INTERRUPTED = 2  # by Ctrl-C, or by a file that could not be collected
NOT_INHERITED = (
    "COVERAGE_",
    "JAX_COMPILATION_CACHE_DIR",
    "MUTANTS_",
    "PYTEST_ADDOPTS",
    "PYTEST_CURRENT_TEST",
    "PYTEST_XDIST_",
)
"""Beginnings of variables that another run of tests may have set."""
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome:
    """How a run of pytest ended."""

    status: int
    """Its exit status, below 0 for a signal."""
    seconds: float
    tests: list[dict[str, Any]]
    """What mutants_pytest.py noted of each test that ended."""

    @property
    def passed(self) -> bool:
        """Tells whether nothing failed."""
        return self.status in PASSED

    @property
    def out_of_time(self) -> bool:
        """Tells whether a test took too long."""
        return self.status == -signal.SIGALRM

    @property
    def ended_from_outside(self) -> bool:
        """Tells whether somebody ended pytest, which says nothing about the tests."""
        interrupted = self.status == INTERRUPTED and not self.failed
        return interrupted or self.status == -signal.SIGTERM

    @property
    def failed(self) -> list[str]:
        """Lists tests that failed, and files that could not be collected."""
        return [test["test"] for test in self.tests if test["failed"]]


@dataclass
class Copy:
    """One copy of the repository."""

    folder: Path
    memory: int
    """Bytes that one of its processes may have."""
    process: subprocess.Popen | None = field(default=None, init=False)
    stopped: bool = field(default=False, init=False)

    @property
    def output(self) -> Path:
        """Names the file that has what the last command printed."""
        return self.folder.with_suffix(".txt")

    def pytest(
        self,
        arguments: Sequence[str],
        *,
        coverage: Sequence[str] = (),
        **environment: str,
    ) -> Outcome:
        """Runs pytest with the arguments, under coverage if there are options for that.

        The environment may have the variables that mutants_pytest.py reads.
        """
        report = self.folder.with_suffix(".jsonl")
        report.unlink(missing_ok=True)
        plugins = ["-p", "no:cacheprovider", "-p", "mutants_pytest", "--rootdir", "."]
        runner = ["-m", "coverage", "run", *coverage] if coverage else []
        command = [sys.executable, *runner, "-m", "pytest", "-q", *plugins, *arguments]
        began = time.monotonic()
        status = self.run(command, MUTANTS_REPORT=str(report), **environment)
        seconds = round(time.monotonic() - began, 2)
        lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
        return Outcome(status, seconds, [json.loads(line) for line in lines])

    def run(self, command: Sequence[str], **environment: str) -> int:
        """Runs a command in the copy; returns its exit status, when its children are ended, too."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(NOT_INHERITED)}
        path = {"PYTHONPATH": os.pathsep.join([str(self.folder), str(TOOLS)])}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=kept | path | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            if hasattr(resource, "prlimit"):  # Linux
                bounds = (self.memory, self.memory)
                resource.prlimit(self.process.pid, resource.RLIMIT_DATA, bounds)
            if self.stopped:
                self.stop()
            try:
                return self.process.wait()
            finally:
                self.end_processes()
                self.process = None

    def stop(self) -> None:
        """Ends what runs now, and whatever is started later."""
        self.stopped = True
        self.end_processes()

    def end_processes(self) -> None:
        """Ends what runs now, with its children."""
        process = self.process
        if process:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def copies(root: Path, tests: Path, number: int) -> Iterator[list[Copy]]:
    """Makes copies of a repository in a temporary folder, with another folder of tests in it.

    The first one collects all tests, so that Python's compiled files are copied with it: a mutant
    neither compiles nor writes those of the files that it does not change.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // number
    with tempfile.TemporaryDirectory(prefix="fnn-mutants-") as name:
        made = [Copy(Path(name) / f"copy-{i}", memory) for i in range(number)]
        first = made[0]
        shutil.copytree(root, first.folder, ignore=partial(not_copied, root))
        shutil.rmtree(first.folder / "tests")
        shutil.copytree(tests, first.folder / "tests", ignore=GENERATED)
        if not first.pytest(["--collect-only", "tests"]).passed:
            raise ValueError(
                f"the tests of {tests} cannot be collected without any mistake in the sources:\n"
                f"{first.output.read_text()[-3000:]}"
            )
        for other in made[1:]:
            shutil.copytree(first.folder, other.folder)
        for copy in made:
            check_import(copy)
        yield made


def not_copied(root: Path, folder: str, names: list[str]) -> set[str]:
    """Names what is left out of a copy, for shutil.copytree."""
    return GENERATED(folder, names) | (NOT_COPIED if Path(folder) == root else set())


def check_import(copy: Copy) -> None:
    """Raises ValueError where the tests would import another fnn than that of the copy."""
    copy.run([sys.executable, "-c", "import fnn; print(fnn.__file__)"])
    imported = copy.output.read_text().strip()
    if not imported.startswith(f"{copy.folder}{os.sep}"):
        raise ValueError(
            f"the tests would import fnn from {imported!r}, expected a file in {copy.folder}: "
            "look for what puts another folder before $PYTHONPATH."
        )


def each(
    places: Sequence[Copy], work: Callable[[Copy, Item], Result], items: Sequence[Item]
) -> Iterator[Result]:
    """Yields work(copy, item) of all items as they end, one at a time in each copy."""
    free: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for copy in places:
        free.put(copy)

    def in_free_copy(item: Item) -> Result:
        copy = free.get()
        try:
            return work(copy, item)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(places)) as pool:
        futures = [pool.submit(in_free_copy, item) for item in items]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:  # also where Ctrl-C, or an error of one item, has ended the loop
            pool.shutdown(wait=False, cancel_futures=True)
            if not all(future.done() for future in futures):
                for copy in places:
                    copy.stop()
