"""Requests as bytes, and bytes as answers and events."""

from __future__ import annotations

import functools
import itertools
import json
import os
import secrets
from typing import Any, NamedTuple

from . import _frames
from ._json import Dumps, Loads
from .errors import InvalidArgumentError, ProtocolError

Params = dict[str, Any]
Message = dict[str, Any]
Result = dict[str, Any]

READS = frozenset(
    (
        "PING",
        "INFO",
        "GET_MACHINE",
        "LIST_MACHINES",
        "GET_INSTANCE",
        "LIST_INSTANCES",
        "COUNT_INSTANCES",
        "GET_HISTORY",
        "WAL_READ",
        "WAL_STATS",
    )
)
_quoted = functools.lru_cache(maxsize=256)(json.dumps)
WIRES = ("binary_json", "jsonl")


class Wire(NamedTuple):
    """How messages travel: chosen once, for a client."""

    mode: str
    loads: Loads
    dumps: Dumps

    def reader(self) -> _frames.Reader:
        return _frames.LineReader() if self.mode == "jsonl" else _frames.BinaryReader()

    def request(self, number: int, op: str, params: Params) -> bytes:
        """The frame of a request."""
        try:
            name = _quoted(op)
            text = f'{{"type":"request","id":"{number}","op":{name},"params":{self.dumps(params)}}}'
            payload = text.encode()
        except UnicodeEncodeError as problem:
            raise InvalidArgumentError(f"text that is no Unicode: {problem}") from problem
        if len(payload) > _frames.PAYLOAD_BYTES_MAX:
            raise InvalidArgumentError(
                f"a request of {len(payload)} bytes; {_frames.PAYLOAD_BYTES_MAX} is the most"
            )
        if self.mode == "jsonl":
            return _frames.encode_line(payload)
        return _frames.encode_binary(payload)

    def message(self, payload: bytes) -> Message:
        try:
            message = self.loads(payload.decode())
        except (ValueError, RecursionError) as problem:
            raise ProtocolError(f"the server sent no JSON: {problem}") from problem
        if not isinstance(message, dict):
            raise ProtocolError("the server sent JSON that is no object")
        return message


def answer_number(message: Message) -> int:
    """Which request a response belongs to; 0 for an error about the connection itself."""
    text = message.get("id")
    if message.get("type") != "response" or not isinstance(text, str):
        raise ProtocolError(f"neither an answer nor an event: {str(message)[:200]}")
    if not text:
        return 0
    if not text.isdecimal():
        raise ProtocolError(f"an answer to a request that was not made: {text[:200]!r}")
    return int(text)


def result_of(message: Message) -> Result:
    """The result of a response with status ok."""
    result = message.get("result")
    if message.get("status") != "ok" or not isinstance(result, dict):
        raise ProtocolError(f"an answer without a result: {str(message)[:200]}")
    return result


def repeatable(op: str, params: Params) -> bool:
    """Whether the request may be sent again when it is not known if it took effect: reads, and
    writes that the server recognises by their key."""
    if op in READS or "idempotency_key" in params:
        return True
    ops = params.get("ops")
    return (
        op == "BATCH"
        and isinstance(ops, list)
        and all("idempotency_key" in (entry.get("params") or ()) for entry in ops)
    )


class _Keys:
    """Keys that nobody else makes: a random part for the process, and a number."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self._prefix = secrets.token_urlsafe(16) + "-"
        self._numbers = itertools.count(1)

    def make(self) -> str:
        return f"{self._prefix}{next(self._numbers)}"


_keys = _Keys()
if hasattr(os, "register_at_fork"):
    # A child that kept the parent's keys would have its writes taken for repetitions.
    os.register_at_fork(after_in_child=_keys.renew)


def make_idempotency_key() -> str:
    """A fresh key as the client makes them for writes."""
    return _keys.make()
