"""Every route of protocol/http.json, and what each refuses."""

import json
import pathlib
import subprocess

import world
from gateway import JSON, MACHINE, ROOT, Failed, Gateway, Stream

SEED = """curl -X POST http://localhost:8080/instances \\
-H "Content-Type: application/json" \\
-H "Authorization: Bearer my-token" \\
-d '{"machine": "order", "version": 1, "id": "order-001"}'
curl -X POST http://localhost:8080/instances/order-001/events \\
-H "Content-Type: application/json" \\
-H "Authorization: Bearer my-token" \\
-d '{"event": "PAY", "payload": {"amount": 99.99}}'"""


def printed_calls(program, folder, report):
    """The two calls that were promised, as they were printed, but for the port."""
    settings = {"auth": {"required": True, "token_hashes": [world.token_line("my-token")]}}
    with Gateway(program, folder, settings) as server:
        server.put_machine(token="my-token")
        script = SEED.replace("localhost:8080", f"127.0.0.1:{server.http}").replace(
            "curl ", "curl -sS -m 10 ")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30,
                              check=False)
        report.check("the two printed calls of curl work", done.returncode == 0 and done.stdout == (
            '{"instance_id":"order-001","state":"new","wal_offset":2}'
            '{"from_state":"new","to_state":"paid","ctx":{"amount":99.99},"wal_offset":3,'
            '"applied":true}'), done)


class Used:
    """Calls, and which routes they were."""

    def __init__(self, server, report):
        self.server, self.report, self.routes = server, report, set()

    def good(self, method, path, pattern, status, body=None, shows=lambda _: True, **options):
        answer = self.server.ask(method, path, body, **options)
        self.routes.add((method, pattern))
        is_json = answer["content-type"] == "application/json"
        holds = answer.status == status and is_json and shows(answer.json)
        self.report.check(f"{method} {path}: {status}", holds, answer)
        return answer


def every_route(server, report):
    use = Used(server, report)
    machine = "/machines/{machine}"
    instance = "/instances/{instance_id}"
    use.good("GET", "/v1/ping", "/ping", 200, shows=lambda j: j == {"pong": True})
    use.good("GET", "/v1/info", "/info", 200, shows=lambda j: j["server_name"] == "rstmdb")
    version = f"{machine}/versions/{{version}}"
    use.good("PUT", "/v1/machines/order/versions/1", version, 201, MACHINE,
             shows=lambda j: j["created"] is True)
    use.good("PUT", "/v1/machines/order/versions/1", version, 200, MACHINE,
             shows=lambda j: j["created"] is False)
    use.good("PUT", "/v1/machines/order/versions/2", version, 201, {**MACHINE, "initial": "paid"})
    use.good("GET", "/v1/machines", "/machines", 200, shows=lambda j: j["total"] == 1)
    use.good("GET", "/v1/machines/order", machine, 200, shows=lambda j: j["version"] == 2)
    use.good("GET", "/v1/machines/order/versions/1", version, 200,
             shows=lambda j: j["version"] == 1 and j["definition"]["initial"] == "new")
    made = use.good("POST", "/v1/instances", "/instances", 201,
                    {"machine": "order", "version": 1, "instance_id": "a/b c+%é",
                     "initial_ctx": {"n": 9007199254740993}})
    where = "/v1/instances/a%2Fb%20c%2B%25%C3%A9"
    report.check("Location is the instance's address", made["location"] == where, made)
    use.good("GET", where, instance, 200,
             shows=lambda j: j["id"] == "a/b c+%é" and j["ctx"]["n"] == 9007199254740993)
    use.good("GET", where.replace("%2B", "+"), instance, 200)
    use.good("POST", f"{where}/events", f"{instance}/events", 200,
             {"event": "PAY", "payload": {"amount": 99.99}},
             shows=lambda j: j["ctx"]["amount"] == 99.99)
    use.good("GET", "/v1/instances?machine=order&state=paid&limit=1", "/instances", 200,
             shows=lambda j: j["total"] == 1 and len(j["instances"]) == 1)
    use.good("POST", f"{where}/snapshots", f"{instance}/snapshots", 201)
    use.good("POST", "/v1/batch", "/batch", 200,
             {"ops": [{"op": "CREATE_INSTANCE", "params": {"machine": "order", "version": 1,
                                                            "instance_id": f"b{i}"}}
                      for i in range(3)]}, shows=lambda j: len(j["results"]) == 3)
    use.good("GET", "/v1/log?from_offset=1&limit=2", "/log", 200,
             shows=lambda j: len(j["records"]) == 2)
    use.good("GET", "/v1/stats", "/stats", 200, shows=lambda j: j["entry_count"] == 8)
    use.good("POST", "/v1/compact", "/compact", 200, shows=lambda j: j["total_snapshots"] == 1)
    use.good("POST", "/v1/compact", "/compact", 200, {"force_snapshot": True},
             shows=lambda j: j["snapshots_created"] == 1)
    use.good("DELETE", where, instance, 200, shows=lambda j: j["deleted"] is True)
    for path, pattern in (("/v1/watch", "/watch"),
                          ("/v1/instances/b1/watch", f"{instance}/watch")):
        with Stream(server.http, path) as stream:
            first = stream.next()
            report.check(f"GET {path} streams", first["event"] == "watching", first)
            use.routes.add(("GET", pattern))
    more_routes(use)
    use.good("POST", "/v1/flush-all", "/flush-all", 200, shows=lambda j: j["flushed"] is True)
    table = {(row["method"], row["path"])
             for row in json.loads((ROOT / "protocol/http.json").read_text())["routes"]}
    report.check("every route of the table was used", use.routes == table,
                 sorted(use.routes ^ table))


