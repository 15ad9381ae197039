"""Payloads and the bytes around them.

binary_json: magic `RCPX`, version u16, flags u16, length of an extension u16, length of the payload
u32, its CRC-32C u32 (all big-endian), the extension, the payload. jsonl: one payload a line.
"""

from __future__ import annotations

import struct

from ._crc32c import crc32c
from .errors import ProtocolError

PAYLOAD_BYTES_MAX = 16 * 1024 * 1024
_HEADER = struct.Struct(">4sHHHII")
_MAGIC = b"RCPX"
_VERSION = 1
_CRC_PRESENT = 1
_KNOWN_FLAGS = 0b1101  # CRC_PRESENT, STREAM, END_STREAM
_SPACE = b" \t\r\n"

_pack = _HEADER.pack


def encode_binary(payload: bytes) -> bytes:
    return _pack(_MAGIC, _VERSION, _CRC_PRESENT, 0, len(payload), crc32c(payload)) + payload


def encode_line(payload: bytes) -> bytes:
    return payload + b"\n"


class BinaryReader:
    """Cuts payloads out of a stream that arrives in any pieces."""

    def __init__(self, payload_bytes_max: int = PAYLOAD_BYTES_MAX) -> None:
        self._max = payload_bytes_max
        self._rest = b""
        self._pieces: list[bytes] = []  # a frame that is not whole yet, besides _rest
        self._missing = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are whole with `data`. Raises ProtocolError, and then for good, where
        the stream cannot be trusted; `before` of it holds the payloads in front of the fault."""
        if self._missing > len(data):
            self._pieces.append(data)
            self._missing -= len(data)
            return []
        if self._pieces:
            data = b"".join((self._rest, *self._pieces, data))
            self._pieces.clear()
        elif self._rest:
            data = self._rest + data
        self._rest = b""
        payloads: list[bytes] = []
        try:
            self._cut(data, payloads)
        except FrameError as fault:
            fault.before = payloads
            raise
        return payloads

    def _cut(self, data: bytes, payloads: list[bytes]) -> None:
        size = _HEADER.size
        position, end = 0, len(data)
        while end - position >= size:
            magic, version, flags, extension, length, crc = _HEADER.unpack_from(data, position)
            if magic != _MAGIC:
                raise FrameError("UNSUPPORTED_PROTOCOL", "magic")
            if version != _VERSION:
                raise FrameError("UNSUPPORTED_PROTOCOL", "version")
            if flags & ~_KNOWN_FLAGS:
                raise FrameError("UNSUPPORTED_PROTOCOL", "flags")
            if length > self._max:
                raise FrameError("BAD_REQUEST", "payload_len")
            start = position + size + extension
            stop = start + length
            if stop > end:
                self._rest = data[position:]
                self._missing = stop - end
                return
            payload = data[start:stop]
            if flags & _CRC_PRESENT and crc32c(payload) != crc:
                raise FrameError("BAD_REQUEST", "crc32c")
            payloads.append(payload)
            position = stop
        self._rest = data[position:]
        if not _MAGIC.startswith(self._rest[:4]):
            raise FrameError("UNSUPPORTED_PROTOCOL", "magic")
        # The magic is judged as it comes in; only behind it can one wait for the whole header.
        self._missing = size - len(self._rest) if len(self._rest) >= len(_MAGIC) else 0


class LineReader:
    """As BinaryReader, for jsonl. Blank lines are no payloads."""

    def __init__(self, payload_bytes_max: int = PAYLOAD_BYTES_MAX) -> None:
        self._max = payload_bytes_max
        self._pieces: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> list[bytes]:
        self._held += len(data)
        self._pieces.append(data)
        payloads: list[bytes] = []
        if b"\n" in data:
            *lines, rest = b"".join(self._pieces).split(b"\n")
            self._pieces = [rest]
            self._held = len(rest)
            for line in lines:
                if payload := line.strip(_SPACE):
                    if len(payload) > self._max:
                        raise FrameError("BAD_REQUEST", "line", payloads)
                    payloads.append(payload)
        if self._held > self._max and len(b"".join(self._pieces).strip(_SPACE)) > self._max:
            raise FrameError("BAD_REQUEST", "line", payloads)
        return payloads


class FrameError(ProtocolError):
    """The stream cannot be trusted any more. `code` and `field` as in protocol/vectors."""

    def __init__(self, code: str, field: str, before: list[bytes] | None = None) -> None:
        super().__init__(f"{code} ({field})")
        self.code = code
        self.field = field
        self.before = before or []


Reader = BinaryReader | LineReader
