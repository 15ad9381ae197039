"""Holds a dialog of protocol/vectors through a client.

Where the dialog restarts the server, the client has to find it again by itself. What a client does
on its own (HELLO, BYE) and what no client can be made to send has no place here: NOT_FOR_CLIENTS.
"""

import json
import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT / "tools"), str(ROOT / "tests/dialogs")]

import canonical  # noqa: E402
import forms  # noqa: E402
from adapter import AdapterError, Refused, connect  # noqa: E402
from matcher import DialogError, fill, mismatch  # noqa: E402
from server import Connection, Failed, Server  # noqa: E402

EVENT_TIMEOUT_S = 10.0
GLANCE_MS = 20  # how long a stream is looked at that has nothing to tell
NOT_FOR_CLIENTS = {
    "bye.json": "a client ends its session itself",
    "first_request.json": "a client begins with HELLO itself",
    "hello.json": "a client says HELLO itself",
    "hello_jsonl.json": "a client says HELLO itself",
    "hello_unknown_wire_mode.json": "a client says HELLO itself",
    "hello_version.json": "a client says HELLO itself",
    "hello_wire_mode.json": "a client says HELLO itself",
    "messages.json": "payloads that no client writes",
}


SAID_FOR_IT = object()


class Counts:
    """How the steps of a client were said."""

    def __init__(self):
        self.methods = self.general = self.refused_before_sending = self.said_for_it = 0


class Conversation:
    """One dialog, one client, one server that runs. `answers` has what each step gave, in order,
    for comparing clients with one another."""

    def __init__(self, adapter, server, wire="binary", counts=None):
        self.adapter, self.server, self.wire = adapter, server, wire
        self.counts = counts or Counts()
        self.numbers = adapter.about["numbers"]
        self.saved = {"wire_mode": "jsonl" if wire == "jsonl" else "binary_json"}
        self.watches = {}  # subscription id: the adapter's name for it
        self.heads = {}  # the adapter's name: its first event that no step has taken
        self.own = None
        self.answers = []

    def hold(self, steps):
        self._connect()
        for index, step in enumerate(steps):
            try:
                self._step(step)
            except (Failed, AdapterError, Refused) as problem:
                raise Failed(f"step {index + 1}: {problem}") from None
            except (OSError, EOFError) as problem:
                raise Failed(f"step {index + 1}, on the runner's connection: {problem}") from None
        self.adapter.ask({"do": "close"})

    def _connect(self):
        # Keys of the client's own would be in the log and answer repeated steps.
        connect(self.adapter, self.server.address(), wire=self.wire, auto_keys=False)
        self.watches, self.heads = {}, {}

    def _step(self, step):
        if "send" in step:
            self._finish(step, self._start(step["send"]))
        elif "pipeline" in step:
            started = [(one, self._start(one["send"])) for one in step["pipeline"]]
            for one, under_way in started:
                self._finish(one, under_way)
        elif "event" in step:
            self._expect_event(step["event"])
        elif "no_event" in step:
            self._expect_no_event()
        elif "restart" in step:
            self._restart(step["restart"])
        elif "reconnect" in step:
            self.adapter.ask({"do": "close"})
            self._connect()
        else:
            raise DialogError(f"no step for clients: {sorted(step)}")

    def _start(self, request):
        """Sends a request on its way: (op, what it is, the adapter's id or the answer)."""
        op = request["op"]
        params = fill(request.get("params") or {}, self.saved)
        if op == "UNWATCH" and params["subscription_id"] in self.watches:
            self.counts.methods += 1
            watch = self.watches.pop(params["subscription_id"])
            self.heads.pop(watch, None)
            ended = {"subscription_id": params["subscription_id"], "removed": True}
            return op, ended, self.adapter.send(
                {"do": "unwatch", "watch": canonical.Number(watch)})
        sayable = forms.typed(op, forms.plain(op, params) if op in forms.WATCHES else params)
        if sayable is None and not self.adapter.about["general"]:
            self.counts.said_for_it += 1
            return op, SAID_FOR_IT, self._own().ask(op, params)
        if sayable is None:
            self.counts.general += 1
            return op, None, self.adapter.send({"do": "raw", "op": op, "params": params})
        self.counts.methods += 1
        what = "watch" if op in forms.WATCHES else "call"
        return op, what, self.adapter.send({"do": what, "op": op, "params": sayable})

    def _finish(self, step, started):
        op, what, request_id = started
        if what is SAID_FOR_IT:
            self._check(step["expect"], request_id)
            self.answers.append((op, None))
            return
        try:
            result = self.adapter.wait(request_id)
        except Refused as refusal:
            self._refused(op, step["expect"], refusal.error)
            return
        if isinstance(what, dict):
            result = what
        elif what == "watch":
            self.watches[result["subscription_id"]] = result.pop("watch").text
        self._check(step["expect"], {"status": "ok", "result": result})
        self.answers.append((op, result))

    def _refused(self, op, expected, error):
        if error["kind"] == "argument" and expected.get("error", {}).get("code") == "BAD_REQUEST":
            self.counts.refused_before_sending += 1
            self.answers.append((op, None))  # the server was not asked
            return
        if error["kind"] != "server":
            raise Refused(error)
        self._check(expected, {"status": "error", "error": error})
        said = {key: error.get(key) for key in ("code", "retryable", "details")}
        self.answers.append((op, said))

    def _check(self, expected, answer):
        wanted = forms.as_numbers(self.numbers, expected)
        problem = mismatch(wanted, forms.as_numbers(self.numbers, answer), self.saved)
        if problem:
            raise Failed(f"{problem}; in {canonical.write(answer)[:1000]}")

    def _restart(self, how):
        for watch in self.watches.values():
            self.adapter.ask({"do": "unwatch", "watch": canonical.Number(watch)})
        self.watches, self.heads, self.own = {}, {}, None
        if not self.adapter.about["reconnects"]:
            self.adapter.ask({"do": "close"})
        self.server.end(how)
        self.server.start()
        if not self.adapter.about["reconnects"]:
            self._connect()
        # A read, which is repeated if it meets the old connection; what follows may have no key.
        self.adapter.ask({"do": "call", "op": "PING", "params": {}})

    def _own(self):
        """A connection of the runner's own, for what the client has no way to say."""
        if not self.own:
            self.own = Connection(self.server.address())
            # What has asked nothing yet is closed after ten seconds, and a long request takes time.
            self.own.must("PING", {})
        return self.own

    def _pull(self, watch, timeout_ms):
        """Makes sure that the watch's first event is known, if there is one."""
        if watch not in self.heads:
            told = self.adapter.ask({"do": "next", "watch": canonical.Number(watch), "count": 1,
                                     "timeout_ms": timeout_ms})["events"]
            if told:
                self.heads[watch] = {"type": "event"} | told[0]

    def _expect_event(self, expected):
        """The streams of a client have no order among one another: any of them may have it next."""
        named = expected.get("$exact", expected).get("subscription_id", {}).get("$ref")
        watches = [self.watches[self.saved[named]]] if named else list(self.watches.values())
        wanted = forms.as_numbers(self.numbers, expected)
        deadline = time.monotonic() + EVENT_TIMEOUT_S
        problem = "no stream is open"
        while time.monotonic() < deadline:
            for watch in watches:
                self._pull(watch, GLANCE_MS if len(watches) > 1 else int(EVENT_TIMEOUT_S * 1000))
                if watch not in self.heads:
                    problem = "no event came"
                    continue
                event = forms.as_numbers(self.numbers, self.heads[watch])
                problem = mismatch(wanted, event, self.saved, "event")
                if not problem:
                    self.answers.append(("event", self.heads.pop(watch)))
                    return
            if all(watch in self.heads for watch in watches):
                break
        raise Failed(problem)

    def _expect_no_event(self):
        self.adapter.ask({"do": "call", "op": "PING", "params": {}})
        for watch in self.watches.values():
            self._pull(watch, GLANCE_MS)
            if watch in self.heads:
                raise Failed(f"an event: {canonical.write(self.heads[watch])}")


