"""The canonical form of a machine definition, written a second time and apart from the server.

The server stores and hashes a definition in canonical form; the expected texts and digests of
protocol/vectors/definitions.json come from here, so that server and vectors check each other.

  tools/canonical.py FILE     prints the canonical form and its SHA-256 (FILE may be -)
"""

import hashlib
import json
import sys


class Number:
    """A JSON number by its text: 1, 1.0 and 1e0 are three."""

    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Number) and self.text == other.text

    def __hash__(self):
        return hash(self.text)

    def __repr__(self):
        return self.text


def parse(text):
    """Like json.loads, but numbers keep their text and NaN and Infinity are refused."""

    def refuse(name):
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=refuse)


ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r",
           "\t": "\\t"}


def write_string(text):
    """Quotes `text`, escaping only what JSON does not allow to stand for itself."""
    return '"' + "".join(
        ESCAPES.get(char) or (f"\\u{ord(char):04x}" if char < " " else char) for char in text) + '"'


def write(value, sort=False):
    """JSON without white space; with `sort`, the members of objects are ordered by key bytes."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode()) if sort else value
        return "{" + ",".join(
            f"{write_string(key)}:{write(value[key], sort)}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write(element, sort) for element in value) + "]"
    if isinstance(value, str):
        return write_string(value)
    if isinstance(value, Number):
        return value.text
    return json.dumps(value)  # true, false, null, and numbers that did not come from parse()


def canonical(text):
    """The canonical form of the definition `text`, which is taken to be a valid one."""
    definition = parse(text)
    if definition.get("meta", 0) is None:
        del definition["meta"]
    for transition in definition.get("transitions", []):
        if isinstance(transition.get("from"), str):
            transition["from"] = [transition["from"]]
        for key in ("guard", "meta"):
            if transition.get(key, 0) is None:
                del transition[key]
    return write(definition, sort=True)


def checksum(canonical_text):
    """SHA-256 in hex."""
    return hashlib.sha256(canonical_text.encode()).hexdigest()


if __name__ == "__main__":
    source = sys.stdin if sys.argv[1] == "-" else open(sys.argv[1], encoding="utf-8")
    form = canonical(source.read())
    print(form)
    print(checksum(form))
