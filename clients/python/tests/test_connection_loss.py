"""Lost connections, silence and nonsense, by a scripted server; both clients unless said."""

from __future__ import annotations

import asyncio
import json
import pickle
import socket
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


def test_a_refusal_says_whether_it_may_have_taken_effect(connect: Any) -> None:
    def refuse(peer: Peer) -> None:
        peer.welcome()
        for code in ("CONFLICT", "CONFLICT", "WAL_IO_ERROR"):
            peer.refuse(peer.receive()["id"], code)
        peer.wait_for_close()

    with fake_server(lose_after_one_request([]), refuse) as server:
        client = connect(port=server.port, **QUICK)
        for expected in (True, False, True):  # sent twice, sent once, and the server does not know
            with pytest.raises(rstmdb.ServerError) as refused:
                client.apply_event("i", "GO")
            assert refused.value.maybe_applied is expected
            assert pickle.loads(pickle.dumps(refused.value)).maybe_applied is expected
        client.close()


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


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux has it")
def test_a_server_that_is_gone_without_a_word_is_found_out_in_two_minutes(connect: Any) -> None:
    with fake_server(serve([])) as server:
        client = connect(port=server.port)
        connection = client._links[0]._connection
        if isinstance(client, rstmdb.sync.Client):
            raw = connection._socket
        else:
            raw = connection._transport.get_extra_info("socket")
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, interval, count, unanswered = (
            raw.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        )
        assert idle + interval * count <= 120
        assert unanswered == 120_000  # while something is on its way
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
