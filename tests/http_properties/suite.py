"""The properties, run with the packages of requirements.txt; run.py starts it.

  valid     what the document allows is answered as the document says
  faulty    what it does not allow is refused as it says, and changes nothing
  agreement HTTP and RCP say the same, and what a model says
"""

import argparse
import itertools
import json
import pathlib
import sys
import tempfile
import time

import hypothesis
import openapi_spec_validator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.stateful import run_state_machine_as_test

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]

import agreement  # noqa: E402
import faults  # noqa: E402
import values  # noqa: E402
from document import JSON, PROBLEM, Wrong  # noqa: E402
from door import Answer, Door, Request, Stream  # noqa: E402
from pool import ROOT, TOKENS, Pool  # noqa: E402

RANK = ("none", "read", "write", "admin")


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def line(self, holds, what, shown=""):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)
        if not holds:
            print("".join(f"     {line}\n" for line in str(shown)[:4000].splitlines()), flush=True)


class Properties:
    def __init__(self, pool, report, seed, scale):
        self.pool, self.report, self.seed, self.scale = pool, report, seed, scale
        self.document = pool.document
        self.problem = self.document.text["components"]["schemas"]["Problem"]

    def settings(self, examples):
        return settings(max_examples=examples, deadline=None, database=None,
                        derandomize=self.seed is None, phases=[Phase.generate],
                        suppress_health_check=list(HealthCheck), print_blob=False)

    def tried(self, strategy, check, examples):
        """None, or the first thing that was wrong. `check` is called with each request's parts."""
        wrong = []

        def test(parts):
            if wrong:
                return
            try:
                check(parts)
                self.pool.server.alive()
            except Wrong as fault:
                wrong.append(f"{fault}\nrequest:\n    {parts.sent}")
                self.pool.door.close()

        test = given(strategy)(test)
        if self.seed is not None:
            test = hypothesis.seed(self.seed)(test)
        self.settings(examples)(test)()
        return wrong[0] if wrong else None

    # --- what the document allows -----------------------------------------------------------------

    def valid(self, operation):
        counts = {}

        def check(parts):
            parts.sent = parts.request()
            if operation.streams:
                answer = self.stream(operation, parts.sent)
            else:
                answer = self.pool.door.ask(parts.sent)
                self.document.check(operation, answer)
            counts[answer.status] = counts.get(answer.status, 0) + 1
            if answer.status >= 400:
                self.check_problem(answer)
            if operation.op in ("DELETE_INSTANCE", "FLUSH_ALL", "BATCH") and answer.status < 300:
                self.pool.refill()
            if operation.method == "GET" and not operation.streams and answer.status == 200:
                self.check_head(parts.sent, answer)

        strategy = values.parts(self.document, self.pool, operation)
        examples = 120 if operation.body is not None else 40
        wrong = self.tried(strategy, check, examples * self.scale)
        shown = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items()))
        done = sum(count for status, count in counts.items() if status < 300)
        if not wrong and not done:
            wrong = f"not one of these requests has succeeded: {shown}"
        self.report.line(not wrong, f"valid  {operation.id}: {shown}", wrong)
        return sum(counts.values())

    def check_head(self, request, answer):
        """HEAD says what GET has said, without the body."""
        head = self.pool.door.ask(Request("HEAD", request.target, request.headers))
        if (head.status, head.body) != (answer.status, b""):
            raise Wrong(f"HEAD: {head.status} with {len(head.body)} bytes")
        for name in ("Content-Type", "ETag", "Cache-Control"):
            if head.header(name) != answer.header(name):
                raise Wrong(f"HEAD: {name} {head.header(name)!r}, GET: {answer.header(name)!r}")

    def check_problem(self, answer):
        problem = answer.json()
        self.document.check_value(self.problem, problem, f"status {answer.status}")
        if problem["status"] != answer.status:
            raise Wrong(f"status {answer.status}, but the problem says {problem['status']}")
        if problem["type"] != f"urn:rstmdb:error:{problem['code']}":
            raise Wrong(f"type {problem['type']} of {problem['code']}")
        return problem

    def stream(self, operation, request):
        stream = Stream(Door(self.pool.server.http_port), request)
        try:
            answer = stream.answer()
            self.document.check(operation, answer)
            if answer.status == 200:
                self.check_first(self.document, operation, stream)
            return answer
        finally:
            stream.close()

    @staticmethod
    def check_first(document, operation, stream):
        described = operation.row["responses"]["200"]["content"]["text/event-stream"]["x-events"]
        name, offset, data = stream.next()
        if name != "watching" or offset is None:
            raise Wrong(f"the first event is {name}, its id {offset}")
        document.check_value(described["watching"], data, "watching")

    # --- what it does not allow -------------------------------------------------------------------

    def faulty(self, operation):
        counts, wrongs, names = {}, [], 0
        for fault in faults.of(self.document, operation):
            names += 1

            def check(parts, fault=fault):
                parts.sent = fault.apply(parts)
                before = self.pool.state()
                door = self.pool.strangers() if "token" in fault.name or "scheme" in fault.name \
                    else self.pool.door
                answer = door.ask(parts.sent)
                counts[answer.status] = counts.get(answer.status, 0) + 1
                self.check_refusal(operation, fault, answer)
                after = self.pool.state()
                if after != before:
                    raise Wrong(f"a refused request has changed {before} into {after}")
                if door is not self.pool.door:
                    door.close()

            strategy = values.parts(self.document, self.pool, operation)
            wrong = self.tried(strategy, check, 2 * self.scale)
            if wrong:
                wrongs.append(f"{fault}: {wrong}")
        shown = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items()))
        self.report.line(not wrongs, f"faulty {operation.id}: {names} faults: {shown}",
                         "\n".join(wrongs[:8]) + f"\n{len(wrongs)} in all")
        self.report.passed += max(names - len(wrongs) - 1, 0)
        self.report.failed += max(len(wrongs) - 1, 0)
        return sum(counts.values())

    def check_refusal(self, operation, fault, answer):
        if answer.status not in fault.statuses:
            raise Wrong(f"answered with {answer.status}, not {sorted(fault.statuses)}: "
                        f"{answer.body[:300]!r}")
        if answer.content_type != PROBLEM:
            raise Wrong(f"status {answer.status}: Content-Type {answer.content_type!r}")
        if str(answer.status) in operation.row["responses"] and answer.status != 404:
            self.document.check(operation, answer)
        problem = self.check_problem(answer)
        if answer.status == 405:
            self.check_allowed(answer, operation.path)
        if answer.status == 422 and fault.path is not None:
            path = problem.get("details", {}).get("path")
            if path != fault.path and not str(path).startswith(f"{fault.path}["):
                raise Wrong(f"path {path!r}, not {fault.path!r}: {problem}")

    def check_allowed(self, answer, path):
        there = {each.method for each in self.document.operations if each.path == path}
        there |= {"HEAD"} if "GET" in there else set()
        allowed = {name.strip() for name in (answer.header("Allow") or "").split(",")}
        if allowed != there:
            raise Wrong(f"Allow {sorted(allowed)}, not {sorted(there)}")

    # --- who may ----------------------------------------------------------------------------------

    def rights(self):
        """Every operation for every role: refused with 403 exactly where the contract says so."""
        rows = {row["op"]: row for row in json.loads(
            (ROOT / "protocol/operations.json").read_text())["operations"]}
        wrongs, count = [], 0
        for operation, role in itertools.product(self.document.operations, TOKENS):
            if operation.op is None or operation.op == "FLUSH_ALL" and role == "admin":
                continue
            allowed = RANK.index(role) >= RANK.index(rows[operation.op]["access"])
            statuses = set()

            def check(parts, role=role, statuses=statuses):
                parts.token = TOKENS[role].encode()
                parts.sent = parts.request()
                if operation.streams:
                    statuses.add(self.stream(operation, parts.sent).status)
                else:
                    statuses.add(self.pool.door.ask(parts.sent).status)

            strategy = values.parts(self.document, self.pool, operation)
            wrong = self.tried(strategy, check, 2)
            count += 1
            if wrong or (statuses == {403}) == allowed or (403 in statuses) == allowed:
                wrongs.append(f"{operation.id} as {role}: {sorted(statuses)} {wrong or ''}")
        self.pool.refill()
        self.report.line(not wrongs, f"rights: {count} of operations and roles", "\n".join(wrongs))


