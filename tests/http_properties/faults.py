"""Every way in which a request of the document can be wrong in one place: a list of faults for each
operation, made from its parameters. What each must be answered is said beside it."""

import dataclasses
from dataclasses import dataclass
from urllib.parse import quote

TOO_LARGE = 17 * 1024 * 1024  # more than a frame
WRONG_JSON = {"a number": 5, "a fraction": 1.5, "a text": "x", "true": True, "a list": [[]],
              "an object": {}, "null": None}
NOT_JSON = {
    "nothing but a space": b" ", "a word": b"hello", "cut off": b'{"a": ', "a tail": b"{} x",
    "two values": b"{}{}", "a trailing comma": b'{"a": 1,}', "a comment": b"{/**/}",
    "single quotes": b"{'a': 1}", "a byte order mark": b"\xef\xbb\xbf{}", "NaN": b'{"a": NaN}',
    "bad UTF-8": b'{"a": "\xff"}', "overlong UTF-8": b'{"a": "\xc0\x80"}',
    "half a surrogate": b'{"a": "\\ud834"}', "a bare control character": b'{"a": "\x01"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"), "65 levels": b"[" * 65 + b"]" * 65,
    "100,000 levels": b"[" * 100_000, "a leading zero": b'{"a": 01}'}
BAD_OFFSETS = ("-1", "x", "1.5", "1e3", "9007199254740992", "99999999999999999999", "+1", " ")


@dataclass(frozen=True)
class Fault:
    name: str
    apply: object               # Parts -> Request
    statuses: frozenset         # one of which it must be answered with
    path: str | None = None     # what the detail of that name must be, of a 422

    def __str__(self):
        return self.name


def of(document, operation):
    """Every fault that a request of `operation` can have."""
    found = [*_of_the_way(operation), *_of_the_path(document, operation),
             *_of_the_query(document, operation), *_of_headers(operation)]
    if operation.op and operation.row.get("security") != []:
        found += _of_the_token()
    if operation.body is not None:
        found += _of_the_body(document, operation)
    else:
        found += _of_no_body(operation)
    return found


def _fault(name, change, *statuses, path=None):
    """A fault made by changing the parts of a good request."""
    def apply(parts):
        changed = change(parts)
        return changed if changed is not None else parts.request()

    return Fault(name, apply, frozenset(statuses), path)


# --- method, path, token --------------------------------------------------------------------------

def _of_the_way(operation):
    def method(name):
        return lambda parts: dataclasses.replace(parts.request(), method=name)

    def target(change):
        return lambda parts: dataclasses.replace(parts.request(), target=change(parts))

    # Methods that no path has.
    for name in ("OPTIONS", "PATCH", "PROPFIND", "get", "TRACE"):
        yield _fault(f"method {name}", method(name), 405)
    yield _fault("a slash at the end", target(lambda parts: parts.target().partition(b"?")[0]
                                              + b"/"), 404)
    yield _fault("a path that is longer", target(lambda parts: parts.target().partition(b"?")[0]
                                                 + b"/nothing/there"), 404)
    yield _fault("two slashes", target(lambda parts: b"/" + parts.target()), 404, 400)
    yield _fault("another version", target(lambda parts: b"/v0" + parts.target().removeprefix(
        b"/v1")), 404)
    yield _fault("a long target", target(lambda parts: parts.target() + b"?" + b"x" * 17_000), 431,
                 414)
    if operation.op and operation.method != "GET":
        for origin in (b"http://elsewhere.example", b"null", b"https://localhost:1"):
            yield _fault(f"a page of {origin.decode()}", lambda parts, origin=origin:
                         parts.headers.append((b"Origin", origin)), 403)
    yield _fault("a fragment", target(lambda parts: parts.target() + b"#x"), 400, 404, 422)


