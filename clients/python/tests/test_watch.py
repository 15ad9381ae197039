"""Subscriptions, on real servers that are killed, and on a scripted one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import threading
import uuid
from typing import Any

import pytest
import rcp
from fake_server import Peer, fake_server
from server import TOGGLE, Server

import rstmdb
import rstmdb.sync

QUICK = {"reconnect_base_delay": 0.001, "reconnect_max_delay": 0.05}


def fresh() -> str:
    return f"w-{uuid.uuid4().hex}"


def test_one_instance(connect: Any, shared: Server) -> None:
    client = connect(port=shared.port)
    name, other = fresh(), fresh()
    client.create_instance("toggle", 1, other)
    made = client.create_instance("toggle", 1, name, {"a": 1})
    watch = client.watch_instance(name)
    assert watch.instance_id == name
    assert watch.current_state == "off"
    assert watch.wal_offset == watch.current_wal_offset == made.wal_offset
    assert watch.last_offset == 0
    assert watch.next(0) is None
    client.apply_event(other, "PUSH")
    done = client.apply_event(name, "PUSH", {"b": 2})
    event = watch.next(10)
    assert event.subscription_id == watch.subscription_id
    assert (event.from_state, event.to_state, event.event) == ("off", "on", "PUSH")
    assert (event.payload, event.ctx) == ({"b": 2}, {"a": 1, "b": 2})
    assert event["wal_offset"] == done.wal_offset == watch.last_offset
    assert event.kind is None
    assert watch.next(0.01) is None
    assert client.unwatch(watch.subscription_id).removed is True
    with pytest.raises(rstmdb.ConnectionError, match="closed"):
        watch.next(1)
    assert list(watch) == []


def test_filters_and_kinds(connect: Any, shared: Server) -> None:
    client = connect(port=shared.port)
    machine, name = fresh(), fresh()
    client.put_machine(machine, 1, TOGGLE)
    narrow = client.watch_all([machine], to_states=["off"], include_ctx=False)
    wide = client.watch_all(machines=[machine], kinds=["transition", "create", "delete"])
    client.create_instance(machine, 1, name)
    for _ in range(2):
        client.apply_event(name, "PUSH")
    client.delete_instance(name)
    event = narrow.next(10)
    assert (event.to_state, event.ctx) == ("off", None)
    assert narrow.next(0.01) is None
    events = [wide.next(10) for _ in range(4)]
    assert [event.kind for event in events] == ["create", "transition", "transition", "delete"]
    assert events[0].from_state is None
    assert events[3].to_state is None
    with pytest.raises(rstmdb.InstanceNotFoundError):
        client.watch_instance(name)
    with pytest.raises(rstmdb.BadRequestError):
        client.watch_all(kinds=["nonsense"])


def test_from_an_offset(connect: Any, shared: Server) -> None:
    client = connect(port=shared.port)
    name = fresh()
    client.create_instance("toggle", 1, name)
    offsets = [client.apply_event(name, "PUSH").wal_offset for _ in range(4)]
    at = client.watch_instance(name, from_offset=offsets[1])
    behind = client.watch_instance(name, after_offset=offsets[1])
    assert [at.next(10).wal_offset for _ in range(3)] == offsets[1:]
    assert [behind.next(10).wal_offset for _ in range(2)] == offsets[2:]
    everything = client.watch_instance(name, from_offset=0)
    assert [everything.next(10).wal_offset for _ in range(4)] == offsets


def test_a_killed_server_loses_and_repeats_nothing(connect: Any, own: Server) -> None:
    client = connect(port=own.port, **QUICK)
    name = client.create_instance("toggle", 1).instance_id
    one = client.watch_instance(name)
    every = client.watch_all(["toggle"])
    first_id = one.subscription_id
    offsets = []
    for _ in range(3):
        offsets += [client.apply_event(name, "PUSH").wal_offset for _ in range(3)]
        own.kill()
        own.start()
        offsets += [client.apply_event(name, "PUSH").wal_offset for _ in range(2)]
        got = [one.next(20) for _ in range(4)]  # one stays behind for the next round
        assert {event.subscription_id for event in got} == {first_id}
    got_offsets = [every.next(20).wal_offset for _ in offsets]
    assert got_offsets == offsets
    assert every.next(0.05) is None
    rest = [one.next(20).wal_offset for _ in range(3)]
    assert rest == offsets[-3:]
    assert one.next(0.05) is None


def test_a_quiet_watch_goes_on_too(connect: Any, own: Server) -> None:
    client = connect(port=own.port, **QUICK)
    name = client.create_instance("toggle", 1).instance_id
    watch = client.watch_instance(name)
    own.kill()
    assert watch.next(0.01) is None  # nobody there: no error, but nothing either
    own.start()
    offset = client.apply_event(name, "PUSH").wal_offset
    assert watch.next(20).wal_offset == offset


def test_compaction_that_took_nothing_from_an_instance(connect: Any) -> None:
    """Its place is gone from the log, but nothing has happened to it."""
    with fake_server(the_client, watched(7), resumed(7, next_event=30)) as server:
        client = connect(port=server.port, **QUICK)
        watch = client.watch_instance("i")
        assert watch.next(10).wal_offset == 30
        client.close()


def test_compaction_that_took_something(connect: Any) -> None:
    with fake_server(the_client, watched(7), resumed(9)) as server:
        client = connect(port=server.port, **QUICK)
        watch = client.watch_instance("i")
        for _ in range(2):
            with pytest.raises(rstmdb.NotFoundError) as gone:
                watch.next(10)
            assert gone.value.details["oldest_offset"] == 20
        client.close()


def test_what_a_server_repeats_is_passed_over(connect: Any) -> None:
    body = {"type": "event", "instance_id": "i", "machine": "m", "version": 1}

    def first(peer: Peer) -> None:
        peer.welcome()
        answer_watch(peer, 7)
        for offset in (7, 8, 8):
            peer.send({**body, "subscription_id": "s7", "wal_offset": offset})
        peer.send({**body, "subscription_id": "another", "wal_offset": 20})

    def second(peer: Peer) -> None:
        peer.welcome()
        request = peer.receive()
        assert request["params"]["after_offset"] == 8
        answer = {"subscription_id": "s8", "current_wal_offset": 8, "current_state": "off"}
        peer.answer(request, answer)
        for offset in (8, 9):
            peer.send({**body, "subscription_id": "s8", "wal_offset": offset})
        peer.answer(peer.receive(), {"subscription_id": "s8", "removed": True})
        peer.wait_for_close()

    with fake_server(the_client, first, second) as server:
        client = connect(port=server.port, **QUICK)
        watch = client.watch_instance("i")
        events = [watch.next(10) for _ in range(2)]
        assert [event.wal_offset for event in events] == [8, 9]
        assert {event.subscription_id for event in events} == {"s7"}
        client.close()


def test_threads_that_share_a_subscription_have_each_change_once() -> None:
    count, threads = 5000, 4
    body = {"type": "event", "subscription_id": "s7", "instance_id": "i", "machine": "m"}
    events = [{**body, "version": 1, "wal_offset": 8 + n} for n in range(count)]
    frames = b"".join(rcp.encode("rcpx", json.dumps(event).encode()) for event in events)

    def stream(peer: Peer) -> None:
        peer.welcome()
        answer_watch(peer, 7)
        peer.send_bytes(frames)
        peer.wait_for_close()

    seen: list[int] = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with fake_server(the_client, stream) as server, rstmdb.sync.Client(port=server.port) as db:
            watch = db.watch_instance("i")

            def take() -> None:
                while (event := watch.next(10 if len(seen) < count else 0)) is not None:
                    seen.append(event.wal_offset)
                    if len(seen) == count:
                        watch.close()

            def take_all() -> None:
                with contextlib.suppress(rstmdb.ConnectionError):
                    take()

            takers = [threading.Thread(target=take_all) for _ in range(threads)]
            for taker in takers:
                taker.start()
            for taker in takers:
                taker.join(60)
    finally:
        sys.setswitchinterval(interval)
    assert sorted(seen) == list(range(8, 8 + count))


def the_client(peer: Peer) -> None:
    """The connection for all but subscriptions; it is made first."""
    peer.welcome()
    peer.wait_for_close()


def watched(offset: int) -> Any:
    """A connection that answers WATCH_INSTANCE and is lost."""

    def script(peer: Peer) -> None:
        peer.welcome()
        answer_watch(peer, offset)

    return script


def answer_watch(peer: Peer, offset: int) -> None:
    request = peer.receive()
    assert request["op"] == "WATCH_INSTANCE"
    answer = {"subscription_id": f"s{offset}", "instance_id": "i", "current_state": "off"}
    peer.answer(request, {**answer, "current_wal_offset": offset})


def resumed(offset: int, next_event: int | None = None) -> Any:
    """Refuses to go on behind 7, and says that the instance's last offset is now `offset`."""

    def script(peer: Peer) -> None:
        peer.welcome()
        request = peer.receive()
        assert request["params"]["after_offset"] == 7
        peer.refuse(request["id"], "NOT_FOUND", code="OFFSET_COMPACTED", oldest_offset=20)
        answer_watch(peer, offset)
        if next_event is not None:
            body = {"type": "event", "subscription_id": f"s{offset}", "instance_id": "i"}
            peer.send({**body, "machine": "m", "version": 1, "wal_offset": next_event})
            peer.answer(peer.receive(), {"subscription_id": f"s{offset}", "removed": True})
        peer.wait_for_close()

    return script