def check_document(report, server_document):
    """The document is one, and the one that is committed."""
    try:
        openapi_spec_validator.validate(server_document)
        report.line(True, "the server's document is OpenAPI 3.1")
    except openapi_spec_validator.exceptions.OpenAPISpecValidatorError as fault:
        report.line(False, "the server's document is OpenAPI 3.1", fault)
    committed = json.loads((ROOT / "docs/openapi.json").read_text())
    report.line(server_document == committed, "docs/openapi.json is the server's document",
                "they differ")


def check_examples(report, document):
    """Whatever stands as an example is one."""
    named = [(f"{each.id} {row['name']}", row["schema"], row["example"])
             for each in document.operations for row in each.parameters if "example" in row]
    named += [(f"{each.id} body", each.body, body["example"]) for each in document.operations
              for body in [each.row.get("requestBody", {}).get("content", {}).get(JSON, {})]
              if "example" in body]
    named += [(name, schema, schema["example"])
              for name, schema in document.text["components"]["schemas"].items()
              if "example" in schema]
    wrong = [f"{name}: {fault}" for name, schema, example in named
             if (fault := document.wrong_with(schema, example))]
    report.line(named and not wrong, f"{len(named)} examples are valid", "\n".join(wrong))


def check_the_checks(report, document):
    """Answers that are wrong in one place each have to be found out."""
    get = next(each for each in document.operations if each.id == "getInstance")
    good = {"instance_id": "i", "id": "i", "machine": "m", "version": 1, "state": "s", "ctx": {},
            "last_wal_offset": 2, "created_at": 1, "updated_at": 1}
    fields = [("content-type", "application/json"), ("etag", '"2"'), ("cache-control", "no-store"),
              ("x-content-type-options", "nosniff")]
    refusal = {"type": "urn:rstmdb:error:INSTANCE_NOT_FOUND", "title": "x", "status": 404,
               "detail": "x", "code": "INSTANCE_NOT_FOUND", "retryable": False}
    refused = [("content-type", "application/problem+json"), *fields[2:]]

    def found_out(status, headers, body):
        try:
            document.check(get, Answer(status, headers, json.dumps(body).encode()))
        except Wrong:
            return True
        return False

    wrong = {
        "a status": (201, fields, good), "no tag": (200, fields[:1] + fields[2:], good),
        "a bad tag": (200, [("etag", "2"), *fields], good),
        "a type": (200, refused + fields[1:2], good), "a cache": (200, fields[:2], good),
        "no version": (200, fields, {**good, "version": None}),
        "a member": (200, fields, {**good, "more": 1}),
        "a member missing": (200, fields, {key: good[key] for key in good if key != "state"}),
        "an offset": (200, fields, {**good, "last_wal_offset": -1}),
        "a name": (200, fields, {**good, "state": ""}),
        "a code": (404, refused, {**refusal, "code": "CONFLICT"}),
        "a problem's status": (404, refused, {**refusal, "status": 409}),
        "a detail": (404, refused, {**refusal, "details": {"more": 1}}),
        "a detail's type": (404, refused, {**refusal, "details": {"instance_id": 1}}),
        "a body of 304": (304, fields[1:2], good),
    }
    missed = [what for what, (status, headers, body) in wrong.items()
              if not found_out(status, headers, body)]
    fine = not found_out(200, fields, good) and not found_out(404, refused, refusal)
    report.line(fine and not missed, f"the checks find {len(wrong)} wrong answers", missed)


