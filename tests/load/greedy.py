"""One client sends as much as it can, ahead of the answers; another asks now and then and is
answered as if it were alone."""

import multiprocessing
import selectors
import socket
import time

from served import Served
from world import MACHINE, Client, percentile

REQUESTS = 1_000_000
CHUNK = 1_000
PING_MS = 20.0  # what 99 of 100 PINGs may take
AMONG_OTHERS_MS = 50.0  # the same on a machine that also does other things
ASKED = {
    "PING": b'{"type":"request","id":"1","op":"PING","params":{}}\n',
    "GET_INSTANCE": b'{"type":"request","id":"1","op":"GET_INSTANCE","params":'
                    b'{"instance_id":"i"}}\n',
    "APPLY_EVENT": b'{"type":"request","id":"1","op":"APPLY_EVENT","params":'
                   b'{"instance_id":"i","event":"AGAIN","payload":{"n":1}}}\n',
}


def blast(port, line, count, answered):
    """Sends `count` requests as quickly as they are taken; counts the answers."""
    plain = socket.create_connection(("127.0.0.1", port))
    plain.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(plain, selectors.EVENT_READ | selectors.EVENT_WRITE)
    chunk, unsent, chunks = line * CHUNK, memoryview(b""), count // CHUNK
    while answered.value < count:
        for _, events in selector.select():
            if events & selectors.EVENT_READ:
                more = plain.recv(1 << 20)
                if not more:
                    return
                answered.value += more.count(b"\n")
            if events & selectors.EVENT_WRITE:
                if not unsent and chunks:
                    unsent, chunks = memoryview(chunk), chunks - 1
                if unsent:
                    unsent = unsent[plain.send(unsent):]
                else:
                    selector.modify(plain, selectors.EVENT_READ)


def check(server, report, op, count, bound_ms):
    answered = multiprocessing.Value("Q", 0)
    greedy = multiprocessing.Process(target=blast, args=(server.port, ASKED[op], count, answered),
                                     daemon=True)
    waited = []
    with Client(server.port) as client:
        began = time.monotonic()
        greedy.start()
        while greedy.is_alive():
            asked = time.perf_counter()
            client.must("PING")
            waited.append((time.perf_counter() - asked) * 1000)
            greedy.join(0.001)
        seconds = time.monotonic() - began
    report.check(f"{op}: all of {count} requests sent ahead are answered [{seconds:.1f} s]",
                 answered.value == count, answered.value)
    slowest = percentile(waited, 0.99)
    report.check(f"{op}: meanwhile {len(waited)} PINGs of another take "
                 f"{percentile(waited, 0.5):.2f}, p99 {slowest:.2f} ms of {bound_ms:.0f}",
                 slowest <= bound_ms)


def run(program, folder, report, full):
    count = REQUESTS if full else REQUESTS // 4
    with Served(program, folder) as server:
        with Client(server.port) as client:
            machine = MACHINE["definition"]
            client.must("PUT_MACHINE", {**MACHINE, "definition": {
                **machine, "transitions": [*machine["transitions"],
                                           {"from": "a", "event": "AGAIN", "to": "a"}]}})
            client.must("CREATE_INSTANCE", {"machine": "m", "version": 1, "instance_id": "i"})
        for op in ASKED:
            check(server, report, op, count, PING_MS if full else AMONG_OTHERS_MS)
