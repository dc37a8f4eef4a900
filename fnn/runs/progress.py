"""Progress bars: they turn the driver's reports into what one reads while waiting."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from fnn.runs.driver import Report


def shown(
    unit: str, total: int, done: int, progress: bool, title: str = ""
) -> AbstractContextManager["ProgressBar | None"]:
    """Return a progress bar if it is wanted; a title stands before what it says."""
    return ProgressBar(unit, total, done, title) if progress else nullcontext()


class ProgressBar:
    """A bar over the runs of a sweep, or over the epochs of a single run."""

    def __init__(self, unit: str, total: int, done: int, title: str = "") -> None:
        from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

        self.unit = unit
        self.title = title
        self.done = done  # runs or epochs of finished blocks
        self.lowest: dict[str, float] = {}
        self.bar: Any = tqdm(total=total, initial=done, unit=unit)

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *rest: Any) -> None:
        self.bar.close()

    def __call__(self, report: Report) -> None:
        """Move the bar, and say what the device does."""
        which = f"program {report.group + 1} of {report.groups}, " if report.groups > 1 else ""
        which = f"{self.title}{which}"
        if report.compiling:
            self.bar.set_description(f"{which}compiling")
            return
        if not len(report.epochs):  # compiled
            self.bar.unpause()  # a rate of runs, not of runs and compiling
            return
        self.bar.set_description(f"{which}training on {report.where}", refresh=False)
        self._show_metrics(report)
        self.bar.update(self.done + self._moved(report) - self.bar.n)
        if self.unit == "run" and not report.active.any():
            self.done += len(report.epochs)

    def _moved(self, report: Report) -> int:
        if self.unit == "epoch":
            return int(report.epochs[0]) - self.done
        shares = np.where(report.active, report.epochs / report.last_epoch, 1.0)
        return int(np.sum(shares))

    def _show_metrics(self, report: Report) -> None:
        """Show the latest value of a single run, the lowest so far of many."""
        for name, values in report.metrics.items():
            if self.unit == "epoch":
                self.bar.set_postfix({name: f"{values[0]:.4g}"}, refresh=False)
                continue
            lowest = min(self.lowest.get(name, np.inf), float(np.min(values, initial=np.inf)))
            self.lowest[name] = lowest
            if np.isfinite(lowest):
                self.bar.set_postfix_str(f"best {name} {lowest:.4g}", refresh=False)
