"""The OpenAPI document that a server serves, as the tests read it: its operations, and whether an
answer is one that the document allows."""

import re
from dataclasses import dataclass, field

import jsonschema
import referencing

JSON = "application/json"
PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"
STANDARD_HEADERS = {"date", "server", "connection", "content-length", "transfer-encoding", "vary",
                    "cache-control", "x-content-type-options", "content-type", "keep-alive"}


class Wrong(Exception):
    """The server did something that its document does not allow; the text says what."""


@dataclass(frozen=True)
class Operation:
    id: str
    method: str      # upper case
    path: str        # with {parameters}
    row: dict = field(repr=False)

    @property
    def parameters(self):
        return self.row.get("parameters", [])

    def parameters_in(self, place):
        return [each for each in self.parameters if each["in"] == place]

    @property
    def body(self):
        """The schema of the JSON body, or None."""
        body = self.row.get("requestBody")
        return body and body["content"][JSON]["schema"]

    @property
    def streams(self):
        return any(EVENTS in answer.get("content", {}) for answer in self.row["responses"].values())

    @property
    def op(self):
        return self.row.get("x-operation")


class Document:
    def __init__(self, text):
        self.text = text
        registry = referencing.Registry().with_resource(
            "urn:document", referencing.jsonschema.DRAFT202012.create_resource(text))
        self.registry = registry
        self.operations = [Operation(row["operationId"], method.upper(), path, row)
                           for path, methods in text["paths"].items()
                           for method, row in methods.items()]
        self._validators = {}

    def resolved(self, schema):
        """The schema itself, without being a reference; members beside `$ref` win."""
        while "$ref" in schema:
            place = self.text
            for part in schema["$ref"].removeprefix("#/").split("/"):
                place = place[part]
            schema = {**place, **{key: value for key, value in schema.items() if key != "$ref"}}
        return schema

    def wrong_with(self, schema, value):
        """None, or what `schema` says against `value`."""
        key = id(schema)
        if key not in self._validators:
            absolute = _absolute(schema)
            self._validators[key] = (schema, jsonschema.Draft202012Validator(
                absolute, registry=self.registry))
        error = jsonschema.exceptions.best_match(self._validators[key][1].iter_errors(value))
        return error and f"at /{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"

    def undocumented(self, schema, value, place=""):
        """Members of `value` that no schema names, at any depth where members are named."""
        schema = self.resolved(schema)
        found = []
        if schema.get("additionalProperties"):
            return []
        if isinstance(value, dict):
            properties = dict(schema.get("properties", {}))
            for part in [*schema.get("allOf", []), *schema.get("anyOf", []),
                         *schema.get("oneOf", [])]:
                properties |= {name: inner for name, inner in
                               self.resolved(part).get("properties", {}).items()
                               if name not in properties or properties[name] == {}}
            for name, inner in value.items():
                if properties and name not in properties:
                    found.append(f"{place}/{name}")
                elif name in properties:
                    found += self.undocumented(properties[name], inner, f"{place}/{name}")
        elif isinstance(value, list) and "items" in schema:
            for each in value:
                found += self.undocumented(schema["items"], each, f"{place}[]")
        return found

    def check(self, operation, answer):
        """Raises Wrong unless `answer` is documented for `operation`: status, type, body, headers.
        """
        row = operation.row["responses"].get(str(answer.status))
        if row is None:
            raise Wrong(f"status {answer.status} is not documented: {answer.body[:300]!r}")
        row = self.resolved(row)
        for name in row.get("headers", {}):
            self.check_header(name, answer)
        for name in self.text["components"]["headers"]:
            if name in answer and name not in row.get("headers", {}):
                raise Wrong(f"status {answer.status}: the header {name} is not documented")
        content = row.get("content", {})
        if not content:
            if answer.body:
                raise Wrong(f"status {answer.status} has a body: {answer.body[:300]!r}")
            return
        [(kind, described)] = content.items()
        if answer.content_type != kind:
            raise Wrong(f"status {answer.status}: Content-Type {answer.content_type!r}")
        if kind == EVENTS:
            return
        if answer.header("Cache-Control") != "no-store" and operation.op:
            raise Wrong(f"Cache-Control {answer.header('Cache-Control')!r}")
        if answer.header("X-Content-Type-Options") != "nosniff":
            raise Wrong(f"X-Content-Type-Options {answer.header('X-Content-Type-Options')!r}")
        self.check_value(described["schema"], answer.json(), f"status {answer.status}")

    def check_value(self, schema, value, what):
        fault = self.wrong_with(schema, value)
        if fault:
            raise Wrong(f"{what}: {fault}: {str(value)[:300]}")
        unknown = self.undocumented(schema, value)
        if unknown:
            raise Wrong(f"{what}: undocumented members {', '.join(sorted(set(unknown)))}: "
                        f"{str(value)[:300]}")

    def check_header(self, name, answer):
        schema = self.text["components"]["headers"][name]["schema"]
        value = answer.header(name)
        if value is None:
            raise Wrong(f"status {answer.status} without {name}")
        if schema.get("type") == "integer":
            if not re.fullmatch(r"\d+", value):
                raise Wrong(f"{name}: {value!r}")
        elif not re.search(schema.get("pattern", ""), value):
            raise Wrong(f"{name}: {value!r}")


def _absolute(schema):
    """The schema with its references made to lead into the document."""
    if isinstance(schema, dict):
        return {key: f"urn:document{value}" if key == "$ref" else _absolute(value)
                for key, value in schema.items()}
    if isinstance(schema, list):
        return [_absolute(each) for each in schema]
    return schema
