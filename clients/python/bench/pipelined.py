#!/usr/bin/env python3
"""Events per second through this client, many of them under way at once.

  bench/pipelined.py --port 7401 [--events 100000] [--tasks 500] [--wire jsonl] [--rounds 3]
  bench/pipelined.py --port 7401 --blocking        one after the other, by the blocking client

Prints a line of JSON for each round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import uuid

import rstmdb
import rstmdb._crc32c
import rstmdb.sync

TOGGLE = {
    "states": ["off", "on"],
    "initial": "off",
    "transitions": [
        {"from": "off", "event": "PUSH", "to": "on"},
        {"from": "on", "event": "PUSH", "to": "off"},
    ],
}
MACHINE = "bench-toggle"


async def pipelined(client: rstmdb.Client, events: int, tasks: int) -> float:
    """Seconds for `events` events, spread over so many instances, each with its own task."""
    names = [f"bench-{uuid.uuid4().hex}" for _ in range(tasks)]
    await asyncio.gather(*(client.create_instance(MACHINE, 1, name) for name in names))

    async def push(name: str, times: int) -> None:
        for _ in range(times):
            await client.apply_event(name, "PUSH", {"amount": 5})

    share, more = divmod(events, tasks)
    began = time.perf_counter()
    await asyncio.gather(*(push(name, share + (n < more)) for n, name in enumerate(names)))
    return time.perf_counter() - began


def blocking(client: rstmdb.sync.Client, events: int) -> float:
    name = client.create_instance(MACHINE, 1).instance_id
    began = time.perf_counter()
    for _ in range(events):
        client.apply_event(name, "PUSH", {"amount": 5})
    return time.perf_counter() - began


async def measure(args: argparse.Namespace) -> None:
    async with rstmdb.Client(args.host, args.port, wire=args.wire, token=args.token) as client:
        await client.put_machine(MACHINE, 1, TOGGLE)
        for _ in range(args.rounds):
            report(args, await pipelined(client, args.events, args.tasks), "pipelined")


def measure_blocking(args: argparse.Namespace) -> None:
    with rstmdb.sync.Client(args.host, args.port, wire=args.wire, token=args.token) as client:
        client.put_machine(MACHINE, 1, TOGGLE)
        for _ in range(args.rounds):
            report(args, blocking(client, args.events), "blocking")


def report(args: argparse.Namespace, seconds: float, way: str) -> None:
    checksum = "none" if args.wire == "jsonl" else "table"
    if checksum == "table" and rstmdb._crc32c.NATIVE:
        checksum = "native"
    figures = {"client": "python", "way": way, "wire": args.wire, "crc32c": checksum}
    tasks = args.tasks if way == "pipelined" else 1
    print(
        json.dumps(
            {**figures, "tasks": tasks, "events": args.events, "ops_per_s": args.events // seconds}
        ),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7401)
    parser.add_argument("--token")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wire", default="binary_json", choices=["binary_json", "jsonl"])
    parser.add_argument("--blocking", action="store_true")
    args = parser.parse_args()
    if args.blocking:
        measure_blocking(args)
    else:
        asyncio.run(measure(args))


if __name__ == "__main__":
    main()
