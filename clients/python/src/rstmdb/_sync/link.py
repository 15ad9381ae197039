"""One connection that threads take turns on, and that is replaced when it is lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence

from .. import _messages
from .._dialing import after_loss, is_final
from .._messages import Params, Result
from .._options import Options
from ..errors import ConnectionError, RequestTimeoutError, RstmdbError, ServerError
from .connection import Connection
from .waiting import Gate

SENDS_MAX = 5


class Link:
    """Safe for all threads; one call at a time is on its way."""

    def __init__(self, options: Options, wire: _messages.Wire) -> None:
        self._options = options
        self._wire = wire
        self._turn = threading.Lock()
        self._closing = Gate()
        self._connection: Connection | None = None
        self._last_number = 100  # the requests that open a session have smaller ones
        self._was_up = False
        self._reconnected = False

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    @property
    def is_busy(self) -> bool:
        return self._turn.locked()

    def connect(self) -> None:
        """One attempt, unless there is a connection."""
        with self._turn:
            self._closing = Gate()
            if self._connection is not None:
                return
            self._open(self._options.connect_timeout)
            reconnected, self._reconnected = self._reconnected, False
        if reconnected:
            self._options.tell_reconnected()

    def close(self) -> None:
        self._closing.open()
        connection = self._connection
        if connection is not None:
            connection.close()  # ends the call that another thread has on its way
        with self._turn:
            if self._connection is not None:
                self._connection.release()
                self._connection = None

    def call(self, op: str, params: Params, *, repeatable: bool, timeout: float) -> Result:
        """The result, or the server's error, or what kept the answer away."""
        deadline = time.monotonic() + timeout
        if not self._turn.acquire(timeout=timeout):
            raise RequestTimeoutError("not sent in time: the connection was in use")
        try:
            self._last_number += 1
            frame = self._wire.request(self._last_number, op, params)
            return self._answer(frame, repeatable, deadline)
        finally:
            reconnected, self._reconnected = self._reconnected, False
            self._turn.release()
            if reconnected:  # told only now, so that the callback may use the client
                self._options.tell_reconnected()

    def _answer(self, frame: bytes, repeatable: bool, deadline: float) -> Result:
        sends = 0
        error: RstmdbError | None = None
        while True:
            connection = self._connected(deadline, error, sends)
            sends += 1
            try:
                return connection.request(self._last_number, frame, deadline)
            except RequestTimeoutError:
                raise
            except RstmdbError as problem:
                if isinstance(problem, ServerError) and not connection.is_broken:
                    problem.maybe_applied |= sends > 1
                    raise
                self._drop(connection)
                error = problem
                again = repeatable and self._options.auto_reconnect and sends < SENDS_MAX
                if not again or is_final(problem) or self._closing.is_open:
                    raise after_loss(problem, sent=True) from problem
            except BaseException:
                # Interrupted in the middle: what comes next on this connection is not known.
                self._drop(connection)
                raise

    def _drop(self, connection: Connection) -> None:
        connection.release()
        if self._connection is connection:
            self._connection = None

    # ---- connecting ----

    def _connected(self, deadline: float, error: RstmdbError | None, sends: int) -> Connection:
        if self._closing.is_open:
            raise ConnectionError("the client was closed", maybe_applied=sends > 0)
        connection = self._connection
        if connection is not None:
            if not connection.is_stale():
                return connection
            self._drop(connection)
            error = ConnectionError("the server closed the connection")
        if self._was_up and not self._options.auto_reconnect:
            raise after_loss(error or ConnectionError("not connected"), sent=sends > 0)
        return self._connect_again(deadline, error, sends)

    def _connect_again(self, deadline: float, error: RstmdbError | None, sends: int) -> Connection:
        failures = 0 if error is None else 1
        attempts = 0
        while True:
            if failures:
                wait = self._options.backoff(failures, random.random())
                self._closing.wait(min(wait, max(deadline - time.monotonic(), 0.0)))
            left = deadline - time.monotonic()
            if self._closing.is_open:
                raise ConnectionError("the client was closed", maybe_applied=sends > 0)
            if left <= 0:
                text = f"not sent in time; last: {error}" if error else "not sent in time"
                raise RequestTimeoutError(text, maybe_applied=sends > 0)
            try:
                return self._open(left)
            except RstmdbError as problem:
                failures += 1
                attempts += 1
                error = problem
                most = self._options.max_reconnect_attempts
                stop = not self._options.auto_reconnect or 0 < most <= attempts
                if stop or is_final(problem):
                    raise after_loss(problem, sent=sends > 0) from problem

    def _open(self, timeout: float) -> Connection:
        connection = Connection.open(self._options, self._wire, timeout)
        self._reconnected, self._was_up = self._was_up, True
        self._connection = connection
        return connection


def link_for(links: Sequence[Link], instance_id: str | None, turn: int) -> Link:
    """The first that nobody is using: who waits for an answer has his calls in order anyway."""
    for link in links:
        if not link.is_busy:
            return link
    return links[turn % len(links)]
