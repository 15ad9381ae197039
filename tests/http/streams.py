"""Server-sent events: filters, resuming, slow readers, kills under writes, and how streams end."""

import threading
import time

import world
from gateway import MACHINE, Connection, Failed, Gateway, Stream, eventually
from world import token_line

EVENTS = ("PAY", "SEND", "AGAIN")
FREE = {**MACHINE, "transitions": [{key: value for key, value in edge.items() if key != "guard"}
                                   for edge in MACHINE["transitions"]]}


def put_free(server, token=None):
    """A machine without guards: PAY, SEND, AGAIN, and from the beginning."""
    answer = server.ask("PUT", "/v1/machines/free/versions/1", FREE, token=token)
    if answer.status not in (200, 201):
        raise Failed(answer)


def make(server, name, machine="free"):
    made = server.ask("POST", "/v1/instances", {"machine": machine, "version": 1, "id": name})
    if made.status != 201:
        raise Failed(made)
    return made.json["wal_offset"]


def event(connection, name, number, payload=None):
    done = connection.ask("POST", f"/v1/instances/{name}/events",
                          {"event": EVENTS[number % 3], "payload": payload or {}})
    if done.status != 200:
        raise Failed(done)
    return done.json["wal_offset"]


def first_event(server, report):
    put_free(server)
    head = make(server, "a")
    with Stream(server.http, "/v1/watch") as stream:
        opening = stream.next()
        report.check("a stream begins with where it stands", opening["event"] == "watching"
                     and opening["retry"] == "1000" and opening["id"] == head
                     and opening["data"]["wal_offset"] == head
                     and "subscription_id" in opening["data"], opening)
        report.check("and with its fields", stream.fields["cache-control"] == "no-store"
                     and stream.fields["transfer-encoding"] == "chunked"
                     and stream.fields["x-content-type-options"] == "nosniff", stream.fields)
        with server.connect() as one:
            offset = event(one, "a", 0, {"n": 1})
        told = stream.next()
        report.check("and goes on with what happens", told["event"] == "transition"
                     and told["id"] == offset == told["data"]["wal_offset"]
                     and told["data"]["from_state"] == "new" and told["data"]["ctx"] == {"n": 1},
                     told)
    answer = server.ask("HEAD", "/v1/watch")
    report.check("HEAD of a stream has its head only",
                 answer.status == 200 and answer["content-type"] == "text/event-stream", answer)
    with server.connect() as one:
        one.send(b"GET /v1/watch HTTP/1.0\r\n\r\n")
        report.check("HTTP/1.0 has no streams", one.receive().status == 505)


def filters(server, report):
    make(server, "f,1")
    make(server, "g")
    cases = {
        "/v1/watch?kinds=create,transition&kinds=delete": 5,
        "/v1/watch?kinds=create": 1, "/v1/watch?events=SEND": 1, "/v1/watch?events=PAY,SEND": 3,
        "/v1/watch?from_states=new": 2, "/v1/watch?to_states=paid&to_states=sent": 3,
        "/v1/watch?machines=other": 0, "/v1/watch?machines=other%2Cfree": 0,
        "/v1/watch?machines=other,free": 3, "/v1/instances/f%2C1/watch": 2,
        "/v1/instances/g/watch?kinds=transition,delete": 2,
    }
    streams = {path: Stream(server.http, path) for path in cases}
    last = Stream(server.http, "/v1/watch?kinds=create,transition,delete&include_ctx=false")
    for stream in (*streams.values(), last):
        stream.next()
    with server.connect() as one:
        event(one, "f%2C1", 0)
        event(one, "f%2C1", 1)
        event(one, "g", 0)
        one.ask("DELETE", "/v1/instances/g")
        made = one.ask("POST", "/v1/instances", {"machine": "free", "version": 1, "id": "end"})
        told = [last.next() for _ in range(5)]
        report.check("without contexts, every kind under its name",
                     [one["event"] for one in told] == ["transition"] * 3 + ["delete", "create"]
                     and not any("ctx" in one["data"] for one in told)
                     and told[-1]["id"] == made.json["wal_offset"], told)
    wrong = {}
    for path, count in cases.items():
        try:
            got = [streams[path].next() for _ in range(count)]
            ids = [one["id"] for one in got]
            if ids != sorted(set(ids)):
                wrong[path] = got
            streams[path].connection.socket.settimeout(0.05)
            wrong[path] = streams[path].next()
        except TimeoutError:
            pass
        streams[path].connection.socket.close()
    last.connection.socket.close()
    report.count(len(cases) - len(wrong), "filters let through what they name", wrong)


