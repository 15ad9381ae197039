"""Reads protocol/operations.json and protocol/errors.json and refuses what does not fit together.

Everything that is made from the contract goes through load(), so a wrong row stops the build with
the row's name and is not turned into code.
"""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
OFFSET_MAX = 2**53 - 1

PARAM_TYPES = ("name", "text", "integer", "offset", "object", "array", "boolean", "enum", "any",
               "names")
ACCESS = ("none", "read", "write", "admin")
# Bounds of a type where the row names none: bytes for name and text, the value for integer and
# offset, the count for array and names. None means that the row has to say it.
DEFAULT_BOUNDS = {
    "name": (1, 256), "text": (0, None), "integer": (None, None), "offset": (0, OFFSET_MAX),
    "object": (0, 0), "array": (None, None), "boolean": (0, 0), "enum": (0, 0), "any": (0, 0),
    "names": (0, None),
}
OPERATION_KEYS = {"op", "file", "since", "summary", "access", "before_auth", "in_batch",
                  "params", "result", "errors"}
PARAM_KEYS = {"name", "type", "required", "doc"}
PARAM_OPTIONAL = {"default", "min", "max", "values", "aliases"}


class ContractError(Exception):
    """The contract contradicts itself; the text names the place."""


def load(folder=ROOT / "protocol"):
    """Returns (operations, errors_of_all, errors), checked and with bounds filled in."""
    errors = json.loads((folder / "errors.json").read_text())["errors"]
    contract = json.loads((folder / "operations.json").read_text())
    codes = [row["code"] for row in errors]
    _refuse_repeated(codes, "errors.json")
    for row in errors:
        _check_error(row)
    for code in contract["errors_of_all"]:
        _need(code in codes, f"errors_of_all: unknown code {code}")
    operations = contract["operations"]
    _refuse_repeated([row.get("op") for row in operations], "operations.json")
    for row in operations:
        _check_operation(row, codes)
    return operations, contract["errors_of_all"], errors


def camel(snake):
    """instance_id -> instanceId"""
    head, *tail = snake.split("_")
    return head + "".join(part.capitalize() for part in tail)


def pascal(snake):
    """APPLY_EVENT or apply_event -> ApplyEvent"""
    return "".join(part.capitalize() for part in snake.lower().split("_"))


def spellings(param):
    """Every key that names the parameter, the canonical one first."""
    keys = [param["name"], *param.get("aliases", [])]
    return list(dict.fromkeys(keys + [camel(key) for key in keys]))


def _need(condition, message):
    if not condition:
        raise ContractError(message)


def _refuse_repeated(names, where):
    seen = set()
    for name in names:
        _need(name not in seen, f"{where}: {name} is there twice")
        seen.add(name)


def _check_error(row):
    where = row.get("code", "?")
    _need(re.fullmatch(r"[A-Z]+(_[A-Z]+)*", where), f"errors.json: bad code {where}")
    _need(set(row) == {"code", "retryable", "http", "meaning", "details"},
          f"{where}: keys {sorted(row)}")
    _need(row["http"], f"{where}: no status")
    _refuse_repeated([each.get("status") for each in row["http"]], where)
    for number, each in enumerate(row["http"]):
        _need(set(each) <= {"status", "when"} and each["status"] in range(400, 600),
              f"{where}: status {each}")
        _need(number == 0 or each.get("when"), f"{where}: when is it {each['status']}")
    _refuse_repeated([detail["name"] for detail in row["details"]], where)
    for detail in row["details"]:
        _need(set(detail) == {"name", "type", "meaning"}, f"{where}: detail {detail}")
        _need(detail["type"] in ("text", "integer"), f"{where}: detail {detail['name']}: type")


def _check_operation(row, codes):
    where = row.get("op", "?")
    _need(OPERATION_KEYS <= set(row) <= OPERATION_KEYS | {"notes"}, f"{where}: keys {sorted(row)}")
    _need(re.fullmatch(r"[A-Z]+(_[A-Z]+)*", where), f"{where}: bad name")
    _need(row["file"] == where.lower(), f"{where}: file is not {where.lower()}")
    _need(re.fullmatch(r"\d+\.\d+\.\d+", row["since"]), f"{where}: since {row['since']}")
    _need(row["access"] in ACCESS, f"{where}: access {row['access']}")
    for key in ("before_auth", "in_batch"):
        _need(isinstance(row[key], bool), f"{where}: {key} is not true or false")
    _need(row["before_auth"] == (row["access"] == "none"),
          f"{where}: access none is what may be asked before AUTH, and nothing else is")
    for code in row["errors"]:
        _need(code in codes, f"{where}: unknown error {code}")
    for param in row["params"]:
        _check_param(param, where)
    _refuse_repeated([key for param in row["params"] for key in spellings(param)], where)
    _refuse_repeated([field["name"] for field in row["result"]], f"{where}: result")
    for field in row["result"]:
        _need({"name", "type", "doc"} <= set(field) <= {"name", "type", "doc", "optional",
              "nullable"}, f"{where}: result {field}")
        _need(field["type"] in PARAM_TYPES, f"{where}: result {field['name']}: type")


def _check_param(param, operation):
    where = f"{operation}.{param.get('name', '?')}"
    _need(PARAM_KEYS <= set(param) <= PARAM_KEYS | PARAM_OPTIONAL, f"{where}: keys {sorted(param)}")
    _need(param["type"] in PARAM_TYPES, f"{where}: type {param['type']}")
    low, high = DEFAULT_BOUNDS[param["type"]]
    param.setdefault("min", low)
    param.setdefault("max", high)
    _need(param["min"] is not None and param["max"] is not None, f"{where}: needs min and max")
    _need(param["min"] <= param["max"], f"{where}: min over max")
    _need((param["type"] == "enum") == ("values" in param), f"{where}: values")
    if "default" in param:
        _need(not param["required"], f"{where}: required and with a default")
        _check_default(param, where)


def _check_default(param, where):
    default = param["default"]
    kinds = {"integer": int, "offset": int, "boolean": bool, "enum": str, "object": dict}
    _need(param["type"] in kinds, f"{where}: type {param['type']} has no defaults")
    _need(type(default) is kinds[param["type"]], f"{where}: default {default!r}")
    if param["type"] in ("integer", "offset"):
        _need(param["min"] <= default <= param["max"], f"{where}: default out of bounds")
    if param["type"] == "enum":
        _need(default in param["values"], f"{where}: default is not among the values")
    if param["type"] == "object":
        _need(default == {}, f"{where}: the only default of an object is {{}}")
