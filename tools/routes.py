"""Reads protocol/http.json, which says where HTTP has the operations, and refuses a route that does
not fit its operation.

load() gives every route with its parameters resolved, so that whatever is made from the routes (the
server's table, the OpenAPI document, the guide) speaks of the same ones.
"""

import json
import re
from dataclasses import dataclass

import contract
from contract import ContractError

METHODS = ("GET", "POST", "PUT", "DELETE")
# The headers that may carry a parameter, and the types that they can carry.
HEADERS = {"Idempotency-Key": ("name",), "If-Match": ("offset",), "Last-Event-ID": ("offset",)}
# What the door has beside the operations: no alias without the prefix may begin like that.
OWN_PATHS = {"v1", "healthz", "readyz", "metrics", "openapi.json", "assets"}
# What can stand in a path or a query: one text, or several.
TEXT_TYPES = ("name", "text", "integer", "offset", "boolean", "enum", "names")
ROUTE_KEYS = {"method", "path", "op", "success"}
ROUTE_OPTIONAL = {"query", "headers", "body", "created_by", "etag", "location", "stream", "id"}


@dataclass(frozen=True)
class Route:
    """One row of http.json beside its operation. Parameters are those of the operation's row."""

    method: str
    path: str          # with the prefix: /v1/instances/{instance_id}
    operation: dict
    id: str            # names it to programs; unique
    in_path: tuple     # parameters, in the order of the path
    in_query: tuple
    in_header: dict    # name of the header -> parameter
    body: str          # "none", "params" or "one"
    body_params: tuple  # of "params": what the object may hold; of "one": the parameter that it is
    success: int
    created_by: str    # the result's member that makes it 201, or ""
    etag: str          # the result's member, or ""
    location: tuple    # (path up to the member, the result's member), or ("", "")
    stream: bool

    @property
    def segments(self):
        """[(text, parameter or None)] of the path."""
        return [(part, part[1:-1] if part.startswith("{") else None)
                for part in self.path.split("/")[1:]]

    @property
    def statuses(self):
        return sorted({self.success, 201} if self.created_by else {self.success})


def load(operations, folder=contract.ROOT / "protocol"):
    """The routes of http.json, checked against `operations`; and which operations have none."""
    text = json.loads((folder / "http.json").read_text())
    _need(set(text) == {"about", "prefix", "without_route", "routes"}, f"keys {sorted(text)}")
    _need(re.fullmatch(r"/v\d+", text["prefix"]), f"prefix {text['prefix']}")
    rows = {row["op"]: row for row in operations}
    routes = [_route(row, text["prefix"], rows) for row in text["routes"]]
    _refuse_collisions(routes)
    ids = [route.id for route in routes]
    for name in ids:
        _need(ids.count(name) == 1, f"{name}: two routes of one operation need an id each")
    routed = {route.operation["op"] for route in routes}
    without = text["without_route"]
    for op in without:
        _need(op in rows, f"without_route: no operation {op}")
        _need(op not in routed, f"without_route: {op} has a route")
    for op in rows:
        _need(op in routed or op in without, f"{op} has no route; is that meant?")
    return routes, without


def _need(condition, message):
    if not condition:
        raise ContractError(f"http.json: {message}")


def _route(row, prefix, rows):
    where = f"{row.get('method')} {row.get('path')}"
    _need(ROUTE_KEYS <= set(row) <= ROUTE_KEYS | ROUTE_OPTIONAL, f"{where}: keys {sorted(row)}")
    _need(row["method"] in METHODS, f"{where}: method")
    _need(row["op"] in rows, f"{where}: no operation {row['op']}")
    operation = rows[row["op"]]
    _need(re.fullmatch(r"(/([a-z]+(-[a-z]+)*|\{[a-z_]+\}))+", row["path"]), f"{where}: path")
    _need(row["path"].split("/")[1] not in OWN_PATHS, f"{where}: the door has that path itself")
    params = {param["name"]: param for param in operation["params"]}
    in_path = _taken(params, re.findall(r"\{(\w+)\}", row["path"]), f"{where}: path", TEXT_TYPES)
    in_query = _taken(params, row.get("query", []), f"{where}: query", TEXT_TYPES)
    in_header = _headers(params, row.get("headers", {}), where)
    body, body_params = _body(params, row, in_path + in_query, where)
    _need(body == "none" or row["method"] in ("POST", "PUT"), f"{where}: a body")
    _need(not set(map(_name, in_path)) & set(map(_name, in_query)), f"{where}: given twice")
    given = set(map(_name, (*in_path, *in_query, *in_header.values(), *body_params)))
    for name, param in params.items():
        _need(name in given or not param["required"], f"{where}: {name} cannot be given")
    return Route(
        row["method"], prefix + row["path"], operation,
        row.get("id", contract.camel(row["op"].lower())), in_path, in_query, in_header, body,
        body_params, _success(row, where), _member(operation, row, "created_by", "boolean", where),
        _member(operation, row, "etag", "offset", where), _location(operation, row, prefix, where),
        _stream(row, where))


def _name(param):
    return param["name"]


def _taken(params, names, where, types):
    _need(len(set(names)) == len(names), f"{where}: {names}")
    for name in names:
        _need(name in params, f"{where}: the operation has no {name}")
        _need(params[name]["type"] in types, f"{where}: {name} cannot stand there")
    return tuple(params[name] for name in names)


def _headers(params, headers, where):
    taken = {}
    for header, name in headers.items():
        _need(header in HEADERS, f"{where}: header {header}")
        [taken[header]] = _taken(params, [name], f"{where}: {header}", HEADERS[header])
    return taken


def _body(params, row, elsewhere, where):
    body = row.get("body")
    if body is None:
        return "none", ()
    if body == "params":
        taken = {param["name"] for param in elsewhere}
        return "params", tuple(param for name, param in params.items() if name not in taken)
    return "one", _taken(params, [body], f"{where}: body", ("object",))


def _success(row, where):
    _need(row["success"] in (200, 201), f"{where}: success {row['success']}")
    return row["success"]


def _member(operation, row, key, kind, where):
    name = row.get(key)
    if name is None:
        return ""
    types = {field["name"]: field["type"] for field in operation["result"]}
    _need(types.get(name) == kind, f"{where}: {key}: the result has no {kind} {name}")
    return name


def _location(operation, row, prefix, where):
    template = row.get("location")
    if template is None:
        return "", ""
    found = re.fullmatch(r"((?:/[a-z-]+)+/)\{(\w+)\}", template)
    _need(found, f"{where}: location {template}")
    _need(found[2] in {field["name"] for field in operation["result"]
                       if field["type"] == "name"}, f"{where}: location {template}")
    return prefix + found[1], found[2]


def _stream(row, where):
    stream = row.get("stream", False)
    _need(isinstance(stream, bool), f"{where}: stream {stream}")
    _need(not stream or row["method"] == "GET", f"{where}: streams are read with GET")
    return stream


def _refuse_collisions(routes):
    """No two routes may take the same request. A fixed text wins over a parameter in its place, so
    only routes whose parameters stand in the same places can collide."""
    seen = set()
    for route in routes:
        shape = (route.method, *("{}" if name else text for text, name in route.segments))
        _need(shape not in seen, f"{route.method} {route.path}: collides with another route")
        seen.add(shape)
