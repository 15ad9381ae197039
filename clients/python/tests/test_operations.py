"""Every operation against a real server, through both clients."""

from __future__ import annotations

import decimal
import inspect
import json
import uuid
from typing import Any

import pytest
from server import ROOT, TOGGLE, Server

import rstmdb
import rstmdb.sync


def fresh(what: str = "i") -> str:
    return f"{what}-{uuid.uuid4().hex}"


@pytest.fixture
def client(connect: Any, shared: Server) -> Any:
    return connect(port=shared.port)


def test_session(client: Any) -> None:
    assert client.ping() is True
    info = client.info()
    assert info.server_name == "rstmdb"
    assert info["protocol_version"] == info.protocol_version == 1
    assert info.max_batch_ops == 100
    assert client.is_connected


def test_machines(client: Any) -> None:
    name = fresh("machine")
    stored = client.put_machine(name, 1, TOGGLE)
    assert (stored.machine, stored.version, stored.created) == (name, 1, True)
    again = client.put_machine(name, 1, TOGGLE, checksum=stored.stored_checksum)
    assert again.created is False
    with pytest.raises(rstmdb.ConflictError):
        client.put_machine(name, 2, TOGGLE, checksum="0" * 64)
    with pytest.raises(rstmdb.MachineVersionExistsError) as refused:
        client.put_machine(name, 1, {**TOGGLE, "initial": "on"})
    assert refused.value.details["stored_checksum"] == stored.stored_checksum
    client.put_machine(name, 7, {**TOGGLE, "initial": "on"})
    assert client.get_machine(name).version == 7
    assert client.get_machine(name, 1).definition["initial"] == "off"
    page = client.list_machines()
    assert {"machine": name, "versions": [1, 7]} in [m.to_dict() for m in page]
    assert name in [machine["machine"] for machine in page]
    assert len(client.list_machines(limit=1)) == 1
    assert [m.versions for m in client.list_machines(machine=name)] == [[1, 7]]
    with pytest.raises(rstmdb.MachineNotFoundError):
        client.list_machines(machine=fresh())
    with pytest.raises(rstmdb.MachineNotFoundError):
        client.get_machine(fresh())
    with pytest.raises(rstmdb.BadRequestError) as bad:
        client.put_machine(fresh(), 1, {"states": ["a"], "initial": "b", "transitions": []})
    assert bad.value.details["path"] == "initial"


def test_instances(client: Any) -> None:
    name = fresh()
    made = client.create_instance("toggle", 1, name, {"deep": {"a": [1, None, "x"]}})
    assert (made.instance_id, made.state) == (name, "off")
    read = client.get_instance(name)
    assert read.ctx == {"deep": {"a": [1, None, "x"]}}
    assert read.last_wal_offset == made.wal_offset
    assert read.last_event_id is None
    with pytest.raises(rstmdb.InstanceExistsError):
        client.create_instance("toggle", 1, name)
    gone = client.delete_instance(name)
    assert gone.deleted is True
    assert gone["deleted"] is True
    with pytest.raises(rstmdb.InstanceNotFoundError) as missing:
        client.get_instance(name)
    assert missing.value.details == {"instance_id": name}
    assert client.create_instance("toggle", 1).instance_id


def test_listing(client: Any) -> None:
    machine = fresh("machine")
    client.put_machine(machine, 1, TOGGLE)
    names = {client.create_instance(machine, 1).instance_id for _ in range(5)}
    page = client.list_instances(machine, limit=2)
    assert (len(page.instances), page.total, page.has_more) == (2, 5, True)
    second = client.list_instances(machine, limit=2, cursor=page.next_cursor)
    seen = {i.id for i in (*page.instances, *second.instances)}
    assert len(seen) == 4
    assert seen < names
    walked = list(client.iter_instances(machine, page_size=2))
    assert {instance.id for instance in walked} == names
    assert len(walked) == 5
    client.apply_event(next(iter(names)), "PUSH")
    assert client.list_instances(machine, "on").total == 1
    assert client.list_instances(machine, offset=4).has_more is False


def test_events(client: Any) -> None:
    name = fresh()
    made = client.create_instance("toggle", 1, name)
    done = client.apply_event(name, "PUSH", {"n": 1}, event_id="e-1")
    assert (done.from_state, done.to_state, done.applied, done.event_id) == (
        "off",
        "on",
        True,
        "e-1",
    )
    assert done.ctx == {"n": 1}
    with pytest.raises(rstmdb.GuardFailedError) as guarded:
        client.apply_event(name, "LOCK")
    assert guarded.value.details["guard"] == "ctx.key == true"
    with pytest.raises(rstmdb.InvalidTransitionError) as invalid:
        client.apply_event(name, "NO")
    assert invalid.value.code is rstmdb.ErrorCode.INVALID_TRANSITION
    assert invalid.value.retryable is False
    assert invalid.value.details == {"current_state": "on", "event": "NO"}
    with pytest.raises(rstmdb.ConflictError):
        client.apply_event(name, "PUSH", expected_state="off")
    with pytest.raises(rstmdb.ConflictError):
        client.apply_event(name, "PUSH", expected_wal_offset=made.wal_offset)
    client.apply_event(name, "PUSH", None, "on", expected_wal_offset=done.wal_offset)


