"""A state of a million instances: what it costs writers, starts, snapshots and whoever watches the
figures."""

import statistics
import threading
import time

from served import Served
from world import MACHINE, Client, Failed, percentile

INSTANCES = 1_000_000
FEW = 1_000
BATCH, AHEAD = 100, 10
ROUNDS, WRITES = 20, 100
START_S = 20.0
SCRAPE_MS = 50.0
COMPACTING_MS = 20.0  # what 99 of 100 writes may take meanwhile
DEARER = 1.10  # than with few instances


def fill(port, count):
    with Client(port, dialect="jsonl", timeout_s=60) as client:
        client.must("PUT_MACHINE", MACHINE)
        sent = 0
        for first in range(0, count, BATCH):
            if sent == AHEAD:
                take_batch(client)
                sent -= 1
            batch = [{"op": "CREATE_INSTANCE",
                      "params": {"machine": "m", "version": 1, "instance_id": f"order-{number}",
                                 "initial_ctx": {"customer": f"c{number % 977}",
                                                 "amount": number % 1_000}}}
                     for number in range(first, first + BATCH)]
            client.send("BATCH", {"mode": "best_effort", "ops": batch})
            sent += 1
        for _ in range(sent):
            take_batch(client)


def take_batch(client):
    answer = client.receive()
    if answer["status"] != "ok":
        raise Failed(f"BATCH: {answer}")


def write(client, number):
    """An event for one instance and back; ms for each."""
    times = []
    for event in ("GO", "BACK"):
        began = time.perf_counter()
        client.must("APPLY_EVENT", {"instance_id": f"order-{number}", "event": event})
        times.append((time.perf_counter() - began) * 1000)
    return times


def check_writes(small, large, report, count):
    """By turns, so that both have the same disk."""
    with Client(small.port, "jsonl") as few, Client(large.port, "jsonl") as many:
        times = {few: [], many: []}
        for turn in range(ROUNDS):
            for client, of in ((few, FEW), (many, count)):
                for i in range(WRITES):
                    times[client] += write(client, (turn * 7919 + i * 104_729) % of)
    medians = [statistics.median(times[client]) for client in (few, many)]
    report.check(f"a write with {count} instances takes {medians[1]:.3f} ms, with {FEW} "
                 f"{medians[0]:.3f} ms; allowed: {DEARER} times that",
                 medians[1] <= DEARER * medians[0])


class Compacting(threading.Thread):
    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.answer, self.seconds = port, None, 0.0

    def run(self):
        began = time.monotonic()
        with Client(self.port, "jsonl", timeout_s=300) as client:
            self.answer = client.ask("COMPACT", {"force_snapshot": True})
        self.seconds = time.monotonic() - began


def check_compaction(server, report, count, full):
    compacting = Compacting(server.port)
    times, number = [], 0
    with Client(server.port, "jsonl") as client:
        compacting.start()
        while compacting.is_alive() or len(times) < WRITES:
            times += write(client, number % count)
            number += 104_729
    slowest = percentile(times, 0.99)
    report.check(f"a snapshot of {count} instances is taken in {compacting.seconds:.1f} s",
                 compacting.answer["status"] == "ok", compacting.answer)
    if full:
        report.check(f"meanwhile {len(times)} writes take {statistics.median(times):.2f}, p99 "
                     f"{slowest:.2f} ms of {COMPACTING_MS:.0f}", slowest <= COMPACTING_MS)


def check_scrapes(server, report, count):
    times = []
    for _ in range(30):
        began = time.perf_counter()
        page = server.scrape()
        times.append((time.perf_counter() - began) * 1000)
    report.check(f"with {count} instances the figures take {statistics.median(times):.1f} ms, at "
                 f"most {max(times):.1f} of {SCRAPE_MS:.0f}", max(times) <= SCRAPE_MS)
    report.check("and say how many there are", f"rstmdb_instances_total {count}\n" in page, page)


def check_start(server, report, count, what):
    began = time.monotonic()
    with server:
        seconds = time.monotonic() - began
        with Client(server.port, "jsonl") as client:
            there = client.ask("GET_INSTANCE", {"instance_id": f"order-{count - 1}"})
            counted = client.ask("COUNT_INSTANCES", {"machine": "m"})
    report.check(f"a start {what} with {count} instances takes {seconds:.2f} of {START_S:.0f} s",
                 seconds <= START_S)
    report.check("and has them all", there["status"] == "ok" and
                 counted["result"]["total"] == count, (there, counted))


def run(program, folder, report, full):
    count = INSTANCES if full else INSTANCES // 50
    quiet = {"compaction": {"enabled": False}}
    large = Served(program, folder / "large", quiet)
    with large:
        fill(large.port, count)
        if full:
            with Served(program, folder / "small", quiet) as small:
                fill(small.port, FEW)
                check_writes(small, large, report, count)
        check_scrapes(large, report, count)
        large.kill()
    check_start(large, report, count, "from the log")
    with large:
        check_compaction(large, report, count, full)
    check_start(large, report, count, "from a snapshot")
