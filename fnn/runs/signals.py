"""Ctrl-C and SIGTERM stop the work between two chunks of epochs."""

import signal
import threading
from collections.abc import Sequence
from typing import Any, Self

TERMINATED = 128 + signal.SIGTERM  # the exit status that a shell reads as ended by SIGTERM


class StopSignals:
    """Note the first signal while entered; `raise_if_requested` ends the work once it is saved.

    numbers  the signals to note

    A second signal ends the work at once. Python delivers signals to the main thread only, so in
    another thread nothing changes. Signals that the process ignores stay ignored.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers
        self.requested: int | None = None
        self._handlers_before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in self.numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers_before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type | None, *rest) -> None:
        for number, handler in self._handlers_before.items():
            # A handler that was not set from Python is None.
            signal.signal(number, handler or signal.SIG_DFL)
        if kind is None:
            # A signal may have come after the last chunk.
            self.raise_if_requested()

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