def test_idempotency_keys(client: Any) -> None:
    name = fresh()
    client.create_instance("toggle", 1, name, idempotency_key="k-" + name)
    client.create_instance("toggle", 1, name, idempotency_key="k-" + name)
    first = client.apply_event(name, "PUSH", idempotency_key="k")
    second = client.apply_event(name, "PUSH", idempotency_key="k")
    assert (first.applied, second.applied) == (True, False)
    assert second.wal_offset == first.wal_offset
    with pytest.raises(rstmdb.ConflictError) as mismatch:
        client.apply_event(name, "PUSH", {"other": 1}, idempotency_key="k")
    assert mismatch.value.details["code"] == "IDEMPOTENCY_MISMATCH"
    # Keys that the client makes itself are never the same twice.
    assert client.apply_event(name, "PUSH").applied
    assert client.apply_event(name, "PUSH").applied


def test_batch(client: Any) -> None:
    name, other = fresh(), fresh()
    done = client.batch(
        [
            rstmdb.CreateInstance("toggle", 1, name, {"a": 1}),
            rstmdb.ApplyEvent(name, "PUSH", {"b": 2}),
            {"op": "CREATE_INSTANCE", "params": {"machine": "toggle", "version": 1}},
        ],
        "atomic",
    )
    created, applied, made = (item.value() for item in done.results)
    assert isinstance(created, rstmdb.CreateInstanceResult)
    assert isinstance(applied, rstmdb.ApplyEventResult)
    assert applied.ctx == {"a": 1, "b": 2}
    assert isinstance(made, rstmdb.CreateInstanceResult)
    assert done.wal_offset == made.wal_offset
    with pytest.raises(rstmdb.InvalidTransitionError) as failed:
        client.batch([rstmdb.ApplyEvent(name, "PUSH"), rstmdb.ApplyEvent(name, "NO")], "atomic")
    assert failed.value.details["index"] == 1
    assert client.get_instance(name).state == "on"
    mixed = client.batch([rstmdb.ApplyEvent(other, "PUSH"), rstmdb.DeleteInstance(name)])
    assert [item.ok for item in mixed.results] == [False, True]
    with pytest.raises(rstmdb.InstanceNotFoundError):
        mixed.results[0].value()
    with pytest.raises(rstmdb.BadRequestError):
        client.batch([])
    with pytest.raises(rstmdb.InvalidArgumentError):
        client.batch(["PUSH"])


def test_counts(client: Any) -> None:
    name = fresh()
    client.put_machine(name, 1, TOGGLE)
    client.put_machine(name, 2, TOGGLE)
    for version in (1, 2, 2):
        made = client.create_instance(name, version)
    client.apply_event(made.instance_id, "PUSH")
    counts = client.count_instances(name)
    assert (counts.states, counts.total, counts.version) == ({"off": 2, "on": 1}, 3, None)
    second = client.count_instances(name, 2)
    assert (second.states, second.total, second.version) == ({"off": 1, "on": 1}, 2, 2)
    assert second.wal_offset > made.wal_offset
    with pytest.raises(rstmdb.MachineNotFoundError):
        client.count_instances(name, 3)


def test_history(client: Any) -> None:
    name = fresh()
    made = client.create_instance("toggle", 1, name, {"n": 1})
    pushes = [client.apply_event(name, "PUSH", {"n": n}, event_id=f"e{n}") for n in range(5)]
    page = client.get_history(name, 2)
    assert [event.wal_offset for event in page.events] == [
        push.wal_offset for push in reversed(pushes[3:])
    ]
    newest = page.events[0]
    assert (newest.type, newest.event, newest.event_id) == ("apply_event", "PUSH", "e4")
    assert (newest.payload, newest.ctx) == ({"n": 4}, {"n": 4})
    assert (newest.from_state, newest.to_state) == (pushes[4].from_state, pushes[4].to_state)
    assert (page.has_more, page.complete, page.horizon) == (True, False, 1)
    client.delete_instance(name)
    events = list(client.iter_history(name, page_size=2, include_ctx=False))
    assert [event.type for event in events] == (
        ["delete_instance"] + ["apply_event"] * 5 + ["create_instance"]
    )
    assert all(event.ctx is None for event in events)
    assert events[-1].wal_offset == made.wal_offset
    assert (events[-1].machine, events[-1].version, events[-1].to_state) == ("toggle", 1, "off")
    last = client.get_history(name, before_offset=made.wal_offset + 1)
    assert (len(last.events), last.has_more, last.complete) == (1, False, True)
    assert last.next_before_offset is None
    with pytest.raises(rstmdb.InstanceNotFoundError):
        client.get_history(fresh())


