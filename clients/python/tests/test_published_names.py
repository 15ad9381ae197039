"""What users of the published client 0.2.1 write works here: names and positions of parameters,
fields of results, and results that were dictionaries."""

from __future__ import annotations

import asyncio
import inspect
import uuid

import pytest
from server import Server

import rstmdb

OPTIONS = (
    "host port token tls ca_cert client_cert client_key insecure connect_timeout request_timeout "
    "auto_reconnect max_reconnect_attempts reconnect_base_delay reconnect_max_delay on_reconnect"
)
METHODS = {
    "put_machine": "machine version definition",
    "get_machine": "machine version",
    "create_instance": "machine version instance_id initial_ctx idempotency_key",
    "get_instance": "instance_id",
    "list_instances": "machine state limit offset",
    "delete_instance": "instance_id idempotency_key",
    "apply_event": "instance_id event payload expected_state idempotency_key",
    "watch_instance": "instance_id include_ctx",
    "watch_all": "machines from_states to_states events include_ctx",
    "unwatch": "subscription_id",
    "wal_read": "from_offset limit",
    "compact": "force_snapshot",
}
FIELDS = {
    "PutMachineResult": "machine version stored_checksum created",
    "GetMachineResult": "definition checksum",
    "CreateInstanceResult": "instance_id state wal_offset",
    "GetInstanceResult": "machine version state ctx last_event_id last_wal_offset",
    "InstanceSummary": "id machine version state created_at updated_at last_wal_offset",
    "ListInstancesResult": "instances total has_more",
    "ApplyEventResult": "from_state to_state ctx wal_offset applied event_id",
    "FlushAllResult": "flushed instances_removed machines_removed",
    "UnwatchResult": "subscription_id removed",
    "WalIoStats": "bytes_written bytes_read writes reads fsyncs",
    "WalStatsResult": "entry_count segment_count total_size_bytes latest_offset io_stats",
    "StreamEvent": "subscription_id instance_id machine version wal_offset from_state to_state "
    "event payload ctx",
}


def test_options() -> None:
    assert set(OPTIONS.split()) <= set(inspect.signature(rstmdb.Client).parameters)
    assert list(inspect.signature(rstmdb.Client).parameters)[:2] == ["host", "port"]
    assert list(inspect.signature(rstmdb.create_ssl_context).parameters) == [
        *("ca_cert", "client_cert", "client_key", "insecure")
    ]


@pytest.mark.parametrize("method", METHODS)
def test_positions(method: str) -> None:
    parameters = inspect.signature(getattr(rstmdb.Client, method)).parameters
    wanted = METHODS[method].split()
    assert list(parameters)[1 : len(wanted) + 1] == wanted
    kinds = {parameters[name].kind for name in wanted}
    assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD}


@pytest.mark.parametrize("record", FIELDS)
def test_fields(record: str) -> None:
    assert set(FIELDS[record].split()) <= set(getattr(rstmdb, record).__dataclass_fields__)


def test_errors() -> None:
    error = rstmdb.ServerError(rstmdb.ErrorCode.CONFLICT, "m")
    assert (error.code, error.message) == (rstmdb.ErrorCode.CONFLICT, "m")
    assert issubclass(rstmdb.ConnectionError, rstmdb.RstmdbError)
    assert issubclass(rstmdb.ProtocolError, rstmdb.RstmdbError)


def test_a_program_of_theirs(shared: Server) -> None:
    async def main() -> None:
        name = f"order-{uuid.uuid4().hex}"
        async with rstmdb.Client("127.0.0.1", shared.port, auto_reconnect=False) as client:
            info = await client.info()
            assert info["server_name"] == "rstmdb"
            assert "toggle" in [entry["machine"] for entry in await client.list_machines()]
            sub = await client.watch_all(machines=["toggle"], to_states=["on"])
            await client.create_instance("toggle", 1, name)
            await client.apply_event(name, "PUSH", {"amount": 99.99})
            async for event in client.events():
                assert event.subscription_id == sub.subscription_id
                assert (event.instance_id, event.to_state) == (name, "on")
                break
            one = await client.watch_instance(name)
            assert (one.instance_id, one.current_state) == (name, "on")
            assert one.current_wal_offset > sub.wal_offset
            ended = await client.unwatch(sub.subscription_id)
            assert ended.removed
            gone = await client.delete_instance(name)
            assert gone["deleted"]
            log = await client.wal_read(0, 1)
            assert log["records"][0]["entry"]["type"]
            assert log["next_offset"]
            done = await client.compact()
            assert done.get("snapshots_created") is not None

    asyncio.run(main())
