"""What the generated code waits with, for threads."""

from __future__ import annotations

import threading

from .._messages import Result

Answer = Result
Lock = threading.Lock


class Gate:
    """Shut until somebody opens it, for good."""

    def __init__(self) -> None:
        self._open = threading.Event()

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    def open(self) -> None:
        self._open.set()

    def wait(self, seconds: float) -> None:
        """Until it is open, but no longer than so many seconds."""
        self._open.wait(seconds)