def test_log_and_snapshots(client: Any) -> None:
    name = fresh()
    made = client.create_instance("toggle", 1, name)
    page = client.wal_read(made.wal_offset, 1)
    assert page.records[0].offset == made.wal_offset
    assert page["records"][0]["entry"]["type"] == "create_instance"
    assert page.records[0].entry["instance_id"] == name
    stats = client.wal_stats()
    assert stats.latest_offset >= made.wal_offset
    assert stats.io_stats.fsyncs >= 1
    snapshot = client.snapshot_instance(name)
    assert (snapshot.instance_id, len(snapshot.checksum)) == (name, 64)
    compacted = client.compact(True)
    assert compacted.snapshots_created == 1
    assert compacted["total_snapshots"] >= 1


def test_flush_all(connect: Any, own: Server) -> None:
    client = connect(port=own.port)
    client.create_instance("toggle", 1)
    flushed = client.flush_all()
    assert (flushed.flushed, flushed.instances_removed, flushed.machines_removed) == (True, 1, 1)
    assert len(client.list_machines()) == 0


def test_raw_calls(client: Any) -> None:
    assert client.call("PING")["pong"] is True
    assert client.call(rstmdb.Operation.PING)["pong"] is True
    with pytest.raises(rstmdb.BadRequestError):
        client.call('NO"SUCH\\OP\n')
    with pytest.raises(rstmdb.NotFoundError):
        client.unwatch("never there")


@pytest.mark.parametrize("wire", ["binary_json", "jsonl"])
def test_numbers_and_text_survive(connect: Any, shared: Server, wire: str) -> None:
    client = connect(port=shared.port, wire=wire, decimals=True)
    ctx = {
        "big": 2**200 + 1,
        "fine": decimal.Decimal("0.1000000000000000000001"),
        "text": 'é€𝄞\u2028"\\\n',
        "list": [decimal.Decimal("1e3"), {"x": decimal.Decimal("-0.0")}, True, None],
    }
    name = fresh()
    client.create_instance("toggle", 1, name, ctx)
    read = client.get_instance(name).ctx
    assert read == ctx
    assert isinstance(read["fine"], decimal.Decimal)
    floats = connect(port=shared.port)
    assert isinstance(floats.get_instance(name).ctx["fine"], float)


def test_what_is_no_json_is_refused_here(client: Any) -> None:
    name = client.create_instance("toggle", 1).instance_id
    for value in (float("nan"), {1, 2}, "\ud800", decimal.Decimal("NaN"), b"x", object()):
        with pytest.raises(rstmdb.InvalidArgumentError):
            client.apply_event(name, "PUSH", {"x": value})
    endless: dict[str, Any] = {}
    endless["x"] = endless
    with pytest.raises(rstmdb.InvalidArgumentError):
        client.apply_event(name, "PUSH", endless)
    with pytest.raises(rstmdb.InvalidArgumentError, match="most"):
        client.apply_event(name, "PUSH", {"x": "y" * 17_000_000})
    assert client.get_instance(name).state == "off"


def test_results_are_frozen(client: Any) -> None:
    made = client.create_instance("toggle", 1)
    with pytest.raises(AttributeError):
        made.state = "x"
    with pytest.raises(KeyError):
        made["nothing"]
    assert "state" in made
    assert made.get("nothing", 5) == 5


def test_token(connect: Any, tmp_path: Any) -> None:
    # The SHA-256 of `secret`.
    digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    server = Server(tmp_path, auth={"required": True, "token_hashes": [digest]}).start()
    try:
        assert connect(port=server.port, token="secret").info().auth_required is True
        with pytest.raises(rstmdb.AuthFailedError):
            connect(port=server.port, token="wrong")
        without = connect(port=server.port)
        assert without.ping()
        with pytest.raises(rstmdb.UnauthorizedError):
            without.info()
    finally:
        server.kill()


def test_each_operation_has_a_method() -> None:
    operations = json.loads((ROOT / "protocol/operations.json").read_text())["operations"]
    session = {"HELLO": "connect", "AUTH": "connect", "BYE": "close"}
    assert {str(op) for op in rstmdb.Operation} == {row["op"] for row in operations}
    for client in (rstmdb.Client, rstmdb.sync.Client):
        for row in operations:
            method = getattr(client, session.get(row["op"], row["op"].lower()))
            if row["op"] in session:
                continue
            wanted = {param["name"] for param in row["params"]}
            assert wanted <= set(inspect.signature(method).parameters) | {"subscription_id"}, row[
                "op"
            ]


def test_each_code_has_a_class() -> None:
    rows = json.loads((ROOT / "protocol/errors.json").read_text())["errors"]
    assert {code.value for code in rstmdb.ErrorCode} == {row["code"] for row in rows}
    classes = set()
    for row in rows:
        error = rstmdb.errors.server_error({**row, "message": "m"})
        assert type(error) is not rstmdb.ServerError
        assert (error.code, error.retryable) == (row["code"], row["retryable"])
        classes.add(type(error))
    assert len(classes) == len(rows)
    unknown = rstmdb.errors.server_error({"code": "LATER", "message": "m"})
    assert type(unknown) is rstmdb.ServerError
    assert unknown.code == "LATER"
