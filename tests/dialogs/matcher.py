"""Compares an answer with what a dialog expects of it.

An object expects its members and allows others; everything else is compared whole, numbers by their
text. An object whose only members start with `$` is a matcher; protocol/README.md lists them.
"""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

from canonical import Number, write  # noqa: E402

INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")


class DialogError(Exception):
    """The dialog itself is wrong: an unknown matcher, a value that was never saved."""


def type_of(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, Number):
        return "integer" if INTEGER.fullmatch(value.text) else "number"
    return {str: "string", list: "array", dict: "object"}[type(value)]


def is_matcher(value):
    return isinstance(value, dict) and bool(value) and all(key.startswith("$") for key in value)


def fill(value, saved):
    """Puts saved values and repeated text into what is to be sent."""
    if isinstance(value, list):
        return [fill(element, saved) for element in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$ref"}:
        return _saved(value["$ref"], saved)
    if set(value) == {"$repeat"}:
        repeat = value["$repeat"]
        times = int(repeat["times"].text)
        if "text" in repeat:
            return repeat["text"] * times
        return [fill(repeat["value"], saved) for _ in range(times)]
    return {key: fill(member, saved) for key, member in value.items()}


def mismatch(expected, actual, saved, path="answer"):
    """None when `actual` is as expected, else a sentence that names the place."""
    if is_matcher(expected):
        return _match(expected, actual, saved, path)
    if isinstance(expected, dict):
        return _match_members(expected, actual, saved, path)
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return f"{path}: expected {len(expected)} elements, got {write(actual)}"
        for index, element in enumerate(expected):
            found = mismatch(element, actual[index], saved, f"{path}[{index}]")
            if found:
                return found
        return None
    if type(expected) is type(actual) and expected == actual:
        return None
    return f"{path}: expected {write(expected)}, got {write(actual)}"


def _match_members(expected, actual, saved, path):
    if not isinstance(actual, dict):
        return f"{path}: expected an object, got {write(actual)}"
    for key, member in expected.items():
        absent = is_matcher(member) and "$absent" in member
        if absent and key in actual:
            return f"{path}.{key}: expected nothing, got {write(actual[key])}"
        if absent:
            continue
        if key not in actual:
            return f"{path}.{key}: is missing"
        found = mismatch(member, actual[key], saved, f"{path}.{key}")
        if found:
            return found
    return None


def _match(expected, actual, saved, path):
    for name, argument in expected.items():
        check = CHECKS.get(name)
        if check is None:
            raise DialogError(f"unknown matcher {name}")
        complaint = check(argument, actual, saved)
        if complaint:
            return f"{path}: expected {complaint}, got {write(actual)}"
    return None


def _saved(name, saved):
    if name not in saved:
        raise DialogError(f"nothing was saved as {name}")
    return saved[name]


def _type(argument, actual, _saved_values):
    kinds = argument.split("|")
    return None if type_of(actual) in kinds else f"type {argument}"


def _ref(argument, actual, saved):
    value = _saved(argument, saved)
    return None if value == actual and type(value) is type(actual) else write(value)


def _save(argument, actual, saved):
    saved[argument] = actual


def _exact(argument, actual, saved):
    if isinstance(argument, dict) and isinstance(actual, dict) and set(argument) != set(actual):
        return f"exactly the members {sorted(argument)}"
    found = mismatch(argument, actual, saved)
    return f"exactly {write(argument)} ({found})" if found else None


def _above(argument, actual, saved):
    bound = fill(argument, saved)
    if type_of(actual) == "integer" and int(actual.text) > int(bound.text):
        return None
    return f"an integer above {bound.text}"


def _matches(argument, actual, _saved_values):
    if isinstance(actual, str) and re.fullmatch(argument, actual):
        return None
    return f"text like {argument}"


def _length(argument, actual, _saved_values):
    if isinstance(actual, (list, str, dict)) and len(actual) == int(argument.text):
        return None
    return f"{argument.text} elements"


def _contains(argument, actual, saved):
    if not isinstance(actual, list):
        return "an array"
    for wanted in argument:
        if all(mismatch(wanted, element, saved) for element in actual):
            return f"an element like {write(wanted)}"
    return None


def _one_of(argument, actual, saved):
    if all(mismatch(wanted, actual, saved) for wanted in argument):
        return f"one of {write(argument)}"
    return None


CHECKS = {
    "$any": lambda *_: None, "$type": _type, "$ref": _ref, "$save": _save, "$exact": _exact,
    "$above": _above, "$matches": _matches, "$length": _length, "$contains": _contains,
    "$one_of": _one_of,
}
