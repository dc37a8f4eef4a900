"""Progress bars: they show the driver's reports."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from fnn.runs.driver import Report


def progress_bar(
    unit: str, total: int, done: int, progress: bool, title: str = ""
) -> AbstractContextManager["ProgressBar | None"]:
    """Return a progress bar, or a context of None where `progress` is False.

    unit   "run" or "epoch": what the bar counts
    total  the number of units
    done   how many are done at the start
    title  text before the bar's own description
    """
    if not progress:
        return nullcontext()
    return ProgressBar(unit, total, done, title)


class ProgressBar:
    """Show a bar over the runs of a sweep, or over the epochs of a single run."""

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
        """Move the bar, and describe the device's work."""
        prefix = self.title
        if report.groups > 1:
            prefix += f"program {report.group + 1} of {report.groups}, "
        if report.compiling:
            self.bar.set_description(f"{prefix}compiling")
            return
        was_compiled = len(report.epochs) == 0
        if was_compiled:
            # The time of compiling does not count in the rate of runs.
            self.bar.unpause()
            return
        self.bar.set_description(f"{prefix}training on {report.where}", refresh=False)
        self._show_metrics(report)
        position = self.done + self._units_done(report)
        self.bar.update(position - self.bar.n)
        if self.unit == "run" and not report.active.any():
            self.done += len(report.epochs)

    def _units_done(self, report: Report) -> int:
        """Return how many units of the block under way are done."""
        if self.unit == "epoch":
            return int(report.epochs[0]) - self.done
        shares = np.where(report.active, report.epochs / report.last_epoch, 1.0)
        return int(np.sum(shares))

    def _show_metrics(self, report: Report) -> None:
        """Show the latest value of a single run, or the lowest value so far of many runs."""
        for name, values in report.metrics.items():
            if self.unit == "epoch":
                self.bar.set_postfix({name: f"{values[0]:.4g}"}, refresh=False)
                continue
            before = self.lowest.get(name, np.inf)
            lowest = min(before, float(np.min(values, initial=np.inf)))
            self.lowest[name] = lowest
            if np.isfinite(lowest):
                self.bar.set_postfix_str(f"best {name} {lowest:.4g}", refresh=False)
