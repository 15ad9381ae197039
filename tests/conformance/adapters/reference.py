#!/usr/bin/env python3
"""The protocol itself behind the contract of tests/conformance: what the server says, as it is.

No client, but what clients are compared with: it sends what it is given, gives back all members of
every answer, and neither reconnects nor makes keys.
"""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path[1:1] = [str(pathlib.Path(__file__).resolve().parents[1])]

import server  # noqa: E402  (first: it knows where the tools are)
import canonical  # noqa: E402


class Refusal(Exception):
    """An answer of the server's that is an error."""


def result_of(answer):
    if answer["status"] != "ok":
        raise Refusal({"kind": "server", "maybe_applied": False} | answer["error"])
    return answer["result"]


class Reference:
    def __init__(self):
        self.address, self.connection, self.watches = None, None, {}

    def take(self, request):
        return getattr(self, request["do"])(request)

    def about(self, _):
        return {"client": "reference", "wires": ["binary"], "numbers": "text", "reconnects": False,
                "general": True}

    def connect(self, request):
        self.address = request | {"port": int(request["port"].text)}
        self.connection = self.open()
        return {}

    def open(self):
        connection = server.Connection({key: value for key, value in self.address.items()
                                        if key != "token"})
        result_of(connection.ask("HELLO", {"protocol_version": 1}))
        if "token" in self.address:
            result_of(connection.ask("AUTH", {"token": self.address["token"]}))
        return connection

    def call(self, request):
        return result_of(self.connection.ask(request["op"], request["params"]))

    raw = call

    def watch(self, request):
        connection = self.open()
        result = result_of(connection.ask(request["op"], request["params"]))
        name = len(self.watches) + 1
        self.watches[name] = (connection, result["subscription_id"])
        return {"watch": name} | result

    def next(self, request):
        connection, _ = self.watches[int(request["watch"].text)]
        connection.socket.settimeout(int(request["timeout_ms"].text) / 1000)
        events = []
        try:
            while len(events) < int(request["count"].text):
                event = canonical.parse(connection.receive().decode())
                events.append({key: value for key, value in event.items() if key != "type"})
        except TimeoutError:
            pass
        return {"events": events}

    def unwatch(self, request):
        connection, subscription = self.watches[int(request["watch"].text)]
        connection.socket.settimeout(10)
        connection.send(canonical.write({
            "type": "request", "id": "end", "op": "UNWATCH",
            "params": {"subscription_id": subscription}}).encode())
        while (answer := canonical.parse(connection.receive().decode())).get("id") != "end":
            pass  # events that nobody has asked for
        connection.close()
        result_of(answer)
        return {}

    def close(self, _):
        for connection, _ in self.watches.values():
            connection.close()
        self.watches = {}
        if self.connection:
            self.connection.close()
        self.connection = None
        return {}


def main():
    reference = Reference()
    for line in sys.stdin.buffer:
        request = canonical.parse(line.decode())
        try:
            answer = {"ok": reference.take(request)}
        except Refusal as refusal:
            answer = {"error": refusal.args[0]}
        except (OSError, EOFError, server.Failed) as problem:
            answer = {"error": {"kind": "connection", "code": "", "message": str(problem),
                                "retryable": True, "maybe_applied": True}}
        sys.stdout.buffer.write(canonical.write({"id": request["id"]} | answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
