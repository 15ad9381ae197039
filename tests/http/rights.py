"""Every route for every standing, against what protocol/operations.json says, and guesses."""

import json
import time

import world
from gateway import ROOT, Gateway, exchange
from world import rfc3339, token_line

RANK = {"none": 0, "read": 1, "write": 2, "admin": 3}
TOKENS = {role: f"http-token-of-{role}-0123456789abc" for role in ("read", "write", "admin")}
EXPIRED = "http-token-that-has-expired-0123"
WRONG = "http-token-that-nobody-knows-012"
STANDINGS = {
    "no token": (None, 0), "wrong token": (f"Bearer {WRONG}", None),
    "expired token": (f"Bearer {EXPIRED}", None), "no scheme": (TOKENS["admin"], 0),
    "another scheme": (f"Basic {TOKENS['admin']}", 0), "an empty token": ("Bearer ", 0),
    "half a token": (f"Bearer {TOKENS['admin'][:-1]}", None),
    "a token and more": (f"Bearer {TOKENS['admin']} x", None),
    **{role: (f"Bearer {token}", RANK[role]) for role, token in TOKENS.items()},
    "a scheme in capitals": (f"BEARER {TOKENS['admin']}", RANK["admin"]),
}


class Sources:
    """A new address for each connection, so that no guess limit is met."""

    def __init__(self):
        self.count = 0

    def next(self):
        self.count += 1
        return f"127.{1 + self.count // 62500}.{self.count // 250 % 250}.{1 + self.count % 250}"


def routes():
    operations = {row["op"]: row for row in
                  json.loads((ROOT / "protocol/operations.json").read_text())["operations"]}
    for row in json.loads((ROOT / "protocol/http.json").read_text())["routes"]:
        yield row, operations[row["op"]]


def refused(answer, rank):
    """What a refusal has to look like, and None when it does."""
    if rank is None:
        fits = answer.status == 401 and answer.code == "AUTH_FAILED"
    elif rank == 0:
        fits = answer.status == 401 and answer.code == "UNAUTHORIZED"
    else:
        fits = answer.status == 403 and answer.json["details"]["code"] == "FORBIDDEN"
    if answer.status == 401 and answer["www-authenticate"] != "Bearer":
        fits = False
    return None if fits else answer


def cell(server, sources, row, operation, field, rank):
    """None, or what was wrong."""
    path = "/v1" + row["path"].format(machine="m", version=1, instance_id="i")
    allowed = operation["before_auth"] and operation["access"] == "none"
    allowed = rank is not None and (allowed or rank >= RANK[operation["access"]] > 0)
    headers = {"Authorization": field}
    with server.connect(source=sources.next()) as one:
        if row.get("body") and not allowed:
            # The body is announced and never comes: the answer does not wait for it.
            headers |= {"Content-Type": "application/json", "Content-Length": "16000000"}
            one.send(one.request(row["method"], path, headers=headers))
            answer = one.receive()
            if one.rest() != b"":
                return "more than one answer"
            return refused(answer, rank)
        body = {} if row.get("body") else None
        one.send(one.request(row["method"], path, body, headers=headers))
        if allowed and row.get("stream"):
            status, _ = one.receive_head()
            return None if status in (200, 404) else status
        answer = one.receive()
        if not allowed:
            return refused(answer, rank)
        return answer if answer.status in (401, 403) else None


def matrix(server, report):
    sources = Sources()
    for standing, (field, rank) in STANDINGS.items():
        table = list(routes())
        wrong = {}
        for row, operation in table:
            problem = cell(server, sources, row, operation, field, rank)
            if problem:
                wrong[f"{row['method']} {row['path']}"] = problem
        report.count(len(table) - len(wrong), f"matrix: {standing}", wrong)
    for path in ("/healthz", "/readyz"):
        report.check(f"{path} asks for no token", server.ask("GET", path).status == 200)
    inner = server.ask("POST", "/v1/batch", {"ops": [{"op": "FLUSH_ALL"}]}, token=TOKENS["admin"])
    report.check("nothing else comes in by a batch",
                 inner.json["results"][0]["error"]["code"] == "BAD_REQUEST", inner)


def one_connection(server, report):
    """A connection is who its last request says."""
    with server.connect() as one:
        steps = [(TOKENS["admin"], 200), (TOKENS["read"], 403), (None, 401), (TOKENS["admin"], 200),
                 (TOKENS["admin"], 200), (WRONG, 401), (None, 401), (TOKENS["write"], 403)]
        got = [one.ask("GET", "/v1/log?from_offset=1", token=token).status for token, _ in steps]
        report.check("each request stands for itself", got == [status for _, status in steps], got)


