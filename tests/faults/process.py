"""What happens to a process besides its disk: the wall clock jumps, memory runs out.

Each scenario is a function (program, shim, folder), as in disks.py.
"""

import random
import resource
import struct
import time

from matrix import check_restart, demand, prepared
from mounts import Skip
from subject import Client, History, Subject

HOUR_MS = 3_600_000
KEY_TTL_S = 600
IDLE_S = 6  # after which a silent connection is closed
SILENT_S = 2  # for which a connection is silent while the clock jumps
MIB = 1 << 20
MEMORY_MAX = 256 * MIB


class Clock:
    """The wall clock of a server, as far as it is ahead of the system's."""

    def __init__(self, path):
        self.path = path
        self.set(0)

    def set(self, ms):
        # In place: the library has the file mapped.
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(struct.pack("q", ms))
        self.ms = ms

    def now_ms(self):
        return time.time() * 1000 + self.ms


def clocked(program, shim, folder, settings):
    """A server whose wall clock can be made to jump, and its clock."""
    if shim is None:
        raise Skip("no C compiler")
    clock = Clock(folder / "clock")
    config = folder / "config.yaml"
    config.write_text(f"{{storage: {{idempotency_ttl_secs: {KEY_TTL_S}}}}}")
    server = Subject(program, folder, shim=shim, settings={"FAULT_CLOCK": str(clock.path),
                                                           "RSTMDB_CONFIG": str(config),
                                                           **settings})
    return server, clock


def times_in(port):
    """Time stamps of the whole log, in its order."""
    client = Client(port, History())
    answer = client.call("WAL_READ", {"from_offset": 1, "limit": 1000})
    client.close()
    return [record["entry"]["ts"] for record in answer["result"]["records"]]


def never_fall(port):
    times = times_in(port)
    demand(times == sorted(times), "time stamps fall")
    return times


def clock_jumps(program, shim, folder):
    """While the wall clock jumps back and forth time stamps never fall and nothing is lost"""
    server, clock = clocked(program, shim, folder, {})
    client = prepared(server, History())
    chance = random.Random(5)
    jumps = [HOUR_MS, -HOUR_MS, 0, -3 * HOUR_MS]
    jumps += [chance.randrange(-HOUR_MS, HOUR_MS) for _ in range(60)]
    shown = 0  # the latest that the clock has shown
    stamped = 0
    for jump in jumps:
        clock.set(jump)
        least = max(stamped, clock.now_ms())
        demand(client.write() == "ok" and client.change(1, 10) == "ok", "a write failed")
        shown = max(shown, clock.now_ms())
        stamped = times_in(server.port)[-1]
        demand(least - 1 <= stamped <= shown + 1,
               f"stamped {stamped}, the clock has shown {least:.0f} and at most {shown:.0f}")
    never_fall(server.port)
    for ending in (server.kill, server.terminate):
        ending()
        clock.set(clock.ms - HOUR_MS)
        server.start()
        client = Client(server.port, client.history)
        demand(client.write() == "ok", "no write after a start with an earlier clock")
        never_fall(server.port)
    client.close()
    check_restart(server, client.history)
    return f"{len(jumps)} jumps of up to 3 hours, two starts with an earlier clock"


def keys_and_jumps(program, shim, folder):
    """Keys are remembered by the log's time: a clock that goes back neither loses nor keeps them"""
    server, clock = clocked(program, shim, folder, {})
    client = prepared(server, History())

    def keyed(key):
        """The offset that the request has, or had when it took effect."""
        answer = client.call("APPLY_EVENT", {"instance_id": "w1", "event": "go",
                                             "payload": {"key": key}, "idempotency_key": key})
        demand(answer["status"] == "ok", f"a request with a key got {answer.get('error')}")
        return answer["result"]["wal_offset"]
    first = keyed("early")
    demand(keyed("early") == first, "a repetition has an effect")
    clock.set(HOUR_MS)
    demand(client.write() == "ok", "a write failed")
    demand(keyed("early") != first, "a key lives on behind its time")
    late = keyed("late")
    clock.set(-HOUR_MS)
    demand(client.write() == "ok", "a write failed")
    demand(keyed("late") == late, "a key is forgotten because the clock went back")
    server.kill()
    server.start()
    client = Client(server.port, client.history)
    demand(keyed("late") == late, "a key is forgotten over a start")
    clock.set(HOUR_MS + (KEY_TTL_S - 60) * 1000)
    demand(keyed("late") == late, "a key is forgotten before its time")
    clock.set(HOUR_MS + (KEY_TTL_S + 60) * 1000)
    demand(keyed("late") != late, "a key lives on behind its time")
    client.close()
    check_restart(server, client.history)


def timeouts_and_jumps(program, shim, folder):
    """A jump of the wall clock closes no connection early and keeps none open"""
    server, clock = clocked(program, shim, folder, {"RSTMDB_IDLE_TIMEOUT": str(IDLE_S)})
    writer = prepared(server, History())
    silent, greeting = Client(server.port, History()), Client(server.port, History())
    demand(silent.pings(), "no PING")
    ends = time.monotonic() + SILENT_S
    jumps = 0
    while time.monotonic() < ends:
        jumps += 1
        clock.set(HOUR_MS if jumps % 2 else -HOUR_MS)
        demand(writer.change(1, 10) == "ok", "a write failed")
    earliest = time.monotonic() + IDLE_S
    demand(silent.pings(), "a connection was closed by a jump")
    began = time.monotonic()
    demand(greeting.call("HELLO", {"protocol_version": 1})["status"] == "ok",
           "a connection was closed before its first word by a jump")
    # And with the clock an hour back the end comes in time.
    clock.set(-HOUR_MS)
    silent.connection.socket.settimeout(IDLE_S + 5)
    try:
        while True:
            silent.connection.receive()
    except (EOFError, ConnectionError):
        ended = time.monotonic()
    waited = ended - began
    demand(earliest <= ended and waited <= IDLE_S + 2, f"idle, closed after {waited:.1f} s")
    check_restart(server, writer.history)
    return f"{jumps} jumps; an idle connection was closed after {waited:.1f} of {IDLE_S} s"


def memory_runs_out(program, _shim, folder):
    """A server that gets no more memory ends at once, and the next start has everything"""
    def lower():
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    server = Subject(program, folder, preexec_fn=lower)
    client = prepared(server, History())
    outcome = client.write_until(lambda: False, 20_000, 400_000)
    demand(outcome == "gone", f"without memory a write gets {outcome}")
    code = server.ends()
    demand(code == -6, f"it ended with {code}")
    demand("out of memory" in server.log_file().read_text(), "it does not say why")
    acknowledged = len(client.history.acknowledged)
    server.process_options = {}
    check_restart(server, client.history)
    return f"{acknowledged} acknowledged writes are there"


SCENARIOS = (clock_jumps, keys_and_jumps, timeouts_and_jumps, memory_runs_out)
QUICK = frozenset((clock_jumps, keys_and_jumps, timeouts_and_jumps))
