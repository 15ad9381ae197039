"""Lost connections, silence and nonsense, by a scripted server; both clients unless said."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from typing import Any

import pytest
import rcp
from fake_server import FakeServer, Peer, fake_server

import rstmdb
import rstmdb.sync

PONG = {"pong": True}
APPLIED = {"from_state": "a", "to_state": "b", "ctx": {}, "wal_offset": 7, "applied": True}
QUICK = {"reconnect_base_delay": 0.001}


def lose_after_one_request(seen: list[dict[str, Any]]) -> Any:
    def script(peer: Peer) -> None:
        peer.welcome()
        seen.append(peer.receive())

    return script


def serve(seen: list[dict[str, Any]], *results: dict[str, Any]) -> Any:
    def script(peer: Peer) -> None:
        peer.welcome()
        for result in results:
            request = peer.receive()
            seen.append(request)
            peer.answer(request, result)
        peer.wait_for_close()

    return script


def test_a_write_with_a_key_is_sent_again_as_it_was(connect: Any) -> None:
    seen: list[dict[str, Any]] = []
    with fake_server(lose_after_one_request(seen), serve(seen, APPLIED)) as server:
        client = connect(port=server.port, **QUICK)
        assert client.apply_event("i", "GO").wal_offset == 7
        client.close()
    assert seen[0] == seen[1]
    assert seen[0]["params"]["idempotency_key"]


def test_reads_are_sent_again(connect: Any) -> None:
    seen: list[dict[str, Any]] = []
    with fake_server(lose_after_one_request(seen), serve(seen, PONG)) as server:
        client = connect(port=server.port, **QUICK)
        assert client.ping()
        client.close()
    assert [request["op"] for request in seen] == ["PING", "PING"]


def test_a_write_without_a_key_is_not(connect: Any) -> None:
    seen: list[dict[str, Any]] = []
    with fake_server(lose_after_one_request(seen), serve(seen, PONG)) as server:
        client = connect(port=server.port, auto_idempotency_keys=False, **QUICK)
        with pytest.raises(rstmdb.ConnectionError) as lost:
            client.apply_event("i", "GO")
        assert lost.value.maybe_applied is True
        assert isinstance(lost.value, ConnectionError)  # the builtin
        assert client.ping()  # the next call connects again
        client.close()
    assert "idempotency_key" not in seen[0]["params"]
    assert [request["op"] for request in seen] == ["APPLY_EVENT", "PING"]


def test_put_machine_is_not_repeated(connect: Any) -> None:
    with fake_server(lose_after_one_request([])) as server:
        client = connect(port=server.port, **QUICK)
        with pytest.raises(rstmdb.ConnectionError) as lost:
            client.put_machine("m", 1, {})
        assert lost.value.maybe_applied is True
        client.close()


def test_a_batch_is_repeated_only_if_each_of_its_operations_has_a_key() -> None:
    from rstmdb._messages import repeatable

    keyed = {"op": "APPLY_EVENT", "params": {"idempotency_key": "k"}}
    assert repeatable("BATCH", {"ops": [keyed, keyed]})
    assert not repeatable("BATCH", {"ops": [keyed, {"op": "APPLY_EVENT", "params": {}}]})
    assert not repeatable("BATCH", {"ops": [keyed, {"op": "APPLY_EVENT"}]})
    assert not repeatable("PUT_MACHINE", {})


def test_without_auto_reconnect_a_loss_is_for_good(connect: Any) -> None:
    with fake_server(lose_after_one_request([]), serve([], PONG)) as server:
        client = connect(port=server.port, auto_reconnect=False)
        for _ in range(2):
            with pytest.raises(rstmdb.ConnectionError):
                client.ping()
        assert client.is_connected is False
        client.reconnect()
        assert client.ping()
        client.close()


def test_a_call_is_sent_five_times_at_most(connect: Any) -> None:
    seen: list[dict[str, Any]] = []
    with fake_server(*[lose_after_one_request(seen)] * 5) as server:
        client = connect(port=server.port, **QUICK)
        with pytest.raises(rstmdb.ConnectionError):
            client.ping()
        client.close()
    assert len(seen) == 5


def test_attempts_end_where_they_are_told_to(connect: Any) -> None:
    with fake_server(lose_after_one_request([])) as server:
        client = connect(port=server.port, max_reconnect_attempts=3, **QUICK)
        server._listener.close()
        with pytest.raises(rstmdb.ConnectionError) as lost:
            client.ping()
        assert lost.value.maybe_applied is True
        with pytest.raises(rstmdb.ConnectionError) as refused:
            client.ping()
        assert refused.value.maybe_applied is False
        client.close()


def test_on_reconnect_is_told(connect: Any) -> None:
    told: list[int] = []
    with fake_server(lose_after_one_request([]), serve([], PONG, PONG)) as server:
        client = connect(port=server.port, on_reconnect=lambda: told.append(1), **QUICK)
        assert told == []
        client.ping()
        client.ping()
        assert told == [1]
        client.close()


def test_on_reconnect_may_fail_and_may_use_the_client(
    connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []

    def callback() -> None:
        if isinstance(client, rstmdb.sync.Client):
            told.append(client.ping())
        raise LookupError("of the program")

    seen: list[dict[str, Any]] = []
    with fake_server(lose_after_one_request(seen), serve(seen, APPLIED, PONG)) as server:
        client = connect(port=server.port, on_reconnect=callback, **QUICK)
        assert client.apply_event("i", "GO").applied
        if isinstance(client, rstmdb.sync.Client):
            assert told == [True]
        else:
            assert client.ping()
        client.close()
    assert "of the program" in caplog.text


def test_a_cut_off_request_does_not_harm_the_next(connect: Any) -> None:
    """A request too long for the socket's buffers times out half sent."""
    free = threading.Event()

    def deaf(peer: Peer) -> None:
        peer.welcome()
        assert free.wait(10)

    with fake_server(deaf, serve([], PONG)) as server:
        client = connect(port=server.port, auto_idempotency_keys=False, **QUICK)
        with pytest.raises(rstmdb.RequestTimeoutError):
            client.apply_event("i", "GO", {"fill": "x" * 15_000_000}, timeout=0.3)
        free.set()
        assert client.ping()
        client.close()


