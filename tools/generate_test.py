#!/usr/bin/env python3
"""A contract that contradicts itself is refused; what is made from the real one is up to date."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOOLS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TOOLS))

import contract  # noqa: E402
import openapi  # noqa: E402
import routes  # noqa: E402


class BrokenContracts(unittest.TestCase):
    def refused(self, change, expected):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name in ("operations.json", "errors.json"):
                shutil.copy(contract.ROOT / "protocol" / name, folder)
            data = json.loads((folder / "operations.json").read_text())
            rows = {row["op"]: row for row in data["operations"]}
            change(data, rows)
            (folder / "operations.json").write_text(json.dumps(data))
            with self.assertRaisesRegex(contract.ContractError, expected):
                contract.load(folder)

    def param(self, rows, op, name):
        return next(param for param in rows[op]["params"] if param["name"] == name)

    def test_unchanged_is_fine(self):
        operations, common, errors = contract.load()
        self.assertEqual(len(errors), 16)
        self.assertGreaterEqual(len(operations), 22)
        self.assertIn("BAD_REQUEST", common)

    def test_operation_twice(self):
        self.refused(lambda data, rows: data["operations"].append(rows["PING"]), "PING is there")

    def test_operation_without_access(self):
        self.refused(lambda _, rows: rows["PING"].pop("access"), "PING: keys")
        self.refused(lambda _, rows: rows["PING"].update(access="some"), "PING: access some")
        self.refused(lambda _, rows: rows["PING"].update(access=None), "PING: access None")

    def test_a_build_stops_at_an_operation_without_access(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for part in ("tools", "protocol"):
                shutil.copytree(contract.ROOT / part, folder / part)
            rows = json.loads((folder / "protocol/operations.json").read_text())
            del rows["operations"][5]["access"]
            (folder / "protocol/operations.json").write_text(json.dumps(rows))
            made = folder / "operation_table.inc"
            done = subprocess.run([sys.executable, folder / "tools/generate", "--cpp", made],
                                  capture_output=True, text=True, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(rows["operations"][5]["op"] + ": keys", done.stderr)
            self.assertFalse(made.exists())

    def test_what_needs_no_right_is_what_comes_before_auth(self):
        self.refused(lambda _, rows: rows["INFO"].update(before_auth=True), "INFO: access none")
        self.refused(lambda _, rows: rows["PING"].update(before_auth=False), "PING: access none")

    def test_statuses(self):
        self.refused_errors(lambda rows: rows["CONFLICT"].pop("http"), "CONFLICT: keys")
        self.refused_errors(lambda rows: rows["CONFLICT"].update(http=[]), "CONFLICT: no status")
        self.refused_errors(lambda rows: rows["CONFLICT"].update(http=[{"status": 200}]),
                            "CONFLICT: status")
        self.refused_errors(lambda rows: rows["CONFLICT"]["http"][1].pop("when"),
                            "CONFLICT: when is it 412")

    def refused_errors(self, change, expected):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            shutil.copy(contract.ROOT / "protocol/operations.json", folder)
            data = json.loads((contract.ROOT / "protocol/errors.json").read_text())
            change({row["code"]: row for row in data["errors"]})
            (folder / "errors.json").write_text(json.dumps(data))
            with self.assertRaisesRegex(contract.ContractError, expected):
                contract.load(folder)

    def test_unknown_error(self):
        self.refused(lambda _, rows: rows["PING"]["errors"].append("OOPS"), "PING: unknown error")

    def test_two_params_with_one_spelling(self):
        self.refused(lambda _, rows: self.param(rows, "CREATE_INSTANCE", "machine")
                     .update(aliases=["id"]), "CREATE_INSTANCE: id is there twice")

    def test_camel_case_counts_as_a_spelling(self):
        self.refused(lambda _, rows: self.param(rows, "APPLY_EVENT", "payload")
                     .update(aliases=["eventId"]), "APPLY_EVENT: eventId")

    def test_default_out_of_bounds(self):
        self.refused(lambda _, rows: self.param(rows, "WAL_READ", "limit").update(default=1001),
                     "WAL_READ.limit: default out of bounds")

    def test_default_of_another_type(self):
        self.refused(lambda _, rows: self.param(rows, "COMPACT", "force_snapshot")
                     .update(default=0), "COMPACT.force_snapshot: default 0")

    def test_integer_without_bounds(self):
        self.refused(lambda _, rows: self.param(rows, "WAL_READ", "limit").pop("max"),
                     "WAL_READ.limit: needs min and max")

    def test_unknown_type_key_and_access(self):
        self.refused(lambda _, rows: self.param(rows, "AUTH", "token").update(type="string"),
                     "AUTH.token: type string")
        self.refused(lambda _, rows: self.param(rows, "AUTH", "token").update(optional=True),
                     "AUTH.token: keys")
        self.refused(lambda _, rows: rows["AUTH"].update(access="root"), "AUTH: access root")
        self.refused(lambda _, rows: rows["AUTH"].pop("since"), "AUTH: keys")
        self.refused(lambda _, rows: rows["AUTH"].update(since="soon"), "AUTH: since soon")

    def test_required_with_default(self):
        self.refused(lambda _, rows: self.param(rows, "BATCH", "mode").update(required=True),
                     "BATCH.mode: required and with a default")


class BrokenRoutes(unittest.TestCase):
    """http.json against the operations as they are."""

    def refused(self, change, expected):
        with tempfile.TemporaryDirectory() as folder:
            text = json.loads((contract.ROOT / "protocol/http.json").read_text())
            change(text, {f"{row['method']} {row['path']}": row for row in text["routes"]})
            (pathlib.Path(folder) / "http.json").write_text(json.dumps(text))
            with self.assertRaisesRegex(contract.ContractError, expected):
                routes.load(contract.load()[0], pathlib.Path(folder))

    def test_every_operation_is_routed_or_named(self):
        self.refused(lambda text, _: text["routes"].pop(0), "PING has no route")
        self.refused(lambda text, _: text["without_route"].update(PING="-"), "PING has a route")
        self.refused(lambda text, _: text["without_route"].update(SING="-"), "no operation SING")
        self.refused(lambda _, rows: rows["GET /ping"].update(op="SING"), "no operation SING")

    def test_parameters_are_the_operations_own(self):
        events = "POST /instances/{instance_id}/events"
        self.refused(lambda _, rows: rows["GET /log"].update(query=["from_offset", "size"]),
                     "GET /log: query: the operation has no size")
        self.refused(lambda _, rows: rows["GET /machines/{machine}"].update(path="/machines/{m}"),
                     "path: the operation has no m$")
        self.refused(lambda _, rows: rows["GET /log"].update(query=["limit"]),
                     "GET /log: from_offset cannot be given")
        self.refused(lambda _, rows: rows["GET /instances/{instance_id}"].update(
            query=["instance_id"]), "given twice")
        self.refused(lambda _, rows: rows[events].update(query=["payload"]),
                     "payload cannot stand there")
        self.refused(lambda _, rows: rows[events].update(headers={"If-Match": "event"}),
                     "If-Match: event cannot stand there")
        self.refused(lambda _, rows: rows[events].update(headers={"X-Event": "event"}),
                     "header X-Event")

    def test_bodies(self):
        put = "PUT /machines/{machine}/versions/{version}"
        self.refused(lambda _, rows: rows["GET /ping"].update(body="params"), "GET /ping: a body")
        self.refused(lambda _, rows: rows[put].update(body="checksum"),
                     "body: checksum cannot stand there")

    def test_results(self):
        create = "POST /instances"
        self.refused(lambda _, rows: rows[create].update(etag="state"), "no offset state")
        self.refused(lambda _, rows: rows[create].update(created_by="state"), "no boolean state")
        self.refused(lambda _, rows: rows[create].update(location="/instances/{id}"), "location")
        self.refused(lambda _, rows: rows[create].update(success=204), "success 204")
        self.refused(lambda _, rows: rows[create].update(stream=True), "streams are read")

    def test_no_two_routes_take_the_same_request(self):
        self.refused(lambda text, rows: text["routes"].append(
            {**rows["GET /instances/{instance_id}"]}), "collides")
        self.refused(lambda _, rows: rows["GET /ping"].update(path="/info"), "/v1/info: collides")
        self.refused(lambda _, rows: rows["GET /ping"].update(path="/healthz"),
                     "the door has that path itself")
        self.refused(lambda _, rows: rows["GET /ping"].update(path="/ping/"), "path")
        self.refused(lambda _, rows: rows["GET /ping"].update(sort="up"), "keys")
        self.refused(lambda _, rows: rows["GET /ping"].update(method="SEND"), "method")
        self.refused(lambda _, rows: rows["GET /machines/{machine}/versions"].pop("id"),
                     "listMachines: two routes")


class OpenApi(unittest.TestCase):
    def setUp(self):
        self.operations, of_all, errors = contract.load()
        self.routes, self.without = routes.load(self.operations)
        self.document = openapi.make("1.2.3", self.operations, of_all, errors, self.routes)

    def at(self, method, path):
        return self.document["paths"]["/v1" + path][method]

    def test_every_routed_operation_is_there(self):
        named = {operation["x-operation"] for path in self.document["paths"].values()
                 for operation in path.values() if "x-operation" in operation}
        self.assertEqual(named | set(self.without), {row["op"] for row in self.operations})

    def test_ids_are_unique(self):
        ids = [operation["operationId"] for path in self.document["paths"].values()
               for operation in path.values()]
        self.assertEqual(len(ids), len(set(ids)))

    def test_references_lead_somewhere(self):
        def references(value):
            if isinstance(value, dict):
                if "$ref" in value:
                    yield value["$ref"]
                value = list(value.values())
            if isinstance(value, list):
                for each in value:
                    yield from references(each)

        found = set(references(self.document))
        self.assertGreater(len(found), 10)
        for reference in found:
            place = self.document
            for part in reference.removeprefix("#/").split("/"):
                self.assertIn(part, place, reference)
                place = place[part]

    def test_statuses(self):
        events = self.at("post", "/instances/{instance_id}/events")["responses"]
        self.assertLessEqual({"200", "400", "401", "403", "404", "409", "412", "413", "415", "422",
                              "429", "500", "503"}, set(events))
        self.assertNotIn("412", self.at("post", "/instances")["responses"])
        self.assertLessEqual({"200", "410"}, set(self.at("get", "/watch")["responses"]))
        self.assertLessEqual({"200", "304", "404"},
                             set(self.at("get", "/instances/{instance_id}")["responses"]))
        self.assertNotIn("403", self.at("get", "/ping")["responses"])
        self.assertEqual(self.at("get", "/ping")["security"], [])
        codes = events["409"]["content"]["application/problem+json"]["schema"]["allOf"][1]
        self.assertEqual(codes["properties"]["code"]["enum"], ["CONFLICT", "INVALID_TRANSITION"])

    def test_a_body_has_what_is_not_elsewhere(self):
        body = self.at("post", "/instances/{instance_id}/events")["requestBody"]
        schema = body["content"]["application/json"]["schema"]
        self.assertEqual(schema["required"], ["event"])
        self.assertNotIn("instance_id", schema["properties"])
        self.assertIn("eventId", schema["properties"]["event_id"]["x-also"])

    def test_shapes_that_do_not_fit(self):
        def refused(change, expected):
            with tempfile.TemporaryDirectory() as folder:
                shapes = json.loads((contract.ROOT / "protocol/schemas.json").read_text())
                change(shapes)
                (pathlib.Path(folder) / "schemas.json").write_text(json.dumps(shapes))
                with self.assertRaisesRegex(contract.ContractError, expected):
                    openapi.load_shapes(self.operations, pathlib.Path(folder))

        refused(lambda shapes: shapes["fields"].pop("BATCH.ops"), "BATCH.ops has no shape")
        refused(lambda shapes: shapes["fields"].update({"BATCH.x": {}}), "has BATCH.x")

    def test_the_server_has_the_same_document(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "document.inc"
            subprocess.run([TOOLS / "generate", "--openapi", out], check=True)
            text = out.read_text()
        served = text.split('R"openapi(')[1].split(')openapi"')[0]
        committed = json.loads((contract.ROOT / "docs/openapi.json").read_text())
        self.assertEqual(json.loads(served), committed)
        self.assertEqual(self.document["paths"], committed["paths"])


class Spellings(unittest.TestCase):
    def test_canonical_first_then_aliases_then_camel_case(self):
        param = {"name": "initial_ctx", "aliases": ["context"]}
        self.assertEqual(contract.spellings(param), ["initial_ctx", "context", "initialCtx"])


class Made(unittest.TestCase):
    def test_documents_are_up_to_date(self):
        done = subprocess.run([TOOLS / "generate", "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_route_table_has_every_route(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "routes.inc"
            subprocess.run([TOOLS / "generate", "--routes", out], check=True)
            text = out.read_text()
        operations, _, errors = contract.load()
        for route in routes.load(operations)[0]:
            self.assertRegex(text, rf'{{Method::k{route.method.capitalize()}, "{route.path}", '
                                   rf'.*Operation::k{contract.pascal(route.operation["op"])}, ')
        self.assertEqual(len(errors), text.split("kCodes[] = {")[1].count('"},'))

    def test_table_names_every_operation(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "table.inc"
            subprocess.run([TOOLS / "generate", "--cpp", out], check=True)
            text = out.read_text()
        for row in contract.load()[0]:
            self.assertIn(f'{{"{row["op"]}", Operation::k', text)
            for param in row["params"]:
                self.assertIn(f'{{"{param["name"]}", ParamType::k', text)


if __name__ == "__main__":
    unittest.main()