def run_agreement(report, program, folder, seed, scale):
    agreement.Pair.start(program, folder)
    try:
        machine = agreement.Doors
        if seed is not None:
            machine = hypothesis.seed(seed)(machine)
        wrong = None
        try:
            run_state_machine_as_test(machine, settings=settings(
                max_examples=15 * scale, stateful_step_count=40, deadline=None, database=None,
                derandomize=seed is None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck), print_blob=False))
        except Wrong as fault:
            wrong = fault
        total = sum(sum(counts.values()) for counts in agreement.COUNTS.values())
        applied = agreement.COUNTS.get("APPLY_EVENT", {}).get(200, 0)
        if not wrong and applied < total // 50:
            wrong = f"only {applied} events have been applied"
        report.line(not wrong, f"agreement: {total} answers equal over HTTP and RCP", wrong)
        for op, counts in sorted(agreement.COUNTS.items()):
            shown = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items()))
            print(f"     {op}: {shown}")
    finally:
        agreement.Pair.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="",
                        help="only operations whose id holds this, or `agreement`")
    parser.add_argument("--seed", type=int, help="other requests than the usual ones")
    parser.add_argument("--full", action="store_true", help="ten times as many")
    args = parser.parse_args()
    report, scale, began = Report(), 10 if args.full else 1, time.monotonic()
    requests = 0
    with tempfile.TemporaryDirectory(prefix="rstmdb-http-") as folder:
        folder = pathlib.Path(folder)
        with Pool(args.server.resolve(), folder / "pool") as pool:
            check_document(report, pool.document.text)
            check_examples(report, pool.document)
            check_the_checks(report, pool.document)
            properties = Properties(pool, report, args.seed, scale)
            chosen = [each for each in pool.document.operations if args.only in each.id]
            # What takes everything away comes last.
            for operation in sorted(chosen, key=lambda each: each.op == "FLUSH_ALL"):
                requests += properties.valid(operation)
                requests += properties.faulty(operation)
            if not args.only:
                properties.rights()
        if args.only in ("", "agreement"):
            run_agreement(report, args.server.resolve(), folder / "pair", args.seed, scale)
    how = "derandomized" if args.seed is None else f"--seed {args.seed}"
    print(f"{requests} requests in {time.monotonic() - began:.1f} s ({how})")
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