def more_routes(use):
    """Those of operations that this build may not have yet."""
    rows = json.loads((ROOT / "protocol/http.json").read_text())["routes"]
    known = {row["path"] for row in rows}
    for path, pattern in (("/v1/machines/order/versions", "/machines/{machine}/versions"),
                          ("/v1/machines/order/counts", "/machines/{machine}/counts"),
                          ("/v1/instances/b1/history", "/instances/{instance_id}/history")):
        if pattern in known:
            use.good("GET", path, pattern, 200)


def aliases_and_methods(server, report):
    wrong = {}
    for path in ("/ping", "/info", "/machines", "/machines/order", "/instances/b1", "/stats"):
        for prefix in ("", "/v1"):
            answer = server.ask("GET", prefix + path)
            head = server.ask("HEAD", prefix + path)
            same = head["content-length"] == answer["content-length"] or path == "/info"
            if answer.status != 200 or head.status != 200 or not same:
                wrong[prefix + path] = (answer, head)
    report.count(12 - len(wrong), "with and without /v1, GET and HEAD", wrong)
    cases = [("OPTIONS", "/v1/instances", "POST, GET, HEAD"), ("PATCH", "/v1/ping", "GET, HEAD"),
             ("DELETE", "/v1/machines/order/versions/1", "GET, HEAD, PUT"),
             ("POST", "/healthz", "GET, HEAD"), ("TRACE", "/v1/batch", "POST"),
             ("HEAD", "/v1/batch", "POST"), ("GET", "/v1/compact", "POST"),
             ("get", "/v1/ping", "GET, HEAD")]
    wrong = {}
    for method, path, allow in cases:
        answer = server.ask(method, path)
        if answer.status != 405 or answer["allow"] != allow:
            wrong[f"{method} {path}"] = answer
    report.count(len(cases) - len(wrong), "other methods: 405 and Allow", wrong)
    paths = ["/v1", "/v1/", "//v1/ping", "/v1//ping", "/v1/ping/", "/v2/ping", "/V1/ping",
             "/v1/Ping", "/v1/v1/ping", "/metrics", "/v1/instances/", "/v1/instances//events",
             "/v1/instances/a/b", "/v1/instances/a/events/", "/v1/instances/a/events/b/c",
             "/assets/x.js", "/healthz/", "/..", "/v1/../v1/ping", "/v1/%70ing"]
    wrong = {path: answer for path in paths
             if (answer := server.ask("GET", path)).status != 404 or answer.code != "NOT_FOUND"
             or answer["content-type"] != "application/problem+json"}
    report.count(len(paths) - len(wrong), "addresses that are none: 404", wrong)
    pages = {path: server.ask("GET", path) for path in ("/healthz", "/readyz")}
    report.check("health is shown here too", all(page.status == 200 for page in pages.values()),
                 pages)


