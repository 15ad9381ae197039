"""Every file call of the server fails in every way in every phase of its life.

A case is a phase, a call and an effect (shim.c). It drives a server through the phase with the
fault armed, ends it, starts it again without faults, and asks the oracle about the log. How the
server takes the fault must be one of the outcomes that the case allows:

  survives   every write was acknowledged, nothing was noticed, a SIGTERM ends with 0
  latched    a write got WAL_IO_ERROR, none was acknowledged after it, reads go on, a SIGTERM ends
             with a failure
  refused    it did not start, ended by itself with a failure, and named the file
  failed_end a SIGTERM ended with a failure, though nothing had failed before it
  killed     the fault was a SIGKILL
"""

import errno
import tempfile

import oracle
from subject import ANSWER_S, START_S, Client, Fault, History, Subject, read_log

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EFBIG", "EROFS", "ENOMEM", "EMFILE", "EACCES")
FILL = 150_000  # of a context: a segment takes seven
ROTATION_WRITES = 16
ROTATION_WRITES_MAX = 150
SLOW_MS = 2000


class Case:
    def __init__(self, phase, call, effect, argument=0, *, allowed, part="*", nth=1, count=0):
        self.phase, self.allowed = phase, allowed
        self.fault = Fault(call, effect, argument, part, nth, count)
        number = errno.errorcode.get(argument, argument) if effect in ("error", "torn", "done") \
            else (argument or "")
        place = "" if part == "*" else f" of {part}"
        often = "" if (nth, count) == (1, 0) else f", {count or 'all'} from the {nth}."
        self.name = f"{phase}: {call}{place} {effect} {number}".rstrip() + often

    @property
    def slow(self):
        return self.fault.effect == "delay"


class Broken(Exception):
    """A promise was not kept."""


def demand(holds, sentence):
    if not holds:
        raise Broken(sentence)


# ---- the phases; each returns the outcome

def prepared(server, history, writes=5):
    """A running server with a machine and some writes, and a client of it."""
    server.start()
    client = Client(server.port, history, time_s=ANSWER_S)
    demand(client.put_machine()["status"] == "ok", "the machine was refused")
    demand(client.write_until(lambda: False, writes) == "ok", "a write before the fault failed")
    return client


def after_writes(case, server, client, outcome):
    """Judges a server that has been written to with the fault armed."""
    if outcome == "gone":
        demand(case.fault.effect == "kill", "the connection was closed")
        server.ends()
        return "killed"
    if outcome == "ok":
        server.disarm()
        code = server.terminate()
        demand(code == 0, f"nothing failed, but SIGTERM ended with {code}")
        return "survives"
    demand(outcome == "WAL_IO_ERROR", f"a write got {outcome}")
    # With the fault gone: stopped is stopped.
    server.disarm()
    for _ in range(3):
        demand(client.write() == "WAL_IO_ERROR", "a write was taken after a failure")
    demand(client.pings(), "no PING after a failure")
    first = next(iter(client.history.acknowledged))
    demand(client.reads(first), "no read after a failure")
    demand(server.says("the log has stopped"), "no line says that the log has stopped")
    code = server.terminate()
    demand(code not in (0, None) and code > 0, f"after a failure SIGTERM ended with {code}")
    return "latched"


def append(case, server, history):
    client = prepared(server, history)
    if case.slow:
        client.connection.socket.settimeout(ANSWER_S + SLOW_MS / 1000)
    server.arm(case.fault)
    outcome = client.write_until(lambda: False, 2 if case.slow else 6)
    return after_writes(case, server, client, outcome)


def rotate(case, server, history):
    client = prepared(server, history)
    if case.slow:
        client.connection.socket.settimeout(ANSWER_S + 4 * SLOW_MS / 1000)
    server.arm(case.fault)
    enough = (lambda: server.struck() > 0) if case.slow else (lambda: False)
    outcome = client.write_until(enough, ROTATION_WRITES, FILL)
    if outcome == "ok" and not server.struck():
        # A new segment has no zeros to cut off when they were not written in time.
        outcome = client.write_until(lambda: server.struck() > 0, ROTATION_WRITES_MAX, FILL)
    return after_writes(case, server, client, outcome)


