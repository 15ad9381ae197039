"""Values for the parameters of the document: those that its schemas allow, and the requests made of
them. What a request can be about (machines and instances that are there) comes from a World."""

import functools
import json
from urllib.parse import quote

from door import Request
from hypothesis import strategies as st

# What programs get wrong in texts: what must be escaped in a path or in JSON, what looks like
# another path, what is one letter in several, and what is none in some.
TEXTS = ["a b", "a/b", "a%2Fb", "%", "?", "#", "&=+,;", ".", "..", "../x", "\\", '"', "'", "ä",
         "e\u0301", "\u20ac", "\U0001d11e", "\u202e", "\ufeff", " ", "null", "0", "{}", "~"]
DOCUMENTED_BYTES = 256
TEN, COIN = st.integers(0, 9), st.booleans()
KINDS = st.sampled_from([b"application/json", b"application/json; charset=utf-8",
                         b"Application/JSON"])


@functools.cache
def json_values():
    scalars = (st.none() | st.booleans() | st.integers(-2**53, 2**53)
               | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8))
    return st.recursive(scalars, lambda inner: st.lists(inner, max_size=3)
                        | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=8)


@functools.cache
def objects():
    return st.dictionaries(st.sampled_from(["total", "by", "n", "ü"]) | st.text(max_size=6),
                           json_values(), max_size=4)


def texts(schema):
    """Texts within the bounds; `x-max-bytes` counts bytes where maxLength counts characters."""
    low, high = schema.get("minLength", 0), schema.get("x-max-bytes", DOCUMENTED_BYTES)
    whole = st.sampled_from([text for text in TEXTS if low <= len(text)])
    controls = "pattern" in schema
    letters = st.characters(exclude_categories=("Cs", "Cc") if controls else ("Cs",))
    return whole | st.just("n" * high) | st.text(letters, min_size=low, max_size=12).filter(
        lambda text: len(text.encode()) <= high)


_MADE = {}  # making a strategy costs more than drawing from it


def of(document, schema):
    """A strategy for what `schema`, a part of the document, allows."""
    if id(schema) not in _MADE:
        _MADE[id(schema)] = schema, _of(document, document.resolved(schema))
    return _MADE[id(schema)][1]


def _of(document, schema):
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return st.one_of([of(document, part) for part in schema[key]])
    if "allOf" in schema:
        return of(document, schema["allOf"][0])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return st.one_of([_of_type(document, schema, kind) for kind in kinds])
    return _of_type(document, schema, kinds)


def _of_type(document, schema, kind):
    if kind == "null":
        return st.none()
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        low, high = schema["minimum"], schema["maximum"]
        return st.sampled_from([low, high]) | st.integers(low, min(high, low + 20)) \
            | st.integers(low, high)
    if kind == "array":
        return st.lists(of(document, schema["items"]), min_size=schema.get("minItems", 0),
                        max_size=min(schema.get("maxItems", 4), 4),
                        unique=schema.get("uniqueItems", False))
    if kind == "object":
        return _object(document, schema)
    pattern = schema.get("pattern", "")
    if pattern == "^[0-9]{1,16}$":
        return st.integers(0, 2**53 - 1).map(str)
    if pattern.startswith('^("[0-9]'):
        return st.integers(0, 2**53 - 1).flatmap(
            lambda number: st.sampled_from([f'"{number}"', str(number)]))
    return texts(schema)


@st.composite
def _object(draw, document, schema):
    properties = schema.get("properties")
    if not properties:
        return draw(objects())
    made = {}
    for name, inner in properties.items():
        if name in schema.get("required", ()) or draw(COIN):
            made[name] = draw(of(document, inner))
    return made


@functools.cache
def definitions():
    """Machines that the server takes, apart from rare collisions of transitions."""
    names = st.lists(texts({"minLength": 1, "pattern": "-", "x-max-bytes": 256}), min_size=1,
                     max_size=4, unique=True)

    @st.composite
    def made(draw):
        states = draw(names)
        one = st.sampled_from(states)
        transition = st.fixed_dictionaries(
            {"from": one | st.lists(one, min_size=1, max_size=2, unique=True),
             "event": st.sampled_from(["GO", "STOP", "\u20ac"]), "to": one},
            optional={"guard": st.sampled_from([None, "ctx.n > 1", "ctx.by == 'card'"]),
                      "meta": st.none() | objects(), "note": json_values()})
        return {"states": states, "initial": draw(one),
                "transitions": draw(st.lists(transition, max_size=3)),
                **draw(st.fixed_dictionaries({}, optional={"meta": st.none() | objects()}))}

    return made()


