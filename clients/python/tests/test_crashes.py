"""A server that is killed again and again under load: what the log says in the end."""

from __future__ import annotations

import asyncio
import pathlib
import threading
from collections import defaultdict
from collections.abc import Iterator

import pytest
from server import TOGGLE, Server

import rstmdb
import rstmdb.sync

INSTANCES = 24
EVENTS = 150
KILLS = 5
OPTIONS = {"reconnect_base_delay": 0.001, "reconnect_max_delay": 0.02, "request_timeout": 60}


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[Server]:
    server = Server(tmp_path).start()
    with rstmdb.sync.Client(port=server.port) as client:
        client.put_machine("toggle", 1, TOGGLE)
        for number in range(INSTANCES):
            client.create_instance("toggle", 1, f"i{number}")
    yield server
    server.kill()


def check(server: Server, seen: list[rstmdb.StreamEvent]) -> None:
    """Each event is in the log once and in order, and the watch has told the same."""
    logged: dict[str, list[int]] = defaultdict(list)
    offsets = []
    with rstmdb.sync.Client(port=server.port) as client:
        place: int | None = 0
        while place is not None:
            page = client.wal_read(place, 1000)
            for record in page.records:
                if record.entry["type"] == "apply_event":
                    logged[record.entry["instance_id"]].append(record.entry["payload"]["n"])
                    offsets.append(record.offset)
            place = page.next_offset
    assert len(logged) == INSTANCES
    assert all(numbers == list(range(EVENTS)) for numbers in logged.values())
    assert [event.wal_offset for event in seen] == offsets


def kill_under_load(
    server: Server, is_done: threading.Event, last_kill: threading.Event, progress: list[int]
) -> int:
    """Kills whenever another share of the events has been answered. The load keeps its last events
    until `last_kill` begins: it could be over before this thread has looked."""
    kills = 0
    share = INSTANCES * EVENTS // (KILLS + 1)
    while kills < KILLS and not is_done.is_set():
        if len(progress) >= (kills + 1) * share:
            if kills + 1 == KILLS:
                last_kill.set()
            server.kill()
            server.start()
            kills += 1
        is_done.wait(0.001)
    return kills


def test_asyncio(server: Server) -> None:
    async def main() -> list[rstmdb.StreamEvent]:
        async with rstmdb.Client(port=server.port, pool_size=2, **OPTIONS) as client:
            watch = await client.watch_all()
            killer = asyncio.ensure_future(
                asyncio.to_thread(kill_under_load, server, is_done, last_kill, progress)
            )

            async def push(name: str) -> None:
                for first in range(0, EVENTS, 10):  # ten at a time, without waiting between
                    if first + 10 == EVENTS:
                        await asyncio.to_thread(last_kill.wait, 60)
                    numbers = range(first, first + 10)
                    calls = [client.apply_event(name, "PUSH", {"n": n}) for n in numbers]
                    progress.extend(done.wal_offset for done in await asyncio.gather(*calls))

            await asyncio.gather(*(push(f"i{number}") for number in range(INSTANCES)))
            is_done.set()
            assert await killer == KILLS
            return [await watch.__anext__() for _ in range(INSTANCES * EVENTS)]

    is_done, last_kill = threading.Event(), threading.Event()
    progress: list[int] = []
    check(server, asyncio.run(main()))


def test_threads(server: Server) -> None:
    is_done, last_kill = threading.Event(), threading.Event()
    progress: list[int] = []
    failures: list[BaseException] = []

    def push(client: rstmdb.sync.Client, names: list[str]) -> None:
        try:
            for n in range(EVENTS):
                if n + 1 == EVENTS:
                    last_kill.wait(60)
                for name in names:
                    progress.append(client.apply_event(name, "PUSH", {"n": n}).wal_offset)
        except BaseException as problem:
            failures.append(problem)

    with rstmdb.sync.Client(port=server.port, pool_size=4, **OPTIONS) as client:
        watch = client.watch_all()
        names = [f"i{number}" for number in range(INSTANCES)]
        threads = [
            threading.Thread(target=push, args=(client, names[start::4])) for start in range(4)
        ]
        for thread in threads:
            thread.start()
        kills = kill_under_load(server, is_done, last_kill, progress)
        for thread in threads:
            thread.join(60)
        assert (failures, kills) == ([], KILLS)
        seen = [next(iter(watch)) for _ in range(INSTANCES * EVENTS)]
    check(server, seen)
