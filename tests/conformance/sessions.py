"""How a client answers to a server that refuses it, that it must refuse, that is not there, that
says nothing, or that has no longer what it is asked for."""

import pathlib
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent))

from adapter import AdapterError, Refused, connect  # noqa: E402
from canonical import Number  # noqa: E402
from restarts import SETTINGS, TICK, TOKEN  # noqa: E402
from server import Connection, Failed, Server, read_log  # noqa: E402


ENDING_S = 10.0
STALL_TIMEOUT_MS = 3_000
LARGE_TEXT = "x" * 600_000
SNAPSHOTS_KEPT = 2  # the log behind the older one stays
LARGE_EVENTS = 3  # each fills a file of the log
SMALL_SEGMENTS = SETTINGS | {"storage": {"wal_segment_size_mb": 1}}


def _refusal(what, ask):
    try:
        ask()
    except Refused as refusal:
        return refusal.error
    raise Failed(f"{what} was taken")


def _expect(what, error, kind, code=""):
    if (error["kind"], error.get("code") or "") != (kind, code):
        raise Failed(f"{what}: {error}")


def _hold(adapter, server):
    good = server.address(TOKEN)
    without = {key: value for key, value in good.items() if key != "token"}
    _expect("a wrong token", _refusal("a wrong token", lambda: connect(
        adapter, good | {"token": "wrong"}, timeout_ms=5_000)), "server", "AUTH_FAILED")
    connect(adapter, without)
    _expect("no token", _refusal("no token", lambda: adapter.ask(
        {"do": "call", "op": "INFO", "params": {}})), "server", "UNAUTHORIZED")
    adapter.ask({"do": "close"})
    if "tls" in good:
        tls = good["tls"] | {"ca_cert": server.certs["other-root.pem"]}
        _expect("a server of another CA", _refusal("a server of another CA", lambda: connect(
            adapter, good | {"tls": tls}, timeout_ms=5_000)), "connection")
    if server.transport == "mtls":
        tls = {"ca_cert": server.certs["root.pem"]}
        _expect("no certificate", _refusal("no certificate", lambda: connect(
            adapter, good | {"tls": tls}, timeout_ms=5_000)), "connection")
    connect(adapter, good)
    adapter.ask({"do": "call", "op": "INFO", "params": {}})
    stream = adapter.ask({"do": "watch", "op": "WATCH_ALL", "params": {}})["watch"]
    server.end("stop")
    # Ending waits for no server: the default timeout of a call is longer than these.
    adapter.ask({"do": "unwatch", "watch": stream}, ENDING_S)
    adapter.ask({"do": "close"}, ENDING_S)
    _expect("no server", _refusal("no server", lambda: connect(
        adapter, good, timeout_ms=5_000)), "connection")


def _stall(adapter, server):
    """Calls on a server that is there and says nothing; late answers are nobody's."""
    own = Connection(server.address(TOKEN))
    own.must("PUT_MACHINE", {"machine": "tick", "version": 1, "definition": TICK})
    own.must("CREATE_INSTANCE", {"machine": "tick", "version": 1, "instance_id": "t"})
    connect(adapter, server.address(TOKEN), timeout_ms=STALL_TIMEOUT_MS)
    read = {"do": "call", "op": "GET_INSTANCE", "params": {"instance_id": "t"}}
    server.process.send_signal(signal.SIGSTOP)
    for what, call in (("a write", {"do": "call", "op": "APPLY_EVENT", "params": {
            "instance_id": "t", "event": "TICK", "payload": {"n": 1}}}), ("a read", read)):
        _expect(what, _refusal(f"{what} on a server that stands still",
                               lambda call=call: adapter.ask(call, ENDING_S)), "timeout")
    server.process.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + ENDING_S
    found = None
    while found != {"n": Number("1")}:  # what was sent before the end of its time is carried out
        if time.monotonic() > deadline:
            raise Failed(f"the write that had been sent is not there: {found}")
        try:
            found = adapter.ask(read)["ctx"]
        except Refused as refusal:
            _expect("a read afterwards", refusal.error, "timeout")
    adapter.ask({"do": "close"})
    done = [record for record in read_log(server.address(TOKEN))
            if record["entry"]["type"] == "apply_event"]
    if len(done) != 1:
        raise Failed(f"the log has the event {len(done)} times")
    server.end("stop")


def _gone(adapter, server):
    """A stream whose place is compacted away while its client is cut off: it must say so, and not
    go on behind the gap."""
    address = server.address(TOKEN)
    own = Connection(address)
    own.must("PUT_MACHINE", {"machine": "tick", "version": 1, "definition": TICK})
    own.must("CREATE_INSTANCE", {"machine": "tick", "version": 1, "instance_id": "t"})
    connect(adapter, address)
    stream = adapter.ask({"do": "watch", "op": "WATCH_ALL", "params": {}})["watch"]
    adapter.process.send_signal(signal.SIGSTOP)
    try:
        server.end("kill")
        server.start()
        own = Connection(address, "jsonl")
        for _ in range(SNAPSHOTS_KEPT):
            for _ in range(LARGE_EVENTS):
                own.must("APPLY_EVENT", {"instance_id": "t", "event": "TICK",
                                         "payload": {"text": LARGE_TEXT}})
            own.must("COMPACT", {})
        oldest = read_log(address)[0]["offset"]
        if int(oldest.text) <= 3:  # the stream wants the record behind the first two
            raise Failed("nothing was compacted away")
    finally:
        adapter.process.send_signal(signal.SIGCONT)
    error = _refusal("a place that is gone", lambda: adapter.ask(
        {"do": "next", "watch": stream, "count": 1, "timeout_ms": 20_000}))
    _expect("a place that is gone", error, "server", "NOT_FOUND")
    if error["details"]["oldest_offset"] != oldest:
        raise Failed(f"the oldest offset is {oldest}, not {error['details']}")
    adapter.ask({"do": "close"})
    server.end("stop")


STALL = "a server that stands still"
ROWS = {"sessions": _hold, STALL: _stall, "a place that is gone from the log": _gone}


def hold(program, row, adapter, transport, certs):
    """None, or what was wrong."""
    with tempfile.TemporaryDirectory(prefix="rstmdb-conformance-") as folder:
        try:
            with Server(program, folder, transport, certs, SMALL_SEGMENTS) as server:
                ROWS[row](adapter, server)
                return None
        except (Failed, AdapterError, Refused) as problem:
            return str(problem)