# method, path, body, headers: status, code, path of the details
REFUSALS = [
    ("GET", "/v1/instances/nobody", None, {}, 404, "INSTANCE_NOT_FOUND", None),
    ("GET", "/v1/machines/nobody", None, {}, 404, "MACHINE_NOT_FOUND", None),
    ("POST", "/v1/instances", {"machine": "nobody", "version": 1}, {}, 404, "MACHINE_NOT_FOUND",
     None),
    ("POST", "/v1/instances", {"machine": "order", "version": 1, "id": "b1"}, {}, 409,
     "INSTANCE_EXISTS", None),
    ("POST", "/v1/instances/b1/events", {"event": "SEND"}, {}, 409, "INVALID_TRANSITION", None),
    ("POST", "/v1/instances/b2/events", {"event": "SEND"}, {}, 422, "GUARD_FAILED", None),
    ("POST", "/v1/instances/b1/events", {"event": "PAY", "expected_state": "sent"}, {}, 409,
     "CONFLICT", None),
    ("PUT", "/v1/machines/order/versions/1", {**MACHINE, "initial": "sent"}, {}, 409,
     "MACHINE_VERSION_EXISTS", None),
    ("PUT", "/v1/machines/order/versions/9", {"states": []}, {}, 422, "BAD_REQUEST", "*"),
    ("PUT", "/v1/machines/order/versions/9?checksum=" + "0" * 64, MACHINE, {}, 409, "CONFLICT",
     None),
    ("PUT", "/v1/machines/order/versions/0", MACHINE, {}, 422, "BAD_REQUEST", "version"),
    ("PUT", "/v1/machines/order/versions/x", MACHINE, {}, 422, "BAD_REQUEST", "version"),
    ("PUT", "/v1/machines/order/versions/1.0", MACHINE, {}, 422, "BAD_REQUEST", "version"),
    ("PUT", "/v1/machines/order/versions/01", MACHINE, {}, 422, "BAD_REQUEST", "version"),
    ("PUT", "/v1/machines/order/versions/9", [], {}, 422, "BAD_REQUEST", "definition"),
    ("POST", "/v1/instances", {}, {}, 422, "BAD_REQUEST", "machine"),
    ("POST", "/v1/instances", [], {}, 422, "BAD_REQUEST", ""),
    ("POST", "/v1/instances", None, {}, 422, "BAD_REQUEST", "machine"),
    ("POST", "/v1/instances", b"{", JSON, 400, "BAD_REQUEST", None),
    ("POST", "/v1/instances", b'{"machine":"\xff"}', JSON, 400, "BAD_REQUEST", None),
    ("POST", "/v1/instances", b"{}{}", JSON, 400, "BAD_REQUEST", None),
    ("POST", "/v1/instances", b'{"a":' * 65 + b"1" + b"}" * 65, JSON, 400, "BAD_REQUEST", None),
    ("POST", "/v1/instances", b"{}", {}, 415, "BAD_REQUEST", None),
    ("POST", "/v1/instances", b"{}", {"Content-Type": "text/plain"}, 415, "BAD_REQUEST", None),
    ("POST", "/v1/instances", b"{}", {"Content-Type": "application/jsonx"}, 415, "BAD_REQUEST",
     None),
    ("POST", "/v1/instances", b"{}", {"Content-Type": "multipart/form-data"}, 415, "BAD_REQUEST",
     None),
    ("POST", "/v1/instances/b1/events", {"event": "PAY", "instance_id": "b1"}, {}, 422,
     "BAD_REQUEST", "instance_id"),
    ("POST", "/v1/instances/b1/events", {"event": "PAY", "instanceId": "b1"}, {}, 422,
     "BAD_REQUEST", "instance_id"),
    ("POST", "/v1/instances/b1/events", {"event": "PAY", "idempotency_key": "k"},
     {"Idempotency-Key": "k"}, 422, "BAD_REQUEST", "idempotency_key"),
    ("POST", "/v1/instances/b1/events", {"event": "PAY"}, {"Idempotency-Key": ""}, 422,
     "BAD_REQUEST", "idempotency_key"),
    ("POST", "/v1/instances/b1/events", {"event": "PAY"}, {"Idempotency-Key": "k" * 257}, 422,
     "BAD_REQUEST", "idempotency_key"),
    ("GET", "/v1/instances?limit=0", None, {}, 422, "BAD_REQUEST", "limit"),
    ("GET", "/v1/instances?limit=1001", None, {}, 422, "BAD_REQUEST", "limit"),
    ("GET", "/v1/instances?limit=", None, {}, 422, "BAD_REQUEST", "limit"),
    ("GET", "/v1/instances?limit", None, {}, 422, "BAD_REQUEST", "limit"),
    ("GET", "/v1/instances?limit=1&limit=1", None, {}, 422, "BAD_REQUEST", "limit"),
    ("GET", "/v1/instances?limt=1", None, {}, 422, "BAD_REQUEST", "limt"),
    ("GET", "/v1/instances?machine=%00", None, {}, 422, "BAD_REQUEST", "machine"),
    ("GET", "/v1/instances?machine=%ff", None, {}, 422, "BAD_REQUEST", "machine"),
    ("GET", "/v1/instances?machine=%c3%28", None, {}, 422, "BAD_REQUEST", "machine"),
    ("GET", "/v1/instances?machine=%ed%a0%80", None, {}, 422, "BAD_REQUEST", "machine"),
    ("GET", "/v1/instances?machine=%4", None, {}, 400, "BAD_REQUEST", None),
    ("GET", "/v1/instances/%zz", None, {}, 400, "BAD_REQUEST", None),
    ("GET", "/v1/instances/%ff", None, {}, 422, "BAD_REQUEST", "instance_id"),
    ("GET", "/v1/instances/%0a", None, {}, 422, "BAD_REQUEST", "instance_id"),
    ("GET", "/v1/instances/" + "x" * 257, None, {}, 422, "BAD_REQUEST", "instance_id"),
    ("GET", "/v1/log", None, {}, 422, "BAD_REQUEST", "from_offset"),
    ("GET", "/v1/log?from_offset=-1", None, {}, 422, "BAD_REQUEST", "from_offset"),
    ("GET", "/v1/log?from_offset=99999999999999999999", None, {}, 422, "BAD_REQUEST",
     "from_offset"),
    ("GET", "/v1/watch?kinds=birth", None, {}, 422, "BAD_REQUEST", "kinds"),
    ("GET", "/v1/watch?include_ctx=yes", None, {}, 422, "BAD_REQUEST", "include_ctx"),
    ("GET", "/v1/watch?machines=a,", None, {}, 422, "BAD_REQUEST", "machines"),
    ("GET", "/v1/watch?from_offset=1&after_offset=1", None, {}, 422, "BAD_REQUEST",
     "after_offset"),
    ("GET", "/v1/watch", None, {"Last-Event-ID": "x"}, 422, "BAD_REQUEST", "after_offset"),
    ("GET", "/v1/instances/nobody/watch", None, {}, 404, "INSTANCE_NOT_FOUND", None),
    ("POST", "/v1/batch", {"mode": "atomic", "ops": [{"op": "PING"}]}, {}, 422, "BAD_REQUEST", "*"),
    ("GET", "/v1/ping", {}, {}, 400, "BAD_REQUEST", None),
    ("DELETE", "/v1/instances/b1", {}, {}, 400, "BAD_REQUEST", None),
    ("POST", "/v1/flush-all", {}, {}, 400, "BAD_REQUEST", None),
    ("PUT", "/v1/machines/order/versions/9", None, {}, 411, "BAD_REQUEST", None),
]