def reading(case, server, history):
    """WAL_READ with the fault armed; writes must not care."""
    client = prepared(server, history)
    server.arm(case.fault)
    answer = client.call("WAL_READ", {"from_offset": 1, "limit": 1000})
    if answer["status"] == "error":
        demand(answer["error"]["code"] == "WAL_IO_ERROR", f"WAL_READ got {answer['error']}")
    else:
        entries = {record["offset"]: record["entry"] for record in answer["result"]["records"]}
        demand(not oracle.wrong_in(entries, history), "WAL_READ shows something else")
    server.disarm()
    outcome = client.write_until(lambda: False, 3)
    judged = after_writes(case, server, client, outcome)
    return "read_refused" if answer["status"] == "error" and judged == "survives" else judged


def starting(case, server, history):
    """A start with the fault armed, on what the folder holds."""
    server.arm(case.fault)
    if not server.tries_to_start(ANSWER_S + (3 * SLOW_MS / 1000 if case.slow else 0)):
        if case.fault.effect == "kill":
            return "killed"
        code = server.process.returncode
        demand(code == 1, f"the start ended with {code}")
        demand(str(server.data) in server.errors(), f"no error line names the place")
        return "refused"
    client = Client(server.port, history)
    if case.slow:
        server.disarm()
    answer = client.put_machine()
    outcome = "ok" if answer["status"] == "ok" else answer["error"]["code"]
    if outcome == "ok":
        outcome = client.write_until(lambda: False, 3)
    if outcome == "WAL_IO_ERROR" and not history.acknowledged:
        server.disarm()
        demand(client.write() == "WAL_IO_ERROR", "a write was taken after a failure")
        demand(server.terminate() == 1, "a stopped log ended well")
        return "latched"
    return after_writes(case, server, client, outcome)


def recovery(case, server, history):
    """A start with several segments and a torn tail."""
    client = prepared(server, history)
    demand(client.write_until(lambda: False, ROTATION_WRITES, FILL) == "ok", "writing failed")
    server.kill()
    last = max((server.data / "wal").glob("*.seg"))
    with open(last, "r+b") as segment:
        content = segment.read().rstrip(b"\0")
        segment.seek(len(content) + 8)
        segment.write(b"torn" * 50)
    (server.data / "wal" / "new-segment.tmp").touch()
    return starting(case, server, history)


def shutdown(case, server, history):
    prepared(server, history)
    server.arm(case.fault)
    code = server.terminate()
    demand(case.fault.effect == "kill" or not oracle.died_by_signal(code), f"ended with {code}")
    if code == 0:
        return "survives"
    return "killed" if code < 0 else "failed_end"


