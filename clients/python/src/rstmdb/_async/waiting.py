"""What the generated code waits with; the blocking client has its own of the same names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from .._messages import Result

Answer = Coroutine[Any, Any, Result]
Lock = asyncio.Lock


class Gate:
    """Shut until somebody opens it, for good."""

    def __init__(self) -> None:
        self._open = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    def open(self) -> None:
        self._open.set()

    async def wait(self, seconds: float) -> None:
        """Until it is open, but no longer than so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._open.wait()
