"""A server with its gateway, and clients that say exactly the bytes that a test wants said."""

import json
import pathlib
import socket
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "security"))

import world  # noqa: E402
from world import Failed, eventually  # noqa: E402

ROOT = HERE.parent.parent
MACHINE = {"states": ["new", "paid", "sent"], "initial": "new",
           "transitions": [{"from": "new", "event": "PAY", "to": "paid"},
                           {"from": "paid", "event": "SEND", "to": "sent",
                            "guard": "ctx.amount > 10"},
                           {"from": "sent", "event": "AGAIN", "to": "new"}]}
JSON = {"Content-Type": "application/json"}


class Gateway(world.Server):
    """As world.Server, with HTTP at `http` and without a token unless the settings ask for one."""

    def __init__(self, program, folder, settings=None):
        super().__init__(program, folder,
                         {"http": {"enabled": True, "bind_addr": "127.0.0.1:0"},
                          "storage": {"allow_flush_all": True},
                          "logging": {"level": "info"}, **(settings or {})})
        self.http = 0

    def launch(self):
        self.said_before = len(self.output()) if self.stderr.exists() else 0
        return super().launch()

    def __enter__(self):
        super().__enter__()
        lines = [json.loads(line) for line in self.output()[self.said_before:].splitlines()]
        self.http = [int(line["address"].rpartition(":")[2]) for line in lines
                     if line["msg"] == "HTTP is served"][0]
        # Whoever starts again is found where it was.
        self.change({"network": {"bind_addr": f"127.0.0.1:{self.port}"},
                     "http": {"bind_addr": f"127.0.0.1:{self.http}"}})
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def connect(self, **options):
        return Connection(self.http, **options)

    def ask(self, *args, **options):
        with self.connect() as connection:
            return connection.ask(*args, **options)

    def put_machine(self, token=None):
        answer = self.ask("PUT", "/v1/machines/order/versions/1", MACHINE, token=token)
        if answer.status not in (200, 201):
            raise Failed(answer)


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def __getitem__(self, name):
        return self.fields.get(name.lower())

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json.get("code")

    @property
    def path(self):
        return self.json.get("details", {}).get("path")

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:500]!r}"


class Connection:
    def __init__(self, port, source="127.0.0.1", timeout_s=15.0, tls=None, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout_s)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, path, body=None, headers=None, token=None):
        """The bytes of a request; a body that is no bytes is sent as JSON."""
        fields = {"Host": "localhost"}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            fields |= JSON
        if body is not None:
            fields["Content-Length"] = str(len(body))
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        fields |= headers or {}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
        return head.encode() + b"\r\n" + (body or b"")

    def ask(self, method, path, body=None, headers=None, token=None):
        self.send(self.request(method, path, body, headers, token))
        return self.receive(method)

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the server closed the connection")
        self.buffer += data

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def receive_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines:
            name, _, value = line.partition(":")
            if name.lower() in fields:
                raise Failed(f"{name} twice in an answer: {head}")
            fields[name.lower()] = value.strip()
        return int(first.split(" ")[1]), fields

    def receive(self, method="GET"):
        status, fields = self.receive_head()
        body = b""
        if method != "HEAD" and status not in (100, 304):
            if "content-length" not in fields:
                raise Failed(f"an answer without a length: {fields}")
            body = self.take(int(fields["content-length"]))
        world.SEEN.append(("an answer", body))
        return Answer(status, fields, body)

    def rest(self, timeout_s=15.0):
        """All that still comes until the server closes; Failed when it does not in time."""
        end = time.monotonic() + timeout_s
        try:
            while True:
                self.socket.settimeout(max(end - time.monotonic(), 0.01))
                self.more()
        except (EOFError, ConnectionResetError):
            taken, self.buffer = self.buffer, b""
            return taken
        except TimeoutError:
            raise Failed(f"open after {timeout_s:.0f} s, with {self.buffer[:300]!r}") from None


def exchange(port, data, timeout_s=15.0):
    """Says `data` on a connection of its own and gives what comes until the server closes."""
    with Connection(port) as connection:
        try:
            connection.send(data)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return connection.rest(timeout_s)


class Stream:
    """Server-sent events of one request, as dictionaries {id, event, data}."""

    def __init__(self, port, path, last_id=None, token=None, receive_buffer=None, timeout_s=15.0):
        self.connection = Connection(port, timeout_s=timeout_s, receive_buffer=receive_buffer)
        headers = {"Last-Event-ID": str(last_id)} if last_id is not None else {}
        self.connection.send(self.connection.request("GET", path, headers=headers, token=token))
        self.status, self.fields = self.connection.receive_head()
        self.text = b""
        self.comments = 0
        self.ended = False  # in order, with the last chunk
        if self.status != 200:
            raise Failed(f"{self.status} {self.connection.receive()}")
        if self.fields["content-type"] != "text/event-stream":
            raise Failed(self.fields)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.socket.close()

    def chunk(self):
        while b"\r\n" not in self.connection.buffer:
            self.connection.more()
        line, _, self.connection.buffer = self.connection.buffer.partition(b"\r\n")
        size = int(line, 16)
        data = self.connection.take(size)
        if self.connection.take(2) != b"\r\n":
            raise Failed("a chunk that does not end")
        if size == 0:
            self.ended = True
            raise EOFError("the stream has ended")
        return data

    def next(self):
        """The next event; comments are counted and passed over."""
        while True:
            while b"\n\n" not in self.text:
                self.text += self.chunk()
            block, _, self.text = self.text.partition(b"\n\n")
            event = {}
            for line in block.decode().split("\n"):
                if line.startswith(":") or not line:
                    self.comments += 1
                    continue
                name, _, value = line.partition(": ")
                event[name] = value
            if "data" in event:
                event["data"] = json.loads(event["data"])
                event["id"] = int(event["id"]) if "id" in event else None
                return event


__all__ = ["Connection", "Failed", "Gateway", "JSON", "MACHINE", "ROOT", "Stream", "eventually",
           "exchange"]
