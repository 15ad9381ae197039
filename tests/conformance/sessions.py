"""How a client answers to a server that refuses it, that it must refuse, or that is not there."""

import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent))

from adapter import AdapterError, Refused, connect  # noqa: E402
from restarts import SETTINGS, TOKEN  # noqa: E402
from server import Failed, Server  # noqa: E402


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
    adapter.ask({"do": "close"})
    server.end("stop")
    _expect("no server", _refusal("no server", lambda: connect(
        adapter, good, timeout_ms=5_000)), "connection")


def hold(program, adapter, transport, certs):
    """None, or what was wrong."""
    with tempfile.TemporaryDirectory(prefix="rstmdb-conformance-") as folder:
        try:
            with Server(program, folder, transport, certs, SETTINGS) as server:
                _hold(adapter, server)
                return None
        except (Failed, AdapterError, Refused) as problem:
            return str(problem)
