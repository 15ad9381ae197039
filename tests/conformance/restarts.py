"""A client under load while its server is killed or stopped and started again.

Every call has to succeed, and the log says what really happened: each write once, calls on one
instance in the order in which they were made, and the streams have told all of it without a gap, a
repetition or another order. The server asks for a token, so every new connection has to prove
itself.
"""

import collections
import hashlib
import pathlib
import signal
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

from adapter import AdapterError, Refused, connect  # noqa: E402
from canonical import Number  # noqa: E402
from server import Failed, Server, read_log  # noqa: E402

TOKEN = "a token for tests"
SETTINGS = {"auth": {"required": True,
                     "token_hashes": [hashlib.sha256(TOKEN.encode()).hexdigest()]}}
CALL_TIMEOUT_MS = 60_000
STREAM_TIMEOUT_MS = 30_000
ANSWERS_BEFORE_THE_END = 20
CALLS_FOR_A_FROZEN_SERVER = 10
UNDER_WAY_TIMEOUT_S = 20.0
INSTANCES = 4
CALLS_PER_LIFE = 1_000
WRITES_PER_LIFE = 100
TICK = {"states": ["on", "off"], "initial": "on",
        "transitions": [{"from": "on", "event": "TICK", "to": "on"},
                        {"from": "on", "event": "END", "to": "off"}]}
KINDS = {"create_instance": "create", "apply_event": "transition", "delete_instance": "delete"}


class Storm:
    """Calls made without waiting, while the server ends in each of the ways of `ends`."""

    def __init__(self, adapter, server, lives):
        self.adapter, self.server = adapter, server
        self.calls = []  # (request id, op, params)
        self.ends = self.ends_under_way = 0
        self.problem = None
        for how, calls in lives:
            self._live(how, calls)
        if not self.ends_under_way:
            raise Failed("the server never ended while calls were under way: nothing was shown")
        self.results = [(op, params, self._result(*call)) for call in self.calls
                        for op, params in [call[1:]]]

    def _live(self, how, calls):
        enough = self.adapter.answered + ANSWERS_BEFORE_THE_END
        frozen = threading.Event()
        sender = threading.Thread(target=self._send, args=(calls, frozen))
        sender.start()
        try:
            if how:
                self.adapter.wait_for_answers(enough)
                self._end(how, frozen)
                self.server.start()
        finally:
            frozen.set()
            sender.join()
        if self.problem:
            raise self.problem

    def _end(self, how, frozen):
        """Stands the server still until calls are under way that it cannot answer any more, so that
        a quick client has not had all its answers when the end comes."""
        self.server.process.send_signal(signal.SIGSTOP)
        frozen.set()
        deadline = time.monotonic() + UNDER_WAY_TIMEOUT_S
        while self.adapter.last_id <= self.adapter.answered and time.monotonic() < deadline:
            time.sleep(0.001)  # polling, with the deadline above
        self.ends += 1
        self.ends_under_way += self.adapter.last_id > self.adapter.answered
        if how == "stop":
            self.server.process.send_signal(signal.SIGCONT)
        self.server.end(how)

    def _send(self, calls, frozen):
        try:
            for place, (op, params) in enumerate(calls):
                if place == len(calls) - CALLS_FOR_A_FROZEN_SERVER:
                    frozen.wait()
                request_id = self.adapter.send({"do": "call", "op": op, "params": params})
                self.calls.append((request_id, op, params))
        except AdapterError as problem:
            self.problem = problem

    def _result(self, request_id, op, params):
        try:
            return self.adapter.wait(request_id)
        except Refused as refusal:
            raise Failed(f"{op} {params}: {refusal}") from None


def _call(adapter, op, **params):
    return adapter.ask({"do": "call", "op": op, "params": params})


def _watch(adapter, op, **params):
    opened = adapter.ask({"do": "watch", "op": op, "params": params})
    return opened["watch"]


