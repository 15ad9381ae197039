"""One connection as asyncio's transports drive it. Not made into the blocking one: see there.

What is written within one turn of the event loop leaves with one call of the socket; nothing here
has a timer for each call. Whoever owns a connection hears of answers, events and its end through
the three callbacks of Owner, always on the loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Protocol

from .. import _messages
from .._dialing import after_loss, connection_failure, lost, prepare
from .._frames import FrameError
from .._messages import Message, Params, Result
from .._options import Options
from ..errors import (
    ConnectionError,
    ProtocolError,
    RequestTimeoutError,
    RstmdbError,
    server_error,
)
from ..models import StreamEvent

_UNWATCH_TIMEOUT = 1.0
Read = Callable[[Message], StreamEvent | None]


class Owner(Protocol):
    """Hears from a connection."""

    def on_answer(self, number: int, message: Message) -> None: ...

    def on_event(self, message: Message) -> None: ...

    def on_lost(self, connection: Connection, error: RstmdbError) -> None: ...


class Connection(asyncio.Protocol):
    """From dial() to on_lost()."""

    def __init__(self, wire: _messages.Wire, owner: Owner) -> None:
        self._wire = wire
        self._owner = owner
        self._reader = wire.reader()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._flush_due = False
        self._reading_paused = False
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._fault: RstmdbError | None = None  # why it ends, where that is known
        self.writing_paused = False
        self.on_room: Callable[[], None] | None = None

    # ---- what the owner calls ----

    def hand_over(self, owner: Owner) -> None:
        self._owner = owner

    def write(self, frame: bytes) -> None:
        self._out.append(frame)
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def pause_reading(self) -> None:
        if self._transport is not None and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and self._reading_paused:
            self._reading_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def abort(self, fault: RstmdbError) -> None:
        """Ends at once; what is not sent stays unsent."""
        if self._fault is None:
            self._fault = fault
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Sends what is written, then ends; waits for neither longer than a second."""
        if self._transport is None:
            return
        self._flush()
        if self._fault is None:
            self._fault = lost("the client was closed")
        self._transport.close()
        await asyncio.wait((self._ended,), timeout=1.0)
        self._transport.abort()

    # ---- what the transport calls ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        raw = transport.get_extra_info("socket")
        if raw is not None:
            prepare(raw)

    def data_received(self, data: bytes) -> None:
        if self._fault is not None:
            return
        try:
            try:
                payloads = self._reader.feed(data)
            except FrameError as fault:
                self._take(fault.before)
                raise
            self._take(payloads)
        except RstmdbError as fault:
            self.abort(fault)

    def _take(self, payloads: list[bytes]) -> None:
        parse = self._wire.message
        for payload in payloads:
            message = parse(payload)
            if message.get("type") == "event":
                self._owner.on_event(message)
                continue
            number = _messages.answer_number(message)
            if number == 0:  # about the connection itself, which the server is closing
                raise server_error(message.get("error") or {})
            self._owner.on_answer(number, message)

    def pause_writing(self) -> None:
        self.writing_paused = True

    def resume_writing(self) -> None:
        self.writing_paused = False
        if self.on_room is not None:
            self.on_room()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
        if self._fault is not None:
            error = self._fault
        elif isinstance(exc, ssl.SSLError):
            error = lost(f"TLS: {exc}", reason="tls")
        else:
            error = lost(str(exc) if exc else "the server closed the connection")
        self._owner.on_lost(self, error)

    def _flush(self) -> None:
        self._flush_due = False
        if self._out and self._transport is not None:
            frames, self._out = self._out, []
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))


class Session:
    """Opens a connection: until HELLO and AUTH are answered it is the owner, and hands over what
    else comes. Ends with the connection attached to `owner`, or raises why not."""

    def __init__(self, options: Options, wire: _messages.Wire, owner: Owner) -> None:
        self._options = options
        self._wire = wire
        self._owner = owner
        self._waiting = 0
        self._open = False
        self._lost: RstmdbError | None = None
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, timeout: float) -> Connection:
        timeout = max(min(timeout, self._options.connect_timeout), 0)
        try:
            async with asyncio.timeout(timeout):
                return await self._open_session()
        except TimeoutError as late:
            if isinstance(late, RstmdbError):
                raise
            host, port = self._options.host, self._options.port
            raise ConnectionError(
                f"no session with {host}:{port} after {timeout:.3g} s", reason="timeout"
            ) from None

    async def _open_session(self) -> Connection:
        options = self._options
        context = options.tls_context()
        connection = Connection(self._wire, self)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: connection,
                options.host,
                options.port,
                ssl=context,
                server_hostname=(options.server_name or options.host) if context else None,
            )
        except (OSError, ValueError) as problem:
            raise connection_failure(options, problem) from problem
        try:
            opening = options.opening()
            self._waiting = len(opening)
            for number, (op, params) in enumerate(opening, 1):
                connection.write(self._wire.request(number, op, params))
            await self._done
            if self._lost is not None:
                raise after_loss(self._lost, sent=False)
        except BaseException:
            connection.abort(lost("the session was not opened"))
            raise
        connection.hand_over(self._owner)
        return connection

    def on_answer(self, number: int, message: Message) -> None:
        if self._open:
            self._owner.on_answer(number, message)
        elif message.get("status") == "error":
            self._fail(server_error(message.get("error") or {}))
        else:
            _messages.result_of(message)
            self._waiting -= 1
            if self._waiting == 0:
                self._open = True
                if not self._done.done():
                    self._done.set_result(None)

    def on_event(self, message: Message) -> None:
        if not self._open:
            raise ProtocolError("an event before the session was open")
        self._owner.on_event(message)

    def on_lost(self, connection: Connection, error: RstmdbError) -> None:
        if self._open:
            self._lost = error
        else:
            self._fail(error)

    def _fail(self, error: RstmdbError) -> None:
        if not self._done.done():
            self._done.set_exception(error)


