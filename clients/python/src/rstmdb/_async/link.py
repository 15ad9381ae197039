"""One connection that many tasks share, and that is replaced when it is lost.

A call that has been sent is in `_sent`, one that waits for a connection or for room in `_queue`;
both in the order in which they were made, which is also the order in which they are sent again.
That is why calls on one instance keep their order across a lost connection.

There is one connection at most, and one attempt to make it: a call or a connect() that comes
meanwhile waits for that attempt.

There is one timer for all calls: it goes off when the earliest deadline might have come, and looks.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from .. import _messages
from .._dialing import after_loss, is_final, lost
from .._messages import Message, Params, Result
from .._options import Options
from ..errors import ConnectionError, RequestTimeoutError, RstmdbError, server_error
from .connection import Connection, Session

IN_FLIGHT_MAX = 1024
SENDS_MAX = 5
TIMER_GRAIN = 0.005  # seconds by which a deadline may be passed, so that many expire at once


class _Call:
    __slots__ = ("answer", "deadline", "frame", "repeatable", "sends")

    def __init__(
        self, frame: bytes, answer: asyncio.Future[Message], deadline: float, repeatable: bool
    ) -> None:
        self.frame = frame
        self.answer = answer
        self.deadline = deadline
        self.repeatable = repeatable
        self.sends = 0


class Link:
    """Used by one event loop at a time."""

    def __init__(self, options: Options, wire: _messages.Wire) -> None:
        self._options = options
        self._wire = wire
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._asked: asyncio.Task[None] | None = None  # the same where connect() has begun it
        self._queue: dict[int, _Call] = {}
        self._sent: dict[int, _Call] = {}
        self._last_number = 100  # the requests that open a session have smaller ones
        self._failures = 0
        self._was_up = False
        self._last_error: RstmdbError | None = None
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self) -> None:
        """One attempt, unless there is a connection. Those who come meanwhile share it."""
        self._adopt_loop()
        self._closed = False
        while self._connection is None:
            if self._closed:
                raise ConnectionError("the client was closed")
            attempt, mine = self._asked, False
            if attempt is None:
                # Someone's call may have begun to connect; that attempt is not ours to judge by.
                self._stop_connecting()
                attempt, mine = self._begin(self._connect_once()), True
                self._asked = attempt
            try:
                await asyncio.wait((attempt,))
            finally:
                if mine:
                    attempt.cancel()
            if not attempt.cancelled():
                attempt.result()  # raises what it has failed with
                return

    async def close(self) -> None:
        self._closed = True
        self._stop_connecting()
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._wakes_at = None, math.inf
        connection, self._connection = self._connection, None
        self._fail_all(ConnectionError("the client was closed"))
        if connection is not None:
            await connection.close()

    async def call(self, op: str, params: Params, *, repeatable: bool, timeout: float) -> Result:
        """The result, or the server's error, or what kept the answer away."""
        if self._loop is not asyncio.get_running_loop():
            self._adopt_loop()
        self._last_number += 1
        number = self._last_number
        frame = self._wire.request(number, op, params)
        deadline = time.monotonic() + timeout
        assert self._loop is not None
        call = _Call(frame, self._loop.create_future(), deadline, repeatable)
        connection = self._connection
        if connection is not None and self._has_room(connection) and not self._queue:
            call.sends = 1
            self._sent[number] = call
            connection.write(frame)
        else:
            self._enqueue(number, call)
        if deadline < self._wakes_at:
            self._wake_at(deadline)
        try:
            message = await call.answer
        except asyncio.CancelledError:
            # What has been sent stays sent; its answer will find nobody.
            if self._queue.pop(number, None) is None and self._sent.pop(number, None) is not None:
                self._pump()
            raise
        if message.get("status") == "ok":
            return _messages.result_of(message)
        error = server_error(message.get("error") or {})
        error.maybe_applied |= call.sends > 1
        raise error

    def _adopt_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        if self._connection is not None or self._connecting is not None:
            raise RstmdbError("the client is connected in another event loop; close it there first")
        self._loop = loop
        self._timer, self._wakes_at = None, math.inf

    # ---- sending ----

    def _has_room(self, connection: Connection) -> bool:
        return len(self._sent) < IN_FLIGHT_MAX and not connection.writing_paused

    def _enqueue(self, number: int, call: _Call) -> None:
        if self._connection is None:
            if self._closed:
                raise ConnectionError("the client was closed")
            if not self._options.auto_reconnect and self._was_up and self._asked is None:
                raise after_loss(self._last_error or ConnectionError("not connected"), sent=False)
            if len(self._queue) >= self._options.offline_queue_max:
                raise ConnectionError("too many calls wait for a connection", reason="queue")
        self._queue[number] = call
        if self._connection is None:
            self._start_connecting()

    def _pump(self) -> None:
        """Moves calls from the queue to the wire while there is room."""
        connection = self._connection
        while self._queue and connection is not None and self._has_room(connection):
            number = next(iter(self._queue))
            call = self._queue.pop(number)
            if call.answer.done():
                continue
            call.sends += 1
            self._sent[number] = call
            connection.write(call.frame)

    def on_room(self) -> None:
        self._pump()

    # ---- what the connection tells ----

    def on_answer(self, number: int, message: Message) -> None:
        call = self._sent.pop(number, None)
        if call is not None and not call.answer.done():
            call.answer.set_result(message)
        if self._queue:
            self._pump()

    def on_event(self, message: Message) -> None:
        """Subscriptions have connections of their own; one made by Client.call is not heard."""

    def on_lost(self, connection: Connection, error: RstmdbError) -> None:
        if connection is not self._connection:
            return  # the end of what was given up, which may come when there is another
        self._connection = None
        self._last_error = error
        self._failures = 1
        sent, self._sent = self._sent, {}
        again = self._options.auto_reconnect and not self._closed and not is_final(error)
        kept: dict[int, _Call] = {}
        for number, call in sent.items():
            if call.answer.done():
                continue
            if again and call.repeatable and call.sends < SENDS_MAX:
                kept[number] = call
            else:
                call.answer.set_exception(after_loss(error, sent=True))
        if not again:
            self._fail_all(error)
            return
        self._queue = kept | self._queue
        self._start_connecting()

    # ---- connecting ----

    def _begin(self, attempt: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._loop is not None and self._connecting is None
        self._connecting = self._loop.create_task(attempt)
        self._connecting.add_done_callback(self._end)
        return self._connecting

    def _end(self, attempt: asyncio.Task[None]) -> None:
        """Frees the place of an attempt, which may have been cancelled before its first step."""
        if self._connecting is attempt:
            asked, self._connecting, self._asked = self._asked, None, None
            if asked is not None and self._connection is None:
                self._start_connecting()

    def _stop_connecting(self) -> None:
        attempt, self._connecting, self._asked = self._connecting, None, None
        if attempt is not None:
            attempt.cancel()

    def _start_connecting(self) -> None:
        """For calls that wait, if there are any."""
        if self._connecting is None and any(not c.answer.done() for c in self._queue.values()):
            self._begin(self._connect_again())

    async def _connect_once(self) -> None:
        session = Session(self._options, self._wire, self)
        self._come_up(await session.open(self._options.connect_timeout))

    async def _connect_again(self) -> None:
        attempts = 0
        try:
            while self._queue:
                if self._failures:
                    await asyncio.sleep(self._options.backoff(self._failures, random.random()))
                session = Session(self._options, self._wire, self)
                try:
                    connection = await session.open(self._options.connect_timeout)
                except RstmdbError as error:
                    attempts += 1
                    self._failures += 1
                    self._last_error = error
                    if self._gives_up(error, attempts):
                        self._failures = 0
                        self._fail_all(error)
                        return
                    continue
                self._connecting = None
                self._come_up(connection)
                return
        finally:
            if self._connecting is asyncio.current_task():
                self._connecting = None

    def _gives_up(self, error: RstmdbError, attempts: int) -> bool:
        most = self._options.max_reconnect_attempts
        return is_final(error) or not self._options.auto_reconnect or 0 < most <= attempts

    def _come_up(self, connection: Connection) -> None:
        if self._connection is not None or self._closed:
            connection.abort(lost("there is no place for this connection"))
            return
        self._connection = connection
        connection.on_room = self.on_room
        self._failures = 0
        self._pump()
        if self._was_up and self._loop is not None:
            self._loop.call_soon(self._options.tell_reconnected)
        self._was_up = True

    def _fail_all(self, error: RstmdbError) -> None:
        for calls in (self._sent, self._queue):
            for call in calls.values():
                if not call.answer.done():
                    call.answer.set_exception(after_loss(error, sent=call.sends > 0))
            calls.clear()

    # ---- deadlines ----

    def _wake_at(self, deadline: float) -> None:
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = deadline
        self._timer = self._loop.call_later(max(deadline - time.monotonic(), 0), self._expire)

    def _expire(self) -> None:
        now = time.monotonic()
        self._timer, self._wakes_at = None, math.inf
        earliest = math.inf
        for calls in (self._sent, self._queue):
            for number in [n for n, call in calls.items() if call.deadline <= now]:
                call = calls.pop(number)
                if not call.answer.done():
                    call.answer.set_exception(self._late(call))
            earliest = min((call.deadline for call in calls.values()), default=earliest)
        if earliest < math.inf:
            self._wake_at(max(earliest, now + TIMER_GRAIN))
        self._pump()

    def _late(self, call: _Call) -> RequestTimeoutError:
        text = "no answer in time" if call.sends else "not sent in time"
        if self._connection is None and self._last_error is not None:
            text += f"; last: {self._last_error}"
        return RequestTimeoutError(text, maybe_applied=call.sends > 0)


def link_for(links: Sequence[Link], instance_id: str | None, turn: int) -> Link:
    """Calls on one instance share a link, so that they keep their order."""
    if len(links) == 1:
        return links[0]
    return links[(turn if instance_id is None else hash(instance_id)) % len(links)]