def guesses(server, report):
    source = "127.9.8.7"
    with server.connect(source=source) as one:
        answers = [one.ask("GET", "/v1/info", token=f"{WRONG}{n}") for n in range(5)]
        report.check("five wrong tokens, and the connection closes",
                     all(answer.status == 401 for answer in answers)
                     and answers[-1]["connection"] == "close" and one.rest() == b"", answers)
    waits = None
    for _ in range(12):
        with server.connect(source=source) as one:
            answer = one.ask("GET", "/v1/info", token=WRONG)
            if answer.status == 429:
                waits = answer
                break
    report.check("an address that guesses on has to wait", waits is not None
                 and waits.code == "RATE_LIMITED" and int(waits["retry-after"]) >= 1
                 and waits.json["retryable"] is True, waits)
    with server.connect(source=source) as one:
        right = one.ask("GET", "/v1/info", token=TOKENS["read"])
        report.check("meanwhile its right token is not looked at", right.status == 429, right)
    with world.Client(server.port, source=source) as rcp:
        answer = rcp.auth(TOKENS["read"])
        report.check("nor is it at the other door", world.code_of(answer)
                     == "RATE_LIMITED/TOO_MANY_GUESSES", answer)
    report.check("other addresses do not wait",
                 server.ask("GET", "/v1/info", token=TOKENS["read"]).status == 200)


def before_authentication(server, report, crowd):
    """Row 10: a stranger's announcement costs nothing."""
    before = server.memory_mib()
    held = [server.connect() for _ in range(crowd)]
    for one in held:
        one.send(b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 b"Content-Length: 16777216\r\n\r\n" + b"[" * 1000)
    statuses = {one.receive().status for one in held}
    grown = server.memory_mib() - before
    closed = all(one.rest() == b"" for one in held)
    for one in held:
        one.socket.close()
    report.check(f"{crowd} strangers announce 16 MiB: 401, closed, {grown:.1f} MiB grown",
                 statuses == {401} and closed and grown < 16, (statuses, grown))
    # And those who may announce it get memory for what they send.
    held = [server.connect() for _ in range(crowd)]
    for one in held:
        one.send(one.request("POST", "/v1/batch", token=TOKENS["write"], headers={
            "Content-Type": "application/json", "Content-Length": "16000000"}) + b" " * 1000)
    server.ask("GET", "/v1/ping")
    grown = server.memory_mib() - before
    for one in held:
        one.socket.close()
    report.check(f"{crowd} writers who announce it grow {grown:.1f} MiB", grown < 16, grown)


def token_life(server, report):
    lines = [token_line(TOKENS[role], f"name={role} role={role}") for role in ("read", "write")]
    with server.connect() as one:
        before = one.ask("GET", "/v1/log?from_offset=1", token=TOKENS["admin"]).status
        server.change({"auth": {"token_hashes": lines}})
        server.reload()
        after = one.ask("GET", "/v1/log?from_offset=1", token=TOKENS["admin"])
        still = one.ask("GET", "/v1/info", token=TOKENS["read"]).status
        report.check("a token that is taken out does not count on an open connection",
                     (before, after.status, still) == (200, 401, 200), (before, after, still))
    soon = "http-token-that-expires-soon-012"
    server.change({"auth": {"token_hashes": [
        *lines, token_line(soon, f"name=soon expires={rfc3339(5)}")]}})
    server.reload()
    with server.connect() as one:
        first = one.ask("GET", "/v1/info", token=soon).status
        deadline = time.monotonic() + 10
        answer = one.ask("GET", "/v1/info", token=soon)
        while answer.status == 200 and time.monotonic() < deadline:
            answer = one.ask("GET", "/v1/info", token=soon)
        report.check("a token expires on an open connection", first == 200
                     and answer.status == 401
                     and answer.json["details"]["code"] == "CREDENTIAL_EXPIRED", answer)


def run(program, folder, report, full):
    lines = [token_line(TOKENS[role], f"name={role} role={role}")
             for role in ("read", "write", "admin")]
    lines.append(token_line(EXPIRED, f"name=past expires={rfc3339(-5)}"))
    world.SECRETS.add(WRONG.encode())
    settings = {"auth": {"required": True, "token_hashes": lines}}
    with Gateway(program, folder, settings) as server:
        server.put_machine(token=TOKENS["admin"])
        matrix(server, report)
        one_connection(server, report)
        guesses(server, report)
        before_authentication(server, report, 900 if full else 100)
        token_life(server, report)
        answer = exchange(server.http, b"GET /v1/info HTTP/1.1\r\nHost: localhost\r\n"
                          b"Connection: close\r\nAuthorization: Bearer a\r\n"
                          b"Authorization: Bearer " + TOKENS["read"].encode() + b"\r\n\r\n")
        report.check("two tokens are one too many", answer.startswith(b"HTTP/1.1 400 "), answer)
