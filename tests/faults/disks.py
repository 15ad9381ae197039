"""Real file systems that fill up, fail, lose their power, become read-only, vanish or are slow.

Each scenario is a function (program, shim, folder): it raises Broken when a promise is not kept and
Skip when it cannot run here, and may return facts to print.
"""

import http.client
import json
import os
import random
import resource
import shutil
import threading
import time

import matrix
import oracle
from matrix import Broken, check_restart, demand, prepared
from mounts import FailingDisk, Image, Skip, mount, need, tmpfs, unmount
from subject import Client, Fault, History, Subject, read_log

MIB = 1 << 20
LOOK_S = 1.0  # the server looks at its disk so often
NOBODY = 65534
WITH_HTTP = {"RSTMDB_METRICS_ENABLED": "true", "RSTMDB_METRICS_BIND": "127.0.0.1:0"}
XFS_BYTES = 320 * MIB  # the smallest that mkfs.xfs makes is 300 MiB
SLOW_MS = 2000
PING_S = 0.005  # what a PING may take while others wait for a slow disk, 99 of 100


def subject(program, folder, place, **options):
    return Subject(program, folder, data=place / "data" if place else None, **options)


def expect_stopped(server, client):
    """After a failure: nothing is taken, reads go on, the end is one of a failure."""
    history = client.history
    for _ in range(5):
        demand(client.write() == "WAL_IO_ERROR", "a write was taken after a failure")
    demand(client.pings(), "no PING after a failure")
    demand(client.reads(next(iter(history.acknowledged))), "no read after a failure")
    demand(server.says("the log has stopped"), "no line says that the log has stopped")
    code = server.terminate()
    demand(code == 1, f"after a failure SIGTERM ended with {code}")


