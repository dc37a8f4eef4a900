"""Ctrl-C and SIGTERM, granted between two chunks of a run that is being saved."""

import signal
import threading
from typing import Any, Self

BOTH = (signal.SIGINT, signal.SIGTERM)
TERMINATED = 128 + signal.SIGTERM  # the exit status by which a shell tells a process that SIGTERM ended


class Stopping:
    """While it is entered, the first Ctrl-C or SIGTERM is only noted; `obey` ends the run once it is saved. A second
    one ends it where it is. (Only the main thread can be told of signals; elsewhere nothing changes.)"""

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers
        self.wish: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in self.numbers if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(self, kind: type | None, *rest) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: it was not set from Python
        if kind is None:
            self.obey()  # of a wish that came after the last chunk

    def obey(self, saved: str = "") -> None:
        """KeyboardInterrupt after Ctrl-C, saying what was saved, SystemExit with status 143 after SIGTERM; nothing if
        nobody asked."""
        if self.wish == signal.SIGINT:
            raise KeyboardInterrupt(saved)
        if self.wish == signal.SIGTERM:
            raise SystemExit(TERMINATED)

    def _note(self, number: int, frame: object) -> None:
        again = self.wish is not None
        self.wish = number
        if again:
            self.obey()
