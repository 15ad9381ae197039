#!/usr/bin/env python3
"""The Python client for asyncio behind the contract of tests/conformance."""

import asyncio
import sys
import time

import contract
import rstmdb

LINE_BYTES_MAX = 64 * 1024 * 1024


class Adapter:
    def __init__(self):
        self.client, self.watches = None, {}

    async def about(self, _):
        return contract.about("python")

    async def connect(self, request):
        self.client = rstmdb.Client(**contract.client_options(request))
        await self.client.connect()
        return {}

    async def call(self, request):
        method, arguments = contract.arguments(request["op"], request["params"])
        return contract.result(request["op"], await getattr(self.client, method)(**arguments))

    async def raw(self, request):
        return await self.client.call(request["op"], request["params"])

    async def watch(self, request):
        op, params = request["op"], request["params"]
        subscription = await getattr(self.client, op.lower())(**params)
        name = len(self.watches) + 1
        self.watches[name] = (subscription, params, asyncio.Lock())
        return {"watch": name} | contract.opened(op, subscription)

    async def next(self, request):
        subscription, params, pulling = self.watches[request["watch"]]
        events = []
        async with pulling:
            while len(events) < request["count"]:
                change = await subscription.next(request["timeout_ms"] / 1000)
                if change is None:
                    break
                events.append(contract.event(params, change))
        return {"events": events}

    async def unwatch(self, request):
        await self.client.unwatch(self.watches[request["watch"]][0])
        return {}

    async def load(self, request):
        instances, event = request["instances"], request["event"]
        payload = contract.usual(request["payload"])
        turns = iter(range(request["calls"]))
        errors = 0

        async def caller():
            nonlocal errors
            for turn in turns:
                try:
                    await self.client.apply_event(instances[turn % len(instances)], event, payload)
                except rstmdb.RstmdbError:
                    errors += 1

        began = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(request["under_way"])))
        return {"seconds": contract.decimal.Decimal(repr(time.perf_counter() - began)),
                "errors": errors}

    async def close(self, _):
        self.watches = {}
        if self.client:
            await self.client.close()
        self.client = None
        return {}

    async def answer(self, request):
        try:
            answer = {"ok": await getattr(self, request["do"])(request)}
        except contract.REFUSALS as raised:
            answer = {"error": contract.error(raised)}
        sys.stdout.buffer.write(contract.line(request["id"], **answer))
        sys.stdout.buffer.flush()


async def main():
    adapter, tasks = Adapter(), set()
    lines = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        request = contract.read(line)
        task = asyncio.create_task(adapter.answer(request))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if request["do"] in ("connect", "load", "close"):
            await task
    await adapter.close({})


if __name__ == "__main__":
    asyncio.run(main())
