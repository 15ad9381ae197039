"""What a power cut takes of what was answered, under each `fsync_policy`, on a real ext4: measured,
and held against what is documented. Each scenario is a function (program, shim, folder), as in
disks.py.
"""

import random
import re
import threading
import time

import oracle
from disks import MIB, SharedClient, wait_for
from kills import StracedSubject, ptrace_works
from matrix import demand, prepared
from mounts import Image, Skip
from subject import Client, History, Subject, read_log

CLIENTS = 4
EVERY_N = 40
EVERY_MS = 300
# The time of one sync, on a disk of a machine that does other things: nothing that was answered
# longer before the cut than both together may be missing.
SYNC_MS = 700
FEW, MANY = 3, 20  # cycles
ENOUGH = 10  # a cut that comes during a sync takes nothing, and every other one does
WRITES = 400  # whose syncs are counted
POLICIES = ("every_write", f"every_n:{EVERY_N}", f"every_ms:{EVERY_MS}", "never")


class Writer(SharedClient):
    """Writes until the server is gone; notes when it heard of each write."""

    def __init__(self, port, history, lock, heard_at):
        self.heard_at = heard_at
        super().__init__(port, history, lock, large=False)

    def heard(self, number):
        self.heard_at[number] = time.monotonic()


def take_the_lost(server, history):
    """The numbers of answered writes that are gone, in the order of their offsets; they are always
    the last ones. The history forgets them; everything else has to be right."""
    entries = read_log(server.port)
    there = oracle.numbers_in(entries)
    lost = sorted((number for number in history.acknowledged if number not in there),
                  key=history.acknowledged.get)
    for number in lost:
        offset = history.acknowledged.pop(number)
        demand(offset > max(entries, default=0),
               f"write {number} at {offset} is gone, and a later one is there")
    wrong = oracle.wrong_in(entries, history)
    demand(not wrong, "; ".join(wrong[:5]))
    return lost


def cut_repeatedly(program, folder, policy, cycles, enough):
    """For each power cut (writes that were answered and are gone, ms before the cut at which the
    first of them was answered); `enough(count, seconds)` says when a cycle has written enough."""
    history, lock, cuts = History(), threading.Lock(), []
    with Image(folder, 256 * MIB) as image, \
            Subject(program, folder, data=image.place / "data",
                    settings={"RSTMDB_FSYNC_POLICY": policy}) as server:
        server.start()
        demand(Client(server.port, history).put_machine()["status"] == "ok", "no machine")
        demand(server.terminate() == 0, "no clean end")  # which makes the machine durable
        for _ in range(cycles):
            server.start()
            heard_at, began, before = {}, time.monotonic(), len(history.acknowledged)
            writers = [Writer(server.port, history, lock, heard_at) for _ in range(CLIENTS)]
            wait_for(lambda: enough(len(history.acknowledged) - before, time.monotonic() - began),
                     30, "the load does not get going")
            cut_at = time.monotonic()
            server.freeze()
            image.cut_power()
            server.kill()
            for writer in writers:
                writer.join()
            image.unmount()
            image.mount()
            demand(server.tries_to_start(), server.errors()[-500:])
            lost = take_the_lost(server, history)
            window = max(((cut_at - heard_at[number]) * 1000 for number in lost), default=0.0)
            cuts.append((len(lost), window))
            demand(server.terminate() == 0, "no clean end")
    return cuts


def under_every_n(program, folder, cycles):
    chance = random.Random(cycles)
    goals = iter([chance.randrange(3 * EVERY_N, 10 * EVERY_N) for _ in range(cycles)])
    goal = 0

    def enough(count, _seconds):
        nonlocal goal
        goal = goal or next(goals)
        if count < goal:
            return False
        goal = 0
        return True

    cuts = cut_repeatedly(program, folder, f"every_n:{EVERY_N}", cycles, enough)
    most = max(count for count, _ in cuts)
    demand(most <= EVERY_N, f"{most} writes are gone")
    demand(most > 0 or cycles < ENOUGH, "nothing is gone: nothing was cut")
    return f"{cycles} power cuts, at most {most} of {EVERY_N} writes lost"


def every_n_few(program, _shim, folder):
    """Power cuts under every_n lose at most n writes, the last ones, a few"""
    return under_every_n(program, folder, FEW)


def every_n_many(program, _shim, folder):
    """Power cuts under every_n lose at most n writes, the last ones, many"""
    return under_every_n(program, folder, MANY)


def every_ms(program, _shim, folder):
    """Power cuts under every_ms lose at most what was answered in that time and one sync's"""
    allowed = EVERY_MS + SYNC_MS
    cuts = cut_repeatedly(program, folder, f"every_ms:{EVERY_MS}", 4,
                          lambda _count, seconds: seconds > 2.5 * allowed / 1000)
    most = max(count for count, _ in cuts)
    window = max(window for _, window in cuts)
    demand(window <= allowed, f"a write of {window:.0f} ms before the cut is gone")
    demand(most > 0, "nothing is gone: nothing was cut")
    return f"{len(cuts)} power cuts, the oldest lost write was {window:.0f} ms old of {allowed}"


def syncs_of(program, folder, policy):
    """(times that a server has synced a segment of its log while it was written to, seconds)."""
    server = StracedSubject(program, folder, settings={"RSTMDB_FSYNC_POLICY": policy})
    trace = folder / "trace"
    server.inject = ("--decode-fds=path", "-e", "trace=fdatasync,fsync", "-o", trace)
    try:
        client = prepared(server, History())
        before = len(trace.read_text().splitlines())
        began = time.monotonic()
        demand(client.write_until(lambda: False, WRITES) == "ok", "a write failed")
        seconds = time.monotonic() - began
        lines = trace.read_text().splitlines()[before:]
        demand(server.terminate() == 0, "no clean end")
    finally:
        server.abandon()
    return sum(bool(re.search(r"fdatasync\(\d+<[^>]*\.seg>", line)) for line in lines), seconds


def each_policy_syncs_as_often_as_it_says(program, _shim, folder):
    """Each fsync_policy syncs as often as it says, counted by strace"""
    why = ptrace_works()
    if why:
        raise Skip(why)
    counts = {}
    for policy in POLICIES:
        own = folder / policy.replace(":", "_")
        own.mkdir()
        counts[policy], seconds = syncs_of(program, own, policy)
        # One client waits for each answer, so no two writes share a sync.
        least, most = {"every_write": (WRITES, WRITES + 2),
                       f"every_n:{EVERY_N}": (WRITES // EVERY_N - 1, WRITES // EVERY_N + 2),
                       f"every_ms:{EVERY_MS}": (0, seconds * 1000 / EVERY_MS + 2),
                       "never": (0, 1)}[policy]
        demand(least <= counts[policy] <= most,
               f"{policy}: {counts[policy]} syncs, not {least:.0f} to {most:.0f}")
    return ", ".join(f"{policy}: {count}" for policy, count in counts.items()) + \
        f" for {WRITES} writes"


SCENARIOS = (every_n_few, every_n_many, every_ms, each_policy_syncs_as_often_as_it_says)
QUICK = frozenset((every_n_few, each_policy_syncs_as_often_as_it_says))
