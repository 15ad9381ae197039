"""What is measured: rounds of the machine's limits and each database by turns, and what happens to
rstmdb as the number of instances grows.

Everything measured is a sample: a name such as "redis b APPLY_EVENT" and what a program printed.
"""

import contextlib
import json
import time

import subjects

# (shape, operation) that every database does; what creates instances comes last
COMPARED = (("a", "APPLY_EVENT"), ("b", "APPLY_EVENT"), ("c", "APPLY_EVENT"), ("c", "GET_INSTANCE"))
COMPARED_LAST = ("c", "CREATE_INSTANCE")
# and those of rstmdb alone
ALONE = (("d", "APPLY_EVENT"), ("b", "GET_INSTANCE"), ("a", "LIST_INSTANCES"))
ALONE_LAST = ("c", "MIX")
GROUP = 16  # requests of one transaction of PostgreSQL, beside transactions of one
SYNC_BYTES = (512, 4096)
WATCHERS = 100
SHARE_OF_PEAK = 0.7


class Samples:
    """Keeps samples, in a file too when there is one."""

    def __init__(self, path=None):
        self.path = path
        self.kept = []
        if path is not None and path.exists():
            self.kept = [json.loads(line) for line in path.read_text().splitlines()]

    def add(self, name, result):
        self.kept.append({"name": name, **result})
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps(self.kept[-1]) + "\n")
        return result

    def of(self, name):
        return [sample for sample in self.kept if sample["name"] == name]


class Round:
    """One after the other, so that all of them meet the machine in the same mood."""

    def __init__(self, samples, databases, plan, number):
        self.samples = samples
        self.rstmdb = databases[0]
        self.peers = databases[1:]
        self.plan = plan
        self.number = number

    def run(self):
        self.limits()
        for shape, operation in COMPARED:
            self.sync(512)
            self.compare(shape, operation)
        for shape, operation in ALONE:
            self.load(self.rstmdb, shape, operation)
        self.open_loop()
        self.fan_out()
        self.compare(*COMPARED_LAST)
        self.load(self.rstmdb, *ALONE_LAST)

    def compare(self, shape, operation):
        databases = [self.rstmdb, *self.peers]
        turn = self.number % len(databases)  # nobody is always the first
        for database in databases[turn:] + databases[:turn]:
            self.load(database, shape, operation)

    def options(self, *more):
        return ("--instances", self.plan.instances, "--context-bytes", self.plan.context_bytes,
                "--measured-ms", int(self.plan.seconds * 1000),
                "--warmup-ms", int(min(self.plan.seconds, 2) * 250), *more)

    def limit(self, kind, size, name):
        return self.samples.add(name, subjects.run(
            "rstmdb_limits", kind, "--folder", self.rstmdb.folder, "--bytes", size,
            "--measured-ms", self.plan.limit_ms))

    def sync(self, size):
        self.limit("prezeroed", size, f"prezeroed {size}")

    def limits(self):
        self.limit("loopback", 300, "loopback")
        self.limit("stream", 65536, "stream")
        self.limit("memcpy", 1024 * 1024, "memcpy")
        self.limit("processors", 1, "processors")
        for size in SYNC_BYTES:
            self.limit("appending", size, f"appending {size}")
            self.sync(size)

    def load(self, database, shape, operation):
        if database.name == "postgres" and shape == "c":
            with database.awake():
                result = database.load("--shape", shape, "--operation", operation, "--group", GROUP,
                                       *self.options())
            self.samples.add(f"postgres {shape} {operation} in groups", result)
        if database.name == "postgres" and (shape, operation) == COMPARED_LAST:
            return  # the same ids cannot be created twice
        if database.name == "bare" and (shape, operation) == COMPARED_LAST:
            return  # makes nothing
        with database.awake():
            before = self.written(database)
            result = database.load("--shape", shape, "--operation", operation, *self.options())
            after = self.written(database)
        if after and operation == "APPLY_EVENT":
            syncs = max(after["fsyncs"] - before["fsyncs"], 1)
            result["sync_bytes"] = (after["bytes_written"] - before["bytes_written"]) // syncs
        self.samples.add(f"{database.name} {shape} {operation}", result)
        if result.get("sync_bytes") and shape in ("b", "c"):
            size = min(max(result["sync_bytes"], 1), 1024 * 1024)
            for kind in ("appending", "prezeroed"):
                self.limit(kind, size, f"{kind} group {shape}")

    def written(self, database):
        return database.ask("WAL_STATS")["io_stats"] if database is self.rstmdb else None

    def open_loop(self):
        peak = self.samples.of("rstmdb b APPLY_EVENT")[-1]["requests_per_second"]
        with self.rstmdb.awake():
            self.samples.add("rstmdb b at 70 %", self.rstmdb.load(
                "--shape", "b", "--rate", int(peak * SHARE_OF_PEAK), "--spectrum",
                *self.options()))

    def fan_out(self):
        with self.rstmdb.awake():
            self.samples.add("rstmdb fan-out", self.rstmdb.load(
                "--shape", "c", "--watchers", WATCHERS, *self.options()))


