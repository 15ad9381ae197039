"""Every operation for every standing in every way, against what protocol/operations.json says. The
expectation is made here from `access` alone, apart from the server's code."""

import json

from world import MACHINE, ROOT, Client, Failed, Server, code_of, rfc3339, token_line

RANK = {"none": 0, "read": 1, "write": 2, "admin": 3}
STANDINGS = ("no HELLO", "HELLO", "wrong token", "expired token", "read", "write", "admin")
WAYS = ("rcpx", "jsonl", "in BATCH", "on a watch")
TOKENS = {role: f"matrix-token-of-{role}-0123456789" for role in ("read", "write", "admin")}
TOKENS["expired token"] = "matrix-token-that-has-expired-01"
WRONG = "matrix-token-that-nobody-knows-1"


def rank_of(standing):
    return RANK.get(standing, 0)


def expected(row, standing, way):
    """Whether the operation gets past the check of rights."""
    rank = rank_of(standing)
    if way == "in BATCH":
        return rank >= RANK["write"]
    return row["access"] == "none" or rank >= RANK[row["access"]] > 0


class Sources:
    """A new address of 127.0.0.0/8 for each connection, so that no guess limit is met."""

    def __init__(self):
        self.count = 0

    def next(self):
        self.count += 1
        return f"127.{1 + self.count // 62500}.{self.count // 250 % 250}.{1 + self.count % 250}"


def take_standing(client, standing):
    if standing != "no HELLO":
        client.must("HELLO", {"protocol_version": 1})
    if standing == "wrong token":
        answer = client.auth(WRONG)
    elif standing == "expired token":
        answer = client.auth(TOKENS[standing])
    elif standing in TOKENS:
        answer = client.auth(TOKENS[standing])
    else:
        return
    wanted = "ok" if standing in RANK else "AUTH_FAILED"
    if code_of(answer).split("/")[0] != wanted:
        raise Failed(f"AUTH with {standing}: {answer}")


def cell(server, sources, row, standing, way):
    """None, or what was wrong."""
    dialect = "jsonl" if way == "jsonl" else "rcpx"
    with Client(server.port, dialect, source=sources.next()) as client:
        take_standing(client, standing)
        if way == "on a watch":
            code = code_of(client.ask("WATCH_ALL"))
            allowed = rank_of(standing) >= RANK["read"]
            if allowed == code.startswith("UNAUTHORIZED"):
                return f"WATCH_ALL itself: {code}"
        if way == "in BATCH":
            answer = client.ask("BATCH", {"mode": "best_effort",
                                          "ops": [{"op": row["op"], "params": {}}]})
            inner = answer.get("result", {}).get("results", [{}])[0]
            code = code_of(inner) if inner.get("error") else code_of(answer)
            if rank_of(standing) >= RANK["write"] and not row["in_batch"] and code != "BAD_REQUEST":
                return f"may not be in a BATCH, but: {code}"
        else:
            code = code_of(client.ask(row["op"]))
        passed = not code.startswith("UNAUTHORIZED")
        if passed != expected(row, standing, way):
            return code
        forbidden = rank_of(standing) > 0
        if not passed and (code == "UNAUTHORIZED/FORBIDDEN") != forbidden:
            return code
        # Nothing that was asked may have changed who is asking.
        if not passed and code_of(client.ask("INFO")).startswith("UNAUTHORIZED") == forbidden:
            return "INFO afterwards"
    return None


def run(program, folder, report, _full):
    rows = json.loads((ROOT / "protocol/operations.json").read_text())["operations"]
    lines = [token_line(TOKENS[role], f"name={role} role={role}")
             for role in ("read", "write", "admin")]
    lines.append(token_line(TOKENS["expired token"], f"name=past expires={rfc3339(-5)}"))
    settings = {"auth": {"required": True, "token_hashes": lines}}
    with Server(program, folder, settings) as server:
        with Client(server.port) as client:
            client.auth(TOKENS["admin"])
            client.must("PUT_MACHINE", MACHINE)
        sources = Sources()
        for way in WAYS:
            for standing in STANDINGS:
                wrong = {}
                for row in rows:
                    problem = cell(server, sources, row, standing, way)
                    if problem:
                        wrong[row["op"]] = problem
                report.count(len(rows) - len(wrong), f"matrix: {way}, {standing}", wrong)
