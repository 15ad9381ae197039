"""Frames of the protocol in Python: what the runner of the dialogs and the vector tests speak.

Written from the contract, apart from the server's codec, so that a mistake shared by both is
unlikely. Small on purpose: no timeouts beyond the socket's, no TLS, one request at a time.
"""

import socket
import struct

DIALECTS = ("rcpx", "rcp1", "jsonl")
MAGIC = {"rcpx": b"RCPX", "rcp1": b"RCP1"}
HEADER = {"rcpx": struct.Struct(">4sHHHII"), "rcp1": struct.Struct(">4sHHII")}
CRC_PRESENT, COMPRESSED, STREAM, END_STREAM = 1, 2, 4, 8
PAYLOAD_BYTES_MAX = 16 * 1024 * 1024
SPACE = b" \t\r\n"


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc_table()


def crc32c(data):
    """CRC-32C (Castagnoli): crc32c(b"123456789") == 0xe3069283."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def encode(dialect, payload, *, version=1, flags=CRC_PRESENT, extension=b"", length=None, crc=None):
    """One frame. The keyword arguments are there to make wrong ones."""
    if dialect == "jsonl":
        return payload + b"\n"
    length = len(payload) if length is None else length
    crc = crc32c(payload) if crc is None else crc
    fields = (version, flags) if dialect == "rcpx" else (flags,)
    head = HEADER[dialect].pack(MAGIC[dialect], *fields, len(extension), length, crc)
    return head + extension + payload


class FrameError(Exception):
    """The stream cannot be trusted any more. `code` and `field` are as on the wire."""

    def __init__(self, code, field):
        super().__init__(f"{code} ({field})")
        self.code = code
        self.field = field


class FrameReader:
    """Cuts payloads out of a stream; without a dialect it finds it out from the first bytes."""

    def __init__(self, dialect=None, payload_bytes_max=PAYLOAD_BYTES_MAX):
        self.dialect = dialect
        self.payload_bytes_max = payload_bytes_max
        self.rest = b""

    def feed(self, data):
        self.rest += data

    def next(self):
        """The next payload, or None when more bytes are needed."""
        if self.dialect is None:
            self.dialect = self._recognise()
            if self.dialect is None:
                return None
        return self._next_line() if self.dialect == "jsonl" else self._next_frame()

    def _recognise(self):
        if self.rest.lstrip(SPACE)[:1] == b"{":
            return "jsonl"
        for dialect, magic in MAGIC.items():
            if self.rest[:4] == magic:
                return dialect
        unknown = self.rest.lstrip(SPACE)
        if unknown and not any(magic.startswith(self.rest[:4]) for magic in MAGIC.values()):
            raise FrameError("UNSUPPORTED_PROTOCOL", "magic")
        return None

    def _next_frame(self):
        magic, header = MAGIC[self.dialect], HEADER[self.dialect]
        if not magic.startswith(self.rest[:4]):
            raise FrameError("UNSUPPORTED_PROTOCOL", "magic")
        if len(self.rest) < header.size:
            return None
        fields = header.unpack_from(self.rest)
        version = fields[1] if self.dialect == "rcpx" else 1
        flags, extension, length, crc = fields[-4:]
        if version != 1:
            raise FrameError("UNSUPPORTED_PROTOCOL", "version")
        if flags & ~(CRC_PRESENT | STREAM | END_STREAM):
            raise FrameError("UNSUPPORTED_PROTOCOL", "flags")
        if length > self.payload_bytes_max:
            raise FrameError("BAD_REQUEST", "payload_len")
        start = header.size + extension
        if len(self.rest) < start + length:
            return None
        payload = self.rest[start:start + length]
        if flags & CRC_PRESENT and crc32c(payload) != crc:
            raise FrameError("BAD_REQUEST", "crc32c")
        self.rest = self.rest[start + length:]
        return payload

    def _next_line(self):
        while True:
            line, end, rest = self.rest.partition(b"\n")
            if len(line.strip(SPACE)) > self.payload_bytes_max:
                raise FrameError("BAD_REQUEST", "line")
            if not end:
                return None
            self.rest = rest
            if line.strip(SPACE):
                return line.strip(SPACE)


class Connection:
    """A blocking connection that speaks one dialect."""

    def __init__(self, port, dialect, timeout_s=10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.dialect = dialect
        self.reader = FrameReader(dialect)

    def send(self, payload):
        # The RCP1 form in the wild leaves the flags zero and fills in the crc all the same.
        flags = 0 if self.dialect == "rcp1" else CRC_PRESENT
        self.socket.sendall(encode(self.dialect, payload, flags=flags))

    def receive(self):
        """The next payload; EOFError when the server has closed the connection."""
        while True:
            payload = self.reader.next()
            if payload is not None:
                return payload
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the server closed the connection")
            self.reader.feed(data)

    def switch_to(self, dialect):
        self.dialect = self.reader.dialect = dialect

    def close(self):
        self.socket.close()
