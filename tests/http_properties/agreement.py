"""Two servers get the same requests, one over HTTP and one over RCP. Their answers, errors and logs
have to be equal, and both as a model of machines and instances says."""

import json
from urllib.parse import quote

from door import Door, Request, Stream
from document import Document, Wrong
from hypothesis import strategies as st
from hypothesis.stateful import (Bundle, RuleBasedStateMachine, initialize, invariant, multiple,
                                 rule)
from pool import HttpServer

TIMES = {"created_at", "updated_at", "ts"}
DEFINITION = {"states": ["new", "open", "done"], "initial": "new", "transitions": [
    {"from": "new", "event": "OPEN", "to": "open", "guard": "ctx.n > 1"},
    {"from": "new", "event": "OPEN", "to": "done", "guard": "ctx.n < 0"},
    {"from": ["new", "open"], "event": "CLOSE", "to": "done"},
    {"from": "done", "event": "AGAIN", "to": "new"}]}
EVENTS = ("OPEN", "CLOSE", "AGAIN", "NONE")
COUNTS = {}  # operation -> answers that were equal, by their status


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in TIMES}
    if isinstance(value, list):
        return [without_times(each) for each in value]
    return value


def segment(text):
    return quote(text, safe="").encode()


class Model:
    """What has to be there, kept by the plainest code that can."""

    def __init__(self):
        self.machines, self.instances, self.deleted = {}, {}, set()
        self.head = 0
        self.keys = {}
        self.histories = {}  # instance -> offsets of its records

    def record(self, name):
        """The next record of the log, which is about `name`; its offset."""
        self.head += 1
        self.histories.setdefault(name, []).append(self.head)
        return self.head

    def target_of(self, instance, event):
        number = instance["ctx"].get("n")
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            number = None
        if event == "OPEN" and instance["state"] == "new":
            if number is None:
                return "guard"
            return "open" if number > 1 else "done" if number < 0 else "guard"
        if event == "CLOSE" and instance["state"] in ("new", "open"):
            return "done"
        if event == "AGAIN" and instance["state"] == "done":
            return "new"
        return None


class Pair:
    """The two servers of the whole run, and what has been asked of both."""

    servers = ()

    @classmethod
    def start(cls, program, folder):
        cls.servers = [HttpServer(program, folder / name) for name in ("http", "rcp")]
        for each in cls.servers:
            each.__enter__()
        cls.door = Door(cls.servers[0].http_port)
        cls.rcp = cls.servers[1].rcp()
        cls.same = cls.servers[0].rcp()
        cls.document = Document(cls.door.ask(Request("GET", b"/openapi.json")).json())
        cls.notification = cls.document.text["components"]["schemas"]["Notification"]
        cls.round = 0

    @classmethod
    def stop(cls):
        for each in cls.servers:
            each.__exit__()


def plain(connection, op, params):
    """An RCP answer with its numbers as Python has them."""
    connection.last_id += 1
    connection.send(json.dumps({"type": "request", "id": str(connection.last_id), "op": op,
                                "params": params}).encode())
    return json.loads(connection.receive())


def both(op, params, method, target, body=None, headers=()):
    """The result, or the error's code; Wrong when the two doors do not say the same."""
    request = Request(method, target, tuple(headers),
                      None if body is None else json.dumps(body).encode())
    if body is not None:
        request = request.with_header("Content-Type", b"application/json")
    answer = Pair.door.ask(request)
    other = plain(Pair.rcp, op, params)
    where = f"{op} {params}\n    {request}\n"
    got = answer.json()
    counted = COUNTS.setdefault(op, {})
    counted[answer.status] = counted.get(answer.status, 0) + 1
    if answer.status < 300:
        if other["status"] != "ok" or without_times(got) != without_times(other["result"]):
            raise Wrong(f"{where}    HTTP {answer.status}: {got}\n    RCP: {other}")
        return answer, got
    error = {"code": got["code"], "message": got["detail"], "retryable": got["retryable"]}
    if got.get("details"):
        error["details"] = got["details"]
    if other["status"] != "error" or error != other["error"]:
        raise Wrong(f"{where}    HTTP {answer.status}: {got}\n    RCP: {other}")
    return answer, got["code"]


def must_be(what, expected, got):
    if expected != got:
        raise Wrong(f"{what}: the model says {expected!r}, both servers {got!r}")


