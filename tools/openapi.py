"""The OpenAPI 3.1 document of the HTTP gateway, from protocol/.

What a parameter, a result or an error is follows from operations.json and errors.json, where it is
from http.json, and the shapes that those only describe in words from schemas.json. Nothing is said
here that the server does not do: tests/http_properties holds a running server against the document.
"""

import json

import contract
from contract import ContractError

JSON = "application/json"
PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"
# Of HTTP itself: what any request may be answered, and what one with a body may be.
OF_ALL = {400: "The request is no valid HTTP, its path or query no valid text, or its body no JSON",
          408: "The request did not come in time",
          421: "Where no token is needed, the server is spoken to by its address, as localhost, "
               "or by the name in http.bind_addr; `Host` says something else",
          431: "The request line and its headers are longer than 16 KiB"}
OF_BODIES = {411: "The body is missing, or its length is not known", 413: "The body is too long",
             415: "The body, or what its type says of it, is not application/json"}
NO_OBJECTS = {"name": {"type": "string"}, "text": {"type": "string"},
              "boolean": {"type": "boolean"}, "object": {"type": "object"},
              "integer": {"type": "integer"}, "array": {"type": "array"}}
STANDARD = {
    "Name": {"type": "string", "minLength": 1, "maxLength": 256,
             "pattern": "^[^\\u0000-\\u001f\\u007f]*$", "x-max-bytes": 256,
             "description": "1 to 256 bytes of UTF-8 without control characters"},
    "Offset": {"type": "integer", "minimum": 0, "maximum": contract.OFFSET_MAX,
               "description": "A place in the log. Written without fraction and exponent"},
}
HEADERS = {
    "Idempotency-Key": "Makes a repeated request take effect once; the same as `idempotency_key`",
    "If-Match": "The entity tag that the instance must have: `\"812\"`, or 812. One strong tag; "
                "a list, a weak tag and `*` are refused. The same as `expected_wal_offset`, but "
                "what does not match is answered with 412",
    "Last-Event-ID": "The id of the last event seen: the stream goes on behind it. Wins over "
                     "`after_offset` and `from_offset` in the query",
}
ANSWER_HEADERS = {
    "ETag": {"description": "The offset of the instance's last record, as an entity tag",
             "schema": {"type": "string", "pattern": "^\"[0-9]+\"$"}},
    "Location": {"description": "The path of what was made",
                 "schema": {"type": "string", "format": "uri-reference"}},
    "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}},
}
READINESS = {"type": "object", "required": ["ready", "conditions"], "properties": {
    "ready": {"type": "boolean"},
    "conditions": {"type": "array", "items": {
        "type": "object", "required": ["name", "ok"], "properties": {
            "name": {"type": "string"}, "ok": {"type": "boolean"},
            "reason": {"type": "string", "description": "Only when it is not ok"}}}}}}
# What the door answers without an operation, and to anybody.
DOOR = {
    "/healthz": ("health", "Whether the process answers", {
        "200": ("It does", {"type": "object"})}),
    "/readyz": ("readiness", "Whether the server should be given work", {
        "200": ("It should", READINESS), "503": ("It should not", READINESS)}),
    "/openapi.json": ("openapi", "This document", {
        "200": ("OpenAPI 3.1", {"type": "object", "required": ["openapi", "info", "paths"]})}),
}
CPP = """\
// Made by tools/generate from protocol/: what the gateway serves at /openapi.json.
#include <string_view>

namespace rstmdb::http {

inline constexpr std::string_view kOpenApi = R"openapi(%s)openapi";

}  // namespace rstmdb::http
"""
INTRODUCTION = """\
State machines and their instances over HTTP: each route is one operation of the protocol, with its
parameters in the path, the query, a header or the body.

Every path may be written without its `/v1`. HEAD is answered where GET is. What is refused is a
problem document (RFC 9457) with the protocol's code and details. A parameter of the body may also
be spelled as `x-also` says; members that are not listed are ignored there, but a parameter of the
query that is not listed is refused with 422. A parameter given twice, in the path, the query, a
header or the body, is refused with 422. Lists in the query are repeated
(`kinds=create&kinds=delete`) or separated by commas; a comma within a name is written as %2C.

Beside what is listed at each route, a method that a path does not have is answered with 405,
`Expect` with anything but `100-continue` with 417, a transfer coding other than `chunked` with 501,
and a version of HTTP other than 1.0 and 1.1 with 505; streams need 1.1."""