def test_a_late_answer_is_passed_over(connect: Any) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.welcome()
        first = peer.receive()
        second = peer.receive()
        peer.answer(first, {"pong": False})
        peer.answer(second, PONG)
        asked.set()
        peer.wait_for_close()

    with fake_server(script) as server:
        client = connect(port=server.port)
        with pytest.raises(rstmdb.RequestTimeoutError) as late:
            client.ping(timeout=0.05)
        assert late.value.maybe_applied is True
        assert isinstance(late.value, TimeoutError)  # the builtin
        assert client.ping() is True
        assert asked.is_set()
        client.close()


def test_connecting_has_a_limit(connect: Any) -> None:
    with fake_server(lambda peer: peer.wait_for_close()) as server:
        began = time.monotonic()
        with pytest.raises(rstmdb.ConnectionError) as late:
            connect(port=server.port, connect_timeout=0.1)
        assert late.value.reason == "timeout"
        assert time.monotonic() - began < 5


def test_nobody_there(connect: Any) -> None:
    server = FakeServer([])
    server.finish()
    with pytest.raises(rstmdb.ConnectionError) as refused:
        connect(port=server.port)
    assert refused.value.reason == "refused"
    for name in ("no-such-host.invalid", "x" * 70, "a..b"):
        with pytest.raises(rstmdb.ConnectionError) as unknown:
            connect(name)
        assert unknown.value.reason == "resolve"


def test_a_full_server_says_so(connect: Any) -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.refuse("", "RATE_LIMITED", retryable=True, code="TOO_MANY_CONNECTIONS")

    with fake_server(script) as server:
        with pytest.raises(rstmdb.RateLimitedError) as full:
            connect(port=server.port)
        assert full.value.retryable is True
        assert full.value.details["code"] == "TOO_MANY_CONNECTIONS"


