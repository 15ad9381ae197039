"""The same work with larger contexts, on every database; rstmdb with the other fsync policies, and
on fewer processor cores."""

import contextlib
import os

import subjects

# (bytes of a context, how many instances)
SIZES = ((2_048, 20_000), (65_536, 1_000))
LOADS = (("b", "APPLY_EVENT"), ("b", "GET_INSTANCE"))
POLICIES = ("every_ms:10", "never")
POLICY_LOADS = (("a", "APPLY_EVENT"), ("b", "APPLY_EVENT"), ("c", "APPLY_EVENT"))
CORES = (1, 2)
CORE_LOADS = (("a", "APPLY_EVENT"), ("b", "APPLY_EVENT"), ("c", "APPLY_EVENT"),
              ("c", "GET_INSTANCE"))


def options(plan, instances, *more):
    return ("--instances", instances, "--measured-ms", int(plan.seconds * 1000), "--warmup-ms",
            int(min(plan.seconds, 2) * 250), *more)


def sizes(samples, peers, plan):
    """Samples named "redis b APPLY_EVENT 2048 bytes"."""
    for size, count in SIZES:
        with contextlib.ExitStack() as stack:
            databases = [stack.enter_context(kind(plan.folder))
                         for kind in (subjects.Rstmdb, *peers)]
            for database in databases:
                database.fill(count, size)
                database.send(subjects.signal.SIGSTOP)
            for shape, operation in LOADS:
                for database in databases:
                    with database.awake():
                        result = database.load("--shape", shape, "--operation", operation,
                                               *options(plan, count))
                    samples.add(f"{database.name} {shape} {operation} {size} bytes", result)


def policies(samples, plan):
    """Samples named "rstmdb b APPLY_EVENT never"."""
    for policy in POLICIES:
        with subjects.Rstmdb(plan.folder, RSTMDB_FSYNC_POLICY=policy) as server:
            server.load("--create", "--instances", plan.instances)
            for shape, operation in POLICY_LOADS:
                samples.add(f"rstmdb {shape} {operation} {policy}", server.load(
                    "--shape", shape, "--operation", operation, *options(plan, plan.instances)))


@contextlib.contextmanager
def only_cores(count):
    """What is started in here, and its children, run on so many cores."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(mine)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


def cores(samples, plan):
    """Samples named "rstmdb b APPLY_EVENT 1 cores", the load on the same cores as the server."""
    here = len(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        servers = []
        for count in (count for count in CORES if count <= here):
            with only_cores(count):
                servers.append((count, stack.enter_context(subjects.Rstmdb(plan.folder))))
        for _, server in servers:
            server.load("--create", "--instances", plan.instances)
            server.send(subjects.signal.SIGSTOP)
        for _ in range(plan.growth_rounds):
            for shape, operation in CORE_LOADS:
                for count, server in servers:
                    with server.awake(), only_cores(count):
                        result = server.load("--shape", shape, "--operation", operation,
                                             *options(plan, plan.instances))
                    samples.add(f"rstmdb {shape} {operation} {count} cores", result)


def names():
    """(title, names of the samples) of what stands beside each other"""
    for size, _ in SIZES:
        for shape, operation in LOADS:
            yield (f"{operation} ({shape}), contexts of {size:,} bytes",
                   [f"{database} {shape} {operation} {size} bytes"
                    for database in ("rstmdb", "redis", "postgres")])
    for policy in POLICIES:
        for shape, operation in POLICY_LOADS:
            yield (f"{operation} ({shape}), fsync_policy {policy}",
                   [f"rstmdb {shape} {operation} {policy}"])
    for count in CORES:
        for shape, operation in CORE_LOADS:
            yield (f"{operation} ({shape}), server and load on {count} of the cores",
                   [f"rstmdb {shape} {operation} {count} cores"])