def refusals(server, report):
    server.ask("POST", "/v1/instances/b2/events", {"event": "PAY", "payload": {"amount": 1}})
    before = server.ask("GET", "/v1/stats").json["latest_offset"]
    wrong = {}
    for method, path, body, headers, status, code, where in REFUSALS:
        answer = server.ask(method, path, body, headers=headers)
        problem = answer.json
        fits = (answer.status == status and problem["code"] == code
                and problem["status"] == status
                and problem["type"] == f"urn:rstmdb:error:{code}"
                and isinstance(problem["title"], str) and isinstance(problem["detail"], str)
                and isinstance(problem["retryable"], bool)
                and answer["content-type"] == "application/problem+json")
        named = bool(answer.path) if where == "*" else answer.path == where
        if not fits or not named:
            wrong[f"{method} {path} {body} {headers}"] = answer
    report.count(len(REFUSALS) - len(wrong), "refusals", wrong)
    after = server.ask("GET", "/v1/stats").json["latest_offset"]
    report.check("refusals have written nothing", before == after, (before, after))


def forms(server, report):
    """Other ways to say the same."""
    with server.connect() as one:
        one.send(b"POST /v1/instances HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                 b"Content-Type: application/json; charset=utf-8\r\n\r\n"
                 b'B\r\n{"machine":\r\n22\r\n"order","version":1,"id":"chunky"}\r\n0\r\n\r\n')
        made = one.receive()
        report.check("a body in chunks", made.status == 201, made)
        one.send(b"POST /v1/instances/chunky/events HTTP/1.1\r\nHost: localhost\r\n"
                 b"Expect: 100-continue\r\nContent-Length: 15\r\n"
                 b"Content-Type: application/json\r\n\r\n")
        go_on = one.receive()
        one.send(b'{"event":"PAY"}')
        done = one.receive()
        report.check("100-continue", go_on.status == 100 and done.status == 200, (go_on, done))
        one.send(one.request("GET", "/v1/instances/chunky") + one.request("HEAD", "/v1/ping")
                 + one.request("POST", "/v1/instances/chunky/events", {"event": "PAY"})
                 + one.request("GET", "/v1/ping"))
        answers = [one.receive(), one.receive("HEAD"), one.receive(), one.receive()]
        report.check("requests that are sent ahead are answered in turn",
                     [answer.status for answer in answers] == [200, 200, 409, 200], answers)
        for byte in one.request("GET", "/v1/instances/chunky"):
            one.send(bytes([byte]))
        report.check("a request byte by byte", one.receive().status == 200)
    with server.connect() as old:
        old.send(b"GET /v1/ping HTTP/1.0\r\n\r\n")
        answer = old.receive()
        report.check("HTTP/1.0 is answered and closed",
                     answer.status == 200 and answer["connection"] == "close" and old.rest() == b"",
                     answer)
    with server.connect() as half:
        half.send(half.request("GET", "/v1/ping"))
        half.socket.shutdown(1)
        report.check("who has closed the sending side still gets the answer",
                     half.receive().status == 200 and half.rest() == b"")
    answer = server.ask("GET", "http://localhost/v1/ping")
    report.check("the absolute form", answer.status == 200, answer)


