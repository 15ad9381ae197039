"""ETag, If-None-Match, If-Match and Idempotency-Key."""

from gateway import Gateway


def make(server, name):
    return server.ask("POST", "/v1/instances", {"machine": "order", "version": 1, "id": name})


def reading(server, report):
    made = make(server, "r")
    tag = made["etag"]
    report.check("a new instance has the tag of its offset",
                 tag == f'"{made.json["wal_offset"]}"', made)
    got = server.ask("GET", "/v1/instances/r")
    report.check("reading it gives the same tag", got["etag"] == tag, got)
    wrong = {}
    cases = [(tag, 304), ("*", 304), (f"W/{tag}", 304), (f'"0", {tag}', 304),
             (f'"0",{tag},"1"', 304), ('"0"', 200),
             (tag.strip('"'), 200), ("", 200), (f'"x{tag[1:]}', 200)]
    for value, status in cases:
        for method in ("GET", "HEAD"):
            answer = server.ask(method, "/v1/instances/r", headers={"If-None-Match": value})
            if answer.status != status or answer["etag"] != tag or (status == 304 and answer.body):
                wrong[f"{method} {value}"] = answer
    report.count(2 * len(cases) - len(wrong), "If-None-Match", wrong)
    server.ask("POST", "/v1/instances/r/events", {"event": "PAY"})
    changed = server.ask("GET", "/v1/instances/r", headers={"If-None-Match": tag})
    report.check("what has changed is sent again", changed.status == 200
                 and changed["etag"] != tag, changed)


def writing(server, report):
    tag = make(server, "w")["etag"]
    with server.connect() as one:
        stale = one.ask("POST", "/v1/instances/w/events", {"event": "PAY"},
                        headers={"If-Match": '"1"'})
        report.check("If-Match of another state: 412", stale.status == 412
                     and stale.code == "CONFLICT"
                     and stale.json["details"]["actual_offset"] == int(tag.strip('"')), stale)
        done = one.ask("POST", "/v1/instances/w/events", {"event": "PAY"},
                       headers={"If-Match": tag})
        report.check("If-Match of this state: done, with the next tag", done.status == 200
                     and done["etag"] == f'"{done.json["wal_offset"]}"', done)
        again = one.ask("POST", "/v1/instances/w/events", {"event": "PAY"},
                        headers={"If-Match": tag})
        report.check("the same again: 412", again.status == 412, again)
        bare = one.ask("POST", "/v1/instances/w/events",
                       {"event": "SEND", "payload": {"amount": 11}},
                       headers={"If-Match": done["etag"].strip('"')})
        report.check("a bare offset is taken; the guard sees the context before", bare.status == 422
                     and bare.code == "GUARD_FAILED", bare)
        body = one.ask("POST", "/v1/instances/w/events", {"event": "PAY",
                                                          "expected_wal_offset": 1})
        report.check("the same condition in the body: 409", body.status == 409
                     and body.code == "CONFLICT", body)
        state = one.ask("POST", "/v1/instances/w/events", {"event": "PAY", "expected_state": "new"},
                        headers={"If-Match": done["etag"]})
        report.check("what the body asks for stays 409 beside If-Match", state.status == 409, state)
        wrong = {}
        for value in ("*", 'W/"1"', '"1", "2"', '""', "", '"', '"x"', "1,2", "-1", '"1'):
            answer = one.ask("POST", "/v1/instances/w/events", {"event": "PAY"},
                             headers={"If-Match": value})
            if answer.status != 400:
                wrong[value] = answer
        report.count(10 - len(wrong), "an If-Match that is not one offset: 400", wrong)


def passed_over(server, report):
    """What a request asks for is kept or refused, also where no parameter stands for it"""
    tag = make(server, "p")["etag"]
    gone = server.ask("DELETE", "/v1/instances/p", headers={"If-Match": tag})
    report.check("If-Match on DELETE, which does not look at it: 400, and nothing is deleted",
                 gone.status == 400 and "If-Match" in gone.json["detail"]
                 and server.ask("GET", "/v1/instances/p").status == 200, gone)
    event = {"ops": [{"op": "APPLY_EVENT", "params": {"instance_id": "p", "event": "PAY"}}]}
    batch = server.ask("POST", "/v1/batch", event, headers={"Idempotency-Key": "once"})
    report.check("Idempotency-Key on a batch, whose operations have their own: 400",
                 batch.status == 400 and "Idempotency-Key" in batch.json["detail"]
                 and server.ask("GET", "/v1/instances/p")["etag"] == tag, batch)
    reading = server.ask("GET", "/v1/instances/p", headers={"Idempotency-Key": "any"})
    report.check("on reading it changes nothing", reading.status == 200, reading)


def repeats(server, report):
    key = {"Idempotency-Key": "0f1e/ä".encode().decode("latin-1")}
    first = server.ask("POST", "/v1/instances", {"machine": "order", "version": 1, "id": "k"},
                       headers=key)
    second = server.ask("POST", "/v1/instances", {"machine": "order", "version": 1, "id": "k"},
                        headers=key)
    report.check("a repeated creation has the first one's answer",
                 first.status == second.status == 201 and first.body == second.body
                 and first["etag"] == second["etag"], (first, second))
    other = server.ask("POST", "/v1/instances", {"machine": "order", "version": 1, "id": "k",
                                                 "initial_ctx": {"n": 1}}, headers=key)
    report.check("the key with other parameters: 409", other.status == 409
                 and other.json["details"]["code"] == "IDEMPOTENCY_MISMATCH", other)
    key = {"Idempotency-Key": "event-1"}
    first = server.ask("POST", "/v1/instances/k/events", {"event": "PAY"}, headers=key)
    before = server.ask("GET", "/v1/stats").json["latest_offset"]
    second = server.ask("POST", "/v1/instances/k/events", {"event": "PAY"}, headers=key)
    after = server.ask("GET", "/v1/stats").json["latest_offset"]
    report.check("a repeated event has the first one's answer and writes nothing",
                 first.status == second.status == 200 and before == after
                 and first.json["wal_offset"] == second.json["wal_offset"], (first, second))
    body = server.ask("POST", "/v1/instances/k/events",
                      {"event": "PAY", "idempotency_key": "event-1"})
    report.check("the key in the body is the same key", body.status == 200
                 and body.json["wal_offset"] == first.json["wal_offset"], body)
    gone = [server.ask("DELETE", "/v1/instances/k", headers={"Idempotency-Key": "gone"})
            for _ in range(2)]
    report.check("a repeated deletion has the first one's answer",
                 gone[0].status == gone[1].status == 200 and gone[0].body == gone[1].body, gone)


def run(program, folder, report, _full):
    with Gateway(program, folder) as server:
        server.put_machine()
        reading(server, report)
        writing(server, report)
        passed_over(server, report)
        repeats(server, report)