def test_attempts_are_counted_for_each_loss(connect: Any) -> None:
    """Also when nothing has come between two of them."""

    def full(peer: Peer) -> None:
        peer.receive()
        peer.refuse("", "RATE_LIMITED", retryable=True)

    losses = [watched(7), full] * 3
    with fake_server(the_client, *losses, watched(7), full, full) as server:
        client = connect(port=server.port, max_reconnect_attempts=2, **QUICK)
        watch = client.watch_instance("i")
        with pytest.raises(rstmdb.RateLimitedError):
            watch.next(20)
        client.close()


def test_without_auto_reconnect_the_stream_ends(connect: Any, own: Server) -> None:
    client = connect(port=own.port, auto_reconnect=False)
    watch = client.watch_all()
    own.kill()
    for _ in range(2):
        with pytest.raises(rstmdb.ConnectionError):
            watch.next(10)


def test_a_slow_reader_gets_everything(connect: Any, shared: Server) -> None:
    """More than the client, the kernel and the server keep in memory for it."""
    client = connect(port=shared.port)
    name = fresh()
    client.create_instance("toggle", 1, name)
    watch = client.watch_instance(name)
    offsets = []
    for _ in range(30):
        ops = [rstmdb.ApplyEvent(name, "PUSH", {"fill": "x" * 2_000}) for _ in range(100)]
        results = client.batch(ops, "atomic").results
        offsets += [item.value().wal_offset for item in results]
    assert [watch.next(20).wal_offset for _ in offsets] == offsets
    assert watch.next(0) is None


