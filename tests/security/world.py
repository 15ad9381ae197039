"""A server of its own for each group of checks, and clients for it: plain or TLS, in any dialect,
from any address of the loopback network. Everything that a server prints and every answer is kept,
so that run.py can look for secrets in all of it."""

import argparse
import hashlib
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import rcp  # noqa: E402

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
MACHINE = {"machine": "m", "version": 1, "definition": {
    "states": ["a", "b"], "initial": "a",
    "transitions": [{"from": "a", "event": "GO", "to": "b"},
                    {"from": "b", "event": "BACK", "to": "a"}]}}

SEEN = []  # (where, bytes): all that has come out of servers
SECRETS = set()  # bytes that must not be in it


class Failed(Exception):
    """A check does not hold; the text says which."""


def token_line(token, options=""):
    """A token's line for the configuration; the token and its hash become secrets."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    SECRETS.update((token.encode(), digest.encode()))
    return f"{digest} {options}".strip()


def rfc3339(seconds_from_now):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))


def eventually(condition, timeout_s, what):
    """The condition's first true value, or Failed after the timeout."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)  # polling, with the deadline above
    raise Failed(f"not within {timeout_s:.0f} s: {what}")


class Server:
    """The program with its data in `folder`; `with Server(…) as server:` starts and stops it."""

    def __init__(self, program, folder, settings, **process):
        self.process_options = process  # of subprocess.Popen
        self.program, self.folder = str(program), pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "config.yaml"
        self.stderr = self.folder / "stderr"
        self.process, self.port = None, 0
        self.settings = {"network": {"bind_addr": "127.0.0.1:0"},
                         "storage": {"data_dir": str(self.folder / "data")},
                         "http": {"enabled": False},
                         "logging": {"level": "debug", "format": "json"}}
        self.change(settings)

    def change(self, settings):
        for section, keys in settings.items():
            self.settings.setdefault(section, {}).update(keys)
        self.config.write_text(json.dumps(self.settings))  # every JSON text is YAML as well

    def launch(self):
        """Starts the program without waiting for it."""
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("RSTMDB_")}
        with open(self.stderr, "ab") as stderr:
            self.process = subprocess.Popen(
                [self.program, "--config", str(self.config), "--port-file", str(port_file)],
                env=environment, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                **self.process_options)
        return port_file

    def __enter__(self):
        port_file = self.launch()

        def ready():
            if self.process.poll() is not None:
                raise Failed(f"the server ended with {self.process.returncode}: {self.output()}")
            return port_file.exists() and port_file.read_text().strip()

        self.port = int(eventually(ready, START_TIMEOUT_S, "the server listens"))
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        SEEN.append((str(self.stderr), self.stderr.read_bytes()))

    def refuses_to_start(self):
        """What it says, when it ends by itself with 1."""
        self.launch()
        code = self.process.wait(START_TIMEOUT_S)
        SEEN.append((str(self.stderr), self.stderr.read_bytes()))
        if code != 1:
            raise Failed(f"ended with {code}: {self.output()}")
        return self.output()

    def output(self):
        return self.stderr.read_text(errors="replace")

    def reload(self, says="the configuration was reloaded"):
        """SIGHUP, and waits until the log says how it went."""
        before = self.output().count(says)
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.output().count(says) > before, 10.0, says)

    def memory_mib(self):
        return self._memory_mib("VmRSS")

    def memory_peak_mib(self):
        return self._memory_mib("VmHWM")

    def _memory_mib(self, what):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split(f"{what}:")[1].split()[0]) / 1024


class Client:
    """One connection. `tls` is an ssl.SSLContext; `source` an address of 127.0.0.0/8."""

    def __init__(self, port, dialect="rcpx", tls=None, source="127.0.0.1", timeout_s=15.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s,
                                               source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.dialect, self.reader, self.last_id = dialect, rcp.FrameReader(dialect), 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, op, params=None):
        self.last_id += 1
        message = {"type": "request", "id": str(self.last_id), "op": op, "params": params or {}}
        self.socket.sendall(rcp.encode(self.dialect, json.dumps(message).encode()))
        return str(self.last_id)

    def receive(self):
        while True:
            payload = self.reader.next()
            if payload is not None:
                SEEN.append(("an answer", payload))
                return json.loads(payload)
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the server closed the connection")
            self.reader.feed(data)

    def ask(self, op, params=None):
        """The answer to this request; events that come before it are passed over."""
        request_id = self.send(op, params)
        while True:
            answer = self.receive()
            if answer["type"] == "response":
                if answer["id"] != request_id:
                    raise Failed(f"{op}: answer to {answer['id']!r}: {answer}")
                return answer

    def must(self, op, params=None):
        answer = self.ask(op, params)
        if answer["status"] != "ok":
            raise Failed(f"{op}: {answer}")
        return answer["result"]

    def auth(self, token):
        return self.ask("AUTH", {"token": token})

    def last_word(self, timeout_s):
        """The last message before the server closes; Failed when it does not close in time."""
        self.socket.settimeout(timeout_s)
        last = None
        try:
            while True:
                last = self.receive()
        except (EOFError, ConnectionResetError):
            return last
        except TimeoutError:
            raise Failed(f"open after {timeout_s:.0f} s") from None


def code_of(answer):
    """"ok", or the error's code with the one in its details."""
    if answer["status"] == "ok":
        return "ok"
    error = answer["error"]
    detail = error.get("details", {}).get("code")
    return error["code"] + (f"/{detail}" if detail else "")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, what, holds, shown=""):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)
        if not holds and shown != "":
            print(f"     {str(shown)[:2000]}", flush=True)

    def count(self, passed, what, wrong):
        """Many checks of one kind; `wrong` has those that do not hold."""
        self.passed, self.failed = self.passed + passed, self.failed + len(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {what}: {passed} as expected", flush=True)
        for name, got in wrong.items():
            print(f"     {name}: {got}", flush=True)

    def skip(self, why):
        self.skipped += 1
        print(f"skip {why}", flush=True)


def search_for_secrets(report):
    """No token and no whole hash of one has come out of a server."""
    found = {f"{where}: {secret[:6]!r}…" for where, output in SEEN for secret in SECRETS
             if secret in output}
    size = sum(len(output) for _, output in SEEN)
    report.check(f"none of {len(SECRETS)} tokens and hashes in {len(SEEN)} outputs of together "
                 f"{size} bytes", not found and SEEN, sorted(found))


def run_groups(groups, document):
    """The main program of a runner: each group is a module with run(program, folder, report,
    full)."""
    parser = argparse.ArgumentParser(description=document.splitlines()[0])
    parser.add_argument("--server", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="", help="only groups whose name holds this")
    parser.add_argument("--full", action="store_true")
    args = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="rstmdb-tests-") as folder:
        for group in groups:
            if args.only not in group.__name__:
                continue
            began = time.monotonic()
            try:
                group.run(args.server.resolve(), pathlib.Path(folder) / group.__name__, report,
                          args.full)
            except (Failed, OSError, EOFError) as problem:
                report.check(f"{group.__name__} came to its end", False, repr(problem))
            print(f"     {group.__name__} took {time.monotonic() - began:.1f} s", flush=True)
    if SECRETS:
        search_for_secrets(report)
    if report.skipped:
        print(f"{report.skipped} skipped")
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed or not report.passed else 0)
