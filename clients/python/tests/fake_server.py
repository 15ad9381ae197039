"""A scripted server, for what a real one never does: silence, cut frames, answers out of order.

Each connection in turn is held by the next of `scripts`, functions that are given a Peer; a
connection beyond the last is closed at once. What a script raises fails the test.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import rcp

TIMEOUT_S = 10.0
WELCOME = {"protocol_version": 1, "wire_mode": "binary_json", "server_name": "fake"}


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(TIMEOUT_S)
        self._socket = connection
        self._reader = rcp.FrameReader("rcpx")

    def receive(self) -> dict[str, Any]:
        while (payload := self._reader.next()) is None:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError("the client has closed the connection")
            self._reader.feed(data)
        message: dict[str, Any] = json.loads(payload)
        return message

    def send(self, message: dict[str, Any]) -> None:
        self.send_bytes(rcp.encode("rcpx", json.dumps(message).encode()))

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self, request: dict[str, Any], result: dict[str, Any]) -> None:
        self.send({"type": "response", "id": request["id"], "status": "ok", "result": result})

    def refuse(self, number: str, kind: str, /, *, retryable: bool = False, **details: Any) -> None:
        error = {"code": kind, "message": "no", "retryable": retryable, "details": details}
        self.send({"type": "response", "id": number, "status": "error", "error": error})

    def welcome(self) -> None:
        hello = self.receive()
        assert hello["op"] == "HELLO"
        self.answer(hello, WELCOME)

    def wait_for_close(self) -> None:
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                self.receive()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


Script = Callable[[Peer], None]


class FakeServer:
    def __init__(self, scripts: list[Script]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._scripts = iter(scripts)
        self._left = len(scripts)
        self.accepted = 0  # connections, with those that no script is there for
        self._threads: list[threading.Thread] = []
        self.problems: list[BaseException] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            script = next(self._scripts, None)
            if script is None:
                connection.close()
                continue
            thread = threading.Thread(target=self._hold, args=(script, connection), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _hold(self, script: Script, connection: socket.socket) -> None:
        peer = Peer(connection)
        try:
            script(peer)
        except BaseException as problem:
            self.problems.append(problem)
        finally:
            self._left -= 1
            peer.close()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(TIMEOUT_S)
        if self.problems:
            raise self.problems[0]
        assert self._left == 0, f"{self._left} scripts had no connection"


@contextlib.contextmanager
def fake_server(*scripts: Script) -> Iterator[FakeServer]:
    server = FakeServer(list(scripts))
    try:
        yield server
    except BaseException as problem:
        for other in server.problems:
            problem.add_note(f"and in a script: {other!r}")
        raise
    server.finish()