def fields(server, report):
    """Row 17: what a browser is told, and what it cannot do."""
    good = server.ask("GET", "/v1/ping", headers={"Origin": "http://evil.example"})
    bad = server.ask("GET", "/v1/instances/nobody", headers={"Origin": "http://evil.example"})
    preflight = server.ask("OPTIONS", "/v1/instances", headers={
        "Origin": "http://evil.example", "Access-Control-Request-Method": "POST"})
    for name, answer in (("an answer", good), ("a refusal", bad), ("a preflight", preflight)):
        plain = answer["x-content-type-options"] == "nosniff" and \
            answer["cache-control"] == "no-store" and "date" in answer.fields
        no_cors = not [field for field in answer.fields if field.startswith("access-control")]
        report.check(f"{name}: no sniffing, no storing, no CORS", plain and no_cors, answer)
    report.check("a preflight is refused", preflight.status == 405, preflight)
    forged = server.ask("POST", "/v1/instances", b'{"machine":"order","version":1}',
                        headers={"Content-Type": "text/plain;charset=UTF-8"})
    report.check("a form of another page cannot write", forged.status == 415, forged)
    empty = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "0"}
    forged = server.ask("POST", "/v1/flush-all", headers=empty)
    report.check("not even with nothing in it", forged.status == 415, forged)
    own = f"http://localhost:{server.http}"
    wrong = {}
    for origin, status in (("http://evil.example", 403), ("null", 403), (own, 200),
                           (own + "0", 403), (f"http://127.0.0.1:{server.http}", 403)):
        answer = server.ask("POST", "/v1/compact", headers={
            "Origin": origin, "Host": f"localhost:{server.http}"})
        if answer.status != status or \
                (status == 403 and answer.json["details"]["code"] != "FORBIDDEN_ORIGIN"):
            wrong[origin] = answer
    report.count(5 - len(wrong), "only a page of our own may write", wrong)
    wrong = {}
    for host, status in (("evil.example", 421), (f"evil.example:{server.http}", 421),
                         ("localhost", 200), (f"[::1]:{server.http}", 200), ("10.0.0.1", 200)):
        answer = server.ask("GET", "/v1/info", headers={"Host": host})
        if answer.status != status:
            wrong[host] = answer
    report.count(5 - len(wrong), "a name that leads here by somebody's doing gets nothing", wrong)
    in_url = server.ask("GET", "/v1/ping?token=x&access_token=y")
    report.check("a token in the address is no parameter", in_url.status == 422, in_url)


def taken_address(program, folder, report):
    """One that somebody chose stops the start."""
    with Gateway(program, folder / "first") as first:
        second = world.Server(program, folder / "second", {
            "http": {"enabled": True, "bind_addr": f"127.0.0.1:{first.http}"}})
        said = second.refuses_to_start()
        report.check("an address that is taken stops the start", str(first.http) in said, said)


def run(program, folder, report, _full):
    folder = pathlib.Path(folder)
    printed_calls(program, folder / "seed", report)
    with Gateway(program, folder / "server") as server:
        every_route(server, report)
        server.put_machine()
        for name in ("b1", "b2"):
            made = server.ask("POST", "/v1/instances",
                              {"machine": "order", "version": 1, "id": name})
            if made.status != 201:
                raise Failed(made)
        aliases_and_methods(server, report)
        refusals(server, report)
        forms(server, report)
        fields(server, report)
    taken_address(program, folder / "taken", report)