def _of_the_token():
    def token(value):
        def change(parts):
            parts.token = value
        return change

    yield _fault("no token", token(None), 401)
    yield _fault("a token that is none", token(b"nobody-knows-this-token"), 401)
    yield _fault("an empty token", token(b""), 401)
    yield _fault("a long token", token(b"x" * 5000), 401, 431)

    def scheme(parts):
        parts.token = None
        parts.headers.append((b"Authorization", b"Basic dXNlcjpwYXNz"))

    yield _fault("another scheme", scheme, 401)


# --- parameters in texts --------------------------------------------------------------------------

def _bad_texts(document, schema):
    """{what is wrong: text} for a parameter that is written as text."""
    schema = document.resolved(schema)
    kind = schema.get("type")
    if kind == "integer":
        low, high = schema["minimum"], schema["maximum"]
        return {"below": str(low - 1), "above": str(high + 1), "a word": "x", "a fraction": "1.5",
                "an exponent": "1e2", "very long": "9" * 400, "a plus": "+1", "a space": " 1",
                "hexadecimal": "0x10"}
    if kind == "boolean":
        return {"another word": "yes", "a number": "1", "capitals": "TRUE"}
    if kind == "array":
        return {"an empty name": ",", "a long name": "n" * 257, "a control character": "a\x01",
                "too many": ",".join("x" for _ in range(schema["maxItems"] + 1))}
    if "enum" in schema:
        return {"another word": "something"}
    bad = {"too long": "n" * (schema["x-max-bytes"] + 1)}
    if "pattern" in schema:
        bad |= {"a zero byte": "a\x00b", "a line end": "a\nb", "a delete": "\x7f",
                "too many bytes": "ä" * 129}
    return bad


BAD_ESCAPES = {"bad UTF-8": b"%ff", "half a letter": b"%c3", "half an escape": b"%2",
               "a bad escape": b"%zz", "an overlong letter": b"%c0%af", "a surrogate": b"%ed%a0%80"}


def _of_the_path(document, operation):
    for row in operation.parameters_in("path"):
        name = row["name"]

        def put(value, name=name):
            return lambda parts: parts.path.__setitem__(name, value)

        for what, text in _bad_texts(document, row["schema"]).items():
            yield _fault(f"{name} in the path: {what}", put(quote(text, safe=",").encode()), 422,
                         path=name)
        for what, escape in BAD_ESCAPES.items():
            yield _fault(f"{name} in the path: {what}", put(escape), 400, 422)
        yield _fault(f"{name} in the path: empty", put(b""), 404, 422, 405)


def _of_the_query(document, operation):
    for row in operation.parameters_in("query"):
        name, key = row["name"], row["name"].encode()

        def put(*found, key=key):
            def change(parts):
                parts.query = [pair for pair in parts.query if pair[0] != key]
                parts.query += [(key, value) for value in found]
                # It wins over the query, whatever that says.
                parts.headers = [pair for pair in parts.headers if pair[0] != b"Last-Event-ID"]
            return change

        for what, text in _bad_texts(document, row["schema"]).items():
            yield _fault(f"{name} in the query: {what}", put(quote(text, safe=",").encode()), 422,
                         path=name)
        for what, escape in BAD_ESCAPES.items():
            yield _fault(f"{name} in the query: {what}", put(escape), 400, 422)
        if row["required"]:
            yield _fault(f"{name} in the query: missing", put(), 422, path=name)
        kind = document.resolved(row["schema"]).get("type")
        if kind != "string":
            yield _fault(f"{name} in the query: empty", put(b""), 422, path=name)
        if kind != "array":
            yield _fault(f"{name} in the query: twice", put(b"1", b"1"), 422, path=name)
    if operation.op:
        for what in ("no_such_parameter", "Limit", "instanceId"):
            yield _fault(f"unknown in the query: {what}", lambda parts, what=what:
                         parts.query.append((what.encode(), b"1")), 422, path=what)


