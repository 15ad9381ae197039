#!/usr/bin/env python3
"""Backups, exports and checks of the real program, beside a server that is being written to.

  tests/admin/run.py --server build/release/bin/rstmdb [--rounds 2]

Prints one line for each check and `N passed, N failed`.
"""

import argparse
import json
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/crash"), str(ROOT / "tools")]

import clean_stop  # noqa: E402
import rcp  # noqa: E402

WAIT_S = 30.0
WRITERS = 4
BURST = 32
MACHINE = {"states": ["open", "done"], "initial": "open",
           "transitions": [{"from": "open", "event": "finish", "to": "done"},
                           {"from": "done", "event": "reopen", "to": "open"}]}


class Server(clean_stop.Server):
    """Known by name, so that none outlives its scenario."""
    running = []

    def __init__(self, program, folder):
        super().__init__(program, folder)
        Server.running.append(self)

    @staticmethod
    def abandon_all():
        for server in Server.running:
            server.abandon()
        Server.running.clear()


class Program:
    """The commands of the server program."""

    def __init__(self, path):
        self.path = path

    def run(self, *arguments):
        return subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True,
                              timeout=120, check=False, umask=0)

    def report(self, *arguments):
        """(exit code, the report as JSON)"""
        done = self.run(arguments[0], "--json", "--quiet", *arguments[1:])
        try:
            return done.returncode, json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            return done.returncode, {"stdout": done.stdout[-500:], "stderr": done.stderr[-500:]}


class Writer(threading.Thread):
    """Creates instances with keys and moves them on, in bursts, until it is told to stop."""

    def __init__(self, port, number):
        super().__init__(daemon=True)
        self.connection = rcp.Connection(port, "rcpx")
        self.number = number
        self.newest = 0        # offset that was acknowledged last
        self.instances = {}    # id to the number in its context, for acknowledged creates
        self.stopping = threading.Event()
        self.problem = None

    def call(self, op, params):
        self.connection.send(clean_stop.request("0", op, params))
        return json.loads(self.connection.receive())

    def run(self):
        try:
            number = 0
            while not self.stopping.is_set():
                for _ in range(BURST):
                    number += 1
                    self.connection.send(clean_stop.request(str(number), *self.write(number)))
                for _ in range(BURST):
                    self.take(json.loads(self.connection.receive()))
        except (OSError, EOFError, KeyError) as problem:
            self.problem = problem

    def write(self, number):
        identity = f"w{self.number}-{number - number % 4}"
        if number % 4 == 0:
            return "CREATE_INSTANCE", {"machine": "job", "version": 1, "instance_id": identity,
                                       "initial_ctx": {"n": number, "pad": "x" * 100},
                                       "idempotency_key": f"k{identity}"}
        if number % 16 == 15:
            return "DELETE_INSTANCE", {"instance_id": identity}
        return "APPLY_EVENT", {"instance_id": identity,
                               "event": "finish" if number % 2 else "reopen",
                               "payload": {"last": number}, "idempotency_key": f"e{number}"}

    def take(self, answer):
        if answer["status"] != "ok":
            return
        result = answer["result"]
        self.newest = max(self.newest, result.get("wal_offset") or 0)
        if int(answer["id"]) % 4 == 0:
            self.instances[result["instance_id"]] = int(answer["id"])

    def stop(self):
        self.stopping.set()
        self.join(WAIT_S)
        self.connection.close()