def needs_general_call(dialog):
    """Whether steps that no method says are about the client's own session."""
    return dialog.get("server", {}).get("config", {}).get("auth") is not None


def load(folder=ROOT / "protocol/vectors/dialogs"):
    """{file name: dialog}, all of them."""
    return {path.name: canonical.parse(path.read_text(encoding="utf-8"))
            for path in sorted(folder.glob("*.json"))}


def hold(program, dialog, adapter, transport, certs, wire="binary", counts=None):
    """(what was wrong or None, the answers) for one dialog with a server of its own."""
    settings = json.loads(canonical.write(dialog.get("server", {}).get("config", {})))
    with tempfile.TemporaryDirectory(prefix="rstmdb-conformance-") as folder:
        try:
            with Server(program, folder, transport, certs, settings) as server:
                conversation = Conversation(adapter, server, wire, counts)
                conversation.hold(dialog["steps"])
                server.end("stop")
                return None, conversation.answers
        except (Failed, Refused) as problem:
            return str(problem), []


def difference(numbers, one, other):
    """None when both answers to the same steps say the same, numbers as `numbers` has them."""
    for index, ((op, first), (_, second)) in enumerate(zip(one, other, strict=True)):
        if first is None or second is None:
            continue  # one of them was refused before it was sent
        if forms.lasting(forms.as_numbers(numbers, first)) != forms.lasting(
                forms.as_numbers(numbers, second)):
            return (f"answer {index + 1} ({op}): {canonical.write(first)[:600]} but the wire has "
                    f"{canonical.write(second)[:600]}")
    return None
