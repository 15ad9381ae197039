#!/usr/bin/env python3
"""The blocking Python client behind the contract of tests/conformance: one thread makes the calls
one after the other, as programs of this client do, and each stream has a thread that pulls."""

import concurrent.futures
import sys
import threading
import time

import contract
import rstmdb
import rstmdb.sync


class Adapter:
    def __init__(self):
        self.client, self.watches = None, {}
        self.writing = threading.Lock()

    def about(self, _):
        return contract.about("python-sync")

    def connect(self, request):
        self.client = rstmdb.sync.Client(**contract.client_options(request))
        self.client.connect()
        return {}

    def call(self, request):
        method, arguments = contract.arguments(request["op"], request["params"])
        return contract.result(request["op"], getattr(self.client, method)(**arguments))

    def raw(self, request):
        return self.client.call(request["op"], request["params"])

    def watch(self, request):
        op, params = request["op"], request["params"]
        subscription = getattr(self.client, op.lower())(**params)
        name = len(self.watches) + 1
        self.watches[name] = (subscription, params, concurrent.futures.ThreadPoolExecutor(1))
        return {"watch": name} | contract.opened(op, subscription)

    def next(self, request):
        subscription, params, _ = self.watches[request["watch"]]
        events = []
        while len(events) < request["count"]:
            change = subscription.next(request["timeout_ms"] / 1000)
            if change is None:
                break
            events.append(contract.event(params, change))
        return {"events": events}

    def unwatch(self, request):
        self.client.unwatch(self.watches[request["watch"]][0])
        return {}

    def load(self, request):
        instances, errors = request["instances"], 0
        payload = contract.usual(request["payload"])
        began = time.perf_counter()
        for turn in range(request["calls"]):
            try:
                self.client.apply_event(instances[turn % len(instances)], request["event"], payload)
            except rstmdb.RstmdbError:
                errors += 1
        return {"seconds": contract.decimal.Decimal(repr(time.perf_counter() - began)),
                "errors": errors}

    def close(self, _):
        if self.client:
            self.client.close()
        for _, _, pulling in self.watches.values():
            pulling.shutdown()
        self.client, self.watches = None, {}
        return {}

    def answer(self, request):
        try:
            answer = {"ok": getattr(self, request["do"])(request)}
        except contract.REFUSALS as raised:
            answer = {"error": contract.error(raised)}
        with self.writing:
            sys.stdout.buffer.write(contract.line(request["id"], **answer))
            sys.stdout.buffer.flush()

    def take(self, request):
        if request["do"] == "next":
            self.watches[request["watch"]][2].submit(self.answer, request)
        else:
            self.answer(request)


def main():
    adapter = Adapter()
    for line in sys.stdin.buffer:
        adapter.take(contract.read(line))
    adapter.close({})


if __name__ == "__main__":
    main()
