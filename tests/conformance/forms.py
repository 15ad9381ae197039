"""Which steps of a dialog a client's typed methods can say, and how their answers compare.

What the contract allows for an operation has to be sayable with the client's method for it; all
else (an alias, a number as text, something missing or too large) goes through the client's general
call.
"""

import decimal
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT / "tools"), str(ROOT / "tests/dialogs")]

from canonical import Number  # noqa: E402
from matcher import INTEGER  # noqa: E402

OPERATIONS = {row["op"]: row for row in json.loads(
    (ROOT / "protocol/operations.json").read_text())["operations"]}
SESSION = ("HELLO", "AUTH", "BYE")
WATCHES = ("WATCH_INSTANCE", "WATCH_ALL")
OFFSET_MAX = 2**53 - 1
NAME_BYTES_MAX = 256
EXACT = decimal.Context(prec=1000)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
BOUNDS = {"name": (1, NAME_BYTES_MAX), "text": (1, 4096), "offset": (0, OFFSET_MAX)}


def typed(op, params):
    """The parameters for the client's method, or None where they are not sayable with it."""
    row = OPERATIONS.get(op) if isinstance(op, str) else None
    if row is None or op in SESSION or op == "UNWATCH" or not isinstance(params, dict):
        return None
    known = {param["name"]: param for param in row["params"]}
    given = {name: value for name, value in params.items() if value is not None}
    if any(name not in known or not _sayable(known[name], value) for name, value in given.items()):
        return None
    if any(param["required"] and name not in given for name, param in known.items()):
        return None
    if op != "BATCH":
        return given
    ops = [_typed_in_batch(one) for one in given["ops"]]
    return None if None in ops else given | {"ops": ops}


def _typed_in_batch(one):
    if not isinstance(one, dict) or not OPERATIONS.get(one.get("op"), {}).get("in_batch"):
        return None
    params = typed(one["op"], one.get("params"))
    return None if params is None else {"op": one["op"], "params": params}


def _sayable(param, value):
    kind = param["type"]
    low, high = (param.get(key, bound) for key, bound in
                 zip(("min", "max"), BOUNDS.get(kind, (0, 2**31))))
    if kind in ("name", "text"):
        return _is_text(value, low, high, strict=kind == "name")
    if kind in ("integer", "offset"):
        return (isinstance(value, Number) and bool(INTEGER.fullmatch(value.text))
                and low <= int(value.text) <= high)
    if kind == "names":
        return (isinstance(value, list) and len(value) <= high
                and all(_is_text(one, 1, NAME_BYTES_MAX, strict=True) for one in value))
    if kind == "array":
        return isinstance(value, list) and low <= len(value) <= high
    if kind == "enum":
        return value in param["values"]
    return isinstance(value, {"boolean": bool, "object": dict}[kind])


def _is_text(value, low, high, strict):
    if not isinstance(value, str) or (strict and CONTROL.search(value)):
        return False
    try:
        return low <= len(value.encode()) <= high
    except UnicodeEncodeError:
        return False


def plain(op, params):
    """Watches are streams, which a general call cannot hold: their parameters by their own names
    and in their own types, for typed()."""
    names = {}
    for param in OPERATIONS[op]["params"]:
        for spelling in (param["name"], *param.get("aliases", [])):
            names[spelling] = names[_camel(spelling)] = param
    given = {}
    for name, value in params.items():
        param = names.get(name, {"name": name, "type": "any"})
        if param["type"] == "names" and isinstance(value, str):
            value = [value]
        if param["type"] == "offset" and isinstance(value, str) and INTEGER.fullmatch(value):
            value = Number(value)
        given[param["name"]] = value
    return given


def _camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def as_numbers(kind, value):
    """The same with numbers as a client of this kind has them: `text` keeps how they are written,
    `exact` keeps their value, `double` has the nearest double."""
    if kind == "text":
        return value
    if isinstance(value, Number):
        return Number(_number_text(kind, value.text))
    if isinstance(value, list):
        return [as_numbers(kind, element) for element in value]
    if isinstance(value, dict):
        return {key: as_numbers(kind, member) for key, member in value.items()}
    return value


def _number_text(kind, text):
    number = EXACT.create_decimal(text)
    if kind == "double":
        number = EXACT.create_decimal_from_float(float(text))
    if number.is_finite() and number == number.to_integral_value(context=EXACT):
        return str(int(number)) if number.adjusted() < EXACT.prec else text
    return str(number.normalize(EXACT))


# What differs from server to server and from time to time, although the same was done.
VARYING = {"subscription_id", "created_at", "updated_at", "uptime_secs", "snapshot_id", "message",
           "next_cursor", "bytes_written", "bytes_read", "writes", "reads", "fsyncs",
           "total_size_bytes", "bytes_reclaimed", "snapshots_created", "size_bytes", "connections",
           "wire_mode", "ts"}
LOCAL = {"kind", "maybe_applied"}  # of an error: what the client adds to the server's word
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def lasting(value):
    """An answer without what varies: those members keep only their type."""
    if isinstance(value, dict):
        local = LOCAL if "code" in value else ()
        varying = VARYING | {"checksum"} if "snapshot_id" in value else VARYING
        return {key: _type_name(member) if key in varying else lasting(member)
                for key, member in value.items() if key not in local}
    if isinstance(value, list):
        return [lasting(element) for element in value]
    return UUID.sub("a UUID", value) if isinstance(value, str) else value


def _type_name(value):
    return f"<{type(value).__name__}>"
