#!/usr/bin/env python3
"""Holds every conversation of protocol/vectors/dialogs with a real server, in every dialect.

  tests/dialogs/run.py --server build/release/bin/rstmdb [--only TEXT] [--dialect rcpx]

Each conversation gets a server of its own on an empty folder. Prints one line for each, what was
wrong with those that failed, and `N passed, N failed`.
"""

import argparse
import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(pathlib.Path(__file__).resolve().parent)]

import canonical  # noqa: E402
import rcp  # noqa: E402
from matcher import DialogError, fill, mismatch  # noqa: E402

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0


class Mismatch(Exception):
    """The server did not answer as the dialog says."""


class Server:
    """The program on a data folder of its own; survives restart()."""

    def __init__(self, program, folder, overrides):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.port_file = self.folder / "port"
        self.config = self.folder / "config.yaml"
        self.config.write_text(self._config_text(overrides))
        self.process = None
        self.port = 0

    def _config_text(self, overrides):
        settings = {"network": {"bind_addr": "127.0.0.1:0"},
                    "storage": {"data_dir": str(self.folder / "data")},
                    "http": {"enabled": False},
                    "logging": {"level": "warn", "format": "json"}}
        for section, keys in overrides.items():
            settings.setdefault(section, {}).update(keys)
        return json.dumps(settings)  # every JSON text is YAML as well

    def start(self):
        self.port_file.unlink(missing_ok=True)
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("RSTMDB_")}
        environment["RSTMDB_CONFIG"] = str(self.config)
        with open(self.folder / "stderr", "ab") as stderr:
            self.process = subprocess.Popen(
                [self.program, "--port-file", str(self.port_file)],
                env=environment, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Mismatch(f"the server ended with {self.process.returncode}: {self.output()}")
            text = self.port_file.read_text().strip() if self.port_file.exists() else ""
            if text:
                self.port = int(text)
                return
            time.sleep(0.005)  # polling, with the deadline above
        raise Mismatch(f"no port after {START_TIMEOUT_S:.0f} s: {self.output()}")

    def end(self, how):
        """`kill` is SIGKILL; `stop` is SIGTERM and has to end with exit code 0."""
        self.process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Mismatch(f"the server did not end within {STOP_TIMEOUT_S:.0f} s") from None
        if how == "stop" and code != 0:
            raise Mismatch(f"the server ended with {code}: {self.output()}")

    def abandon(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def output(self):
        return (self.folder / "stderr").read_text(errors="replace")[-2000:]


class Conversation:
    """One dialog with one server in one dialect."""

    def __init__(self, server, dialect):
        self.server = server
        self.dialect = dialect
        self.saved = {"wire_mode": "jsonl" if dialect == "jsonl" else "binary_json"}
        self.connection = None
        self.last_id = 0
        self.events = collections.deque()  # that came before an answer

    def hold(self, steps):
        self.server.start()
        self._connect()
        for index, step in enumerate(steps):
            try:
                self._step(step)
            except (Mismatch, OSError, EOFError, ValueError, rcp.FrameError) as problem:
                raise Mismatch(f"step {index + 1}: {problem or type(problem).__name__}") from None
        self.connection.close()
        self.server.end("stop")

    def _connect(self):
        if self.connection:
            self.connection.close()
        self.connection = rcp.Connection(self.server.port, self.dialect)
        self.events.clear()

    def _step(self, step):
        if "send" in step:
            self._check(step["expect"], self._receive(self._send(step["send"])))
            self._follow_wire_mode(step["send"])
        elif "pipeline" in step:
            self._pipeline(step["pipeline"])
        elif "payload" in step:
            self.connection.send(fill(step["payload"], self.saved).encode())
            self._check(step["expect"], canonical.parse(self.connection.receive().decode()))
        elif "event" in step:
            self._check(step["event"], self._next_event())
        elif "no_event" in step:
            self._expect_no_event()
        elif "restart" in step:
            self.server.end(step["restart"])
            self.server.start()
            self._connect()
        elif "reconnect" in step:
            self._connect()
        elif "closed" in step:
            self._expect_close()
        else:
            raise DialogError(f"unknown step {sorted(step)}")

    def _send(self, request):
        self.last_id += 1
        message = {"type": "request", "id": str(self.last_id), **fill(request, self.saved)}
        self.connection.send(canonical.write(message).encode())
        return message["id"]

    def _receive_answer(self):
        """The next message that is no event; events before it are kept."""
        while True:
            message = canonical.parse(self.connection.receive().decode())
            if message.get("type") != "event":
                return message
            self.events.append(message)

    def _next_event(self):
        if self.events:
            return self.events.popleft()
        message = canonical.parse(self.connection.receive().decode())
        if message.get("type") != "event":
            raise Mismatch(f"no event: {canonical.write(message)}")
        return message

    def _expect_no_event(self):
        """A PING's answer comes behind everything that has been on its way."""
        self._receive(self._send({"op": "PING"}))
        if self.events:
            raise Mismatch(f"an event: {canonical.write(self.events[0])}")

    def _receive(self, request_id):
        answer = self._receive_answer()
        if answer.get("type") != "response" or answer.get("id") != request_id:
            raise Mismatch(f"no answer to {request_id}: {canonical.write(answer)}")
        self.answer = answer
        return answer

    def _check(self, expected, answer):
        problem = mismatch(expected, answer, self.saved)
        if problem:
            raise Mismatch(f"{problem}; in {canonical.write(answer)[:1000]}")

    def _follow_wire_mode(self, request):
        if request.get("op") != "HELLO" or self.answer["status"] != "ok":
            return
        if self.answer["result"]["wire_mode"] == "jsonl":
            self.connection.switch_to("jsonl")

    def _pipeline(self, steps):
        expected = {self._send(step["send"]): step["expect"] for step in steps}
        answers = {}
        while len(answers) < len(expected):
            answer = self._receive_answer()
            if answer.get("id") not in expected or answer["id"] in answers:
                raise Mismatch(f"answer to nothing that was asked: {canonical.write(answer)}")
            answers[answer["id"]] = answer
        for request_id, wanted in expected.items():
            self._check(wanted, answers[request_id])

    def _expect_close(self):
        try:
            payload = self.connection.receive()
        except (EOFError, ConnectionResetError):
            return
        raise Mismatch(f"the connection is open and brought {payload[:200]!r}")


def load_dialogs(folder):
    dialogs = [canonical.parse(path.read_text(encoding="utf-8")) | {"file": path.name}
               for path in sorted(folder.glob("*.json"))]
    names = [dialog["name"] for dialog in dialogs]
    if len(set(names)) != len(names):
        raise DialogError("two dialogs have the same name")
    return dialogs


def plain(value):
    """Config overrides with numbers that json.dumps can write."""
    return json.loads(canonical.write(value))


def hold_one(program, dialog, dialect):
    """None, or what was wrong."""
    with tempfile.TemporaryDirectory(prefix="rstmdb-dialog-") as folder:
        overrides = plain(dialog.get("server", {}).get("config", {}))
        server = Server(program, folder, overrides)
        try:
            Conversation(server, dialect).hold(dialog["steps"])
        except Mismatch as problem:
            return f"{problem}"
        finally:
            server.abandon()
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--only", default="", help="only dialogs whose name or file holds this")
    parser.add_argument("--dialect", choices=rcp.DIALECTS, action="append")
    args = parser.parse_args()
    passed = failed = 0
    for dialog in load_dialogs(ROOT / "protocol/vectors/dialogs"):
        if args.only not in dialog["name"] and args.only not in dialog["file"]:
            continue
        for dialect in args.dialect or dialog.get("dialects", rcp.DIALECTS):
            problem = hold_one(args.server, dialog, dialect)
            passed, failed = passed + (not problem), failed + bool(problem)
            print(f"{'FAIL' if problem else 'ok  '} {dialog['name']} ({dialect})", flush=True)
            if problem:
                print(f"     {dialog['file']}: {problem}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
