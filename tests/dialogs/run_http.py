#!/usr/bin/env python3
"""Holds every conversation of protocol/vectors/http with a real server over HTTP.

  tests/dialogs/run_http.py --server build/release/bin/rstmdb [--only TEXT]

Each gets a server of its own on an empty folder. Prints one line for each, what was wrong with
those that failed, and `N passed, N failed`.
"""

import argparse
import http.client
import pathlib
import re
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(pathlib.Path(__file__).resolve().parent)]

import canonical  # noqa: E402
from matcher import DialogError, fill, mismatch  # noqa: E402
from run import Mismatch, Server  # noqa: E402

TIMEOUT_S = 15.0
SERVED = re.compile(r'"HTTP is served".*?"address":"127\.0\.0\.1:(\d+)"')


class Events:
    """The events of one stream, as {"event", "id", "data"}; what is missing has no member."""

    def __init__(self, connection, response):
        self.connection, self.response = connection, response

    def next(self):
        event, data = {}, []
        while True:
            line = self.response.readline()
            if not line.endswith(b"\n"):
                return None
            line = line.decode().rstrip("\r\n")
            if not line and data:
                return {**event, "data": canonical.parse("\n".join(data))}
            name, _, value = line.partition(":")
            if name == "data":
                data.append(value.removeprefix(" "))
            elif name in ("event", "id"):
                event[name] = value.removeprefix(" ")

    def close(self):
        self.response.close()
        self.connection.close()


class Conversation:
    """One dialog with one server."""

    def __init__(self, server):
        self.server, self.saved = server, {}
        self.connection, self.stream, self.port = None, None, 0

    def hold(self, steps):
        self._start()
        for index, step in enumerate(steps):
            try:
                self._step(step)
            except (Mismatch, OSError, ValueError, http.client.HTTPException) as problem:
                raise Mismatch(f"step {index + 1}: {problem or type(problem).__name__}") from None
        self._close()
        self.server.end("stop")

    def _start(self):
        self.server.start()
        self.port = int(SERVED.findall(self.server.output())[-1])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)

    def _close(self):
        self.connection.close()
        if self.stream:
            self.stream.close()
        self.stream = None

    def _step(self, step):
        if "request" in step:
            self._check(step["expect"], self._ask(self.connection, step["request"]))
        elif "stream" in step:
            self._open(step)
        elif "event" in step:
            event = self.stream.next()
            if event is None:
                raise Mismatch("the stream has ended")
            self._check(step["event"], event)
        elif "ended" in step:
            event = self.stream.next()
            if event is not None:
                raise Mismatch(f"no end, but {canonical.write(event)}")
        elif "restart" in step:
            self._close()
            self.server.end(step["restart"])
            self._start()
        else:
            raise DialogError(f"unknown step {sorted(step)}")

    def _send(self, connection, request):
        request = fill(request, self.saved)
        headers = dict(request.get("headers", {}))
        body = request.get("text")
        if "body" in request:
            body = canonical.write(request["body"])
            headers.setdefault("Content-Type", "application/json")
        connection.request(request["method"], request["path"],
                           None if body is None else body.encode(), headers)
        return connection.getresponse()

    def _ask(self, connection, request):
        """The answer as {"status", "headers", "body" or "text"}; a body that is JSON is parsed."""
        response = self._send(connection, request)
        text = response.read().decode()
        answer = {"status": canonical.Number(str(response.status)),
                  "headers": {name.lower(): value for name, value in response.getheaders()}}
        kind = answer["headers"].get("content-type", "")
        if text and "json" in kind:
            answer["body"] = canonical.parse(text)
        else:
            answer["text"] = text
        return answer

    def _open(self, step):
        if self.stream:
            self.stream.close()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        response = self._send(connection, {"method": "GET", **step["stream"]})
        self.stream = Events(connection, response)
        if response.status != 200:
            raise Mismatch(f"no stream: {response.status} {response.read()!r}")

    def _check(self, expected, actual):
        if "headers" in expected:
            expected = {**expected, "headers": {name.lower(): value for name, value in
                                                expected["headers"].items()}}
        problem = mismatch(expected, actual, self.saved)
        if problem:
            raise Mismatch(f"{problem}; in {canonical.write(actual)[:1000]}")


def hold(program, dialog):
    """None, or what was wrong."""
    with tempfile.TemporaryDirectory(prefix="rstmdb-http-") as folder:
        overrides = {"http": {"enabled": True, "bind_addr": "127.0.0.1:0"},
                     "logging": {"level": "info"}}
        for section, keys in dialog.get("server", {}).get("config", {}).items():
            overrides[section] = {**overrides.get(section, {}), **keys}
        server = Server(program, folder, overrides)
        try:
            Conversation(server).hold(dialog["steps"])
        except (Mismatch, DialogError) as problem:
            return str(problem)
        finally:
            server.abandon()
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    passed = failed = 0
    for path in sorted((ROOT / "protocol/vectors/http").glob("*.json")):
        if args.only not in path.name:
            continue
        problem = hold(str(args.server.resolve()), canonical.parse(path.read_text()))
        passed, failed = passed + (problem is None), failed + (problem is not None)
        print(f"{'FAIL' if problem else 'ok  '} {path.stem}" + (f": {problem}" if problem else ""),
              flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
