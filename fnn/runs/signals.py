"""Ctrl-C and SIGTERM, obeyed between two chunks of epochs."""

import signal
import threading
from collections.abc import Sequence
from typing import Any, Self

TERMINATED = 128 + signal.SIGTERM  # the exit status that a shell reads as ended by SIGTERM


class StopSignals:
    """Note the first signal while entered; `raise_if_requested` ends the work once it is saved.

    A second signal ends it at once. Python tells signals to the main thread only; in another
    thread nothing changes. Signals that the process ignores stay ignored.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers
        self.requested: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            heeded = [n for n in self.numbers if signal.getsignal(n) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._note) for number in heeded}
        return self

    def __exit__(self, kind: type | None, *rest) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: it was not set from Python
        if kind is None:
            self.raise_if_requested()  # a signal that came after the last chunk

    def raise_if_requested(self, message: str = "") -> None:
        """Raise KeyboardInterrupt(message) after Ctrl-C, SystemExit(143) after SIGTERM."""
        if self.requested == signal.SIGINT:
            raise KeyboardInterrupt(message)
        if self.requested == signal.SIGTERM:
            raise SystemExit(TERMINATED)

    def _note(self, number: int, frame: object) -> None:
        is_second = self.requested is not None
        self.requested = number
        if is_second:
            self.raise_if_requested()