def test_all_subscriptions_as_one_stream(connect: Any, shared: Server) -> None:
    client = connect(port=shared.port)
    name, other = fresh(), fresh()
    client.create_instance("toggle", 1, name)
    client.create_instance("toggle", 1, other)
    events = client.events()
    first = client.watch_instance(name)
    offset = client.apply_event(name, "PUSH").wal_offset
    assert next(events).wal_offset == offset
    second = client.watch_instance(other)  # opened while the stream is being read
    wanted = {client.apply_event(n, "PUSH").wal_offset for n in (name, other, name, other)}
    got = [next(events) for _ in range(4)]
    assert {event.wal_offset for event in got} == wanted
    ids = {event.instance_id: event.subscription_id for event in got}
    assert ids == {name: first.subscription_id, other: second.subscription_id}
    client.unwatch(first.subscription_id)
    offset = client.apply_event(other, "PUSH").wal_offset
    assert next(events).wal_offset == offset
    client.close()
    assert list(events) == []


def test_events_that_nobody_took_are_given_back(shared: Server) -> None:
    async def main() -> None:
        async with rstmdb.Client(port=shared.port) as client:
            names = [(await client.create_instance("toggle", 1)).instance_id for _ in range(8)]
            watches = [await client.watch_instance(name) for name in names]
            offsets = []
            stream = client.events()
            for name in names:
                offsets.append((await client.apply_event(name, "PUSH")).wal_offset)
            taken = [await anext(stream)]
            await stream.aclose()
            for watch in watches:
                if watch.instance_id != taken[0].instance_id:
                    event = await watch.next(20)
                    assert event is not None
                    taken.append(event)
            assert sorted(event.wal_offset for event in taken) == offsets

    asyncio.run(main())


