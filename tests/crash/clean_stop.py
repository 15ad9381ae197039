"""A server that is asked to stop: it finishes what it has begun, says so in its log, and comes back
without having anything to mend.

Every check is a sentence and whether it holds, so that a run can be counted and read.
"""

import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import rcp  # noqa: E402

START_S = 30.0
STOP_S = 10.0  # what the server promises
CLIENTS = 8
BURST = 32
ACKNOWLEDGED_BEFORE_STOP = 500
MACHINE = {"states": ["a", "b"], "initial": "a",
           "transitions": [{"from": "a", "event": "go", "to": "b"},
                           {"from": "b", "event": "go", "to": "a"}]}


class Server:
    """The program on a data folder that outlives it."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.starts = 0
        self.process = None
        self.port = 0

    def spawn(self):
        self.starts += 1
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("RSTMDB_")}
        environment.update(RSTMDB_DATA=str(self.data), RSTMDB_BIND="127.0.0.1:0",
                           RSTMDB_WAL_SEGMENT_SIZE_MB="1", RSTMDB_LOG_FORMAT="json",
                           RSTMDB_HTTP_ENABLED="false")
        with open(self.log_file(), "wb") as log:
            # The server is given no umask to lean on: it has to close its files to others itself.
            self.process = subprocess.Popen(
                [self.program, "--port-file", str(self.port_file())], env=environment, umask=0,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self):
        self.spawn()
        deadline = time.monotonic() + START_S
        while not self.port_file().exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not start: {self.log_file().read_text()}")
            time.sleep(0.002)  # polling, with the deadline above
        self.port = int(self.port_file().read_text())

    def stop(self):
        """(exit code, seconds) of a SIGTERM; a code of None when it had to be killed."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.abandon()
            code = None
        return code, time.monotonic() - began

    def abandon(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log_file(self):
        return self.folder / f"log.{self.starts}"

    def port_file(self):
        return self.folder / f"port.{self.starts}"

    def log_lines(self):
        """What the running or last process has logged: one object a line."""
        return [json.loads(line) for line in self.log_file().read_text().splitlines() if line]


class Client(threading.Thread):
    """Sends events in bursts until the server hangs up; remembers what was acknowledged."""

    def __init__(self, port, number):
        super().__init__(daemon=True)
        self.connection = rcp.Connection(port, "rcpx")
        self.instance = f"i{number}"
        self.acknowledged = {}  # offset to payload
        self.refused = []
        self.ended = False

    def call(self, op, params):
        self.connection.send(request("0", op, params))
        return json.loads(self.connection.receive())

    def run(self):
        sent = 0
        try:
            while True:
                first = sent
                for sent in range(first + 1, first + 1 + BURST):
                    payload = {"n": sent, "by": self.instance}
                    self.connection.send(request(str(sent), "APPLY_EVENT", {
                        "instance_id": self.instance, "event": "go", "payload": payload}))
                for _ in range(BURST):
                    self.take(json.loads(self.connection.receive()))
        except (OSError, EOFError):
            self.ended = True

    def take(self, answer):
        if answer["status"] == "ok":
            payload = {"n": int(answer["id"]), "by": self.instance}
            self.acknowledged[answer["result"]["wal_offset"]] = payload
        else:
            self.refused.append(answer["error"])


def request(number, op, params):
    return json.dumps({"type": "request", "id": number, "op": op, "params": params}).encode()


def read_log(port):
    """{offset: entry} of the whole log."""
    connection = rcp.Connection(port, "rcpx")
    entries, following = {}, 1
    while following:
        connection.send(request("0", "WAL_READ", {"from_offset": following, "limit": 1000}))
        result = json.loads(connection.receive())["result"]
        entries.update({record["offset"]: record["entry"] for record in result["records"]})
        following = result["next_offset"]
    connection.close()
    return entries


# ---- what is asked of what was seen: these can be tested without a server

def lost(acknowledged, entries):
    """Acknowledged offsets whose record is missing or another one."""
    return sorted(offset for offset, payload in acknowledged.items()
                  if entries.get(offset, {}).get("payload") != payload)


def open_to_others(folder):
    """Paths below `folder` (and itself) that are not 0600 for files and 0700 for folders."""
    paths = [folder, *folder.rglob("*")]
    return sorted(str(path) for path in paths
                  if stat.S_IMODE(path.lstat().st_mode) != (0o700 if path.is_dir() else 0o600))


def find_line(lines, field):
    """The first log line that has `field`, or an empty one."""
    return next((line for line in lines if field in line), {})


def comes_back_clean(lines):
    opened = find_line(lines, "clean_close")
    return opened.get("clean_close") is True


def cuts_nothing(lines):
    return not any("saved_as" in line for line in lines)


def refuses(code, lines, folder):
    """Ended with a failure, and an error line that names the folder or a file in it."""
    return code not in (None, 0) and any(
        line.get("level") == "error" and str(folder) in json.dumps(line) for line in lines)


# ---- the scenarios; each yields (sentence, holds, facts)

def prepare(server):
    """A running server with a machine, and a client with an instance for each connection."""
    server.start()
    clients = [Client(server.port, number) for number in range(CLIENTS)]
    clients[0].call("PUT_MACHINE", {"machine": "m", "version": 1, "definition": MACHINE})
    for client in clients:
        client.call("CREATE_INSTANCE", {"machine": "m", "version": 1,
                                        "instance_id": client.instance})
    return clients


def wait_for_load(clients):
    deadline = time.monotonic() + START_S
    while sum(len(client.acknowledged) for client in clients) < ACKNOWLEDGED_BEFORE_STOP:
        if time.monotonic() > deadline:
            raise RuntimeError("the load does not get going")
        time.sleep(0.002)  # polling, with the deadline above


def stop_under_load(server):
    clients = prepare(server)
    for client in clients:
        client.start()
    wait_for_load(clients)
    code, seconds = server.stop()
    for client in clients:
        client.join(STOP_S)
    acknowledged = {offset: payload for client in clients
                    for offset, payload in client.acknowledged.items()}
    yield "under load: SIGTERM ends with exit code 0 within 10 s", code == 0, f"{code}, {seconds} s"
    yield "under load: every client is hung up on", all(client.ended for client in clients), ""
    yield ("under load: no offset was acknowledged twice",
           len(acknowledged) == sum(len(client.acknowledged) for client in clients), "")
    server.start()
    lines = server.log_lines()
    yield "under load: the next start finds a clean close", comes_back_clean(lines), lines[:6]
    yield "under load: the next start cuts nothing", cuts_nothing(lines), lines[:6]
    missing = lost(acknowledged, read_log(server.port))
    yield (f"under load: every acknowledged write is there ({len(acknowledged)})",
           not missing and len(acknowledged) >= ACKNOWLEDGED_BEFORE_STOP, missing[:10])
    wrong = open_to_others(server.data)
    yield "files are 0600 and folders 0700", not wrong, wrong
    server.stop()


def second_server(server):
    prepare(server)
    second = Server(server.program, server.folder / "second")
    second.folder.mkdir()
    second.data = server.data
    second.spawn()
    try:
        code = second.process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        code = None
    second.abandon()
    lines = second.log_lines()
    yield ("a second server on the same folder refuses to start and names the folder",
           refuses(code, lines, server.data), f"{code}, {lines}")
    entries = read_log(server.port)
    yield ("the first server has not been disturbed",
           server.process.poll() is None and len(entries) == 1 + CLIENTS, len(entries))
    code, _ = server.stop()
    server.start()
    yield ("after a second server was refused the first closes cleanly",
           code == 0 and comes_back_clean(server.log_lines()), server.log_lines()[:6])
    server.stop()


def stop_idle(server):
    clients = prepare(server)
    code, seconds = server.stop()
    yield "idle, with open connections: SIGTERM ends with 0", code == 0, f"{code}, {seconds} s"
    for client in clients:
        client.connection.close()
    server.start()
    yield ("idle: the next start finds a clean close and cuts nothing",
           comes_back_clean(server.log_lines()) and cuts_nothing(server.log_lines()),
           server.log_lines()[:6])
    entries = read_log(server.port)
    yield "idle: everything is there", len(entries) == 1 + CLIENTS, len(entries)
    code, seconds = server.stop()
    yield "nothing written since the start: SIGTERM ends with 0", code == 0, f"{code}, {seconds} s"
    server.start()
    yield ("nothing written since the start: the next one finds a clean close",
           comes_back_clean(server.log_lines()), server.log_lines()[:6])
    server.stop()


SCENARIOS = (stop_under_load, second_server, stop_idle)