class Doors(RuleBasedStateMachine):
    ids = Bundle("ids")

    @initialize()
    def begin(self):
        Pair.round += 1
        if Pair.round == 1:
            Pair.model = Model()
        self.model = Pair.model
        self.first = self.model.head + 1
        self.machine = f"m/{Pair.round} \u20ac"
        self.put(1, False)

    def name(self, number):
        return f"{Pair.round}/\u00e4 {number}"

    @rule(version=st.integers(1, 3), other=st.booleans())
    def put(self, version, other):
        definition = {**DEFINITION, "meta": {"other": other}}
        answer, got = both("PUT_MACHINE", {"machine": self.machine, "version": version,
                                           "definition": definition},
                           "PUT", b"/v1/machines/%s/versions/%d" % (segment(self.machine), version),
                           definition)
        known = self.model.machines.get((self.machine, version))
        if known is None:
            self.model.machines[self.machine, version] = other
            self.model.head += 1
            must_be("status", 201, answer.status)
            must_be("created", True, got["created"])
        elif known == other:
            must_be("status", 200, answer.status)
            must_be("created", False, got["created"])
        else:
            must_be("status", (409, "MACHINE_VERSION_EXISTS"), (answer.status, got))

    @rule(target=ids, number=st.integers(0, 6), version=st.sampled_from([1, 1, 1, 2, 3]),
          ctx=st.fixed_dictionaries({}, optional={"n": st.sampled_from([-1, 0, 2, 2.5, "x"]),
                                                  "x": st.none()}),
          key=st.none() | st.integers(0, 2))
    def create(self, number, version, ctx, key):
        name = self.name(number)
        params = {"machine": self.machine, "version": version, "instance_id": name,
                  "initial_ctx": ctx}
        headers = self._key(key, params)
        before = self._before("create", name, params)
        body = {key: value for key, value in params.items() if key != "idempotency_key"}
        answer, got = both("CREATE_INSTANCE", params, "POST", b"/instances", body, headers)
        if (self.machine, version) not in self.model.machines and before is None:
            must_be("status", (404, "MACHINE_NOT_FOUND"), (answer.status, got))
            return multiple(*[name] * (number == 0))  # one of them is asked for all the same
        elif before is not None:
            must_be("a repeated key", 201 if before == body else 409, answer.status)
        elif name in self.model.instances or name in self.model.deleted:
            must_be("status", (409, "INSTANCE_EXISTS"), (answer.status, got))
        else:
            self.model.record(name)
            self._remember("create", name, params, body)
            self.model.instances[name] = {"state": "new", "ctx": ctx, "offset": self.model.head,
                                          "version": version}
            must_be("offset", self.model.head, got["wal_offset"])
            must_be("ETag", f'"{self.model.head}"', answer.header("ETag"))
            must_be("Location", "/v1/instances/" + quote(name, safe=""), answer.header("Location"))
        return name

    def _key(self, key, params):
        if key is None:
            return ()
        params["idempotency_key"] = f"key-{Pair.round}-{key}"
        return ((b"Idempotency-Key", params["idempotency_key"].encode()),)

    # A key is one within its operation and instance.
    def _before(self, op, name, params):
        return self.model.keys.get((op, name, params.get("idempotency_key")))

    def _remember(self, op, name, params, body):
        if "idempotency_key" in params:
            self.model.keys[op, name, params["idempotency_key"]] = body

    @rule(name=ids, event=st.sampled_from(EVENTS),
          payload=st.fixed_dictionaries({}, optional={"n": st.sampled_from([0, 5, None])}),
          match=st.none() | st.sampled_from([0, 1]), key=st.none() | st.integers(0, 2))
    def apply(self, name, event, payload, match, key):
        instance = self.model.instances.get(name)
        params = {"instance_id": name, "event": event, "payload": payload}
        headers = list(self._key(key, params))
        before = self._before("apply", name, params)
        body = {"event": event, "payload": payload}
        if match is not None:
            params["expected_wal_offset"] = (instance["offset"] if instance else 1) + match
            headers.append((b"If-Match", b'"%d"' % params["expected_wal_offset"]))
        answer, got = both("APPLY_EVENT", params, "POST",
                           b"/instances/%s/events" % segment(name), body, headers)
        if instance is None:
            must_be("status", (404, "INSTANCE_NOT_FOUND"), (answer.status, got))
        elif before is not None:
            # Whether other expectations make another request is the server's to say, and both say
            # the same; another event certainly does.
            if before != body:
                must_be("another request under a key", (409, "CONFLICT"), (answer.status, got))
        elif match == 1:
            must_be("status", (412, "CONFLICT"), (answer.status, got))
        else:
            self._applied(name, instance, event, payload, params, answer, got)

    def _applied(self, name, instance, event, payload, params, answer, got):
        # The guard sees the context before the payload is merged.
        target = self.model.target_of(instance, event)
        if target is None:
            must_be("status", (409, "INVALID_TRANSITION"), (answer.status, got))
        elif target == "guard":
            must_be("status", (422, "GUARD_FAILED"), (answer.status, got))
        else:
            self.model.record(name)
            self._remember("apply", name, params, {"event": event, "payload": payload})
            must_be("from", instance["state"], got["from_state"])
            instance.update(state=target, ctx={**instance["ctx"], **payload},
                            offset=self.model.head)
            must_be("to", (target, instance["ctx"], self.model.head),
                    (got["to_state"], got["ctx"], got["wal_offset"]))
            must_be("ETag", f'"{self.model.head}"', answer.header("ETag"))

    @rule(name=ids, event=st.sampled_from(EVENTS))
    def apply_plainly(self, name, event):
        self.apply(name=name, event=event, payload={}, match=None, key=None)

    @rule(name=ids)
    def walk(self, name):
        """As far as the machine leads."""
        for event in ("CLOSE", "AGAIN", "OPEN"):
            self.apply(name=name, event=event, payload={"n": 5}, match=0, key=None)

    @rule(name=ids)
    def delete(self, name):
        answer, got = both("DELETE_INSTANCE", {"instance_id": name}, "DELETE",
                           b"/instances/" + segment(name))
        if name in self.model.instances:
            del self.model.instances[name]
            self.model.deleted.add(name)
            self.model.record(name)
            must_be("offset", self.model.head, got["wal_offset"])
        elif name in self.model.deleted:
            must_be("status", 200, answer.status)
        else:
            must_be("status", (404, "INSTANCE_NOT_FOUND"), (answer.status, got))

    @rule(names=st.lists(ids, min_size=1, max_size=3), atomic=st.booleans(),
          event=st.sampled_from(EVENTS))
    def batch(self, names, atomic, event):
        body = {"mode": "atomic" if atomic else "best_effort",
                "ops": [{"op": "APPLY_EVENT", "params": {"instance_id": name, "event": event}}
                        for name in names]}
        answer, got = both("BATCH", body, "POST", b"/v1/batch", body)
        before = {name: dict(instance) for name, instance in self.model.instances.items()}
        histories = {name: list(offsets) for name, offsets in self.model.histories.items()}
        head, fine = self.model.head, True
        for place, name in enumerate(names):
            instance = self.model.instances.get(name)
            target = self.model.target_of(instance, event) if instance else None
            taken = target not in (None, "guard")
            fine = fine and taken
            if taken:
                instance.update(state=target, offset=self.model.record(name))
            if not atomic:
                must_be(f"operation {place}", "ok" if taken else "error",
                        got["results"][place]["status"])
        if atomic and not fine:
            self.model.instances, self.model.histories = before, histories
            self.model.head = head
            if answer.status < 400:
                raise Wrong(f"a batch that cannot be was taken: {got}")

    @rule(name=ids)
    def get(self, name):
        answer, got = both("GET_INSTANCE", {"instance_id": name}, "GET",
                           b"/v1/instances/" + segment(name))
        instance = self.model.instances.get(name)
        if instance is None:
            must_be("status", (404, "INSTANCE_NOT_FOUND"), (answer.status, got))
            return
        must_be("instance", (instance["state"], instance["ctx"], instance["offset"]),
                (got["state"], got["ctx"], got["last_wal_offset"]))
        here = plain(Pair.same, "GET_INSTANCE", {"instance_id": name})["result"]
        must_be("the same server over RCP", here, got)
        tag = answer.header("ETag")
        again = Pair.door.ask(Request("GET", b"/v1/instances/" + segment(name),
                                      ((b"If-None-Match", tag.encode()),)))
        must_be("If-None-Match", (304, b"", tag), (again.status, again.body, again.header("ETag")))
        head = Pair.door.ask(Request("HEAD", b"/v1/instances/" + segment(name)))
        must_be("HEAD", (200, b"", tag), (head.status, head.body, head.header("ETag")))

    @rule(name=ids, limit=st.integers(1, 3), include_ctx=st.booleans())
    def history(self, name, limit, include_ctx):
        found, before = [], None
        while True:
            params = {"instance_id": name, "limit": limit, "include_ctx": include_ctx}
            query = f"limit={limit}&include_ctx={'true' if include_ctx else 'false'}"
            if before is not None:
                params["before_offset"] = before
                query += f"&before_offset={before}"
            answer, got = both("GET_HISTORY", params, "GET", b"/v1/instances/%s/history?%s" % (
                segment(name), query.encode()))
            if name not in self.model.histories:
                must_be("status", (404, "INSTANCE_NOT_FOUND"), (answer.status, got))
                return
            must_be("a page", True, len(got["events"]) <= limit)
            found += [event["wal_offset"] for event in got["events"]]
            if not got["has_more"]:
                break
            before = got["next_before_offset"]
        must_be("history", self.model.histories[name][::-1], found)
        must_be("complete", True, got["complete"])

    @rule()
    def counts(self):
        _, got = both("COUNT_INSTANCES", {"machine": self.machine}, "GET",
                      b"/v1/machines/%s/counts" % segment(self.machine))
        mine = [instance["state"] for name, instance in self.model.instances.items()
                if name.startswith(f"{Pair.round}/")]
        must_be("counts", {state: mine.count(state) for state in DEFINITION["states"]},
                got["states"])
        must_be("total", len(mine), got["total"])

    @rule()
    def versions(self):
        _, got = both("LIST_MACHINES", {"machine": self.machine}, "GET",
                      b"/machines/%s/versions" % segment(self.machine))
        known = sorted(version for machine, version in self.model.machines
                       if machine == self.machine)
        must_be("versions", [{"machine": self.machine, "versions": known}], got["items"])

    @rule(state=st.none() | st.sampled_from(["new", "open", "done", "lost"]),
          limit=st.integers(1, 4))
    def list_all(self, state, limit):
        found, cursor = [], None
        while True:
            params = {"machine": self.machine, "limit": limit}
            if state:
                params["state"] = state
            if cursor:
                params["cursor"] = cursor
            query = "&".join(f"{key}={quote(str(value), safe='')}" for key, value in params.items())
            _, got = both("LIST_INSTANCES", params, "GET", b"/instances?" + query.encode())
            found += [(each["id"], each["state"]) for each in got["instances"]]
            cursor = got["next_cursor"]
            if not cursor:
                break
        mine = {(name, instance["state"]) for name, instance in self.model.instances.items()
                if name.startswith(f"{Pair.round}/") and state in (None, instance["state"])}
        must_be("listing", sorted(mine), sorted(found))

    @invariant()
    def heads_are_equal(self):
        if Pair.round:
            _, got = both("WAL_READ", {"from_offset": max(Pair.model.head, 1), "limit": 5}, "GET",
                          b"/v1/log?from_offset=%d&limit=5" % max(Pair.model.head, 1))
            must_be("the log's end", None, got["next_offset"])
            must_be("the last record", [Pair.model.head],
                    [record["offset"] for record in got["records"]])

    def teardown(self):
        """What has happened in this round, told as a stream, is what the log has."""
        page = plain(Pair.same, "WAL_READ", {"from_offset": self.first, "limit": 1000})["result"]
        wanted = {"apply_event": "transition", "create_instance": "create",
                  "delete_instance": "delete"}
        expected = [(wanted[record["entry"]["type"]], record["offset"],
                     record["entry"]["instance_id"]) for record in page["records"]
                    if record["entry"]["type"] in wanted]
        must_be("the log's last record", Pair.model.head, page["records"][-1]["offset"])
        query = b"kinds=transition,create,delete"
        must_be("the stream", expected, self._told(
            Request("GET", b"/v1/watch?%s&from_offset=%d" % (query, self.first)), len(expected)))
        half = len(expected) // 2
        if half:
            last = b"%d" % expected[half - 1][1]
            must_be("the stream behind Last-Event-ID", expected[half:], self._told(
                Request("GET", b"/v1/watch?" + query, ((b"Last-Event-ID", last),)),
                len(expected) - half))

    @staticmethod
    def _told(request, count):
        """The first `count` changes of a stream, as (kind, offset, instance)."""
        stream = Stream(Door(Pair.servers[0].http_port), request)
        try:
            must_be("first event", "watching", stream.next()[0])
            found = []
            for _ in range(count):
                name, offset, data = stream.next()
                Pair.document.check_value(Pair.notification, data, name)
                must_be("id and kind", (data["wal_offset"], data["kind"]), (offset, name))
                found.append((name, offset, data["instance_id"]))
            counted = COUNTS.setdefault("WATCH_ALL", {})
            counted[200] = counted.get(200, 0) + 1
            return found
        finally:
            stream.close()