def positions(server, report):
    base = make(server, "p")
    with server.connect() as one:
        offsets = [event(one, "p", n) for n in range(4)]
    path = "/v1/instances/p/watch"
    cases = [(f"{path}?after_offset={offsets[0]}", None, offsets[0], offsets[1:]),
             (f"{path}?from_offset={offsets[0]}", None, offsets[0] - 1, offsets),
             (path, offsets[1], offsets[1], offsets[2:]),
             (f"{path}?from_offset=1", offsets[2], offsets[2], offsets[3:]),
             (f"{path}?after_offset={base}", offsets[2], offsets[2], offsets[3:])]
    wrong = {}
    for where, last_id, stands, wanted in cases:
        with Stream(server.http, where, last_id=last_id) as stream:
            opening = stream.next()
            got = [stream.next()["id"] for _ in wanted]
            if opening["id"] != stands or got != wanted:
                wrong[f"{where} {last_id}"] = (opening, got)
    report.count(len(cases) - len(wrong), "streams begin where they are told", wrong)


class Writers:
    """Threads that write events all the time, over keep-alive connections, through restarts."""

    def __init__(self, server, names):
        self.server, self.names = server, names
        self.stopping = threading.Event()
        self.written = 0
        self.threads = [threading.Thread(target=self.write, args=[name], daemon=True)
                        for name in names]
        for thread in self.threads:
            thread.start()

    def write(self, name):
        while not self.stopping.is_set():
            try:
                with Connection(self.server.http, timeout_s=5) as one:
                    state = one.ask("GET", f"/v1/instances/{name}").json["state"]
                    number = ("new", "paid", "sent").index(state)
                    while not self.stopping.is_set():
                        event(one, name, number, {"n": self.written})
                        number += 1
                        self.written += 1
            except (OSError, EOFError, ValueError):
                self.stopping.wait(0.01)  # the server is being started again

    def end(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class Reader:
    """Follows a stream through everything, as a client would: by the last id that it has seen."""

    def __init__(self, server, path):
        self.server, self.path = server, path
        self.ids, self.connects, self.position = [], 0, None
        self.stopping = threading.Event()
        self.problem = None
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.stopping.is_set():
            try:
                with Stream(self.server.http, self.path, last_id=self.position,
                            timeout_s=2) as stream:
                    self.connects += 1
                    opening = stream.next()
                    if self.position is not None and opening["id"] != self.position:
                        self.problem = f"resumed at {opening['id']}, not at {self.position}"
                    self.position = opening["id"]
                    while not self.stopping.is_set():
                        told = stream.next()
                        self.ids.append(told["id"])
                        self.position = told["id"]
            except (OSError, EOFError):
                self.stopping.wait(0.01)  # the server is being started again

    def end(self):
        self.stopping.set()
        self.thread.join()


def written_in_log(server, after):
    """Offsets of all transitions in the log behind `after`, the truth that a stream must tell."""
    offsets, at = [], after + 1
    with server.connect() as one:
        while at is not None:
            page = one.ask("GET", f"/v1/log?from_offset={at}&limit=1000").json
            offsets += [record["offset"] for record in page["records"]
                        if record["entry"]["type"] == "apply_event"]
            at = page["next_offset"]
    return offsets


def kills_under_writes(server, report, kills):
    names = [f"k{n}" for n in range(4)]
    first = [make(server, name) for name in names][-1]
    readers = [Reader(server, "/v1/watch?include_ctx=false"), Reader(server, "/v1/watch")]
    eventually(lambda: all(reader.position is not None for reader in readers), 10, "streams begin")
    writers = Writers(server, names)
    for _ in range(kills):
        goal = writers.written + 300
        eventually(lambda: writers.written >= goal, 20, "events are written")
        server.kill()
        server.__enter__()
    goal = writers.written + 300
    eventually(lambda: writers.written >= goal, 20, "events are written at the end")
    writers.end()
    truth = written_in_log(server, first)
    for number, reader in enumerate(readers):
        eventually(lambda: reader.ids and reader.ids[-1] >= truth[-1], 10, "the last is told")
        reader.end()
        report.check(f"reader {number}: {len(reader.ids)} events through {kills} kills and "
                     f"{reader.connects} connections, none missing, none twice",
                     reader.ids == truth and reader.connects > kills and not reader.problem,
                     (reader.problem, len(truth),
                      sorted(set(truth) - set(reader.ids))[:5],
                      sorted({one for one in reader.ids if reader.ids.count(one) > 1})[:5]
                      if len(reader.ids) != len(set(reader.ids)) else []))


def slow_reader(server, report):
    """It is served from the log, and costs the server nothing."""
    first = make(server, "s")
    with Stream(server.http, "/v1/instances/s/watch", receive_buffer=4096) as slow:
        slow.next()
        before = server.memory_mib()
        with server.connect() as one:
            for number in range(3000):
                event(one, "s", number, {"text": "x" * 2000})
        grown = server.memory_mib() - before
        truth = written_in_log(server, first)
        got = [slow.next()["id"] for _ in truth]
        report.check(f"6 MB to one who does not read: {grown:.1f} MiB grown, all told",
                     got == truth and grown < 24, (grown, len(got), len(truth)))


def compacted(program, folder, report):
    with Gateway(program, folder, {"storage": {"wal_segment_size_mb": 1}}) as server:
        put_free(server)
        make(server, "c")
        with server.connect() as one:
            for number in range(900):
                event(one, "c", number, {"text": "x" * 4000})
                if number % 300 == 299:  # the log is kept as far back as the snapshot before
                    done = one.ask("POST", "/v1/compact", {"force_snapshot": True})
        if done.status != 200 or done.json["segments_deleted"] == 0:
            raise Failed(done)
        answer = server.ask("GET", "/v1/watch?from_offset=1")
        report.check("a place that the log has no more: 410", answer.status == 410
                     and answer.code == "NOT_FOUND"
                     and answer.json["details"]["code"] == "OFFSET_COMPACTED"
                     and answer.json["details"]["oldest_offset"] > 1, answer)
        again = server.ask("GET", "/v1/watch", headers={"Last-Event-ID": "1"})
        report.check("also when resuming", again.status == 410, again)


def ends(program, folder, report):
    token = "http-stream-token-0123456789abcd"
    lines = [token_line(token, "name=s role=admin"),
             token_line("http-other-token-0123456789abcdef")]
    with Gateway(program, folder, {"auth": {"required": True, "token_hashes": lines}}) as server:
        put_free(server, token)
        with Stream(server.http, "/v1/watch", token=token) as stream:
            stream.next()
            server.change({"auth": {"token_hashes": lines[1:]}})
            server.reload()
            last = stream.next()
            try:
                after = stream.next()
            except EOFError as end:
                after = end
            report.check("a stream whose token is taken out says so and ends",
                         last["event"] == "error" and last["data"]["code"] == "UNAUTHORIZED"
                         and last["data"]["details"]["code"] == "CREDENTIAL_REVOKED"
                         and last["data"]["status"] == 401 and stream.ended, (last, after))
        server.change({"auth": {"token_hashes": lines}})
        server.reload()
        with Stream(server.http, "/v1/watch", token=token) as stream, server.connect() as idle:
            stream.next()
            idle.ask("GET", "/v1/ping")
            server.process.terminate()
            try:
                stream.next()
            except EOFError:
                pass
            report.check("at the server's end a stream just ends", stream.ended)
            report.check("and an idle connection is closed", idle.rest() == b"")
        report.check("and the server ends well", server.process.wait(10) == 0)


class Heartbeat(threading.Thread):
    """A quiet stream beside the other tests: 15 s are long."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.began, self.waited = time.monotonic(), 0.0
        self.stream = Stream(server.http, "/v1/watch?machines=nobody", timeout_s=20)
        self.stream.next()
        self.start()

    def run(self):
        try:
            chunk = self.stream.chunk()
            self.waited = time.monotonic() - self.began if chunk == b":\n\n" else -1.0
        except (OSError, EOFError):
            self.waited = -1.0

    def check(self, report):
        self.join()
        report.check(f"a quiet stream has a sign of life after {self.waited:.1f} s",
                     14 < self.waited < 18, self.waited)


def run(program, folder, report, full):
    world.SECRETS.add(b"http-stream-token")
    with Gateway(program, folder / "quiet") as quiet:
        put_free(quiet)
        heartbeat = Heartbeat(quiet)
        with Gateway(program, folder / "server") as server:
            first_event(server, report)
            filters(server, report)
            positions(server, report)
            slow_reader(server, report)
            kills_under_writes(server, report, 20 if full else 3)
        compacted(program, folder / "compacted", report)
        ends(program, folder / "ends", report)
        heartbeat.check(report)