class Stream:
    """A connection of its own for one subscription: one request at a time, and the events that
    come. While nobody takes them, it stops reading, so that the server keeps the rest."""

    EVENTS_MAX = 1024

    def __init__(self, wire: _messages.Wire) -> None:
        self._wire = wire
        self._connection: Connection | None = None
        self._events: list[Message] = []  # in reverse: the next is the last
        self._arrived: list[Message] = []
        self._wakers: set[asyncio.Future[None]] = set()
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._number = 100
        self._error: RstmdbError | None = None
        self._discarding = False

    @classmethod
    async def open(cls, options: Options, wire: _messages.Wire, timeout: float) -> Stream:
        stream = cls(wire)
        stream._connection = await Session(options, wire, stream).open(timeout)
        return stream

    async def request(self, op: str, params: Params, timeout: float) -> Result:
        if self._error is not None:
            raise self._error
        assert self._connection is not None
        self._number += 1
        number = self._number
        frame = self._wire.request(number, op, params)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._connection.write(frame)
        try:
            async with asyncio.timeout(timeout):
                message = await answer
        except TimeoutError as late:
            if isinstance(late, RstmdbError):
                raise
            raise RequestTimeoutError(f"no answer to {op} in time", maybe_applied=True) from None
        finally:
            self._answers.pop(number, None)
        if message.get("status") == "error":
            raise server_error(message.get("error") or {})
        return _messages.result_of(message)

    async def next_event(self, timeout: float | None, read: Read) -> StreamEvent | None:
        """What `read` makes of the next event that it does not pass over; None when nothing came in
        time. Cancelling it loses nothing."""
        event = self._take(read)
        if event is None and timeout is None:
            while event is None:
                await self._wait()
                event = self._take(read)
        elif event is None and timeout:
            try:
                async with asyncio.timeout(timeout):
                    while event is None:
                        await self._wait()
                        event = self._take(read)
            except TimeoutError as late:
                if isinstance(late, RstmdbError):
                    raise
        return event

    def _take(self, read: Read) -> StreamEvent | None:
        event = None
        while event is None and (message := self._next()) is not None:
            event = read(message)
        return event

    def _next(self) -> Message | None:
        if not self._events:
            if not self._arrived:
                if self._error is not None:
                    raise self._error
                return None
            self._events, self._arrived = self._arrived[::-1], []
            if self._connection is not None:
                self._connection.resume_reading()
        return self._events.pop()

    async def _wait(self) -> None:
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wakers.add(waker)
        try:
            await waker
        finally:
            self._wakers.discard(waker)

    def fileno(self) -> int:
        return -1

    async def end(self, params: Params) -> None:
        """UNWATCH, as well as it goes, and close. The answer stands behind all events that are on
        their way, so those are thrown away."""
        self._discarding = True
        self._events.clear()
        self._arrived.clear()
        self._wake()
        try:
            if self._error is None and self._connection is not None:
                self._connection.resume_reading()
                with contextlib.suppress(RstmdbError):
                    await self.request("UNWATCH", params, _UNWATCH_TIMEOUT)
        finally:
            await self.close()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    def on_answer(self, number: int, message: Message) -> None:
        answer = self._answers.get(number)
        if answer is not None and not answer.done():
            answer.set_result(message)

    def on_event(self, message: Message) -> None:
        if self._discarding:
            return
        self._arrived.append(message)
        if len(self._arrived) >= self.EVENTS_MAX and self._connection is not None:
            self._connection.pause_reading()
        self._wake()

    def on_lost(self, connection: Connection, error: RstmdbError) -> None:
        self._error = error
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
        self._wake()

    def _wake(self) -> None:
        for waker in self._wakers:
            if not waker.done():
                waker.set_result(None)
