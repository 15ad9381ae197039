"""The subscriptions of a client, and their changes as one stream, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ..errors import RstmdbError
from ..models import StreamEvent
from .subscription import Subscription

_Task = asyncio.Task[StreamEvent | None]


class Subscriptions:
    """Those that are open, by id."""

    def __init__(self) -> None:
        self._open: dict[str, Subscription] = {}
        self._listeners: set[asyncio.Event] = set()
        self._closed = False

    def add(self, subscription: Subscription) -> None:
        self._open[subscription.subscription_id] = subscription
        self._closed = False
        self._tell()

    def remove(self, name: str) -> Subscription | None:
        self._tell()
        return self._open.pop(name, None)

    async def close(self) -> None:
        self._closed = True
        self._tell()
        while self._open:
            await self._open.popitem()[1].close()

    def _tell(self) -> None:
        for changed in self._listeners:
            changed.set()

    async def merged(self) -> AsyncIterator[StreamEvent]:
        """Ends when the client is closed. Whoever stops early loses nothing: what was taken from a
        subscription by then is given back to it."""
        waiting: dict[str, tuple[Subscription, _Task]] = {}
        changed = asyncio.Event()
        self._listeners.add(changed)
        change: asyncio.Task[bool] | None = None
        try:
            while not self._closed:
                for name, subscription in self._open.items():
                    if name not in waiting:
                        task = asyncio.ensure_future(subscription.next())
                        waiting[name] = subscription, task
                if change is None or change.done():
                    changed.clear()
                    change = asyncio.ensure_future(changed.wait())
                tasks = [task for _, task in waiting.values()]
                await asyncio.wait((*tasks, change), return_when=asyncio.FIRST_COMPLETED)
                for name, (subscription, task) in list(waiting.items()):
                    if task.done():
                        del waiting[name]
                        event = self._event(name, subscription, task)
                        if event is not None:
                            yield event
        finally:
            self._listeners.discard(changed)
            if change is not None:
                change.cancel()
            for subscription, task in waiting.values():
                taken = not task.cancel() and not task.cancelled()
                if taken and task.exception() is None:
                    subscription.give_back(task.result())

    def _event(self, name: str, subscription: Subscription, task: _Task) -> StreamEvent | None:
        try:
            return task.result()
        except RstmdbError:
            self._open.pop(name, None)
            if subscription.is_closed:
                return None
            raise