def test_a_full_server_is_asked_again_when_reconnecting(connect: Any) -> None:
    def full(peer: Peer) -> None:
        peer.receive()
        peer.refuse("", "RATE_LIMITED", retryable=True)

    scripts = (lose_after_one_request([]), full, full, serve([], PONG))
    with fake_server(*scripts) as server:
        client = connect(port=server.port, **QUICK)
        assert client.ping()
        client.close()


def test_a_session_that_is_thrown_out_stays_out(connect: Any) -> None:
    def revoked(peer: Peer) -> None:
        peer.welcome()
        peer.receive()
        peer.refuse("", "UNAUTHORIZED", code="CREDENTIAL_REVOKED")
        peer.wait_for_close()

    def refused(peer: Peer) -> None:
        hello = peer.receive()
        peer.refuse(hello["id"], "UNAUTHORIZED")
        peer.wait_for_close()

    with fake_server(revoked, refused) as server:
        client = connect(port=server.port, **QUICK)
        with pytest.raises(rstmdb.ConnectionError, match="UNAUTHORIZED") as out:
            client.ping()
        assert isinstance(out.value.__cause__, rstmdb.UnauthorizedError)
        with pytest.raises(rstmdb.UnauthorizedError):
            client.ping()
        client.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes.fromhex("5243505800010001000000000002deadbeef7b7d"),  # a wrong crc
        bytes.fromhex("52435058000100000000ffffffff00000000"),  # 4 GiB announced
        bytes.fromhex("5243505800010000000000000002000000005b5d"),  # []
        bytes.fromhex("5243505800010000000000000001000000007b"),  # {
        bytes.fromhex("5243505800010000000000000002000000007b7d"),  # {}
    ],
)
def test_nonsense_ends_the_connection(connect: Any, nonsense: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.receive()
        peer.send_bytes(nonsense)
        peer.wait_for_close()

    with fake_server(script, serve([], PONG)) as server:
        client = connect(port=server.port, auto_reconnect=False)
        with pytest.raises(rstmdb.ConnectionError) as lost:
            client.ping()
        assert isinstance(lost.value.__cause__, rstmdb.ProtocolError)
        client.reconnect()
        assert client.ping()
        client.close()


def test_an_answer_in_front_of_nonsense_counts(connect: Any) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        request = peer.receive()
        answer = {"type": "response", "id": request["id"], "status": "ok", "result": PONG}
        body = json.dumps(answer)
        peer.send_bytes(rcp.encode("rcpx", body.encode()) + b"garbage")
        peer.wait_for_close()

    with fake_server(script) as server:
        client = connect(port=server.port)
        assert client.ping()
        client.close()


def test_an_answer_that_lacks_something(connect: Any) -> None:
    with fake_server(serve([], {"from_state": "a"}, {"instances": 5}, {}, PONG)) as server:
        client = connect(port=server.port)
        with pytest.raises(rstmdb.ProtocolError):
            client.apply_event("i", "GO")
        with pytest.raises(rstmdb.ProtocolError):
            client.list_instances()
        with pytest.raises(rstmdb.ProtocolError):
            client.wal_stats()
        assert client.ping()
        client.close()


def test_a_closed_client(connect: Any) -> None:
    with fake_server(serve([]), serve([], PONG)) as server:
        client = connect(port=server.port)
        client.close()
        client.close()
        with pytest.raises(rstmdb.ConnectionError):
            client.ping()
        client.connect()
        assert client.ping()
        client.close()


def test_a_connection_that_went_while_idle_is_replaced_unnoticed(connect: Any) -> None:
    gone = threading.Event()

    def leaves(peer: Peer) -> None:
        peer.welcome()
        peer.close()
        gone.set()

    seen: list[dict[str, Any]] = []
    stored = {"machine": "m", "version": 1, "stored_checksum": "c", "created": True}
    with fake_server(leaves, serve(seen, stored)) as server:
        client = connect(port=server.port, **QUICK)
        assert gone.wait(10)
        if not isinstance(client, rstmdb.sync.Client):
            client._runner.run(asyncio.sleep(0.02))  # its loop runs only within calls
        # Not repeatable, so it must not have been sent where nobody is.
        assert client.put_machine("m", 1, {}).created
        client.close()
    assert len(seen) == 1


# ---- asyncio alone: many calls on one connection -------------------------------------------------


def test_order_is_kept_over_a_loss() -> None:
    """What was sent and unanswered goes out again before what was made meanwhile."""
    seen: list[dict[str, Any]] = []

    def loses(peer: Peer) -> None:
        peer.welcome()
        for _ in range(50):
            peer.receive()

    def answers_backwards(peer: Peer) -> None:
        peer.welcome()
        requests = [peer.receive() for _ in range(100)]
        seen.extend(requests)
        for request in reversed(requests):
            peer.answer(request, APPLIED)
        peer.wait_for_close()

    async def main(port: int) -> None:
        async with rstmdb.Client(port=port, **QUICK) as client:
            first = [asyncio.ensure_future(client.apply_event("i", str(n))) for n in range(50)]
            while client.is_connected:  # noqa: ASYNC110 (it is lost without a word)
                await asyncio.sleep(0)
            second = [
                asyncio.ensure_future(client.apply_event("i", str(n))) for n in range(50, 100)
            ]
            await asyncio.gather(*first, *second)

    with fake_server(loses, answers_backwards) as server:
        asyncio.run(main(server.port))
    assert [request["params"]["event"] for request in seen] == [str(n) for n in range(100)]
    numbers = [int(request["id"]) for request in seen]
    assert numbers == sorted(numbers)


def test_no_more_than_1024_are_in_flight() -> None:
    together: list[int] = []

    def script(peer: Peer) -> None:
        peer.welcome()
        waiting = [peer.receive() for _ in range(1024)]
        peer._socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            peer.receive()
        peer._socket.settimeout(10)
        together.append(len(waiting))
        for request in waiting:
            peer.answer(request, PONG)
        for _ in range(476):
            peer.answer(peer.receive(), PONG)
        peer.wait_for_close()

    async def main(port: int) -> None:
        async with rstmdb.Client(port=port) as client:
            assert all(await asyncio.gather(*(client.ping() for _ in range(1500))))

    with fake_server(script) as server:
        asyncio.run(main(server.port))
    assert together == [1024]


def test_waiting_for_a_connection_is_bounded() -> None:
    async def main(port: int) -> None:
        client = rstmdb.Client(port=port, offline_queue_max=3, request_timeout=0.2)
        calls = [asyncio.ensure_future(client.ping()) for _ in range(5)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds == [rstmdb.RequestTimeoutError] * 3 + [rstmdb.ConnectionError] * 2
        assert isinstance(outcomes[0], rstmdb.RequestTimeoutError)
        assert outcomes[0].maybe_applied is False
        assert "refuses" in str(outcomes[0])
        assert isinstance(outcomes[4], rstmdb.ConnectionError)
        assert outcomes[4].reason == "queue"
        await client.close()

    server = FakeServer([])
    server.finish()
    asyncio.run(main(server.port))


def test_a_cancelled_call_leaves_the_connection_alone() -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        first = peer.receive()
        second = peer.receive()
        peer.answer(first, PONG)
        peer.answer(second, PONG)
        peer.wait_for_close()

    async def main(port: int) -> None:
        async with rstmdb.Client(port=port) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.ping()
            assert await client.ping()

    with fake_server(script) as server:
        asyncio.run(main(server.port))


def test_one_timer_serves_all_deadlines() -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.wait_for_close()

    async def main(port: int) -> None:
        async with rstmdb.Client(port=port) as client:
            loop = asyncio.get_running_loop()
            set_up: list[float] = []
            original = loop.call_at

            def counted(when: float, *args: Any, **kwargs: Any) -> Any:
                set_up.append(when)
                return original(when, *args, **kwargs)

            loop.call_at = counted  # type: ignore[method-assign]
            calls = [asyncio.ensure_future(client.ping(timeout=0.1)) for _ in range(100)]
            calls += [asyncio.ensure_future(client.ping(timeout=0.05))]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {rstmdb.RequestTimeoutError}
            assert len(set_up) < 10

    with fake_server(script) as server:
        asyncio.run(main(server.port))


def test_writes_of_one_turn_leave_together() -> None:
    from rstmdb._async import connection as module

    writes: list[int] = []

    async def main(port: int) -> None:
        async with rstmdb.Client(port=port) as client:
            transport = client._links[0]._connection._transport
            original = transport.write

            class Counted:
                def write(self, data: bytes) -> None:
                    writes.append(len(data))
                    original(data)

                def __getattr__(self, name: str) -> Any:
                    return getattr(transport, name)

            client._links[0]._connection._transport = Counted()
            await asyncio.gather(*(client.ping() for _ in range(100)))

    assert module.Connection
    with fake_server(serve([], *[PONG] * 100)) as server:
        asyncio.run(main(server.port))
    assert len(writes) == 1


def test_one_client_in_one_loop_after_another() -> None:
    async def main(client: rstmdb.Client) -> None:
        async with client:
            assert await client.ping()
            listening = asyncio.ensure_future(anext(client.events()))
            await asyncio.sleep(0)
        with pytest.raises(StopAsyncIteration):
            await listening

    with fake_server(serve([], PONG), serve([], PONG)) as server:
        client = rstmdb.Client(port=server.port)
        for _ in range(2):
            asyncio.run(main(client))


def test_the_end_of_an_old_connection_is_not_that_of_the_new() -> None:
    async def main(port: int) -> None:
        async with rstmdb.Client(port=port) as client:
            link = client._links[0]
            old = link._connection
            assert old is not None
            await client.reconnect()
            old.connection_lost(None)  # as late as it can be
            assert client.is_connected
            assert await client.ping()

    with fake_server(serve([]), serve([], PONG)) as server:
        asyncio.run(main(server.port))


def test_another_event_loop_is_refused_while_connected() -> None:
    with fake_server(serve([], PONG)) as server:
        client = rstmdb.Client(port=server.port)
        with asyncio.Runner() as runner:
            runner.run(client.connect())
            refused = pytest.raises(rstmdb.RstmdbError, match="event loop")
            with asyncio.Runner() as other, refused:
                other.run(client.ping())
            assert runner.run(client.ping())
            runner.run(client.close())


# ---- threads alone -------------------------------------------------------------------------------


def test_close_ends_a_call_of_another_thread() -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.welcome()
        peer.receive()
        asked.set()
        peer.wait_for_close()

    outcome: list[BaseException] = []
    with fake_server(script) as server:
        client = rstmdb.sync.Client(port=server.port)

        def ask() -> None:
            try:
                client.ping()
            except BaseException as error:
                outcome.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert asked.wait(10)
        client.close()
        thread.join(10)
    assert [type(error) for error in outcome] == [rstmdb.ConnectionError]


def test_a_pool_serves_threads_at_once() -> None:
    both = threading.Barrier(2, timeout=10)

    def script(peer: Peer) -> None:
        peer.welcome()
        request = peer.receive()
        both.wait()  # neither is answered before both have asked
        peer.answer(request, PONG)
        peer.wait_for_close()

    with fake_server(script, script) as server:
        client = rstmdb.sync.Client(port=server.port, pool_size=2)
        threads = [threading.Thread(target=client.ping) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        client.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_makes_other_keys() -> None:
    """With the parent's keys its writes would be taken for repetitions of the parent's."""
    parent = rstmdb.make_idempotency_key()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, rstmdb.make_idempotency_key().encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    theirs = os.read(reading, 1000).decode()
    os.close(reading)
    assert theirs.rpartition("-")[0] != parent.rpartition("-")[0]
    assert rstmdb.make_idempotency_key().rpartition("-")[0] == parent.rpartition("-")[0]
