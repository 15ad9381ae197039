# Made by tools/generate_sync.py from _async/subscription.py; change that file.
"""A stream of changes, pulled by the program at its own pace."""

from __future__ import annotations

import random
import time
from types import TracebackType

from .. import _messages
from .._dialing import is_final
from .._messages import Message, Params, Result
from .._options import Options
from ..errors import ConnectionError, NotFoundError, ProtocolError, RstmdbError
from ..models import StreamEvent
from .connection import Stream
from .waiting import Gate, Lock


class Subscription:
    """One WATCH with a connection of its own, so that a program that is slow in pulling holds back
    nothing else; the server keeps in its log what has not been pulled.

    After a lost connection it subscribes again behind the last change that it has delivered: none
    is left out and none comes twice. Iterate over it, or call next(). Where several share it, each
    change goes to one of them.
    """

    def __init__(self, options: Options, wire: _messages.Wire, op: str, params: Params) -> None:
        self._options = options
        self._wire = wire
        self._op = op
        self._params = params
        self._stream: Stream | None = None
        self._resuming = Lock()
        self._closing = Gate()
        self._ended: RstmdbError | None = None
        self._failures = 0  # the loss and the failed attempts behind it
        self._server_id: str = ""
        self._position = 0
        self._given_back: list[StreamEvent] = []
        #: The id of the subscription, the same after a reconnect too.
        self.subscription_id: str = ""
        #: The watched instance; None for a watch of all.
        self.instance_id: str | None = params.get("instance_id")
        #: The state of the instance when the subscription began; None for a watch of all.
        self.current_state: str | None = None
        #: Whether the instance had been deleted by then: a watch of it from an offset tells the
        #: rest of its changes, and nothing behind them.
        self.deleted: bool = False
        #: Where it began: the instance's last offset then, or the end of the log.
        self.wal_offset: int = 0
        #: The offset of the last change that was delivered; 0 before the first.
        self.last_offset: int = 0

    @property
    def current_wal_offset(self) -> int:
        """The same as wal_offset, by the name that it has for one instance."""
        return self.wal_offset

    @property
    def is_closed(self) -> bool:
        return self._closing.is_open

    def fileno(self) -> int:
        """For select and poll, in the blocking client; -1 while there is no connection."""
        return -1 if self._stream is None else self._stream.fileno()

    def give_back(self, event: StreamEvent | None) -> None:
        """Makes `event` the next one again."""
        if event is not None:
            self._given_back.append(event)

    def open(self, timeout: float) -> None:
        """Called once, by the client."""
        deadline = time.monotonic() + timeout
        stream = Stream.open(self._options, self._wire, timeout)
        try:
            left = max(deadline - time.monotonic(), 0.0)
            answer = stream.request(self._op, self._params, left)
            self.wal_offset = self._begin(answer)
        except BaseException:
            stream.close()
            raise
        self.subscription_id = self._server_id
        self.current_state = answer.get("current_state")
        self.deleted = bool(answer.get("deleted"))
        self._position = self.wal_offset
        if self._params.get("from_offset") is not None:
            self._position = int(self._params["from_offset"]) - 1
        elif self._params.get("after_offset") is not None:
            self._position = int(self._params["after_offset"])
        self._stream = stream

    def _begin(self, answer: Result) -> int:
        try:
            name = "wal_offset" if self._op == "WATCH_ALL" else "current_wal_offset"
            self._server_id = str(answer["subscription_id"])
            return int(answer[name])
        except (KeyError, TypeError, ValueError) as problem:
            raise ProtocolError(f"an answer to {self._op} lacks {problem}") from problem

    def next(self, timeout: float | None = None) -> StreamEvent | None:
        """The next change, or None when nothing came in `timeout` seconds (None waits for ever).

        An error that it raises is final, for example NotFoundError when compaction has removed the
        place to go on from.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if self._given_back:
                return self._given_back.pop()
            if self._ended is not None:
                raise self._ended
            stream = self._stream
            if stream is None:
                if not self._resume(deadline):
                    return None
                continue
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            try:
                return stream.next_event(left, self._event)
            except RstmdbError as error:
                self._lose(stream, error)
                if isinstance(error, ProtocolError):
                    stream.close()

    def _event(self, message: Message) -> StreamEvent | None:
        if message.get("subscription_id") != self._server_id:
            return None
        event = StreamEvent.of({**message, "subscription_id": self.subscription_id})
        if event.wal_offset <= self._position:
            return None
        self._position = self.last_offset = int(event.wal_offset)
        return event

    def _lose(self, stream: Stream, error: RstmdbError) -> None:
        """Decides whether the stream goes on after an error."""
        if self._stream is stream:
            self._stream = None
        if self._closing.is_open:
            self._ended = ConnectionError("the subscription was closed")
        elif is_final(error) or not self._options.auto_reconnect:
            self._ended = error
        else:
            self._failures = max(self._failures, 1)

    def _resume(self, deadline: float | None) -> bool:
        """Subscribes again; False when the deadline came first."""
        with self._resuming:
            while self._stream is None and self._ended is None:
                wait = self._options.backoff(self._failures, random.random())
                if deadline is not None:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        return False
                    if wait > left:
                        self._closing.wait(left)
                        return False
                self._closing.wait(wait)
                if self._closing.is_open:
                    self._ended = ConnectionError("the subscription was closed")
                    break
                try:
                    self._subscribe_again()
                except RstmdbError as error:
                    self._failures += 1
                    most = self._options.max_reconnect_attempts
                    if is_final(error) or 0 < most < self._failures:
                        self._ended = error
            return True

    def _subscribe_again(self) -> None:
        stream = Stream.open(self._options, self._wire, self._options.connect_timeout)
        params = {k: v for k, v in self._params.items() if k not in ("from_offset", "after_offset")}
        timeout = self._options.request_timeout
        try:
            try:
                behind = {**params, "after_offset": max(self._position, 0)}
                answer = stream.request(self._op, behind, timeout)
                self._begin(answer)
            except NotFoundError:
                # The place is gone from the log. Nothing is missed if the instance has not changed.
                if self._op == "WATCH_ALL" or "kinds" in params:
                    raise
                answer = stream.request(self._op, params, timeout)
                if self._begin(answer) != self._position:
                    raise
        except BaseException:
            stream.close()
            raise
        self._stream = stream
        self._failures = 0
        if self._closing.is_open:
            stream.close()
        else:
            self._options.tell_reconnected()

    def close(self) -> None:
        """Ends the subscription (UNWATCH) and its connection; a next() that waits fails."""
        if self._closing.is_open:
            return
        self._closing.open()
        if self._ended is None:
            self._ended = ConnectionError("the subscription was closed")
        stream, self._stream = self._stream, None
        if stream is None:
            return
        stream.end({"subscription_id": self._server_id})

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Subscription:
        return self

    def __next__(self) -> StreamEvent:
        while not self._closing.is_open:
            try:
                event = self.next()
            except RstmdbError:
                if self._closing.is_open:
                    break
                raise
            if event is not None:
                return event
        raise StopIteration