def _of_headers(operation):
    for row in operation.parameters_in("header"):
        name = row["name"]

        def put(*found, name=name):
            def change(parts):
                parts.headers = [pair for pair in parts.headers if pair[0] != name.encode()]
                parts.headers += [(name.encode(), value) for value in found]
                parts.query = [pair for pair in parts.query
                               if pair[0] not in (b"from_offset", b"after_offset")]
            return change

        bad = {}
        if name == "Idempotency-Key":
            bad = {"too long": b"k" * 257, "empty": b"", "bad UTF-8": b"\xff\xfe",
                   "a tab": b"a\tb"}
        elif name == "If-Match":
            bad = {text: text.encode() for text in BAD_OFFSETS if text.strip()}
            bad |= {"any": b"*", "weak": b'W/"1"', "a list": b'"1", "2"', "half": b'"1', "empty":
                    b"", "a word": b'"x"'}
        elif name == "Last-Event-ID":
            bad = {text: text.encode() for text in BAD_OFFSETS if text.strip()}
        for what, value in bad.items():
            yield _fault(f"{name}: {what}", put(value), 400, 422)
        if bad:
            yield _fault(f"{name}: twice", put(b"1", b"1"), 400, 422)
    taken = {row["name"] for row in operation.parameters_in("header")}
    if operation.op and operation.method != "GET":
        for name in sorted({"If-Match", "Idempotency-Key"} - taken):
            yield _fault(f"{name}, which is not looked at here", lambda parts, name=name:
                         parts.headers.append((name.encode(), b"1")), 400)


# --- bodies ---------------------------------------------------------------------------------------

def _of_no_body(operation):
    def body(value):
        def change(parts):
            parts.raw = value
        return change

    yield _fault("a body", body(b"{}"), 400)
    yield _fault("a body that is no JSON", body(b"hello"), 400)
    if operation.method != "GET":
        yield _fault("the type of a form", lambda parts: parts.headers.append(
            (b"Content-Type", b"application/x-www-form-urlencoded")), 415)


def _of_the_body(document, operation):
    def raw(value):
        def change(parts):
            parts.raw, parts.chunked = value, False
        return change

    def kind(value):
        def change(parts):
            parts.content_type = value
            parts.body = parts.body or {"no_such_parameter": 1}
        return change

    for what, text in NOT_JSON.items():
        yield _fault(f"body: {what}", raw(text), 400)
    for what, value in (("a list", b"[]"), ("a text", b'"x"'), ("null", b"null"), ("5", b"5")):
        yield _fault(f"body: {what}", raw(value), 422)
    for value in (b"text/plain", b"application/x-www-form-urlencoded", b"application/jsonx",
                  b"json", b"application/problem+json", b"", None):
        yield _fault(f"Content-Type: {value}", kind(value), 415)

    def too_long(parts):
        parts.body = None
        request = parts.request().with_header("Content-Type", b"application/json")
        return dataclasses.replace(request, body=b"", length=TOO_LARGE, chunked=False)

    yield _fault("body: longer than a frame", too_long, 413)
    if operation.op == "PUT_MACHINE":
        yield _fault("body: neither length nor chunks", lambda parts: parts.__setattr__(
            "body", None), 411)
        yield from _of_the_definition()
        return
    schema = document.resolved(operation.body)
    taken = [row["name"] for row in operation.parameters_in("path")]
    for name in taken:
        yield _fault(f"{name} in the body and the path", lambda parts, name=name:
                     _set(parts, name, "x"), 422, path=name)
    for name, inner in schema["properties"].items():
        yield from _of_member(document, name, inner, name in schema.get("required", ()))
    for row in operation.parameters_in("header"):
        name = {"If-Match": "expected_wal_offset"}.get(row["name"], "idempotency_key")

        def both(parts, name=name, header=row["name"].encode()):
            parts.headers = [pair for pair in parts.headers if pair[0] != header]
            parts.headers.append((header, b"7"))
            _set(parts, name, 7 if name == "expected_wal_offset" else "7")

        yield _fault(f"{name} in the body and the header", both, 422, path=name)


