"""A running server with something in it, and what requests can be about."""

import hashlib
import pathlib
import sys

from door import Door, Request
from document import Document, Wrong
from hypothesis import strategies as st

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/conformance"))

import server as processes  # noqa: E402 (of tests/conformance)

import canonical  # noqa: E402
import values  # noqa: E402

TOKENS = {role: f"token-of-{role}-for-properties" for role in ("read", "write", "admin")}
MACHINES = ("order", "a/b \u20ac")
STATES = ("created", "paid", "shipped")
EVENTS = ("PAY", "SHIP", "REFUND")
DEFINITION = {"states": list(STATES), "initial": "created", "transitions": [
    {"from": "created", "event": "PAY", "to": "paid"},
    {"from": "paid", "event": "SHIP", "to": "shipped", "guard": "ctx.n > 1"},
    {"from": ["paid", "shipped"], "event": "REFUND", "to": "created"}]}
INSTANCES = 6


class HttpServer(processes.Server):
    """A server of tests/conformance with its second door open."""

    def __init__(self, program, folder, settings=None, token=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.http_port = processes.PORTS_LEFT.take()
        self.token = token
        super().__init__(program, folder, settings={
            **(settings or {}), "http": {"enabled": True,
                                      "bind_addr": f"127.0.0.1:{self.http_port}"}})

    def alive(self):
        code = self.process.poll()
        if code is not None:
            raise Wrong(f"the server ended with {code}: {self.output()}")

    def rcp(self):
        return processes.Connection(self.address(self.token), "jsonl")


def with_tokens():
    lines = [f"{hashlib.sha256(token.encode()).hexdigest()} name={role} role={role}"
             for role, token in TOKENS.items()]
    return {"auth": {"required": True, "token_hashes": lines}}


class Pool:
    """The server that requests are tried on. Machines and instances that are used up are replaced
    by new ones, so that what is there can be asked for again and again."""

    def __init__(self, program, folder):
        self.server = HttpServer(program, folder, {
            **with_tokens(), "storage": {"data_dir": str(folder / "data"),
                                         "allow_flush_all": True}}, TOKENS["admin"])
        self.token = TOKENS["admin"].encode()
        self.ids, self.made = [], 0
        self.strategies = self._strategies()

    def __enter__(self):
        self.server.__enter__()
        try:
            self.door = Door(self.server.http_port)
            self.rcp = self.server.rcp()
            answer = self.door.ask(Request("GET", b"/openapi.json"))
            if answer.status != 200 or answer.content_type != "application/json":
                raise Wrong(f"/openapi.json: {answer}")
            self.document = Document(answer.json())
            self.refill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.server.__exit__()

    def strangers(self):
        """A door from an address of its own, for each of many wrong tokens."""
        self.made += 1
        return Door(self.server.http_port,
                    f"127.{1 + self.made // 62500}.{self.made // 250 % 250}.{1 + self.made % 250}")

    def refill(self):
        """Puts back what requests have taken away."""
        for machine in MACHINES:
            for version in (1, 2):
                self.rcp.ask("PUT_MACHINE", {"machine": machine, "version": version,
                                             "definition": DEFINITION})
        there = [name for name in self.ids
                 if self.rcp.ask("GET_INSTANCE", {"instance_id": name})["status"] == "ok"]
        while len(there) < INSTANCES:
            self.made += 1
            name = f"i {self.made}/\u20ac" if self.made % 3 == 0 else f"i-{self.made}"
            self.rcp.must("CREATE_INSTANCE", {
                "machine": MACHINES[self.made % 2], "version": 1, "instance_id": name,
                "initial_ctx": {"n": self.made % 4}})
            there.append(name)
        self.ids = there

    def state(self):
        """What a refused request must leave as it was."""
        found = {}
        for op, params in (("WAL_STATS", {}), ("LIST_INSTANCES", {"limit": 1}),
                           ("LIST_MACHINES", {"limit": 1})):
            result = canonical.write(self.rcp.must(op, params))
            found[op] = result.partition('"io_stats"')[0]
        return found

    def known(self, name):
        """A strategy for values of a parameter that mean something here, or None."""
        return self.strategies.get(name)

    def _strategies(self):
        instance = st.integers(0, INSTANCES - 1).map(lambda place: self.ids[place])
        return {
            "machine": st.sampled_from(MACHINES), "version": st.sampled_from([1, 1, 2, 3]),
            "instance_id": instance,
            "state": st.sampled_from(STATES), "expected_state": st.sampled_from(STATES),
            "event": st.sampled_from(EVENTS), "cursor": st.sampled_from(["i0", "i3"]),
            "payload": values.objects(), "initial_ctx": values.objects(),
            "idempotency_key": st.sampled_from(["k-1", "k-2", "\u20ac"]),
            "Idempotency-Key": st.sampled_from(["k-1", "k-2", "k-3"]),
            "If-None-Match": st.sampled_from(['"1"', '"5", W/"6"', "*", "x"]),
            "If-Match": st.integers(1, 60).map(lambda number: f'"{number}"'),
            "Last-Event-ID": st.integers(0, 40), "expected_wal_offset": st.integers(0, 60),
            "from_offset": st.integers(0, 40), "after_offset": st.integers(0, 40),
            "before_offset": st.integers(1, 60),
            "limit": st.integers(1, 5), "offset": st.integers(0, 3),
            "checksum": st.just(canonical.checksum(canonical.canonical(
                canonical.write(DEFINITION)))),
            "kinds": st.lists(st.sampled_from(["transition", "create", "delete"]), max_size=3),
            "machines": st.lists(st.sampled_from(MACHINES), max_size=2),
            "definition": st.just(DEFINITION), "ops": self._ops(instance),
        }

    def _ops(self, instance):
        def create(machine):
            self.made += 1
            return {"machine": machine, "version": 1, "instance_id": f"b-{self.made}"}

        def one(op, params):
            return st.fixed_dictionaries({"op": st.just(op), "params": params})

        apply = st.fixed_dictionaries({"instance_id": instance, "event": st.sampled_from(EVENTS),
                                       "payload": values.objects()})
        return st.lists(one("CREATE_INSTANCE", st.sampled_from(MACHINES).map(create))
                        | one("APPLY_EVENT", apply) | one("APPLY_EVENT", apply)
                        | one("DELETE_INSTANCE", st.fixed_dictionaries({"instance_id": instance})),
                        min_size=1, max_size=4)