def test_cancelling_loses_nothing(shared: Server) -> None:
    async def main() -> None:
        async with rstmdb.Client(port=shared.port) as client:
            name = (await client.create_instance("toggle", 1)).instance_id
            async with await client.watch_instance(name) as watch:
                got: list[int] = []
                wanted: list[int] = []
                for _ in range(50):
                    waiting = asyncio.ensure_future(watch.next())
                    await asyncio.sleep(0)
                    done = asyncio.ensure_future(client.apply_event(name, "PUSH"))
                    wanted.append((await done).wal_offset)
                    if not waiting.cancel():
                        got.append(waiting.result().wal_offset)
                while len(got) < len(wanted):
                    event = await watch.next(20)
                    assert event is not None
                    got.append(event.wal_offset)
                assert got == wanted

    asyncio.run(main())


def test_async_iteration_ends_with_close(shared: Server) -> None:
    async def main() -> None:
        async with rstmdb.Client(port=shared.port) as client:
            name = (await client.create_instance("toggle", 1)).instance_id
            watch = await client.watch_instance(name)
            reader = asyncio.ensure_future(collect(watch))
            offset = (await client.apply_event(name, "PUSH")).wal_offset
            while watch.last_offset != offset:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await watch.close()
            assert await asyncio.wait_for(reader, 10) == [offset]

    async def collect(watch: rstmdb.Subscription) -> list[int]:
        return [event.wal_offset async for event in watch]

    asyncio.run(main())


def test_a_thread_that_waits_is_woken_by_close(shared: Server) -> None:
    with rstmdb.sync.Client(port=shared.port) as client:
        watch = client.watch_all()
        got: list[Any] = []
        thread = threading.Thread(target=lambda: got.append(list(watch)))
        thread.start()
        while not watch._stream or not watch._stream._reading.locked():
            pass
        watch.close()
        thread.join(10)
        assert got == [[]]


def test_unwatch_reaches_the_server(connect: Any) -> None:
    """With events still on their way, too."""
    ops: list[str] = []

    def script(peer: Peer) -> None:
        peer.welcome()
        answer_watch(peer, 7)
        body = {"type": "event", "subscription_id": "s7", "instance_id": "i", "machine": "m"}
        peer.send_bytes(
            b"".join(
                rcp.encode(
                    "rcpx",
                    json.dumps(
                        {**body, "version": 1, "wal_offset": offset, "from_state": "a"}
                    ).encode(),
                )
                for offset in range(8, 3000)
            )
        )
        request = peer.receive()
        ops.append(request["op"])
        assert request["params"] == {"subscription_id": "s7"}
        peer.answer(request, {"subscription_id": "s7", "removed": True})
        peer.wait_for_close()

    with fake_server(the_client, script) as server:
        client = connect(port=server.port)
        watch = client.watch_instance("i")
        assert watch.next(5).wal_offset == 8
        watch.close()
        client.close()
    assert ops == ["UNWATCH"]


def test_reading_stops_while_nobody_takes() -> None:
    """Then the socket fills up, and the server notices."""
    blocked = threading.Event()

    def script(peer: Peer) -> None:
        peer.welcome()
        answer_watch(peer, 7)
        body = {"type": "event", "subscription_id": "s7", "instance_id": "i", "machine": "m"}
        peer._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        peer._socket.settimeout(0.2)
        fill = "x" * 10_000
        try:
            for offset in range(8, 20_000):
                event = {**body, "version": 1, "wal_offset": offset, "from_state": "a"}
                peer.send({**event, "payload": {"fill": fill}})
        except TimeoutError:
            blocked.set()

    async def main(port: int) -> None:
        async with rstmdb.Client(port=port, auto_reconnect=False) as client:
            watch = await client.watch_instance("i")
            while not blocked.is_set():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            stream = watch._stream
            assert stream is not None
            assert stream.EVENTS_MAX <= len(stream._arrived) < stream.EVENTS_MAX + 100
            assert (await watch.next(5)).wal_offset == 8

    with fake_server(the_client, script) as server:
        asyncio.run(main(server.port))