def compact(case, server, history):
    """A snapshot and the end of old segments with the fault armed. Whatever becomes of them, the
    log goes on, or stops as it does for any failed call of its own."""
    client = prepared(server, history)
    client.connection.socket.settimeout(START_S)
    for _ in range(2):
        demand(client.write_until(lambda: False, ROTATION_WRITES // 2, FILL) == "ok",
               "a write failed")
        demand(client.call("COMPACT", {"force_snapshot": True})["status"] == "ok",
               "COMPACT failed without a fault")
    demand(client.write_until(lambda: False, ROTATION_WRITES // 2, FILL) == "ok", "a write failed")
    server.arm(case.fault)
    try:
        answer = client.call("COMPACT", {"force_snapshot": True})
    except (EOFError, ConnectionError):
        demand(case.fault.effect == "kill", "the connection was closed")
        server.ends()
        return "killed"
    server.disarm()
    judged = after_writes(case, server, client, client.write_until(lambda: False, 3))
    if judged == "survives" and answer["status"] == "error":
        demand(answer["error"]["code"] == "WAL_IO_ERROR", f"COMPACT got {answer['error']}")
        return "compact_refused"
    return judged


PHASES = {"start": starting, "append": append, "rotate": rotate, "read": reading,
          "recovery": recovery, "shutdown": shutdown, "compact": compact}


# ---- the cases

def number(name):
    return getattr(errno, name)


def compaction_cases():
    goes_on = {"compact_refused", "survives"}
    for name in ("EIO", "ENOSPC", "EROFS", "EMFILE"):
        for call in ("open", "pwrite", "fdatasync", "pread", "rename", "fsync", "close", "fstat"):
            yield Case("compact", call, "error", number(name), part="snap", allowed=goes_on)
        yield Case("compact", "unlink", "error", number(name), part=".seg",
                   allowed={"compact_refused", "survives", "latched"})
        yield Case("compact", "fsync", "error", number(name), part="/wal",
                   allowed={"compact_refused", "survives", "latched"})
    for effect in ("flip", "zeros"):
        yield Case("compact", "pread", effect, part="snap", count=1, allowed={"compact_refused"})
    for part in (1, 0, -1):
        yield Case("compact", "pwrite", "short", part, part="snap", count=3, allowed={"survives"})
        yield Case("compact", "pread", "short", part, part="snap", count=3, allowed={"survives"})
    yield Case("compact", "pwrite", "torn", errno.EIO, part="snap", allowed=goes_on)
    yield Case("compact", "rename", "done", errno.EIO, part="snap", allowed=goes_on)
    yield Case("compact", "pwrite", "lost", part="snap", count=1, allowed={"compact_refused"})
    yield Case("compact", "pwrite", "misplaced", part="snap", count=1,
               allowed={"compact_refused"})
    yield Case("compact", "fdatasync", "delay", SLOW_MS, part="snap", count=1,
               allowed={"survives"})
    for call in ("open", "pwrite", "fdatasync", "pread", "rename", "fsync", "close"):
        yield Case("compact", call, "kill", part="snap", allowed={"killed"})
    yield Case("compact", "unlink", "kill", part=".seg", allowed={"killed"})
    yield Case("compact", "fsync", "kill", part="/wal", allowed={"killed"})


def cases():
    yield from compaction_cases()
    latched, survives = {"latched"}, {"survives"}
    for name in ERRORS:
        yield from failing_with(name)
    # What is repeated or continued without anybody noticing.
    for phase in ("append", "rotate", "start", "recovery"):
        yield Case(phase, "pwrite", "error", errno.EINTR, count=3, allowed=survives)
        for part in (1, 0, -1):
            yield Case(phase, "pwrite", "short", part, count=1, allowed=survives)
        if phase != "append":
            yield Case(phase, "open", "error", errno.EINTR, count=2, allowed=survives)
    yield Case("recovery", "pread", "error", errno.EINTR, count=5, allowed=survives)
    yield Case("recovery", "ftruncate", "error", errno.EINTR, count=1, allowed=survives)
    for part in (1, 0, -1):
        yield Case("recovery", "pread", "short", part, count=5, allowed=survives)
        yield Case("read", "pread", "short", part, count=5, allowed=survives)
    # A flush that was interrupted may not be tried again.
    yield Case("append", "fdatasync", "error", errno.EINTR, count=1, allowed=latched)
    # Half done, or done and called a failure.
    for phase in ("append", "rotate"):
        yield Case(phase, "pwrite", "torn", errno.EIO, part=".seg", allowed=latched)
        yield Case(phase, "pwrite", "torn", errno.ENOSPC, part=".seg", count=1, allowed=latched)
        yield Case(phase, "pwrite", "done", errno.EIO, part=".seg", count=1, allowed=latched)
        yield Case(phase, "fdatasync", "done", errno.EIO, part=".seg", count=1, allowed=latched)
    yield Case("rotate", "rename", "done", errno.EIO, allowed=latched)
    yield Case("rotate", "fsync", "done", errno.EIO, allowed=latched)
    # A disk that lies: found at the next start or read, where it can be told.
    yield Case("recovery", "pread", "flip", part=".seg", nth=1, count=1, allowed={"refused"})
    yield Case("recovery", "pread", "zeros", part=".seg", nth=1, count=1, allowed={"refused"})
    yield Case("read", "pread", "flip", part=".seg", allowed={"read_refused"})
    yield Case("read", "pread", "zeros", part=".seg", allowed={"read_refused"})
    yield Case("lies", "pwrite", "lost", part=".seg", nth=3, count=1, allowed={"found"})
    yield Case("lies", "pwrite", "misplaced", part=".seg", nth=3, count=1, allowed={"found"})
    # Slow.
    yield Case("append", "fdatasync", "delay", SLOW_MS, count=2, allowed=survives)
    yield Case("append", "pwrite", "delay", SLOW_MS, count=1, allowed=survives)
    yield Case("rotate", "rename", "delay", SLOW_MS, count=1, allowed=survives)
    yield Case("rotate", "fsync", "delay", SLOW_MS, count=1, allowed=survives)
    yield Case("recovery", "pread", "delay", SLOW_MS, count=1, allowed=survives)
    yield Case("start", "fdatasync", "delay", SLOW_MS, count=1, allowed=survives)
    yield Case("shutdown", "fdatasync", "delay", SLOW_MS, count=2, allowed=survives)
    # Killed before a call.
    for nth in (1, 2, 4):
        yield Case("append", "pwrite", "kill", nth=nth, allowed={"killed"})
        yield Case("append", "fdatasync", "kill", nth=nth, allowed={"killed"})
    for phase, calls in KILLS.items():
        for call in calls:
            yield Case(phase, call, "kill", allowed={"killed"})


KILLS = {"start": ("mkdir", "open", "pwrite", "fdatasync", "rename", "fsync"),
         "rotate": ("ftruncate", "rename", "fsync", "open", "close"),
         "recovery": ("open", "pread", "ftruncate", "fdatasync", "fsync", "pwrite"),
         "shutdown": ("pwrite", "fdatasync", "close")}


def failing_with(name):
    error = number(name)
    latched = {"latched"}
    either = {"latched", "survives"}  # a preparation that fails is only left out

    def case(phase, call, allowed, **fault):
        return Case(phase, call, "error", error, allowed=allowed, **fault)

    yield case("append", "pwrite", latched)
    yield case("append", "fdatasync", latched)
    yield case("append", "fdatasync", latched, count=1)
    yield case("append", "fstat", latched)
    yield case("append", "lstat", latched, part=".seg")
    yield case("rotate", "pwrite", latched, part=".seg")
    yield case("rotate", "pwrite", either, part=".tmp")
    yield case("rotate", "fdatasync", either, part=".tmp")
    yield case("rotate", "open", either, part=".tmp")
    yield case("rotate", "open", latched, part=".seg")
    yield case("rotate", "rename", latched)
    yield case("rotate", "fsync", latched)
    yield case("rotate", "close", latched, part=".seg")
    yield case("rotate", "ftruncate", either)
    yield case("read", "pread", {"read_refused"})
    yield case("read", "open", {"read_refused"}, part=".seg")
    for call in ("mkdir", "open", "pwrite", "fdatasync", "fsync", "rename", "flock", "fstat",
                 "close", "readdir"):
        yield case("start", call, {"refused"})
    yield case("start", "statvfs", {"survives"})
    for call in ("open", "pread", "fdatasync", "fsync", "ftruncate", "readdir", "flock", "fstat",
                 "pwrite", "unlink"):
        yield case("recovery", call, {"refused"})
    for call in ("pwrite", "fdatasync", "close"):
        yield case("shutdown", call, {"failed_end"}, part=".seg")


def lies(case, server, history):
    """A write that the disk says it has kept and has not: the next start must not go past it."""
    client = prepared(server, history)
    server.arm(case.fault)
    demand(client.write_until(lambda: False, 6) == "ok", "a write failed")
    server.disarm()
    server.kill()
    demand(not server.tries_to_start(), "the server starts on a log with a hole")
    demand("LOG_DAMAGED" in server.errors() and ".seg" in server.errors(), "no file is named")
    return "found"


PHASES["lies"] = lies


def run_case(case, program, shim):
    """(outcome, whether the fault struck); raises Broken."""
    history = History()
    with tempfile.TemporaryDirectory(prefix="rstmdb-fault-") as folder:
        server = Subject(program, folder, shim=shim)
        try:
            outcome = PHASES[case.phase](case, server, history)
            struck = server.struck() > 0
            demand(not struck or outcome in case.allowed, f"{outcome} is not allowed: "
                   f"{server.errors()[-500:]}")
            if outcome != "found":
                check_restart(server, history)
            return outcome, struck
        except (OSError, RuntimeError, EOFError, KeyError) as problem:
            raise Broken(f"{problem!r} {server.errors()[-500:]}") from None
        finally:
            server.abandon()


def check_restart(server, history):
    """Starts the server without faults and holds its log against what was told."""
    server.abandon()
    server.disarm()
    demand(server.tries_to_start(), f"no start without the fault: {server.errors()[-500:]}")
    client = Client(server.port, history)
    wrong = oracle.wrong_in(read_log(server.port), history, client.reads)
    demand(not wrong, "; ".join(wrong[:5]))
    demand(client.put_machine()["status"] == "ok" and client.write() == "ok",
           "no write after the restart")
    client.close()
    demand(server.terminate() == 0, "the end after the restart was not clean")
