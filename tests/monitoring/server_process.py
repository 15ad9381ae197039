"""A server program on a folder of its own, for tests that look at it from outside."""

import http.client
import json
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

DEADLINE_S = 30
POLL_S = 0.01


def wait_until(what, condition, deadline_s=DEADLINE_S):
    """Gives what `condition` returns once that is true."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline_s} s: {what}")
        time.sleep(POLL_S)  # polling


class Server:
    """Started by `with`; RCP, metrics and the log lines of one process. With a pipe of the
    caller's as `stderr` nothing is read, nor waited for, before read_lines()."""

    def __init__(self, program, environment=None, settings="", stderr=subprocess.PIPE):
        self.program = program
        self.environment = environment or {}
        self.settings = settings
        self.stderr = stderr
        self.lines = []
        self.root = None
        self.folder = None
        self.process = None

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.configure(self.settings)
        self.process = subprocess.Popen(
            [self.program, "--config", str(self.root / "rstmdb.yaml")], stderr=self.stderr,
            text=True, env={"PATH": "/usr/bin:/bin", **self.environment})
        if self.process.stderr:
            self.read_lines(self.process.stderr)
        return self

    def configure(self, settings):
        (self.root / "rstmdb.yaml").write_text(
            "network: {bind_addr: 127.0.0.1:0}\n"
            f"storage: {{data_dir: {self.root}/data}}\n"
            "metrics: {enabled: true, bind_addr: 127.0.0.1:0}\n"
            "http: {bind_addr: 127.0.0.1:0}\n"
            f"logging: {{format: json}}\n{settings}")

    def read_lines(self, stream):
        threading.Thread(target=self._read_lines, args=[stream], daemon=True).start()
        self.rcp = self._address("listening")
        self.http = self._address("metrics and health are served")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()
        self.folder.cleanup()

    def _read_lines(self, stream):
        for line in stream:
            if line.strip():
                self.lines.append(json.loads(line))

    def _address(self, message):
        def find():
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended: {self.lines}")
            return [line["address"] for line in list(self.lines) if line["msg"] == message]
        host, _, port = wait_until(f"the line '{message}'", find)[0].rpartition(":")
        return host, int(port)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def connect(self):
        return Client(self.rcp)

    def get(self, path, method="GET"):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection(*self.http, timeout=DEADLINE_S)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def raw(self, request):
        """Everything that comes back for bytes until the door closes."""
        with socket.create_connection(self.http, timeout=DEADLINE_S) as connection:
            connection.sendall(request)
            answer = b""
            while True:
                more = connection.recv(65536)
                if not more:
                    return answer
                answer += more


class Client:
    """RCP in its line dialect, one request at a time."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=DEADLINE_S)
        self.file = self.socket.makefile("rwb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def ask(self, operation, **params):
        request = {"type": "request", "id": "1", "op": operation, "params": params}
        self.file.write(json.dumps(request).encode() + b"\n")
        self.file.flush()
        return json.loads(self.file.readline())
