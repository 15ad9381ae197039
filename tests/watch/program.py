"""The server program, the load generator and connections that watch, as the scenarios use them."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

START_S = 60.0
WAIT_S = 120.0
INSTANCES = 10_000
OFFSET = re.compile(rb'"wal_offset":(\d+)')


class Broken(Exception):
    """Something is not as it was promised."""


class Server:
    """The program on a data folder that outlives it."""

    def __init__(self, program, folder, port=0):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.port = port
        self.process = None

    def start(self):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        config = self.folder / "config.yaml"
        config.write_text(json.dumps({
            "network": {"bind_addr": f"127.0.0.1:{self.port}", "max_connections": 2_000},
            "storage": {"data_dir": str(self.folder / "data")},
            "http": {"enabled": False},
            "logging": {"level": "warn", "format": "json"}}))
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("RSTMDB_")}
        environment["RSTMDB_CONFIG"] = str(config)
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([self.program, "--port-file", str(port_file)],
                                            env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        deadline = time.monotonic() + START_S
        while not port_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Broken(f"the server does not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.002)  # polling, with the deadline above
        self.port = int(port_file.read_text())

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def rss_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


class Load:
    """rstmdb_load, 8 connections with 128 requests each under way unless another shape is asked."""

    def __init__(self, program, server, milliseconds, shape="c"):
        self.process = subprocess.Popen(
            [program, "--port", str(server.port), "--instances", str(INSTANCES), "--shape", shape,
             "--warmup-ms", "200", "--measured-ms", str(milliseconds)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def running(self):
        return self.process.poll() is None

    def result(self):
        out, errors = self.process.communicate(timeout=WAIT_S)
        if self.process.returncode != 0:
            raise Broken(f"the load failed: {errors}")
        return json.loads(out)

    def abandon(self):
        self.process.kill()
        self.process.communicate()


def create_instances(program, server):
    subprocess.run([program, "--port", str(server.port), "--instances", str(INSTANCES),
                    "--create"], check=True, stdout=subprocess.DEVNULL)


class Connection:
    """Requests and messages as lines of JSON."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), WAIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = b""

    def send(self, op, params, request_id="1"):
        self.socket.sendall(self.request(op, params, request_id))

    @staticmethod
    def request(op, params, request_id="1"):
        return json.dumps({"type": "request", "id": request_id, "op": op,
                           "params": params}).encode() + b"\n"

    def line(self):
        while b"\n" not in self.input:
            more = self.socket.recv(1 << 16)
            if not more:
                raise EOFError
            self.input += more
        line, self.input = self.input.split(b"\n", 1)
        return line

    def ask(self, op, params):
        """The result; for connections that do not watch."""
        self.send(op, params)
        answer = json.loads(self.line())
        if answer.get("status") != "ok":
            raise Broken(f"{op}: {answer}")
        return answer["result"]

    def close(self):
        self.socket.close()


class Watcher(Connection):
    """A WATCH_ALL whose offsets must follow each other: for a log that takes transitions alone."""

    def __init__(self, server, params=None):
        super().__init__(server)
        self.send("WATCH_ALL", {"include_ctx": False, **(params or {})})
        answer = json.loads(self.line())
        if answer.get("status") != "ok":
            raise Broken(f"WATCH_ALL: {answer}")
        self.next = answer["result"]["wal_offset"] + 1
        self.told = 0

    def take(self):
        """Reads once and checks what has come; False when the stream has ended."""
        more = self.socket.recv(1 << 20)
        whole, newline, rest = (self.input + more).rpartition(b"\n")
        if newline:
            for offset in OFFSET.findall(whole):
                if int(offset) != self.next:
                    raise Broken(f"told of {int(offset)} where {self.next} was due")
                self.next += 1
                self.told += 1
        self.input = rest
        return bool(more)

    def take_up_to(self, offset):
        """Reads until `offset` has been told; returns how long that took."""
        began = time.monotonic()
        while self.next <= offset:
            if not self.take():
                raise Broken(f"the stream ended at {self.next}, before {offset}")
        return time.monotonic() - began


def head_of(server):
    connection = Connection(server)
    head = connection.ask("WAL_STATS", {})["latest_offset"]
    connection.close()
    return head
