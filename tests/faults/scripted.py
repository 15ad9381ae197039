"""Lives of a server in which every request is known before: every kind of write, new segments,
snapshots, compaction, a start from a snapshot with a torn tail, and clean ends.

A life is played once without a fault, and then the log and the state behind every request are
known. Whatever ends a later one, the server has to come back with one of these states, not an older
one than the last that was acknowledged, and the log has to be the known one from where it begins.
"""

import shutil

from matrix import demand
from subject import Client, History

FILL = 400_000  # of a context: a segment takes two
COMPACT = ("COMPACT", {"force_snapshot": True})
MACHINE_2 = {"states": ["a", "b"], "initial": "b",
             "transitions": [{"from": "b", "event": "go", "to": "a", "guard": "ctx.n >= 0"},
                             {"from": "a", "event": "go", "to": "b"}]}


def create(name, key=None, fill=0, version=1):
    context = {"n": 0, **({"fill": name[0] * fill} if fill else {})}
    return "CREATE_INSTANCE", {"machine": "m", "version": version, "instance_id": name,
                               "initial_ctx": context, **({"idempotency_key": key} if key else {})}


def event(name, number, key=None):
    return "APPLY_EVENT", {"instance_id": name, "event": "go", "payload": {"n": number},
                           **({"idempotency_key": key} if key else {})}


def delete(name, key=None):
    return "DELETE_INSTANCE", {"instance_id": name, **({"idempotency_key": key} if key else {})}


def batch(mode, *requests):
    return "BATCH", {"mode": mode, "ops": [{"op": op, "params": params}
                                           for op, params in requests]}


def put(version, definition):
    return "PUT_MACHINE", {"machine": "m", "version": version, "definition": definition}


def a_segment(letter):
    """Fills a segment and leaves only the names of what filled it."""
    for number in range(3):
        yield create(f"{letter}{number}", fill=FILL)
        yield delete(f"{letter}{number}")


def first_steps(definition):
    return [put(1, definition), create("i", "k1"), event("i", 1, "k2"), create("j"),
            batch("atomic", create("b1", "k3"), event("b1", 1), event("i", 2), create("b2")),
            batch("best_effort", event("b2", 5, "k4"), event("nobody", 1), delete("j", "k5")),
            *a_segment("x"), COMPACT, put(2, MACHINE_2), create("v", "k6", version=2),
            event("v", 7), *a_segment("y"), COMPACT, event("i", 3, "k7"),
            batch("atomic", delete("b1"), event("b2", 6))]


def later_steps():
    return [event("i", 4, "k8"), create("late", "k9"), *a_segment("z"), COMPACT,
            batch("atomic", event("late", 1), event("i", 5)), event("late", 2, "k10")]


def own(entry):
    """What of a record is the same in every life."""
    return {key: value for key, value in entry.items() if key not in ("ts", "event_id")}


class View:
    """What a server shows when nothing is being written."""

    def __init__(self, client):
        self.client = client

    def ask(self, op, params=None):
        answer = self.client.call(op, params)
        demand(answer["status"] == "ok", f"{op} got {answer.get('error')}")
        return answer["result"]

    def head(self):
        return self.ask("WAL_STATS")["latest_offset"] or 0

    def entries(self, after=0):
        """{offset: entry} behind `after`, as far as the log still has them."""
        found, following = {}, after + 1 if after else 0
        while following is not None:
            result = self.ask("WAL_READ", {"from_offset": following, "limit": 1000})
            found.update({record["offset"]: own(record["entry"])
                          for record in result["records"]})
            following = result["next_offset"]
        return found

    def state(self):
        items = self.ask("LIST_INSTANCES", {"limit": 1000})["instances"]
        instances = {}
        for name in sorted(item["id"] for item in items):
            shown = self.ask("GET_INSTANCE", {"instance_id": name})
            instances[name] = {key: shown[key] for key in
                               ("machine", "version", "state", "ctx", "last_wal_offset")}
        machines = self.ask("LIST_MACHINES")["items"]
        return {"instances": instances, "machines": machines}


class Life:
    """Steps on a data folder, which is a copy of `template` or none at first."""

    def __init__(self, name, steps, template=None):
        self.name, self.steps, self.template = name, steps, template
        self.heads = []  # behind each step
        self.entries = {}  # of the log, by offset
        self.states = {}  # by head

    def prepare(self, server):
        if self.template:
            shutil.copytree(self.template, server.data)

    def learn(self, server):
        """Plays the life without a fault; the server runs on."""
        self.prepare(server)
        server.start()
        client = Client(server.port, History(), time_s=30)
        view = View(client)
        self.note(view)
        for op, params in self.steps:
            answer = client.call(op, params)
            demand(answer["status"] == "ok", f"{op} got {answer.get('error')}")
            self.heads.append(self.note(view))
        client.close()

    def note(self, view):
        head = view.head()
        self.entries.update(view.entries(after=max(self.entries, default=0)))
        self.states[head] = view.state()
        return head

    def play(self, server):
        """Steps until the connection breaks; how many were acknowledged."""
        done = 0
        try:
            client = Client(server.port, History(), time_s=30)
            for op, params in self.steps:
                answer = client.call(op, params)
                demand(answer["status"] == "ok", f"{op} got {answer.get('error')}")
                done += 1
            client.close()
        except (EOFError, ConnectionError):
            pass  # killed
        return done

    def check(self, server, acknowledged):
        """Holds what the server shows against what is known; its head."""
        client = Client(server.port, History(), time_s=30)
        head = self.judge(View(client), acknowledged)
        client.close()
        return head

    def judge(self, view, acknowledged):
        head = view.head()
        least = self.heads[acknowledged - 1] if acknowledged else min(self.states)
        demand(head >= least, f"offset {least} was acknowledged, the log ends at {head}")
        demand(head in self.states, f"no request ends at offset {head}")
        entries = view.entries()
        demand(sorted(entries) == list(range(min(entries, default=1), head + 1)),
               f"the offsets are {sorted(entries)} up to {head}")
        for offset, entry in entries.items():
            demand(entry == self.entries[offset], f"offset {offset} is {str(entry)[:300]}")
        demand(view.state() == self.states[head], f"another state at {head}")
        return head

    def repeat(self, server, acknowledged):
        """The request that had no answer once more, if it has a key: it takes effect once."""
        if acknowledged == len(self.steps):
            return
        op, params = self.steps[acknowledged]
        if "idempotency_key" not in params:
            return
        client = Client(server.port, History(), time_s=30)
        answer = client.call(op, params)
        demand(answer["status"] == "ok", f"repeated, {op} got {answer.get('error')}")
        head = View(client).head()
        demand(head == self.heads[acknowledged],
               f"after a repetition the log ends at {head}, not {self.heads[acknowledged]}")
        client.close()


def tear(segment):
    """Puts half a group behind the last one."""
    with open(segment, "r+b") as last:
        end = len(last.read().rstrip(b"\0")) + 8  # whatever zeros a record may end with
        last.truncate(end)
        last.seek(end)
        last.write(b"torn" * 50)


def lives(server, folder, definition):
    """The two lives, learned with `server`: from an empty folder to a clean end; and from what a
    kill has left, with two snapshots and a torn tail, to a clean end."""
    first = Life("first", first_steps(definition))
    first.learn(server)
    server.kill()
    tear(max((server.data / "wal").glob("*.seg")))
    template = folder / "template"
    shutil.copytree(server.data, template)
    shutil.rmtree(server.data)
    again = Life("again", later_steps(), template)
    again.entries = dict(first.entries)
    again.learn(server)
    server.kill()
    shutil.rmtree(server.data)
    return first, again