def _set(parts, name, value, *others):
    """One value for `name` in the body, and none under its other spellings or in a header."""
    body = dict(parts.body) if isinstance(parts.body, dict) else {}
    for other in others:
        body.pop(other, None)
    parts.body = {**body, name: value}


def _of_member(document, name, inner, required):
    schema = inner
    for part in inner.get("anyOf", ()):
        if part.get("type") != "null":
            schema = part
    others = inner.get("x-also", ())
    header = {"expected_wal_offset": b"If-Match", "idempotency_key": b"Idempotency-Key"}.get(name)

    def put(value):
        def change(parts):
            parts.headers = [pair for pair in parts.headers if pair[0] != header]
            _set(parts, name, value, *others)
        return change

    for what, value in WRONG_JSON.items():
        # An element of a list that is none is told by the operation, which may take the others.
        if value is None and not required or what == "a list" and schema.get("type") == "array":
            continue
        if document.wrong_with(schema, value):
            yield _fault(f"{name} in the body: {what}", put(value), 422, path=name)
    for what, value in _bad_values(document, schema).items():
        yield _fault(f"{name} in the body: {what}", put(value), 422, path=name)
    for other in others[:1]:
        def twice(parts, other=other):
            put("1")(parts)
            parts.body[other] = "1"
        yield _fault(f"{name} in the body: twice, also as {other}", twice, 422, path=name)
    if required:
        def missing(parts):
            parts.body = {key: value for key, value in parts.body.items()
                          if key not in (name, *others)}
        yield _fault(f"{name} in the body: missing", missing, 422, path=name)


def _bad_values(document, schema):
    schema = document.resolved(schema)
    if "oneOf" in schema:
        schema = document.resolved(schema["oneOf"][0])
    kind = schema.get("type")
    if kind == "integer":
        return {"below": schema["minimum"] - 1, "above": schema["maximum"] + 1, "huge": 10**400}
    if kind == "string" and "x-max-bytes" in schema:
        return {what: text for what, text in _bad_texts(document, schema).items()} | (
            {"empty": ""} if schema.get("minLength") else {})
    if kind == "array" and "maxItems" in schema:
        return {"too few": [], "too many": [{"op": "DELETE_INSTANCE", "params": {
            "instance_id": "nobody"}}] * (schema["maxItems"] + 1)}
    return {}


def _of_the_definition():
    good = {"states": ["a", "b"], "initial": "a",
            "transitions": [{"from": "a", "event": "GO", "to": "b"}]}
    edge = good["transitions"][0]
    bad = {
        "states": [{"states": 5}, {"states": []}, {"states": ["a", "a"]}, {"states": None}],
        "states[1]": [{"states": ["a", 5]}, {"states": ["a", ""]}, {"states": ["a", "n" * 257]}],
        "initial": [{"initial": "c"}, {"initial": None}, {"initial": []}],
        "transitions": [{"transitions": {}}, {"transitions": None}],
        "transitions[0]": [{"transitions": [5]}],
        "transitions[0].to": [{"transitions": [{**edge, "to": "c"}]}],
        "transitions[0].event": [{"transitions": [{**edge, "event": 5}]}],
        "transitions[0].from": [{"transitions": [{**edge, "from": []}]}],
        "transitions[0].guard": [{"transitions": [{**edge, "guard": "ctx."}]},
                                 {"transitions": [{**edge, "guard": 5}]}],
        "meta": [{"meta": 5}],
    }
    # The fault of a list of names is named by its second place.
    for path, changes in bad.items():
        for number, change in enumerate(changes):
            place = "states[1]" if change.get("states") == ["a", "a"] else path
            yield _fault(f"definition: {path} {number}", lambda parts, change=change:
                         parts.__setattr__("body", {**good, **change}), 422, path=place)
    yield _fault("definition: longer than 1 MiB", lambda parts: parts.__setattr__(
        "body", {**good, "meta": {"x": "y" * 1024 * 1024}}), 422)
