"""A client of HTTP that sends exactly the bytes it is told to, and holds the server to an answer:
a connection that is closed without one is a fault."""

import http.client
import json
import socket
from dataclasses import dataclass, field, replace

from document import Wrong

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Request:
    method: str
    target: bytes                # the path with its query, as sent
    headers: tuple = ()          # (name, value), both bytes
    body: bytes | None = None
    chunked: bool = False
    length: int | None = None    # what Content-Length says when that is not the body's

    def with_header(self, name, value):
        return replace(self, headers=(*self.headers, (name.encode(), value)))

    def without_header(self, name):
        return replace(self, headers=tuple((key, value) for key, value in self.headers
                                           if key.lower() != name.lower().encode()))

    def encode(self):
        lines = [self.method.encode() + b" " + self.target + b" HTTP/1.1", b"Host: localhost"]
        lines += [name + b": " + value for name, value in self.headers]
        body = self.body or b""
        if self.chunked:
            lines.append(b"Transfer-Encoding: chunked")
            middle = len(body) // 2
            parts = [part for part in (body[:middle], body[middle:]) if part]
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        elif self.body is not None:
            lines.append(b"Content-Length: %d" % (len(body) if self.length is None
                                                  else self.length))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def __str__(self):
        text = self.encode()
        return repr(text if len(text) <= 1500 else text[:1500] + b"...")[2:-1].replace(
            r"\r\n", "\n    ")


@dataclass
class Answer:
    status: int
    fields: list                  # (name in lower case, value)
    body: bytes = b""
    closes: bool = False
    request: Request = field(default=None, repr=False)

    def header(self, name):
        values = [value for key, value in self.fields if key == name.lower()]
        if len(values) > 1:
            raise Wrong(f"{name} is there {len(values)} times")
        return values[0] if values else None

    def __contains__(self, name):
        return any(key == name.lower() for key, _ in self.fields)

    @property
    def content_type(self):
        return (self.header("Content-Type") or "").partition(";")[0]

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Wrong(f"status {self.status}: the body is no JSON: {self.body[:300]!r}") from None


class Door:
    """Requests one after the other. Keeps the connection as long as the server does."""

    def __init__(self, port, source="127.0.0.1"):
        self.port, self.source, self.socket = port, source, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def connected(self):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S,
                                                   source_address=(self.source, 0))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.socket

    def ask(self, request):
        response = self.open(request)
        try:
            body = response.read()
        except (http.client.HTTPException, OSError) as fault:
            self.close()
            raise Wrong(f"the answer's body broke off: {fault!r}") from None
        fields = [(name.lower(), value) for name, value in response.getheaders()]
        answer = Answer(response.status, fields, body, response.will_close, request)
        response.close()
        if answer.closes:
            self.close()
        return answer

    def open(self, request):
        """Sends, and reads the head of the answer."""
        peer = self.connected()
        try:
            peer.sendall(request.encode())
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent; the answer says why
        response = http.client.HTTPResponse(peer, method=request.method)
        try:
            response.begin()
        except (http.client.HTTPException, OSError) as fault:
            self.close()
            raise Wrong(f"no answer: {fault!r}") from None
        return response


class Stream:
    """Server-sent events, read one by one from a connection of their own."""

    def __init__(self, door, request):
        self.response = door.open(request)
        self.door = door
        self.status = self.response.status
        self.fields = [(name.lower(), value) for name, value in self.response.getheaders()]

    def answer(self):
        """What was answered, when that is no stream; else its head."""
        body = b"" if self.status == 200 else self.response.read()
        return Answer(self.status, self.fields, body)

    def next(self):
        """(name, id or None, data as JSON) of the next event; None at the end."""
        name, last, data = "message", None, []
        while True:
            try:
                line = self.response.readline()
            except (http.client.HTTPException, OSError) as fault:
                raise Wrong(f"the stream broke off: {fault!r}") from None
            if not line:
                return None
            if not line.endswith(b"\n"):
                raise Wrong(f"the stream ends within a line: {line!r}")
            line = line.rstrip(b"\r\n")
            if not line and data:
                return name, last, json.loads(b"\n".join(data))
            key, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if key == b"event":
                name = value.decode()
            elif key == b"id":
                last = int(value)
            elif key == b"data":
                data.append(value)
            elif key not in (b"", b"retry"):
                raise Wrong(f"an unknown line in the stream: {line!r}")

    def close(self):
        self.response.close()
        self.door.close()
