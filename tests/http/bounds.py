"""Sizes at their limits, crowds, and clients that are slow. What takes longer than a test may is in
gateway_test.cc, on a clock that jumps."""

import threading
import time

import world
from gateway import JSON, Failed, Gateway, exchange

MIB = 1024 * 1024
BODY_BYTES_MAX = 16 * MIB
CONNECTIONS_MAX = 1000


def bodies(server, report):
    whole = b"{" + b" " * (BODY_BYTES_MAX - 2) + b"}"
    answer = server.ask("POST", "/v1/compact", whole, headers=JSON)
    report.check("a body of 16 MiB", answer.status == 200, answer)
    over = server.ask("POST", "/v1/compact", None, headers={
        **JSON, "Content-Length": str(BODY_BYTES_MAX + 1)})
    report.check("a body of 16 MiB and a byte: 413, unread", over.status == 413
                 and over["connection"] == "close", over)
    piece = b"%x\r\n" % MIB + b" " * MIB + b"\r\n"
    head = b"POST /v1/compact HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" \
        b"Content-Type: application/json\r\nConnection: close\r\n\r\n"
    full = exchange(server.http, head + b"1\r\n{\r\n" + piece * 15 + b"fffff\r\n"
                    + b" " * (MIB - 2) + b"}" + b"\r\n0\r\n\r\n")
    report.check("16 MiB in chunks", full.startswith(b"HTTP/1.1 200 "), full[:200])
    with server.connect() as one:
        try:
            one.send(head + piece * 16 + b"1\r\n \r\n")
            got = one.receive().status
        except (ConnectionResetError, BrokenPipeError) as error:
            got = error
        report.check("16 MiB and a byte in chunks: 413", got == 413, got)


def long_answers(server, report):
    made = [server.ask("POST", "/v1/instances", {
        "machine": "order", "version": 1, "id": f"large-{n}",
        "initial_ctx": {"text": "x" * (MIB - 20)}}).status for n in range(17)]
    report.check("contexts of 1 MiB", made == [201] * 17, made)
    over = server.ask("POST", "/v1/instances", {"machine": "order", "version": 1,
                                                "initial_ctx": {"text": "x" * MIB}})
    report.check("a context of more", over.status == 422, over)
    log = server.ask("GET", "/v1/log?from_offset=1&limit=1000")
    report.check("a page of the log is bounded", log.status == 200
                 and len(log.body) < 12 * MIB and log.json["next_offset"] is not None, log.status)
    before = server.memory_mib()
    with server.connect() as one:
        sent = one.request("GET", "/v1/instances/large-1") * 200
        one.send(sent)
        for _ in range(50):
            server.ask("GET", "/v1/ping")
        grown = server.memory_mib() - before
        lengths = {len(one.receive().body) for _ in range(200)}
        report.check(f"200 answers of 1 MiB that nobody reads yet take {grown:.1f} MiB",
                     grown < 12 and len(lengths) == 1 and min(lengths) > MIB, (grown, lengths))


def crowd_of(size, connect, path):
    """Connections that have asked once each: what has asked nothing is closed after ten seconds,
    and to make so many can take longer."""
    crowd = []
    for _ in range(size):
        crowd.append(connect())
        crowd[-1].ask("GET", path)
    return crowd


def too_many(server, report):
    held = crowd_of(CONNECTIONS_MAX, server.connect, "/v1/ping")
    # The last to be let in are there once they are answered.
    answers = {one.ask("GET", "/v1/ping").status for one in held}
    with server.connect() as one:
        refused = one.receive()
        rest = one.rest()
    report.check("1,000 connections are served, one more gets 503", answers == {200}
                 and refused.status == 503
                 and refused.json["details"]["code"] == "TOO_MANY_CONNECTIONS" and rest == b"",
                 (answers, refused))
    for one in held:
        one.socket.close()
    deadline = time.monotonic() + 10
    status = 503
    while status == 503 and time.monotonic() < deadline:
        try:
            status = server.ask("GET", "/v1/ping").status
        except (EOFError, ConnectionResetError, BrokenPipeError):
            pass
    report.check("when they have gone there is room again", status == 200, status)


class Dribblers(threading.Thread):
    """Connections that say a head, or a body, one byte after the other."""

    def __init__(self, server, size):
        super().__init__(daemon=True)
        self.held = [server.connect() for _ in range(size)]
        self.stopping = threading.Event()
        head = b"GET /v1/ping HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 4000
        body = b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n" \
            b"Content-Type: application/json\r\n\r\n"
        for number, one in enumerate(self.held):
            if number % 2:
                one.send(body)
        self.texts = [b" " * 4000 if number % 2 else head for number in range(size)]

    def run(self):
        at = 0
        while not self.stopping.is_set():
            for one, text in zip(self.held, self.texts):
                try:
                    one.send(text[at % len(text):at % len(text) + 1])
                except OSError:
                    pass
            at += 1
            self.stopping.wait(0.2)

    def end(self):
        self.stopping.set()
        self.join()
        for one in self.held:
            one.socket.close()


def slow_crowd(server, report, size):
    crowd = Dribblers(server, size)
    crowd.start()
    try:
        times = []
        with server.connect() as one:
            made = one.ask("POST", "/v1/instances", {"machine": "order", "version": 1, "id": "p"})
            if made.status != 201:
                raise Failed(made)
            for _ in range(300):
                began = time.monotonic()
                one.ask("GET", "/v1/instances/p")
                times.append(time.monotonic() - began)
        median, p99 = (world.percentile(times, share) * 1000 for share in (0.5, 0.99))
        report.check(f"beside {size} dribblers a reader waits {median:.1f}, p99 {p99:.1f} ms",
                     p99 < 50, p99)
    finally:
        crowd.end()


def run(program, folder, report, full):
    with Gateway(program, folder) as server:
        server.put_machine()
        bodies(server, report)
        long_answers(server, report)
        too_many(server, report)
        slow_crowd(server, report, 900 if full else 100)