def _pull(adapter, watch, count):
    """Asks for so many notifications; the adapter answers when it has them."""
    return adapter.send({"do": "next", "watch": watch, "count": count,
                         "timeout_ms": STREAM_TIMEOUT_MS})


def events(adapter, server, ends):
    """Pipelined APPLY_EVENT with keys of the client's own, and two streams of what they do."""
    _call(adapter, "PUT_MACHINE", machine="tick", version=1, definition=TICK)
    everything = _watch(adapter, "WATCH_ALL", kinds=["transition", "create", "delete"])
    names = [f"t-{index}" for index in range(INSTANCES)]
    for name in names:
        _call(adapter, "CREATE_INSTANCE", machine="tick", version=1, instance_id=name)
    one = _watch(adapter, "WATCH_INSTANCE", instance_id=names[0], include_ctx=False)
    lives = [*ends, None]
    total = CALLS_PER_LIFE * len(lives)
    calls = [("APPLY_EVENT", {"instance_id": names[n % INSTANCES], "event": "TICK",
                              "payload": {"n": n}}) for n in range(total)]
    # One stream is read all along, the other has to be held until somebody wants it.
    pulled = _pull(adapter, everything, total + INSTANCES)
    storm = Storm(adapter, server, [
        (how, calls[life * CALLS_PER_LIFE:(life + 1) * CALLS_PER_LIFE])
        for life, how in enumerate(lives)])
    log = read_log(server.address(TOKEN))
    _check_calls(storm, log, names)
    _check_stream("WATCH_ALL", adapter.wait(pulled)["events"], log, None)
    told = adapter.wait(_pull(adapter, one, total // INSTANCES))["events"]
    _check_stream("WATCH_INSTANCE", [event | {"kind": "transition"} for event in told], log,
                  names[0])
    return storm


def _check_calls(storm, log, names):
    offsets = {}
    done = collections.defaultdict(list)
    keys = set()
    for record in log:
        entry = record["entry"]
        if entry["type"] == "apply_event":
            number = int(entry["payload"]["n"].text)
            done[entry["instance_id"]].append(number)
            offsets[number] = record["offset"]
            keys.add(entry.get("idempotency_key"))
    for index, name in enumerate(names):
        wanted = list(range(index, len(storm.results), INSTANCES))
        if done[name] != wanted:
            raise Failed(f"{name} in the log: {_first_difference(done[name], wanted)}")
    if None in keys or len(keys) != len(storm.results):
        raise Failed(f"{len(storm.results)} events have {len(keys)} keys")
    for _, params, result in storm.results:
        number = params["payload"]["n"]
        if result["wal_offset"] != offsets[number] or result["ctx"] != {"n": Number(str(number))}:
            raise Failed(f"event {number} at {offsets[number]} was answered with {result}")


def _first_difference(found, wanted):
    for index, (left, right) in enumerate(zip(found, wanted)):
        if left != right:
            return f"{left} where {right} is due, at {index}"
    return f"{len(found)} where {len(wanted)} are due"


def _check_stream(name, told, log, instance_id):
    """The notifications are the log's own records of these kinds, all of them."""
    wanted = []
    for record in log:
        entry = record["entry"]
        kind = KINDS.get(entry["type"])
        if not kind or (instance_id and (entry["instance_id"] != instance_id
                                         or kind != "transition")):
            continue
        wanted.append((record["offset"], kind, entry["instance_id"], entry.get("payload")))
    found = [(event["wal_offset"], event["kind"], event["instance_id"], event["payload"])
             for event in told]
    if found != wanted:
        raise Failed(f"{name} has told: {_first_difference(found, wanted)}")


def lives(adapter, server, ends):
    """CREATE_INSTANCE with and without an id, DELETE_INSTANCE and atomic BATCH, each once."""
    _call(adapter, "PUT_MACHINE", machine="tick", version=1, definition=TICK)
    total = WRITES_PER_LIFE * (len(ends) + 1)
    for number in range(total):
        adapter.send({"do": "call", "op": "CREATE_INSTANCE", "params": {
            "machine": "tick", "version": 1, "instance_id": f"gone-{number}"}})
    adapter.wait_for_answers(adapter.last_id)
    first = int(_call(adapter, "WAL_STATS")["latest_offset"].text)
    everything = _watch(adapter, "WATCH_ALL", kinds=["transition", "create", "delete"])
    calls = [call for number in range(total) for call in _writes(number)]
    per_life = len(calls) // (len(ends) + 1)
    storm = Storm(adapter, server, [(how, calls[life * per_life:(life + 1) * per_life])
                                    for life, how in enumerate([*ends, None])])
    log = [record for record in read_log(server.address(TOKEN))
           if int(record["offset"].text) > first]
    _check_writes(storm, log, total)
    told = adapter.wait(_pull(adapter, everything, len(log)))["events"]
    _check_stream("WATCH_ALL", told, log, None)
    return storm


def _writes(number):
    machine = {"machine": "tick", "version": 1}
    yield "CREATE_INSTANCE", machine | {"instance_id": f"named-{number}"}
    yield "CREATE_INSTANCE", machine
    yield "DELETE_INSTANCE", {"instance_id": f"gone-{number}"}
    yield "BATCH", {"mode": "atomic", "ops": [
        {"op": "CREATE_INSTANCE", "params": machine | {"instance_id": f"pair-{number}"}},
        {"op": "APPLY_EVENT", "params": {"instance_id": f"pair-{number}", "event": "END"}}]}


def _check_writes(storm, log, total):
    def of(kind):
        return [record["entry"]["instance_id"] for record in log if record["entry"]["type"] == kind]

    created = of("create_instance")
    made = [result["instance_id"] for op, params, result in storm.results
            if op == "CREATE_INSTANCE" and "instance_id" not in params]
    wanted = made + [f"{kind}-{number}" for kind in ("named", "pair") for number in range(total)]
    if sorted(created) != sorted(wanted):
        doubled = [name for name, times in collections.Counter(created).items() if times > 1]
        raise Failed(f"{len(created)} creations in the log, {len(wanted)} were made; twice: "
                     f"{doubled[:5]}, not there: {sorted(set(wanted) - set(created))[:5]}, "
                     f"nobody's: {sorted(set(created) - set(wanted))[:5]}")
    for kind, name in (("delete_instance", "gone"), ("apply_event", "pair")):
        if sorted(of(kind)) != sorted(f"{name}-{number}" for number in range(total)):
            raise Failed(f"{len(of(kind))} records {kind} in the log, {total} were asked for")
    for before, after in zip(log, log[1:]):
        entry = after["entry"]
        if entry["type"] == "apply_event" and (
                before["entry"]["type"], before["entry"]["instance_id"]) != (
                    "create_instance", entry["instance_id"]):
            raise Failed(f"something stands inside the batch of {entry['instance_id']}")
    for op, params, result in storm.results:
        if op == "BATCH" and any(one["status"] != "ok" for one in result["results"]):
            raise Failed(f"an atomic batch in part: {result}")


SCENARIOS = {"events": events, "lives": lives}
POOL = {"events": 1, "lives": 3}


class Tally:
    """What has been shown, over all scenarios of a client."""

    def __init__(self):
        self.calls = self.ends = self.ends_under_way = 0

    def add(self, storm):
        self.calls += len(storm.calls)
        self.ends += storm.ends
        self.ends_under_way += storm.ends_under_way


def hold(program, scenario, adapter, transport, certs, ends, tally):
    """None, or what was wrong."""
    with tempfile.TemporaryDirectory(prefix="rstmdb-conformance-") as folder:
        try:
            with Server(program, folder, transport, certs, SETTINGS) as server:
                connect(adapter, server.address(TOKEN), timeout_ms=CALL_TIMEOUT_MS,
                        pool=POOL[scenario])
                storm = SCENARIOS[scenario](adapter, server, ends)
                adapter.ask({"do": "close"})
                server.end("stop")
                tally.add(storm)
                return None
        except (Failed, AdapterError, Refused) as problem:
            return str(problem)