def fill(path, bytes_left):
    """A file that leaves so much of its file system free; less when there is less."""
    status = os.statvfs(path.parent)
    size = status.f_bavail * status.f_frsize - bytes_left
    with open(path, "wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, max(size, 1))


def wait_for(condition, time_s, sentence):
    deadline = time.monotonic() + time_s
    while not condition():
        demand(time.monotonic() < deadline, sentence)
        time.sleep(0.02)  # polling, with the deadline above


# ---- full disks

def full_disk(server, place):
    client = prepared(server, History())
    ballast = place / "ballast"
    fill(ballast, 3 * MIB)
    outcome = client.write_until(lambda: False, 100, matrix.FILL)
    demand(outcome == "WAL_IO_ERROR", f"a full disk gives {outcome}")
    demand(server.says("errno=28"), "the log line does not say ENOSPC")
    acknowledged = len(client.history.acknowledged)
    ballast.unlink()
    expect_stopped(server, client)
    check_restart(server, client.history)
    return f"{acknowledged} acknowledged writes are there"


def enospc_tmpfs(program, _shim, folder):
    """A full tmpfs stops the log, and a restart with room goes on"""
    with tmpfs(folder, "8m") as place, subject(program, folder, place) as server:
        return full_disk(server, place)


def enospc_ext4(program, _shim, folder):
    """A full ext4 stops the log, and a restart with room goes on"""
    with Image(folder, 16 * MIB) as image, subject(program, folder, image.place) as server:
        return full_disk(server, image.place)


def limit_on_file_size(program, _shim, folder):
    """A limit on the size of files (RLIMIT_FSIZE) stops the log and does not kill the server"""
    limit = 600_000

    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    server = subject(program, folder, None, preexec_fn=lower)
    client = prepared(server, History())
    outcome = client.write_until(lambda: False, 20, matrix.FILL)
    demand(outcome == "WAL_IO_ERROR", f"beyond the limit a write gets {outcome}")
    demand(server.says("errno=27"), "the log line does not say EFBIG")
    expect_stopped(server, client)
    server.process_options = {}
    check_restart(server, client.history)


def reserve_ext4(program, _shim, folder):
    """With a reserve writes are refused before the disk is full, and taken again by themselves"""
    settings = {"RSTMDB_MIN_FREE_MB": "32", **WITH_HTTP}
    with Image(folder, 96 * MIB) as image, \
            subject(program, folder, image.place, settings=settings) as server:
        client = prepared(server, History())
        # Somebody else fills the disk.
        ballast = image.place / "ballast"
        fill(ballast, 20 * MIB)
        wait_for(lambda: client.write() == "RATE_LIMITED", 3 * LOOK_S, "writes are not refused")
        error = client.history.refused[client.history.count]
        demand(error["details"]["code"] == "DISK_RESERVE" and
               error["details"]["reserve_bytes"] == 32 * MIB and error["retryable"],
               f"refused with {error}")
        demand(client.reads(next(iter(client.history.acknowledged))), "no read below the reserve")
        demand(page(server, "/readyz")[0] == 503, "ready below the reserve")
        demand(len(read_log(server.port)) > 1, "no WAL_READ below the reserve")
        ballast.unlink()
        wait_for(lambda: client.write() == "ok", 3 * LOOK_S, "writes are not taken again")
        demand(page(server, "/readyz")[0] == 200, "not ready with room")
        # The log itself fills the disk.
        outcome = client.write_until(lambda: False, 1000, matrix.FILL)
        demand(outcome == "RATE_LIMITED", f"at its reserve the server says {outcome}")
        status = os.statvfs(image.place)
        free = status.f_bavail * status.f_frsize
        demand(free > 16 * MIB, f"only {free} bytes are free")
        text = server.log_file().read_text()
        demand(text.count("writes are refused") == 2 and text.count("taken again") == 1,
               "not one line for each change")
        demand(server.terminate() == 0, "a full reserve is no failure")
        server.settings = {}
        check_restart(server, client.history)
        return f"refused with {free // MIB} MiB free of a reserve of 32"


def compaction_out_of_the_reserve(program, _shim, folder):
    """Below the reserve COMPACT still works and makes the room for writes"""
    settings = {"RSTMDB_MIN_FREE_MB": "32"}
    with Image(folder, 96 * MIB) as image, \
            subject(program, folder, image.place, settings=settings) as server:
        client = prepared(server, History())
        client.connection.socket.settimeout(30)

        def compact():
            answer = client.call("COMPACT", {"force_snapshot": True})
            demand(answer["status"] == "ok", f"COMPACT got {answer}")
            return answer["result"]["segments_deleted"]
        for _ in range(100):  # the log grows, the state does not
            demand(client.change(1, matrix.FILL) == "ok", "a write failed")
        compact()
        outcome = "ok"
        while outcome == "ok":
            outcome = client.change(1, matrix.FILL)
        demand(outcome == "RATE_LIMITED", f"at its reserve the server says {outcome}")
        deleted = compact()  # the log behind the first of now two snapshots
        demand(deleted > 0, "no segment was deleted")
        wait_for(lambda: client.write() == "ok", 3 * LOOK_S, "writes are not taken again")
        more = compact()  # and behind the second
        demand(more > 0, "no segment was deleted")
        deleted += more
        demand(server.terminate() == 0, "no clean end")
        check_restart(server, client.history)
        return f"{deleted} segments deleted"


# ---- disks that fail

def fsyncgate(program, folder, size, kind):
    with FailingDisk(folder, size, kind) as disk, subject(program, folder, disk.place) as server:
        client = prepared(server, History(), writes=20)
        disk.fail()
        outcome = client.write_until(lambda: False, 20)
        disk.heal()
        demand(outcome == "WAL_IO_ERROR", f"on a failing disk a write gets {outcome}")
        demand(server.says("call=sync") and server.says("errno=5"), "no sync failed")
        acknowledged = len(client.history.acknowledged)
        expect_stopped(server, client)
        disk.unmount()
        disk.mount()
        check_restart(server, client.history)
        return f"{acknowledged} acknowledged writes are there after a new mount"


def fsyncgate_ext4(program, _shim, folder):
    """After the first sync that fails on a block device with ext4 nothing is acknowledged"""
    return fsyncgate(program, folder, 64 * MIB, "ext4")


def fsyncgate_xfs(program, _shim, folder):
    """After the first sync that fails on a block device with xfs nothing is acknowledged"""
    return fsyncgate(program, folder, XFS_BYTES, "xfs")


def power_cuts(program, folder, cycles, seed, kind="ext4"):
    chance = random.Random(seed)
    history = History()
    lock = threading.Lock()
    with Image(folder, XFS_BYTES, kind) as image, subject(program, folder, image.place) as server:
        for cycle in range(cycles):
            server.start()
            client = Client(server.port, history)
            demand(client.put_machine()["status"] == "ok", "the machine was refused")
            clients = [SharedClient(server.port, history, lock, chance.random() < 0.3)
                       for _ in range(4)]
            clients.append(Compactor(server.port))
            enough = len(history.acknowledged) + chance.randrange(5, 400)
            wait_for(lambda: len(history.acknowledged) >= enough, 30, "the load does not get going")
            server.freeze()
            image.cut_power()
            server.kill()
            for each in clients:
                each.join()
            image.unmount()
            image.mount()
            demand(server.tries_to_start(), f"cycle {cycle}: {server.errors()[-500:]}")
            wrong = oracle.wrong_in(read_log(server.port), history,
                                    Client(server.port, history).reads)
            demand(not wrong, f"cycle {cycle}, seed {seed}: {'; '.join(wrong[:5])}")
            server.kill()
        demand(server.tries_to_start() and server.terminate() == 0, "no clean end at last")
    return (f"{cycles} power cuts, {len(history.acknowledged)} acknowledged writes, "
            f"{len(history.unknown)} without an answer, nothing lost")


class Compactor(threading.Thread):
    """Takes snapshots, and with them the end of old segments, as long as the server lives."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.client = Client(port, History(), time_s=30)
        self.start()

    def run(self):
        answer = {"status": "ok"}
        while answer["status"] == "ok":
            try:
                answer = self.client.call("COMPACT", {"force_snapshot": True})
            except (OSError, EOFError):
                return


class SharedClient(threading.Thread):
    """Writes until the server says no; all share one history."""

    def __init__(self, port, history, lock, large):
        super().__init__(daemon=True)
        self.client = Client(port, History())
        self.history, self.lock, self.fill = history, lock, 40_000 if large else 0
        self.start()

    def run(self):
        outcome = "ok"
        while outcome == "ok":
            with self.lock:
                self.history.count += 1
                number = self.history.count
            self.client.history.count = number - 1
            try:
                outcome = self.client.write(self.fill)
            except TimeoutError:
                self.client.history.unknown.add(number)
                outcome = "hang"
            with self.lock:
                mine = self.client.history
                self.history.acknowledged.update(mine.acknowledged)
                self.history.unknown |= mine.unknown
                self.history.refused.update(mine.refused)
                self.heard(number)

    def heard(self, number):
        """What became of write `number` has just been entered."""


def power_cut_ext4_few(program, _shim, folder):
    """Power cuts on a real ext4 keep every acknowledged write, a few"""
    return power_cuts(program, folder, 3, seed=1)


def power_cut_ext4(program, _shim, folder):
    """Power cuts on a real ext4 keep every acknowledged write, many"""
    return power_cuts(program, folder, 25, seed=2)


def power_cut_xfs(program, _shim, folder):
    """Power cuts on a real xfs keep every acknowledged write, many"""
    return power_cuts(program, folder, 25, seed=3, kind="xfs")


def power_cut_without_syncs(program, shim, folder):
    """A server whose syncs do nothing is found out by a power cut"""
    with Image(folder, 64 * MIB) as image, \
            subject(program, folder, image.place, shim=shim) as server:
        client = prepared(server, History(), writes=20)
        server.arm(Fault("fdatasync", "lost", part=".seg", count=0))
        demand(client.write_until(lambda: False, 50) == "ok", "a write failed")
        server.freeze()
        image.cut_power()
        server.kill()
        image.unmount()
        image.mount()
        server.disarm()
        lost = not server.tries_to_start() or oracle.wrong_in(read_log(server.port), client.history)
        demand(lost, "nothing is missing: the power cuts of these tests cut nothing")


def readonly_remount(program, _shim, folder):
    """A file system that becomes read-only under the server stops the log"""
    with Image(folder, 64 * MIB) as image, subject(program, folder, image.place) as server:
        client = prepared(server, History(), writes=20)
        mount("-o", "remount,abort", image.place)
        outcome = client.write_until(lambda: False, 5)
        demand(outcome == "WAL_IO_ERROR", f"a read-only disk gives {outcome}")
        expect_stopped(server, client)
        image.unmount()
        image.mount()  # once writable, for the journal
        image.unmount()
        image.mount("ro")
        demand(not server.tries_to_start() and "errno=30" in server.errors(),
               "it starts on a read-only disk")
        image.unmount()
        image.mount()
        check_restart(server, client.history)


def exit_on_failure(program, shim, folder):
    """With on_log_failure: exit the server answers who waits and ends with a failure"""
    server = Subject(program, folder, shim=shim, settings={"RSTMDB_ON_LOG_FAILURE": "exit"})
    client = prepared(server, History())
    idle = Client(server.port, History())
    demand(idle.pings(), "no PING")
    server.arm(Fault("fdatasync", "error", 5, count=0))
    demand(client.write() == "WAL_IO_ERROR", "who waited was not answered")
    began = time.monotonic()
    code = server.ends()
    demand(code == 1, f"it ended with {code}")
    check_restart(server, client.history)
    return f"ended {time.monotonic() - began:.2f} s after the answer, restart included"


def failure_is_seen(program, shim, folder):
    """A stopped log is seen in /readyz and /metrics, and said once in the log lines"""
    server = Subject(program, folder, shim=shim, settings=WITH_HTTP)
    client = prepared(server, History())
    demand(page(server, "/readyz")[0] == 200, "not ready before the failure")
    demand("rstmdb_log_failed 0" in page(server, "/metrics")[1], "the metric says otherwise")
    server.arm(Fault("fdatasync", "error", 5, count=0))
    demand(client.write() == "WAL_IO_ERROR", "a write was taken")
    code, text = page(server, "/readyz")
    conditions = {each["name"]: each["ok"] for each in json.loads(text)["conditions"]}
    demand(code == 503 and not conditions["log"] and conditions["disk"], f"{code} {text}")
    demand("rstmdb_log_failed 1" in page(server, "/metrics")[1], "the metric does not say so")
    demand(page(server, "/healthz")[0] == 200, "a server that still reads is not healthy")
    expect_stopped(server, client)
    said = server.log_file().read_text().count("the log has stopped;")
    demand(said == 1, f"said {said} times")
    check_restart(server, client.history)


def page(server, path):
    """(status, text) of a page of the HTTP door."""
    demand(server.says("metrics and health are served"), "no HTTP door")
    line = next(line for line in server.log_lines() if "metrics and health" in line["msg"])
    host, _, port = line["address"].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


# ---- folders that go away

def taken_away(program, folder, take, give_back=None):
    """Writes, lets `take(wal)` do its harm, and expects no acknowledgement after it."""
    server = subject(program, folder, None)
    client = prepared(server, History())
    take(server.data / "wal")
    outcome = client.write()
    demand(outcome == "WAL_IO_ERROR", f"a write got {outcome}")
    demand(server.says("FILE_GONE"), "no line says what has happened")
    expect_stopped(server, client)
    if give_back:
        give_back(server.data / "wal")
        check_restart(server, client.history)


def folder_removed(program, _shim, folder):
    """Nothing is acknowledged into a data folder that was removed"""
    taken_away(program, folder, lambda wal: shutil.rmtree(wal.parent))


def folder_moved(program, _shim, folder):
    """Nothing is acknowledged into a folder that was moved away, and moved back it is whole"""
    aside = folder / "aside"
    taken_away(program, folder, lambda wal: wal.rename(aside), aside.rename)


def folder_replaced(program, _shim, folder):
    """Nothing is acknowledged after the folder was replaced by a copy of itself"""
    aside = folder / "aside"

    def replace(wal):
        wal.rename(aside)
        shutil.copytree(aside, wal)
    taken_away(program, folder, replace, lambda wal: None)


def segment_replaced(program, _shim, folder):
    """Nothing is acknowledged after the segment was replaced by a copy of itself"""
    def replace(wal):
        segment = max(wal.glob("*.seg"))
        shutil.copy(segment, wal / "copy")
        (wal / "copy").rename(segment)
    taken_away(program, folder, replace, lambda wal: None)


def folder_covered(program, _shim, folder):
    """Nothing is acknowledged after another file system was mounted over the folder"""
    need("mount")

    def cover(wal):
        mount("-t", "tmpfs", "tmpfs", wal)
    try:
        taken_away(program, folder, cover, unmount)
    finally:
        unmount(folder / "data" / "wal")


def idle_without_folder(program, _shim, folder):
    """A server that nobody writes to notices within two seconds that its lock file is gone"""
    server = subject(program, folder, None)
    client = prepared(server, History())
    (server.data / "wal" / "LOCK").unlink()
    demand(server.says("the log has stopped", 3 * LOOK_S), "it notices nothing")
    expect_stopped(server, client)
    check_restart(server, client.history)


def permission_denied(program, _shim, folder):
    """A folder that may not be entered refuses the start, and stops a running log"""
    need()
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    server = Subject(program, home, **as_nobody)
    server.data.mkdir(mode=0o700)
    try:
        started = server.tries_to_start()
    except PermissionError:
        raise Skip("the program may not be run by another user") from None
    demand(not started and "errno=13" in server.errors(), "it starts in a folder of root's")
    os.chown(server.data, NOBODY, NOBODY)
    client = prepared(server, History())
    wal = server.data / "wal"
    wal.chmod(0)
    demand(client.write() == "WAL_IO_ERROR", "a write was taken")
    expect_stopped(server, client)
    wal.chmod(0o700)
    check_restart(server, client.history)


# ---- slow disks

def slow_disk(program, shim, folder):
    """While writes wait 2 s for the disk, PING and reads of others are answered at once"""
    server = Subject(program, folder, shim=shim)
    history = History()
    client = prepared(server, history)
    server.arm(Fault("fdatasync", "delay", SLOW_MS, part=".seg", count=0))
    # The first slow flush runs on the loop; from then on they are known to be slow.
    client.connection.socket.settimeout(5 + SLOW_MS / 1000)
    began = time.monotonic()
    demand(client.write() == "ok" and time.monotonic() - began >= SLOW_MS / 1000, "not slow")
    lock = threading.Lock()
    history.count += 1000  # numbers of the writers below
    writers = [SharedClient(server.port, history, lock, False) for _ in range(4)]
    for writer in writers:
        writer.client.connection.socket.settimeout(5 + 3 * SLOW_MS / 1000)
    probe = Client(server.port, history)
    took = {"PING": [], "GET_INSTANCE": []}
    ends = time.monotonic() + 3 * SLOW_MS / 1000
    while time.monotonic() < ends:
        for op, times in took.items():
            began = time.monotonic()
            answer = probe.call(op, {"instance_id": "w1"} if op != "PING" else {})
            times.append(time.monotonic() - began)
            demand(answer["status"] == "ok", f"{op} got {answer}")
        time.sleep(0.002)  # polling, until the time above
    server.disarm()
    facts = []
    for op, times in took.items():
        times.sort()
        p99 = times[len(times) * 99 // 100]
        facts.append(f"{op} p99 {p99 * 1000:.2f} ms, longest {times[-1] * 1000:.2f} ms")
        demand(p99 <= PING_S, f"{facts[-1]} of {len(times)}")
    demand(server.process.poll() is None, "the server has ended")
    server.kill()
    for writer in writers:
        writer.join()
    check_restart(server, history)
    return "; ".join(facts) + f" ({len(took['PING'])} each)"


SCENARIOS = (enospc_tmpfs, enospc_ext4, limit_on_file_size, reserve_ext4,
             compaction_out_of_the_reserve, fsyncgate_ext4, fsyncgate_xfs, power_cut_ext4_few,
             power_cut_ext4, power_cut_xfs, power_cut_without_syncs, readonly_remount,
             exit_on_failure, failure_is_seen, folder_removed, folder_moved, folder_replaced,
             segment_replaced, folder_covered, idle_without_folder, permission_denied, slow_disk)
QUICK = frozenset((enospc_tmpfs, limit_on_file_size, fsyncgate_ext4, power_cut_ext4_few,
                   power_cut_without_syncs, readonly_remount, exit_on_failure, failure_is_seen,
                   folder_removed, folder_moved, segment_replaced, permission_denied))