def rounds(samples, peers, plan, say):
    """All rounds, on databases that are filled anew for each of them."""
    before = len(samples.of("loopback"))
    for number in range(before, before + plan.rounds):
        say(f"round {number - before + 1} of {plan.rounds}")
        with contextlib.ExitStack() as stack:
            databases = [stack.enter_context(kind(plan.folder))
                         for kind in (subjects.Rstmdb, subjects.Bare, *peers)]
            for database in databases:
                samples.add(f"{database.name} created",
                            database.fill(plan.instances, plan.context_bytes))
                database.send(subjects.signal.SIGSTOP)
            Round(samples, databases, plan, number).run()


def settle(server, seconds):
    """The least resident memory in that time, in which the allocator gives freed pages back."""
    least = server.resident_bytes()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(subjects.subprocess.TimeoutExpired):
            server.process.wait(timeout=0.5)
        least = min(least, server.resident_bytes())
    return least


def start_line(log, message):
    """The fields of the last line of a server's log that has `message`, or {}."""
    for line in reversed(log.splitlines()):
        if f'"{message}"' in line:
            return json.loads(line)
    return {}


class Scale:
    """rstmdb with many instances beside rstmdb with 100,000."""

    def __init__(self, samples, plan, instances):
        self.samples = samples
        self.plan = plan
        self.instances = instances

    def server(self):
        return subjects.Rstmdb(self.plan.folder, RSTMDB_COMPACT_ENABLED="false",
                               RSTMDB_LOG_FORMAT="json")

    def run(self):
        with self.server() as large:
            self.memory(large)
            self.growth(large)
            self.recovery(large)

    def add(self, what, result):
        self.samples.add(f"{what} {self.instances}", {"instances": self.instances, **result})

    def memory(self, server):
        before = server.resident_bytes()
        made = server.fill(self.instances, self.plan.context_bytes)
        after = settle(server, self.plan.settle_seconds)
        payload = self.plan.context_bytes + len("i-00000000")
        self.add("memory", {"resident_before": before, "resident_after": after,
                            "per_instance": (after - before) / self.instances,
                            "over_payload": (after - before) / self.instances - payload, **made})

    def growth(self, large):
        with self.server() as small:
            small.fill(self.plan.instances, self.plan.context_bytes)
            small.send(subjects.signal.SIGSTOP)
            for _ in range(self.plan.growth_rounds):
                for shape, operation in (("b", "APPLY_EVENT"), ("c", "APPLY_EVENT"),
                                         ("c", "GET_INSTANCE"), ("a", "LIST_INSTANCES")):
                    for server, count in ((small, self.plan.instances), (large, self.instances)):
                        with server.awake():
                            result = server.load(
                                "--shape", shape, "--operation", operation, "--instances", count,
                                "--measured-ms", int(self.plan.seconds * 1000),
                                "--warmup-ms", 300)
                        side = "small" if server is small else "large"
                        self.add(f"growth {side} {shape} {operation}", {**result, "among": count})
        large.send(subjects.signal.SIGCONT)

    def recovery(self, server):
        records = server.ask("WAL_STATS")["latest_offset"]
        server.stop()
        seconds = server.start()
        line = start_line(server.log(), "recovering")
        self.add("recovery", {"records": records, "seconds": seconds,
                              "per_second": records / seconds, "line": line})
        if not self.plan.snapshots:
            return
        server.ask("COMPACT", force_snapshot=True)
        server.stop()
        seconds = server.start()
        line = start_line(server.log(), "the snapshot was loaded")
        loading = line.get("ms", 0) / 1000
        self.add("snapshot load", {"seconds": seconds, "loading_seconds": loading,
                                   "per_second": self.instances / (loading or seconds)})
