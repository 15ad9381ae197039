"""Many calls on one connection, by asyncio, and many threads on one client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import Any

import pytest
from fake_server import WELCOME, FakeServer, Peer, fake_server
from test_connection_loss import APPLIED, PONG, QUICK, serve

import rstmdb
import rstmdb.sync
from rstmdb._async.connection import Session

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


def test_what_was_sent_goes_out_before_what_had_no_room() -> None:
    seen: list[str] = []

    def loses(peer: Peer) -> None:
        peer.welcome()
        for _ in range(1024):
            peer.receive()

    def answers(peer: Peer) -> None:
        peer.welcome()
        for _ in range(1200):
            request = peer.receive()
            seen.append(request["params"]["event"])
            peer.answer(request, APPLIED)
        peer.wait_for_close()

    async def main(port: int) -> None:
        async with rstmdb.Client(port=port, **QUICK) as client:
            await asyncio.gather(*(client.apply_event("i", str(n)) for n in range(1200)))

    with fake_server(loses, answers) as server:
        asyncio.run(main(server.port))
    assert seen == [str(n) for n in range(1200)]


def test_cancelled_calls_make_room() -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        for _ in range(1024):
            peer.receive()
        peer.answer(peer.receive(), PONG)
        peer.wait_for_close()

    async def main(port: int) -> None:
        async with rstmdb.Client(port=port) as client:
            calls = [asyncio.ensure_future(client.ping()) for _ in range(1024)]
            waiting = asyncio.ensure_future(client.ping())
            await asyncio.sleep(0.01)
            for call in calls:
                call.cancel()
            assert await waiting

    with fake_server(script) as server:
        asyncio.run(main(server.port))


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
        client = rstmdb.Client(port=port, offline_queue_max=3, request_timeout=1.0)
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


class Slow:
    """A session that opens when the test says so, and then answers PINGs."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._free = threading.Event()

    def __call__(self, peer: Peer) -> None:
        hello = peer.receive()
        self._asked.set()
        assert self._free.wait(10)
        with contextlib.suppress(EOFError, OSError):
            peer.answer(hello, WELCOME)
            while True:
                peer.answer(peer.receive(), PONG)

    async def asked(self) -> None:
        assert await asyncio.to_thread(self._asked.wait, 10)

    def open(self) -> None:
        self._free.set()


@pytest.mark.parametrize("order", ["connect ping", "ping connect", "connect connect ping"])
def test_what_connects_at_once_shares_one_connection(order: str) -> None:
    async def main(port: int) -> None:
        client = rstmdb.Client(port=port, **QUICK)
        await asyncio.gather(*(getattr(client, name)() for name in order.split()))
        await client.close()

    with fake_server(serve([], PONG)) as server:
        asyncio.run(main(server.port))
        assert server.accepted == 1


@pytest.mark.parametrize("auto_reconnect", [True, False])
def test_a_call_during_reconnect_waits_for_its_connection(auto_reconnect: bool) -> None:
    slow = Slow()

    async def main(port: int) -> None:
        async with rstmdb.Client(port=port, auto_reconnect=auto_reconnect, **QUICK) as client:
            reconnecting = asyncio.ensure_future(client.reconnect())
            await slow.asked()
            calls = [asyncio.ensure_future(client.ping()) for _ in range(3)]
            await asyncio.sleep(0)  # they are made
            slow.open()
            assert await asyncio.gather(*calls) == [True] * 3
            await reconnecting

    with fake_server(serve([]), slow) as server:
        asyncio.run(main(server.port))
        assert server.accepted == 2


def test_several_that_connect_are_told_the_same_refusal() -> None:
    def full(peer: Peer) -> None:
        peer.receive()
        peer.refuse("", "RATE_LIMITED", retryable=True)

    async def main(port: int) -> None:
        client = rstmdb.Client(port=port)
        connects = (client.connect() for _ in range(3))
        outcomes = await asyncio.gather(*connects, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [rstmdb.RateLimitedError] * 3

    with fake_server(full) as server:
        asyncio.run(main(server.port))
        assert server.accepted == 1


@pytest.mark.parametrize("other", ["connect", "ping"])
def test_a_cancelled_connect_takes_nobody_along(other: str) -> None:
    slow = Slow()

    async def main(port: int) -> None:
        client = rstmdb.Client(port=port, **QUICK)
        cancelled = asyncio.ensure_future(client.connect())
        await slow.asked()
        going_on = asyncio.ensure_future(getattr(client, other)())
        await asyncio.sleep(0)
        cancelled.cancel()
        slow.open()
        await going_on
        assert cancelled.cancelled()
        assert await client.ping()
        await client.close()

    with fake_server(slow, serve([], *[PONG] * (1 + (other == "ping")))) as server:
        asyncio.run(main(server.port))
        assert server.accepted == 2


def test_close_ends_an_attempt_to_connect() -> None:
    slow = Slow()

    async def main(port: int) -> None:
        client = rstmdb.Client(port=port)
        connecting = asyncio.ensure_future(client.connect())
        await slow.asked()
        await client.close()
        slow.open()
        with pytest.raises(rstmdb.ConnectionError, match="closed"):
            await connecting
        assert not client.is_connected

    with fake_server(slow) as server:
        asyncio.run(main(server.port))


def test_a_client_that_is_reconnected_twice_at_once_has_one_connection() -> None:
    slow = Slow()

    async def main(port: int) -> None:
        async with rstmdb.Client(port=port) as client:
            first = asyncio.ensure_future(client.reconnect())
            await slow.asked()
            await client.reconnect()
            await first
            slow.open()
            assert await client.ping()

    with fake_server(serve([]), slow, serve([], PONG)) as server:
        asyncio.run(main(server.port))
        assert server.accepted == 3


def test_a_connection_too_many_is_dropped_and_its_end_means_nothing() -> None:
    async def main(port: int) -> None:
        async with rstmdb.Client(port=port, auto_reconnect=False) as client:
            link = client._links[0]
            other = await Session(link._options, link._wire, link).open(10)
            link._come_up(other)
            await asyncio.wait_for(other._ended, 10)
            assert client.is_connected
            assert await client.ping()

    with fake_server(serve([], PONG), serve([])) as server:
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