def load_shapes(operations, folder=contract.ROOT / "protocol"):
    """schemas.json, checked: whatever is an object or a list of objects has a shape there."""
    shapes = json.loads((folder / "schemas.json").read_text())
    known = {f"{row['op']}.{field['name']}": field for row in operations
             for field in [*row["params"], *row["result"]]}
    for name in shapes["fields"]:
        _need(name in known, f"fields: no operation has {name}")
    for name, field in known.items():
        if field["type"] in ("object", "array") and not name.startswith("HELLO."):
            _need(name in shapes["fields"], f"fields: {name} has no shape")
    return shapes


def make(version, operations, errors_of_all, errors, routes):
    shapes = load_shapes(operations)
    maker = _Maker(shapes, errors_of_all, errors)
    paths = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = maker.operation(route)
    paths.update({path: {"get": _door(*row)} for path, row in DOOR.items()})
    return {
        "openapi": "3.1.0",
        "info": {"title": "rstmdb", "version": version, "description": INTRODUCTION,
                 "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {}],
        "tags": [{"name": tag} for tag in _tags(routes)],
        "paths": paths,
        "components": {
            "schemas": maker.components(),
            "responses": maker.responses,
            "headers": ANSWER_HEADERS,
            "securitySchemes": {"bearer": {
                "type": "http", "scheme": "bearer",
                "description": "A token of `auth.secrets_file`. Not needed where the server asks "
                               "for none, or knows the client by its certificate"}},
        },
    }


def text(document):
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def cpp_document(document):
    """The document without its white space, as a constant."""
    return CPP % json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _need(condition, message):
    if not condition:
        raise ContractError(f"schemas.json: {message}")


def _tag(route):
    first = route.path.split("/")[2]
    return {"machines": "machines", "instances": "instances", "batch": "instances",
            "watch": "watching"}.get(first, "server")


def _tags(routes):
    return list(dict.fromkeys(_tag(route) for route in routes))


def _door(name, summary, answers):
    return {"operationId": name, "tags": ["server"], "summary": summary, "security": [],
            "responses": {status: {"description": meaning, "content": {JSON: {"schema": schema}}}
                          for status, (meaning, schema) in answers.items()}}


class _Maker:
    """The parts of one document."""

    def __init__(self, shapes, errors_of_all, errors):
        self.shapes = shapes
        self.errors = {row["code"]: row for row in errors}
        self.errors_of_all = errors_of_all
        self.responses = {
            str(status): self._own_refusal(meaning)
            for status, meaning in {**OF_ALL, **OF_BODIES}.items() if status != 400}

    # --- schemas --------------------------------------------------------------------------------

    def components(self):
        code = {"type": "string", "enum": list(self.errors),
                "description": "docs/errors.md says what each means"}
        problem = {
            "type": "object", "description": "A refusal (RFC 9457)",
            "required": ["type", "title", "status", "detail", "code", "retryable"],
            "properties": {
                "type": {"type": "string", "pattern": "^urn:rstmdb:error:[A-Z_]+$"},
                "title": {"type": "string", "minLength": 1, "description": "The code in words"},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": {"type": "string", "description": "A sentence for a person"},
                "code": {"$ref": "#/components/schemas/Code"},
                "retryable": {"type": "boolean", "description": "Whether the same request may "
                                                                "succeed later"},
                "details": {"$ref": "#/components/schemas/Details"}},
            "example": {
                "type": "urn:rstmdb:error:INVALID_TRANSITION", "title": "Invalid transition",
                "status": 409, "detail": "no transition for PAY in state paid",
                "code": "INVALID_TRANSITION", "retryable": False,
                "details": {"current_state": "paid", "event": "PAY"}}}
        own = {name: self._resolved(schema) for name, schema in self.shapes["schemas"].items()}
        return {**STANDARD, "Code": code, "Problem": problem, "Details": self._details(), **own}

    def _details(self):
        kinds = {}
        for row in self.errors.values():
            for detail in row["details"]:
                kinds.setdefault(detail["name"], set()).add(
                    {"text": "string", "integer": "integer"}[detail["type"]])
        return {"type": "object", "description": "What a program can use. Which there are depends "
                                                 "on the code; missing when there are none",
                "properties": {name: {"type": sorted(types) if len(types) > 1 else types.pop()}
                               for name, types in sorted(kinds.items())}}

    def _resolved(self, schema):
        """`#Name` as the reference that it stands for, everywhere in `schema`."""
        if isinstance(schema, str) and schema.startswith("#"):
            return {"$ref": f"#/components/schemas/{schema[1:]}"}
        if isinstance(schema, dict):
            return {key: self._resolved(value) for key, value in schema.items()}
        if isinstance(schema, list):
            return [self._resolved(value) for value in schema]
        return schema

    def _shape(self, operation, field):
        shape = self.shapes["fields"].get(f"{operation}.{field['name']}")
        return self._resolved(shape) if shape is not None else None

    def _param_schema(self, operation, param, in_body):
        kind = param["type"]
        schema = self._shape(operation, param)
        if schema is None:
            schema = self._plain(param, in_body)
        if kind == "array":
            schema = {**schema, "minItems": param["min"], "maxItems": param["max"]}
        if "default" in param:
            schema = _beside(schema, default=param["default"])
        return schema

    def _plain(self, param, in_body):
        kind, low, high = param["type"], param["min"], param["max"]
        if kind == "name":
            return {"$ref": "#/components/schemas/Name"}
        if kind == "text":
            return {"type": "string", "maxLength": high, "x-max-bytes": high}
        if kind == "offset":
            offset = {"$ref": "#/components/schemas/Offset"}
            digits = {"type": "string", "pattern": "^[0-9]{1,16}$", "description": "Its digits"}
            return {"oneOf": [offset, digits]} if in_body else offset
        if kind == "integer":
            return {"type": "integer", "minimum": low, "maximum": high}
        if kind == "enum":
            return {"type": "string", "enum": param["values"]}
        if kind == "names":
            names = {"type": "array", "minItems": low, "maxItems": high,
                     "items": {"$ref": "#/components/schemas/Name"}}
            return {"oneOf": [names, {"$ref": "#/components/schemas/Name"}]} if in_body else names
        return {"type": "boolean"}

    def _result_schema(self, operation):
        properties = {}
        for field in operation["result"]:
            schema = self._shape(operation["op"], field)
            if schema is None:
                schema = self._plain_result(field)
            if field.get("nullable"):
                schema = {"anyOf": [schema, {"type": "null"}]}
            properties[field["name"]] = _beside(schema, description=field["doc"])
        return {"type": "object",
                "required": [field["name"] for field in operation["result"]
                             if not field.get("optional")],
                "properties": properties}

    @staticmethod
    def _plain_result(field):
        if field["type"] in ("name", "offset"):
            return {"$ref": f"#/components/schemas/{field['type'].capitalize()}"}
        if field["type"] == "names":
            return {"type": "array", "items": {"$ref": "#/components/schemas/Name"}}
        return dict(NO_OBJECTS[field["type"]])

    # --- an operation ---------------------------------------------------------------------------

    def operation(self, route):
        operation = route.operation
        made = {
            "operationId": route.id,
            "tags": [_tag(route)],
            "summary": operation["summary"].split("; docs/")[0].rstrip("."),
            "description": self._description(operation),
            "x-operation": operation["op"],
        }
        if operation["before_auth"]:
            made["security"] = []
        parameters = self._parameters(route)
        if parameters:
            made["parameters"] = parameters
        body = self._body(route)
        if body:
            made["requestBody"] = body
        made["responses"] = self._answers(route)
        return made

    @staticmethod
    def _description(operation):
        right = "no right" if operation["access"] == "none" else f"the right {operation['access']}"
        notes = f" {operation['notes']}" if operation.get("notes") else ""
        return f"{operation['op']}, since {operation['since']}; needs {right}.{notes}"

    def _example(self, param):
        value = self.shapes["examples"].get(param["name"])
        return {} if value is None else {"example": value}

    def _parameters(self, route):
        op = route.operation["op"]
        made = [{"name": param["name"], "in": "path", "required": True,
                 "description": param["doc"], "schema": self._param_schema(op, param, False),
                 **self._example(param)} for param in route.in_path]
        for param in route.in_query:
            row = {"name": param["name"], "in": "query", "required": param["required"],
                   "description": param["doc"], "schema": self._param_schema(op, param, False),
                   **self._example(param)}
            if param["type"] == "names":
                row.update(style="form", explode=True)
            made.append(row)
        for header, param in route.in_header.items():
            schema = self._param_schema(op, param, False)
            if header == "If-Match":
                schema = {"type": "string", "pattern": "^(\"[0-9]{1,16}\"|[0-9]{1,16})$"}
            made.append({"name": header, "in": "header", "required": False,
                         "description": HEADERS[header], "schema": schema})
        if route.etag and route.method == "GET":
            made.append({"name": "If-None-Match", "in": "header", "required": False,
                         "description": "Entity tags; when one is the instance's, the answer is "
                                        "304 without a body",
                         "schema": {"type": "string"}})
        return made

    def _body(self, route):
        if route.body == "none":
            return None
        op = route.operation["op"]
        if route.body == "one":
            [param] = route.body_params
            return {"required": True, "description": param["doc"],
                    "content": {JSON: {"schema": self._param_schema(op, param, True)}}}
        properties = {}
        for param in route.body_params:
            schema = _beside(self._param_schema(op, param, True), description=param["doc"])
            schema["x-also"] = contract.spellings(param)[1:]
            if not param["required"]:
                schema = {"anyOf": [schema, {"type": "null", "description": "As if missing"}],
                          "x-also": schema.pop("x-also"),
                          "description": schema.pop("description")}
            properties[param["name"]] = schema
        required = [param["name"] for param in route.body_params if param["required"]]
        body = {"type": "object", "properties": properties}
        if required:
            body["required"] = required
        example = {param["name"]: self.shapes["examples"][param["name"]]
                   for param in route.body_params if param["name"] in self.shapes["examples"]
                   and (param["required"] or param["type"] == "object")}
        return {"required": bool(required),
                "content": {JSON: {"schema": body, **({"example": example} if example else {})}}}

    # --- its answers ----------------------------------------------------------------------------

    def _answers(self, route):
        answers = {str(status): self._success(route, status) for status in route.statuses}
        if route.etag and route.method == "GET":
            answers["304"] = {"description": "The entity tag is still the instance's",
                              "headers": self._headers("ETag")}
        codes = self._codes_by_status(route)
        for status in sorted({*codes, *self._own_statuses(route)}):
            if status in codes:
                answers[str(status)] = self._refusal(status, codes[status])
            else:
                answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
        return answers

    @staticmethod
    def _own_statuses(route):
        own = list(OF_ALL)
        own += [411] if route.body == "one" else []
        own += [413] if route.body != "none" else []
        return own + ([415] if route.method != "GET" else [])

    def _codes_by_status(self, route):
        operation = route.operation
        codes = [*self.errors_of_all, *operation["errors"], "AUTH_FAILED", "WAL_IO_ERROR"]
        found = {}
        for code in dict.fromkeys(codes):
            for case in self.errors[code]["http"]:
                status = case["status"]
                if status == 412 and "If-Match" not in route.in_header:
                    continue
                if status == 410 and not route.stream:
                    continue
                if status == 403 and operation["access"] == "none":
                    continue
                found.setdefault(status, []).append(code)
        return found

    def _refusal(self, status, codes):
        meanings = [f"`{code}`: {_when(self.errors[code], status)}" for code in codes]
        made = {"description": "\n\n".join(meanings),
                "content": {PROBLEM: {"schema": {"allOf": [
                    {"$ref": "#/components/schemas/Problem"},
                    {"properties": {"status": {"const": status}, "code": {"enum": codes}}}]}}}}
        headers = {429: "Retry-After", 401: "WWW-Authenticate"}.get(status)
        if headers:
            made["headers"] = self._headers(headers)
        return made

    @staticmethod
    def _own_refusal(meaning):
        return {"description": meaning, "content": {
            PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}

    @staticmethod
    def _headers(*names):
        return {name: {"$ref": f"#/components/headers/{name}"} for name in names}

    def _success(self, route, status):
        operation = route.operation
        schema = self._result_schema(operation)
        if route.stream:
            # A stream is text; OpenAPI 3.1 has no words for what is in it.
            return {"description": self._stream_description(),
                    "content": {EVENTS: {
                        "schema": {"type": "string"},
                        "x-events": {"watching": schema, "change": self._resolved(
                            self.shapes["streams"][operation["op"]])}}}}
        made = {"description": "Made" if status == 201 else "Done",
                "content": {JSON: {"schema": schema}}}
        if route.created_by and status != 201:
            made["description"] = "It was there already"
        names = (["ETag"] if route.etag else []) + (["Location"] if route.location[1] else [])
        if names:
            made["headers"] = self._headers(*names)
        return made

    @staticmethod
    def _stream_description():
        return ("Server-sent events. The first is `watching`, with the result as its data (the "
                "first schema of `x-events`); then each change comes as an event named by its "
                "kind, `transition`, `create` or `delete`, whose id is its offset in the log and "
                "whose data is the second schema. A comment comes when there has been nothing for "
                "15 seconds. When the log cannot be read on, an event `error` with a problem as "
                "its data is the last")


def _beside(schema, **members):
    """`schema` with more members, which JSON Schema allows beside $ref since 2019."""
    return {**schema, **members}


def _when(row, status):
    case = next(case for case in row["http"] if case["status"] == status)
    meaning = row["meaning"].rstrip(".")
    return f"{meaning}; when {case['when']}" if case.get("when") else meaning
