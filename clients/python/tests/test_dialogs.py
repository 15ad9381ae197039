"""protocol/vectors/dialogs through this client: its session, framing and matching of answers, as
asyncio and as blocking calls, in both wire forms."""

from __future__ import annotations

import asyncio
import pathlib
from typing import Any

import canonical
import pytest
import run as dialogs
from server import PROGRAM, ROOT

import rstmdb
import rstmdb._async.connection
import rstmdb._sync.connection
from rstmdb._messages import Wire
from rstmdb._options import Options

TIMEOUT_S = 10.0
# What a session of this client cannot say.
RAW = {
    "messages.json": "requests that are none",
    "hello_jsonl.json": "changes the wire form in the middle",
    "hello_wire_mode.json": "changes the wire form in the middle",
}
ALL = dialogs.load_dialogs(ROOT / "protocol/vectors/dialogs")
MINE = [dialog for dialog in ALL if dialog["file"] not in RAW]


def exact(value: Any) -> Any:
    """Numbers as the dialogs have them: by their text."""
    if isinstance(value, dict):
        return {key: exact(member) for key, member in value.items()}
    if isinstance(value, list):
        return [exact(element) for element in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return canonical.Number(str(value))
    return value


def answer_of(error: rstmdb.ServerError) -> dict[str, Any]:
    shown = {"code": str(error.code), "message": error.message, "retryable": error.retryable}
    return {
        "type": "response",
        "status": "error",
        "error": {**shown, **({"details": error.details} if error.details else {})},
    }


def as_it_came(message: Any) -> Any:
    return message


class Face:
    """The async stream, driven from outside the loop."""

    def __init__(self, options: Options, wire: Wire) -> None:
        self.loop = asyncio.new_event_loop()
        opening = rstmdb._async.connection.Stream.open(options, wire, TIMEOUT_S)
        self.stream = self.loop.run_until_complete(opening)

    def requests(self, requests: list[dict[str, Any]]) -> list[Any]:
        async def all_at_once() -> list[Any]:
            calls = [self.stream.request(r["op"], r.get("params"), TIMEOUT_S) for r in requests]
            return await asyncio.gather(*calls, return_exceptions=True)

        return self.loop.run_until_complete(all_at_once())

    def next_event(self, timeout: float) -> Any:
        return self.loop.run_until_complete(self.stream.next_event(timeout, as_it_came))

    def close(self) -> None:
        self.loop.run_until_complete(self.stream.close())
        self.loop.close()


class BlockingFace:
    def __init__(self, options: Options, wire: Wire) -> None:
        self.stream = rstmdb._sync.connection.Stream.open(options, wire, TIMEOUT_S)

    def requests(self, requests: list[dict[str, Any]]) -> list[Any]:
        answers: list[Any] = []
        for request in requests:
            try:
                answers.append(self.stream.request(request["op"], request.get("params"), TIMEOUT_S))
            except rstmdb.RstmdbError as error:
                answers.append(error)
        return answers

    def next_event(self, timeout: float) -> Any:
        return self.stream.next_event(timeout, as_it_came)

    def close(self) -> None:
        self.stream.close()


class Conversation(dialogs.Conversation):
    """The runner of tests/dialogs with this client in the place of its own connection."""

    def __init__(self, server: Any, dialect: str, face: type[Face] | type[BlockingFace]) -> None:
        super().__init__(server, dialect)
        self.face = face

    def _connect(self) -> None:
        if self.connection:
            self.connection.close()
        mode = "jsonl" if self.dialect == "jsonl" else "binary_json"
        wire = Wire(mode, canonical.parse, lambda value: canonical.write(exact(value)))
        self.connection = self.face(Options(port=self.server.port, wire=mode), wire)

    def _step(self, step: dict[str, Any]) -> None:
        if "send" in step:
            self._exchange([step])
        elif "pipeline" in step:
            self._exchange(step["pipeline"])
        else:
            super()._step(step)

    def _exchange(self, steps: list[dict[str, Any]]) -> None:
        requests = [dialogs.fill(step["send"], self.saved) for step in steps]
        for step, result in zip(steps, self.connection.requests(requests), strict=True):
            if isinstance(result, rstmdb.ServerError):
                answer = answer_of(result)
            elif isinstance(result, BaseException):
                raise dialogs.Mismatch(repr(result))
            else:
                answer = {"type": "response", "status": "ok", "result": result}
            self._check(step["expect"], answer)

    def _next_event(self) -> Any:
        event = self.connection.next_event(TIMEOUT_S)
        if event is None:
            raise dialogs.Mismatch("no event")
        return event

    def _expect_no_event(self) -> None:
        self.connection.requests([{"op": "PING"}])
        if (event := self.connection.next_event(0)) is not None:
            raise dialogs.Mismatch(f"an event: {canonical.write(event)}")

    def _expect_close(self) -> None:
        with pytest.raises(rstmdb.ConnectionError):
            self.connection.next_event(TIMEOUT_S)


# Both clients and both wire forms hold all of them; crossed, those where the two meet.
CROSSED = ("idempotency", "numbers", "pipeline", "watch_")
WAYS = {
    "async-binary": (Face, "rcpx", ""),
    "sync-jsonl": (BlockingFace, "jsonl", ""),
    "async-jsonl": (Face, "jsonl", CROSSED),
    "sync-binary": (BlockingFace, "rcpx", CROSSED),
}
HELD = [
    pytest.param(dialog, face, dialect, id=f"{way}-{dialog['file'].removesuffix('.json')}")
    for way, (face, dialect, only) in WAYS.items()
    for dialog in MINE
    if dialog["file"].startswith(only) and dialect in dialog.get("dialects", [dialect])
]


@pytest.mark.parametrize(("dialog", "face", "dialect"), HELD)
def test_dialog(dialog: dict[str, Any], face: Any, dialect: str, tmp_path: pathlib.Path) -> None:
    overrides = dialogs.plain(dialog.get("server", {}).get("config", {}))
    server = dialogs.Server(PROGRAM, tmp_path, overrides)
    conversation = Conversation(server, dialect, face)
    try:
        conversation.hold(dialog["steps"])
    finally:
        server.abandon()
        if conversation.connection and isinstance(conversation.connection, Face):
            conversation.connection.loop.close()


def test_the_left_out_exist() -> None:
    assert set(RAW) <= {dialog["file"] for dialog in ALL}
    assert len(MINE) >= 40
    assert len(HELD) >= 2 * 40 + 2 * 8
