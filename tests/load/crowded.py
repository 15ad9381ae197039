"""More is written than there is memory for: the server refuses what would make its state larger and
is not ended by the system, whether the bound is a setting's or that of its control group."""

import os
import pathlib
import threading

from served import Served
from world import MACHINE, Client, code_of, eventually

MIB = 1 << 20
WRITERS = 4
CONTEXT = 200_000
EVERY_MB, FEW_MB = 256, 96
HEADROOM_MIB = 32  # what is left by default for what goes on at the bound
GROUPS = (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"))
GIVEN_BACK_S = 60.0  # the allocator keeps what was freed for some seconds


class ControlGroup:
    """A group of its own under `with`; `enter` is for the process that is about to be in it."""

    def __init__(self, limit):
        self.limit, self.folder, self.why = limit, None, ""

    def __enter__(self):
        for parent, file in GROUPS:
            folder = pathlib.Path(parent) / f"rstmdb-tests-{os.getpid()}"
            try:
                folder.mkdir()
                self.folder = folder
                (folder / file).write_text(str(self.limit))
                return self
            except OSError as problem:
                self.why = str(problem)
                self.__exit__()
        return self

    def enter(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def __exit__(self, *_):
        if self.folder:
            eventually(self.removed, 10.0, "the control group is empty")
            self.folder = None

    def removed(self):
        try:
            self.folder.rmdir()
            return True
        except OSError:
            return False


class Writer(threading.Thread):
    """Creates instances until it is refused."""

    def __init__(self, port, number):
        super().__init__(daemon=True)
        self.port, self.number, self.made, self.outcome = port, number, 0, ""

    def run(self):
        with Client(self.port, "jsonl", timeout_s=60) as client:
            self.outcome = "ok"
            while self.outcome == "ok":
                self.outcome = code_of(client.ask("CREATE_INSTANCE", {
                    "machine": "m", "version": 1, "instance_id": f"{self.number}-{self.made}",
                    "initial_ctx": {"n": 10, "fill": "x" * CONTEXT}}))
                self.made += self.outcome == "ok"


def write_until_refused(server):
    writers = [Writer(server.port, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return writers


def goes_on(client, writer):
    """What a server at its bound does, as codes."""
    def event(name, payload):
        return code_of(client.ask("APPLY_EVENT", {"instance_id": f"{writer.number}-0",
                                                  "event": name, "payload": payload}))
    return {"an event": event("GO", {"n": 20}), "one back": event("BACK", {}),
            "a longer context": event("GO", {"more": "y" * 1000}),
            "a read": code_of(client.ask("GET_INSTANCE",
                                         {"instance_id": f"{writer.number}-0"})),
            "a snapshot": code_of(client.ask("COMPACT", {"force_snapshot": True}))}


def check_bound(server, report, name, bound, peak_limit, full):
    """`bound` is what it may use before growth is refused; a tenth more is what it overshoots."""
    limit = bound * 1.1
    with server:
        with Client(server.port, "jsonl") as client:
            client.must("PUT_MACHINE", MACHINE)
        writers = write_until_refused(server)
        used, made = server.memory_mib(), sum(writer.made for writer in writers)
        report.check(f"{name}: {made} contexts of {CONTEXT} bytes are taken, then all writers are "
                     f"refused; {used:.0f} of {limit:.0f} MiB used",
                     {writer.outcome for writer in writers} == {"RATE_LIMITED/MEMORY_LIMIT"} and
                     used <= limit, [writer.outcome for writer in writers])
        with Client(server.port, "jsonl", timeout_s=60) as client:
            outcomes = goes_on(client, writers[0])
            expected = dict.fromkeys(outcomes, "ok")
            expected["a longer context"] = "RATE_LIMITED/MEMORY_LIMIT"
            report.check(f"{name}: what makes nothing larger goes on", outcomes == expected,
                         outcomes)
            peak = server.memory_peak_mib()
            report.check(f"{name}: with it, it has used {peak:.0f} of {peak_limit:.0f} MiB at most",
                         peak <= peak_limit, peak)
        server.kill()
    with server:
        with Client(server.port, "jsonl", timeout_s=60) as client:
            counted = client.must("COUNT_INSTANCES", {"machine": "m"})["total"]
            report.check(f"{name}: after a kill it starts with all of them, "
                         f"{server.memory_mib():.0f} MiB", counted == made, counted)
            if not full:
                return
            for writer in writers:
                for number in range(writer.made // 2):
                    client.must("DELETE_INSTANCE", {"instance_id": f"{writer.number}-{number}"})
            again = {"machine": "m", "version": 1, "initial_ctx": {"fill": "x" * CONTEXT}}
            eventually(lambda: client.ask("CREATE_INSTANCE", again)["status"] == "ok",
                       GIVEN_BACK_S, "room that deletions have made is used again")
            report.check(f"{name}: with half of them deleted there is room again", True)


def run(program, folder, report, full):
    limit = EVERY_MB if full else FEW_MB
    own = Served(program, folder / "setting", {"storage": {"max_memory_mb": limit,
                                                           "allow_flush_all": True}})
    check_bound(own, report, "a setting", limit, limit + HEADROOM_MIB, full)
    with ControlGroup(limit * MIB) as group:
        if not group.folder:
            report.skip(f"a control group: {group.why}")
            return
        grouped = Served(program, folder / "group", process={"preexec_fn": group.enter})
        bound = min(0.9 * limit, limit - HEADROOM_MIB)
        check_bound(grouped, report, "a control group", bound, limit, full)