@st.composite
def param(draw, document, world, name, schema):
    """A value for a parameter: mostly something that is there, always something allowed."""
    known = world.known(name)
    if known is not None and draw(TEN) > 1:
        return draw(known)
    if name == "definition" and draw(COIN):
        return draw(definitions())
    return draw(of(document, schema))


def in_text(value):
    """A value as it stands in a path, a query or a header, before any encoding."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def escaped(text):
    return quote(text.encode(), safe="").encode()


class Parts:
    """A request before it is put together, so that one part of it can be made wrong."""

    def __init__(self, operation):
        self.operation = operation
        self.path = {}        # parameter -> bytes, encoded
        self.query = []       # (name, value) bytes, encoded
        self.headers = []     # (name, value) bytes
        self.body = None      # what is sent as JSON, or None for no body
        self.raw = None       # a body that is no JSON value
        self.content_type = b"application/json"
        self.prefix = True
        self.chunked = False
        self.token = None

    def target(self):
        path = self.operation.path if self.prefix else self.operation.path.removeprefix("/v1")
        made = b"/".join(self.path[part[1:-1]] if part.startswith("{") else part.encode()
                         for part in path.split("/"))
        if self.query:
            made += b"?" + b"&".join(name + b"=" + value for name, value in self.query)
        return made

    def request(self):
        headers = list(self.headers)
        if self.token is not None:
            headers.append((b"Authorization", b"Bearer " + self.token))
        body = self.raw
        if body is None and self.body is not None:
            body = json.dumps(self.body, ensure_ascii=False).encode()
        if body is not None and self.content_type is not None:
            headers.append((b"Content-Type", self.content_type))
        return Request(self.operation.method, self.target(), tuple(headers), body,
                       self.chunked and body is not None)


@st.composite
def parts(draw, document, world, operation):
    """A request of which every part is allowed."""
    made = Parts(operation)
    made.token = world.token
    made.prefix = not operation.path.startswith("/v1") or draw(TEN) > 0
    for row in operation.parameters_in("path"):
        value = draw(param(document, world, row["name"], row["schema"]))
        made.path[row["name"]] = escaped(in_text(value))
    for row in operation.parameters_in("query"):
        if row["required"] or draw(TEN) < 3:
            made.query += _query(draw, row, draw(param(document, world, row["name"],
                                                       row["schema"])))
    given = set()
    for row in operation.parameters_in("header"):
        if draw(TEN) < 2:
            value = in_text(draw(_header(document, world, row)))
            made.headers.append((row["name"].encode(), value.encode()))
            given.add({"If-Match": "expected_wal_offset"}.get(
                row["name"], row["name"].replace("-", "_").lower()))
    if operation.body is not None:
        made.body = draw(_body(document, world, operation, given))
        made.content_type = draw(KINDS)
        made.chunked = draw(TEN) < 2
    return made


def _query(draw, row, value):
    name = row["name"].encode()
    if not isinstance(value, list):
        return [(name, escaped(in_text(value)))]
    if not value:
        return []
    if draw(COIN):
        return [(name, escaped(each)) for each in value]
    return [(name, b",".join(escaped(each) for each in value))]


def _header(document, world, row):
    known = world.known(row["name"])
    if row["name"] == "If-None-Match":
        return known
    allowed = of(document, row["schema"])
    if row["name"] == "Idempotency-Key":
        # HTTP takes the space around a field's value away.
        allowed = allowed.filter(lambda text: text == text.strip(" \t"))
    return allowed if known is None else known | known | allowed


@st.composite
def _body(draw, document, world, operation, elsewhere):
    schema = document.resolved(operation.body)
    if not schema.get("properties") or operation.row.get("x-operation") == "PUT_MACHINE":
        return draw(param(document, world, "definition", schema))
    made = {}
    for name, inner in schema["properties"].items():
        if name in elsewhere:
            continue
        if name in schema.get("required", ()):
            made[name] = draw(param(document, world, name, inner))
        elif draw(TEN) < 2:
            key = draw(st.sampled_from([name, *inner.get("x-also", [])]))
            made[key] = draw(param(document, world, name, inner))
    if draw(TEN) < 2:
        made["no_such_parameter"] = draw(json_values())
    return made
