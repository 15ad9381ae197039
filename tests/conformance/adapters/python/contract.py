"""What both adapters of the Python client have in common: lines, names, numbers, errors."""

import dataclasses
import decimal
import json
import pathlib
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[4]
sys.path[1:1] = [str(ROOT / "clients/python/src"), str(ROOT / "tools")]

import rstmdb  # noqa: E402
from canonical import Number, write  # noqa: E402

KINDS = ((rstmdb.ServerError, "server"), (rstmdb.ConnectionError, "connection"),
         (rstmdb.RequestTimeoutError, "timeout"), (rstmdb.InvalidArgumentError, "argument"),
         (rstmdb.ProtocolError, "protocol"), ((TypeError, ValueError), "argument"))
OPERATIONS = {"CREATE_INSTANCE": rstmdb.CreateInstance, "APPLY_EVENT": rstmdb.ApplyEvent,
              "DELETE_INSTANCE": rstmdb.DeleteInstance}
MAY_BE_MISSING = {"last_event_id", "event_id", "max_payload_bytes", "version",
                  "next_before_offset"}
REFUSALS = (rstmdb.RstmdbError, TypeError, ValueError)


def read(line):
    return json.loads(line, parse_float=decimal.Decimal)


def usual(value):
    """The same with floats, as most programs have them."""
    return json.loads(json.dumps(value, default=float))


def line(request_id, **answer):
    return write(_texts({"id": request_id} | answer)).encode() + b"\n"


def _texts(value):
    """Decimals keep their text."""
    if isinstance(value, decimal.Decimal):
        return Number(str(value))
    if isinstance(value, dict):
        return {key: _texts(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_texts(element) for element in value]
    return str(value) if isinstance(value, str) else value


def about(name):
    return {"client": name, "wires": ["binary", "jsonl"], "numbers": "exact", "reconnects": True,
            "general": True}


def client_options(request):
    tls = request.get("tls")
    seconds = request.get("timeout_ms", 30_000) / 1000
    options = {"host": request["host"], "port": request["port"], "token": request.get("token"),
               "auto_idempotency_keys": request.get("auto_keys", True),
               "decimals": request.get("numbers") != "default",
               "connect_timeout": seconds, "request_timeout": seconds,
               "pool_size": request.get("pool", 1),
               "wire": "jsonl" if request.get("wire") == "jsonl" else "binary_json"}
    return options | ({"tls": True} | tls if tls else {})


def arguments(op, params):
    """(the method's name, its keyword arguments)"""
    if op != "BATCH":
        return op.lower(), params
    ops = [OPERATIONS[one["op"]](**one["params"]) for one in params["ops"]]
    return "batch", params | {"ops": ops}


def result(op, value):
    """What a method gives, by the names of the wire."""
    if op == "PING":
        return {"pong": value}
    if op == "BATCH":
        items = [{"status": "ok", "result": _record(item.result)} if item.ok else
                 {"status": "error", "error": error(item.error)} for item in value.results]
        done = {"results": items}
        return done if value.wal_offset is None else done | {"wal_offset": value.wal_offset}
    members = _record(value)
    if op == "GET_HISTORY":
        members["events"] = [{name: member for name, member in event.items() if member is not None}
                             for event in members["events"]]
    return members | {"id": members["instance_id"]} if op == "GET_INSTANCE" else members


def _record(value):
    return {name: member for name, member in dataclasses.asdict(value).items()
            if member is not None or name not in MAY_BE_MISSING}


def opened(op, subscription):
    """What a watch began with."""
    if op == "WATCH_ALL":
        return {"subscription_id": subscription.subscription_id,
                "wal_offset": subscription.wal_offset}
    began = {"subscription_id": subscription.subscription_id,
             "instance_id": subscription.instance_id, "current_state": subscription.current_state,
             "current_wal_offset": subscription.current_wal_offset}
    return {**began, "deleted": True} if subscription.deleted else began


def event(params, change):
    """A notification; None stands for what is null, and for what was not asked for."""
    members = dataclasses.asdict(change)
    if not params.get("kinds"):
        del members["kind"]
    if params.get("include_ctx") is False:
        del members["ctx"]
    return members


def error(raised):
    kind = next(kind for classes, kind in KINDS if isinstance(raised, classes))
    told = {"kind": kind, "code": "", "message": str(raised), "retryable": False}
    if kind == "server":
        told |= {"code": str(raised.code), "message": raised.message,
                 "retryable": raised.retryable}
        if raised.details:
            told["details"] = dict(raised.details)
    return told