class Compactor(threading.Thread):
    """Has the server compact again and again until it is told to stop."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.connection = rcp.Connection(port, "rcpx", timeout_s=WAIT_S)
        self.snapshots = self.segments = 0
        self.stopping = threading.Event()
        self.problem = None

    def run(self):
        try:
            while not self.stopping.is_set():
                self.connection.send(clean_stop.request("0", "COMPACT", {"force_snapshot": True}))
                result = json.loads(self.connection.receive())["result"]
                self.snapshots += result["snapshots_created"]
                self.segments += result["segments_deleted"]
        except (OSError, EOFError, KeyError) as problem:
            self.problem = problem

    def wait_for(self, snapshots, segments):
        deadline = time.monotonic() + WAIT_S
        while self.snapshots < snapshots or self.segments < segments:
            if self.problem or time.monotonic() > deadline:
                raise RuntimeError(f"{self.snapshots} snapshots, {self.segments} segments deleted, "
                                   f"{self.problem!r}")
            time.sleep(0.002)  # polling, with the deadline above

    def stop(self):
        self.stopping.set()
        self.join(WAIT_S)
        self.connection.close()


class Load:
    """A running server with writers on it."""

    def __init__(self, program, folder):
        self.server = Server(program, folder)
        self.server.start()
        setup = Writer(self.server.port, 0)
        setup.call("PUT_MACHINE", {"machine": "job", "version": 1, "definition": MACHINE})
        self.observer = setup.connection
        self.writers = [Writer(self.server.port, number) for number in range(WRITERS)]

    def begin(self):
        for writer in self.writers:
            writer.start()
        self.wait_for(2000)

    def head(self):
        """The log's last offset, of which the answer may not have left yet."""
        self.observer.send(clean_stop.request("0", "WAL_STATS", {}))
        return json.loads(self.observer.receive())["result"]["latest_offset"]

    def newest(self):
        return max(writer.newest for writer in self.writers)

    def wait_for(self, offset):
        deadline = time.monotonic() + WAIT_S
        while self.newest() < offset:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the load is at {self.newest()} and not at {offset}")
            time.sleep(0.002)  # polling, with the deadline above

    def end(self):
        self.observer.close()
        for writer in self.writers:
            writer.stop()
        return [writer.problem for writer in self.writers if writer.problem]


# ---- the scenarios; each yields (sentence, holds, facts)

def backups_under_load(program, folder, rounds):
    load = Load(program.path, folder)
    load.begin()
    made = []
    for number in range(rounds):
        before, head = load.newest(), load.head()
        file = folder / f"backup{number}"
        code, report = program.report("backup", load.server.data, file)
        after = load.newest()
        yield (f"backup {number} under load: exit code 0", code == 0, report)
        yield (f"backup {number} holds what was acknowledged before it began",
               report.get("offset", 0) >= before > 0, f"{before}, {report}")
        yield (f"backup {number}: the writers went on meanwhile",
               max(after, report.get("offset", 0)) > head, (head, after, report))
        made.append((file, report))
        load.wait_for(after + 500)
    problems = load.end()
    yield "no writer was disturbed", not problems, problems
    file, report = made[-1]
    yield ("a backup can be read by its owner alone", stat.S_IMODE(file.stat().st_mode) == 0o600,
           oct(file.stat().st_mode))
    for file, report in made:
        code, original = program.report("check", "--at", report["offset"], load.server.data)
        yield (f"the state hash of {file.name} is that of the running original at its offset",
               code == 0 and original["state"]["hash"] == report["state_hash"], original)
    yield from restored_elsewhere(program, folder, made[-1], load)
    load.server.stop()


def restored_elsewhere(program, folder, made, load):
    file, report = made
    target = folder / "elsewhere"
    code, restored = program.report("restore", file, target)
    yield "restored elsewhere: exit code 0", code == 0, restored
    wrong = clean_stop.open_to_others(target)
    yield "restored elsewhere: files are 0600 and folders 0700", not wrong, wrong
    code, check = program.report("check", target)
    yield ("restored elsewhere: good, and the same state hash",
           code == 0 and check["good"] and check["state"]["hash"] == report["state_hash"], check)
    yield from served(program, folder, target, load, report["offset"])
    code, check = program.report("check", target)
    code_at, at = program.report("check", "--at", report["offset"], target)
    yield "after the server has run on it: good", code == 0 and check["good"], check
    yield ("after the server has run on it: the same state at the backup's offset",
           code_at == 0 and at["state"]["hash"] == report["state_hash"], at)


def served(program, folder, target, load, offset):
    """A server runs on the folder that was made."""
    server = Server(program.path, folder / f"serving-{target.name}")
    server.folder.mkdir()
    server.data = target
    server.start()
    yield (f"{target.name}: the server has nothing to cut",
           clean_stop.cuts_nothing(server.log_lines()), server.log_lines()[:8])
    yield from same_instances(load, server.port, offset)
    code, _ = server.stop()
    yield f"{target.name}: the server ends with 0", code == 0, code
    code, check = program.report("check", target)
    yield f"{target.name}: good after a server has run on it", code == 0, check


