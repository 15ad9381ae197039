"""One connection of the blocking client: a socket, and one request at a time.

An answer that comes after its request has timed out is passed over when it comes. Whatever leaves a
frame half sent ends the connection. Not for several threads, except close().
"""

from __future__ import annotations

import collections
import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable

from .. import _messages
from .._dialing import after_loss, connection_failure, lost, prepare
from .._frames import FrameError
from .._messages import Message, Params, Result
from .._options import Options
from ..errors import (
    ConnectionError,
    RequestTimeoutError,
    RstmdbError,
    server_error,
)
from ..models import StreamEvent

_READ_BYTES = 64 * 1024
_UNWATCH_TIMEOUT = 1.0
Read = Callable[[Message], StreamEvent | None]


class Connection:
    """Made by open(), with its session open."""

    def __init__(self, raw: socket.socket, wire: _messages.Wire) -> None:
        self._socket = raw
        self._wire = wire
        self._reader = wire.reader()
        self._messages: collections.deque[Message] = collections.deque()
        self._poll = select.poll()
        self._poll.register(raw, select.POLLIN)
        self._closed = False
        self._error: RstmdbError | None = None
        self.events: collections.deque[Message] = collections.deque()

    @classmethod
    def open(cls, options: Options, wire: _messages.Wire, timeout: float) -> Connection:
        timeout = max(min(timeout, options.connect_timeout), 0.001)
        deadline = time.monotonic() + timeout
        context = options.tls_context()
        try:
            raw = socket.create_connection((options.host, options.port), timeout=timeout)
        except (OSError, UnicodeError) as problem:
            raise connection_failure(options, problem) from problem
        try:
            prepare(raw)
            if context is not None:
                raw.settimeout(max(deadline - time.monotonic(), 0.001))
                name = options.server_name or options.host
                raw = context.wrap_socket(raw, server_hostname=name)
            connection = cls(raw, wire)
            connection._open_session(options, deadline)
        except RequestTimeoutError as problem:
            raw.close()
            raise ConnectionError(
                f"no session with {options.host}:{options.port} after {timeout:.3g} s",
                reason="timeout",
            ) from problem
        except (OSError, ValueError) as problem:
            raw.close()
            if isinstance(problem, RstmdbError):
                raise
            raise connection_failure(options, problem) from problem
        except BaseException:
            raw.close()
            raise
        return connection

    def _open_session(self, options: Options, deadline: float) -> None:
        opening = options.opening()
        frames = (self._wire.request(n, op, params) for n, (op, params) in enumerate(opening, 1))
        self._send(b"".join(frames), deadline)
        for number in range(1, len(opening) + 1):
            self._answer(number, deadline)

    # ---- requests ----

    def request(self, number: int, frame: bytes, deadline: float) -> Result:
        self._send(frame, deadline)
        return self._answer(number, deadline)

    def _answer(self, number: int, deadline: float) -> Result:
        while True:
            while self._messages:
                message = self._messages.popleft()
                found = _messages.answer_number(message)
                if found == 0:  # about the connection itself, which the server is closing
                    raise self._broken(server_error(message.get("error") or {}))
                if found != number:
                    continue
                if message.get("status") == "ok":
                    return _messages.result_of(message)
                raise server_error(message.get("error") or {})
            if not self._read(deadline):
                raise RequestTimeoutError("no answer in time", maybe_applied=True)

    def _send(self, data: bytes, deadline: float) -> None:
        if self._error is not None:
            raise after_loss(self._error, sent=False)
        try:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            self._socket.sendall(data)
        except TimeoutError as problem:
            self._broken(lost("a request was cut off by its timeout"))
            raise RequestTimeoutError("not sent in time", maybe_applied=False) from problem
        except OSError as problem:
            raise self._broken(lost(f"sending: {problem}")) from problem
        except BaseException:
            self._broken(lost("a request was cut off"))
            raise

    # ---- reading ----

    def _read(self, deadline: float | None) -> bool:
        """Reads what is there, or waits for it; False when the deadline came first."""
        if self._error is not None:
            raise self._error
        left = None if deadline is None else deadline - time.monotonic()
        try:
            self._socket.settimeout(left if left is None else max(left, 0.0))
            data = self._socket.recv(_READ_BYTES)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError as problem:
            raise self._broken(lost(f"receiving: {problem}")) from problem
        if not data:
            text = "the client was closed" if self._closed else "the server closed the connection"
            raise self._broken(lost(text))
        try:
            try:
                self._take(self._reader.feed(data))
            except FrameError as fault:
                self._take(fault.before)
                raise
        except RstmdbError as fault:
            # What came before the fault is still to be given; then this is raised.
            self._broken(fault)
            if not self._messages and not self.events:
                raise
        return True

    def _take(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            message = self._wire.message(payload)
            if message.get("type") == "event":
                self.events.append(message)
            else:
                self._messages.append(message)

    def next_event(self, deadline: float | None) -> Message | None:
        while not self.events:
            while self._messages:
                message = self._messages.popleft()
                if _messages.answer_number(message) == 0:
                    raise self._broken(server_error(message.get("error") or {}))
            if not self._read(deadline):
                return None
        return self.events.popleft()

    def is_stale(self) -> bool:
        """Whether the server has closed a connection that nothing was asked of. Reads nothing away:
        what else has come is kept."""
        if self._error is not None:
            return True
        try:
            while self._poll.poll(0) and self._read(time.monotonic()):
                for message in self._messages:
                    if _messages.answer_number(message) == 0:
                        raise self._broken(server_error(message.get("error") or {}))
                self._messages.clear()  # answers to what has timed out
        except RstmdbError:
            return True
        return False

    def _broken(self, error: RstmdbError) -> RstmdbError:
        if self._error is None:
            self._error = lost("the client was closed") if self._closed else error
        with contextlib.suppress(OSError):
            self._socket.close()
        return self._error

    @property
    def is_broken(self) -> bool:
        return self._error is not None

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """Also from another thread: a read that waits there ends."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """close(), and gives the descriptor back. Only where no other thread is reading."""
        self.close()
        with contextlib.suppress(OSError):
            self._socket.close()


class Stream:
    """A connection of its own for one subscription. What nobody takes stays in the kernel and at
    the server. One thread at a time reads; another may end it."""

    def __init__(self, wire: _messages.Wire, connection: Connection) -> None:
        self._wire = wire
        self._connection = connection
        self._number = 100
        self._reading = threading.Lock()

    @classmethod
    def open(cls, options: Options, wire: _messages.Wire, timeout: float) -> Stream:
        return cls(wire, Connection.open(options, wire, timeout))

    def request(self, op: str, params: Params, timeout: float) -> Result:
        self._number += 1
        frame = self._wire.request(self._number, op, params)
        return self._connection.request(self._number, frame, time.monotonic() + timeout)

    def next_event(self, timeout: float | None, read: Read) -> StreamEvent | None:
        """What `read` makes of the next event that it does not pass over; None when nothing came in
        time. One thread at a time is in `read`, so that it sees them in their order."""
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self._reading.acquire(timeout=-1 if timeout is None else timeout):
            return None
        try:
            event = None
            while event is None:
                message = self._connection.next_event(deadline)
                if message is None:
                    break
                event = read(message)
            return event
        finally:
            self._reading.release()

    def fileno(self) -> int:
        return self._connection.fileno()

    def end(self, params: Params) -> None:
        """UNWATCH, as well as it goes, and close. Where a thread is reading, the connection is cut
        under it: that ends the subscription as well."""
        if not self._reading.acquire(blocking=False):
            self._connection.close()
            return
        try:
            with contextlib.suppress(RstmdbError):
                self.request("UNWATCH", params, _UNWATCH_TIMEOUT)
        finally:
            self._connection.release()
            self._reading.release()

    def close(self) -> None:
        self._connection.release()
