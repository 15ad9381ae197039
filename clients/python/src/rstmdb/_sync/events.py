"""The subscriptions of a client, and their changes as one stream, for threads."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator

from ..models import StreamEvent
from .subscription import Subscription

_LOOK_AGAIN = 0.25  # seconds, for what another thread has opened or closed meanwhile


class Subscriptions:
    """Those that are open, by id."""

    def __init__(self) -> None:
        self._open: dict[str, Subscription] = {}
        self._lock = threading.Lock()
        self._closed = False

    def add(self, subscription: Subscription) -> None:
        with self._lock:
            self._open[subscription.subscription_id] = subscription
            self._closed = False

    def remove(self, name: str) -> Subscription | None:
        with self._lock:
            return self._open.pop(name, None)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            closing = list(self._open.values())
            self._open.clear()
        for subscription in closing:
            subscription.close()

    def merged(self) -> Iterator[StreamEvent]:
        """Ends when the client is closed."""
        while not self._closed:
            with self._lock:
                subscriptions = list(self._open.values())
            quiet = True
            for subscription in subscriptions:
                if subscription.is_closed:
                    self.remove(subscription.subscription_id)
                    continue
                # One that has lost its connection needs time to find another.
                event = subscription.next(0 if subscription.fileno() >= 0 else _LOOK_AGAIN)
                if event is not None:
                    quiet = False
                    yield event
            if quiet and not self._closed:
                self._wait(subscriptions)

    @staticmethod
    def _wait(subscriptions: list[Subscription]) -> None:
        poll = select.poll()
        for subscription in subscriptions:
            if (descriptor := subscription.fileno()) >= 0:
                poll.register(descriptor, select.POLLIN)
        poll.poll(_LOOK_AGAIN * 1000)