def same_instances(load, port, offset):
    """Instances that were acknowledged early are there, with what they were created with."""
    client = Writer(port, 9)
    asked = wrong = 0
    for writer in load.writers:
        for identity, number in list(writer.instances.items())[:25]:
            answer = client.call("GET_INSTANCE", {"instance_id": identity})
            asked += 1
            if answer["status"] == "ok":
                wrong += answer["result"]["ctx"].get("n") != number
            else:
                wrong += answer["error"]["code"] not in ("INSTANCE_NOT_FOUND", "NOT_FOUND")
    yield (f"{asked} instances have the context that they were created with",
           asked >= 100 and wrong == 0, f"{wrong} wrong, offset {offset}")
    identity = next(iter(load.writers[0].instances))
    number = load.writers[0].instances[identity]
    answer = client.call(*load.writers[0].write(number))
    yield ("a create that is repeated with its key has no second effect",
           answer["status"] == "ok" and answer["result"]["instance_id"] == identity, answer)
    client.connection.close()


def backups_while_compacting(program, folder, rounds):
    load = Load(program.path, folder)
    load.begin()
    compactor = Compactor(load.server.port)
    compactor.start()
    compactor.wait_for(3, 1)
    made = []
    for number in range(rounds + 1):
        before, snapshots = load.newest(), compactor.snapshots
        file = folder / f"compacting{number}"
        code, report = program.report("backup", load.server.data, file)
        yield (f"backup {number} while the log is compacted: all that was acknowledged, from a "
               "snapshot", code == 0 and report["offset"] >= before > 0
               and report["snapshot_offset"] > 0, report)
        made.append((file, report))
        compactor.wait_for(snapshots + 2, 1)
    code, report = program.report("export", load.server.data, folder / "lines")
    yield "export while the log is compacted: exit code 0", code == 0, report
    code, check = program.report("check", load.server.data)
    yield "check while the log is compacted: good", code == 0 and check["good"], check
    compactor.stop()
    problems = load.end() + [compactor.problem] * bool(compactor.problem)
    yield "no writer was disturbed, nor a compaction", not problems, problems
    load.server.stop()
    code, check = program.report("check", load.server.data)
    yield "check of the compacted folder at rest: good", code == 0 and check["good"], check
    for file, report in made:
        target = folder / f"of-{file.name}"
        code, restored = program.report("restore", file, target)
        code_check, check = program.report("check", target)
        yield (f"{file.name} is restored to the same state hash",
               code == code_check == 0 and check["state"]["hash"] == report["state_hash"], restored)
    yield from served(program, folder, target, load, report["offset"])


def exports_under_load(program, folder, rounds):
    load = Load(program.path, folder)
    load.begin()
    lines = folder / "lines"
    code, report = program.report("export", load.server.data, lines)
    yield "export under load: exit code 0", code == 0, report
    code, at = program.report("check", "--at", report.get("offset", 1), load.server.data)
    yield ("export under load: the state hash of the original at its offset",
           code == 0 and at["state"]["hash"] == report["state_hash"], at)
    load.end()
    target = folder / "imported"
    code, imported = program.report("import", lines, target)
    yield ("import: exit code 0 and the same state hash",
           code == 0 and imported["state_hash"] == report["state_hash"], imported)
    piped = subprocess.run(f"'{program.path}' export -q '{target}' | '{program.path}' import -q "
                           f"--json - '{folder / 'again'}'", shell=True, capture_output=True,
                           text=True, check=False)
    yield ("export and import through a pipe: the same state hash",
           piped.returncode == 0 and report["state_hash"] in piped.stdout, piped)
    code, check = program.report("check", target)
    yield ("the imported folder is good and has that state hash",
           code == 0 and check["state"]["hash"] == report["state_hash"], check)
    yield from served(program, folder, target, load, report["offset"])
    load.server.stop()


def damage_is_named(program, folder, rounds):
    load = Load(program.path, folder)
    load.begin()
    while len(list((load.server.data / "wal").glob("*.seg"))) < 4:
        load.wait_for(load.newest() + 1000)
    load.end()
    load.server.stop()
    data = load.server.data
    program.report("backup", data, folder / "backup")
    segments = sorted((data / "wal").glob("*.seg"))
    for segment, byte in [(segments[0], 3), (segments[0], 80), (segments[-1], 1000)]:
        with flipped(segment, byte):
            code, report = program.report("check", data)
            named = [fault for fault in report.get("faults", [])
                     if fault["file"] == str(segment) and 0 <= fault["byte"] <= byte]
            yield (f"check names {segment.name} and a byte up to {byte}", code == 1 and named,
                   report)
    moved = folder / "moved"
    shutil.move(segments[1], moved)
    code, report = program.report("check", data)
    yield ("check names the segment behind a missing one",
           code == 1 and report["faults"][0]["file"] == str(segments[2]), report)
    shutil.move(moved, segments[1])
    code, report = program.report("check", data)
    yield "check: good again", code == 0 and report["good"], report
    yield from damaged_backup_is_named(program, folder)


def damaged_backup_is_named(program, folder):
    backup = folder / "backup"
    size = backup.stat().st_size
    for byte in (0, 40, 70, size // 2, size - 200, size - 1):
        with flipped(backup, byte):
            code, report = program.report("restore", "--verify", backup)
            details = report.get("error", {}).get("details", {})
            exact = details.get("byte") == byte and details.get("bytes") == 1
            yield f"restore --verify names byte {byte} of {size}", code == 1 and exact, report
            code, report = program.report("restore", backup, folder / "target")
            yield ("and restore leaves nothing behind", code == 1 and
                   not list(folder.glob("target*")), report)
    code, report = program.report("restore", "--verify", backup)
    yield "restore --verify: good again", code == 0, report
    code, report = program.report("check", backup)
    yield "a backup can be checked like a folder", code == 0 and report["good"], report
    done = program.run("restore", backup, folder)
    yield ("restore into a folder that holds something is refused",
           done.returncode == 1 and "not empty" in done.stderr, done)
    done = program.run("backup", folder / "data", backup)
    yield ("a backup does not replace a file", done.returncode == 1 and
           backup.stat().st_size == size, done)


def usage(program, folder, rounds):
    for arguments in (["check"], ["backup", "a"], ["restore", "a"], ["restore", "--verify", "a",
                      "b"], ["frobnicate"], ["export"], ["import", "a"], ["check", "a", "b"],
                      ["check", "--at", "x", "a"]):
        done = program.run(*arguments)
        yield f"usage: {' '.join(arguments)}", done.returncode == 2 and done.stderr, done
    done = program.run("check", folder / "nothing")
    yield "check of nothing: exit code 1", done.returncode == 1, done
    done = program.run("backup", "--help")
    yield "backup --help: exit code 0", done.returncode == 0 and "FILE" in done.stdout, done


def interrupted(program, folder, rounds):
    """An import that waits for its lines is told to end."""
    process = subprocess.Popen([program.path, "import", "-", str(folder / "target")],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    deadline = time.monotonic() + WAIT_S
    while not (folder / "target.new").exists() and time.monotonic() < deadline:
        time.sleep(0.002)  # polling, with the deadline above
    process.send_signal(signal.SIGTERM)
    process.stdin.write(b'{"machine":"m"')
    _, errors = process.communicate(timeout=WAIT_S)
    yield ("SIGTERM ends an import, and nothing is left of it",
           process.returncode == 1 and b"interrupted" in errors
           and not list(folder.glob("target*")), (process.returncode, errors))


class flipped:
    """A file with one byte inverted, for a while."""

    def __init__(self, path, byte):
        self.path, self.byte = path, byte

    def __enter__(self):
        self.flip()

    def __exit__(self, *_):
        self.flip()

    def flip(self):
        with open(self.path, "r+b") as file:
            file.seek(self.byte)
            value = file.read(1)[0]
            file.seek(self.byte)
            file.write(bytes([value ^ 0x41]))


SCENARIOS = (backups_under_load, backups_while_compacting, exports_under_load, damage_is_named,
             usage, interrupted)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=2, help="backups under load")
    args = parser.parse_args()
    program = Program(str(args.server.resolve()))
    passed = failed = 0
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as name:
            try:
                for sentence, holds, facts in scenario(program, pathlib.Path(name), args.rounds):
                    passed, failed = passed + bool(holds), failed + (not holds)
                    print(f"ok   {sentence}" if holds else f"FAIL {sentence}: {facts}", flush=True)
            except (OSError, EOFError, RuntimeError, KeyError, ValueError,
                    subprocess.TimeoutExpired) as problem:
                failed += 1
                print(f"FAIL {scenario.__name__}: {problem!r}", flush=True)
            finally:
                Server.abandon_all()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
