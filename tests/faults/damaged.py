"""Pieces of the log that are missing, exchanged, foreign or damaged: the server refuses by name, or
comes back with a beginning of the history that has everything acknowledged, and never with
another one.

Each scenario is a function (program, shim, folder), as in disks.py.
"""

import shutil

import matrix
import oracle
from matrix import check_restart, demand, prepared
from subject import History, Subject, read_log

SEGMENTS = 4


def log_of_several_segments(server):
    """Its client and its segments, after a kill."""
    client = prepared(server, History())
    wal = server.data / "wal"
    while len(list(wal.glob("*.seg"))) < SEGMENTS:
        demand(client.write(matrix.FILL) == "ok", "a write failed")
    for _ in range(3):
        demand(client.write() == "ok", "a write failed")
    server.kill()
    return client, sorted(wal.glob("*.seg"))


def refused(program, folder, harm, names=".seg"):
    """Expects the start to be refused after `harm(segments)`, with the name in the line; gives the
    name if `harm` returns one."""
    server = Subject(program, folder)
    _, segments = log_of_several_segments(server)
    named = harm(segments) or names
    demand(not server.tries_to_start(), "the server starts")
    demand(server.process.returncode == 1, f"it ended with {server.process.returncode}")
    demand(str(named) in server.errors(), f"{named} is not named: {server.errors()[-500:]}")


def first_missing(program, _shim, folder):
    """A log without its first segment is refused"""
    refused(program, folder, lambda segments: segments[0].unlink(), names="oldest_offset")


def middle_missing(program, _shim, folder):
    """A log without a segment in the middle is refused"""
    def harm(segments):
        segments[1].unlink()
        return segments[2]
    refused(program, folder, harm)


def swapped(program, _shim, folder):
    """Two segments with each other's names are refused"""
    def harm(segments):
        aside = segments[0].with_suffix(".aside")
        segments[1].rename(aside)
        segments[2].rename(segments[1])
        aside.rename(segments[2])
        return segments[1]
    refused(program, folder, harm)


def foreign(program, _shim, folder):
    """A segment of another database is refused"""
    other = folder / "other"
    other.mkdir()
    _, others = log_of_several_segments(Subject(program, other))

    def harm(segments):
        shutil.copy(others[1], segments[1])
        return segments[1]
    refused(program, folder, harm)


def duplicate(program, _shim, folder):
    """A segment that is there twice is refused"""
    def harm(segments):
        copy = segments[-1].with_name(f"{int(segments[-1].stem) + 50:020d}.seg")
        shutil.copy(segments[-1], copy)
        return segments[-1]  # which is not finished, and yet another one follows it
    refused(program, folder, harm)


def misnamed(program, _shim, folder):
    """A file that ends like a segment and is not named like one is refused"""
    def harm(segments):
        stray = segments[0].with_name("copy.seg")
        shutil.copy(segments[0], stray)
        return stray
    refused(program, folder, harm)


def linked(program, _shim, folder):
    """A segment that is a symbolic link is refused"""
    def harm(segments):
        elsewhere = folder / "elsewhere"
        segments[1].rename(elsewhere)
        segments[1].symlink_to(elsewhere)
        return segments[1]
    refused(program, folder, harm)


def overwritten(program, _shim, folder):
    """A page of zeros in a finished segment is refused"""
    def harm(segments):
        with open(segments[1], "r+b") as segment:
            segment.seek(8192)
            segment.write(bytes(4096))
        return segments[1]
    refused(program, folder, harm)


def cut(program, _shim, folder):
    """A finished segment that has lost its end is refused"""
    def harm(segments):
        with open(segments[1], "r+b") as segment:
            segment.truncate(segment.seek(0, 2) - 1)
        return segments[1]
    refused(program, folder, harm)


def tail(program, folder, behind, torn):
    """Puts `behind` after the last group; the start has to bring back all of the history."""
    server = Subject(program, folder)
    client, segments = log_of_several_segments(server)
    with open(segments[-1], "r+b") as last:
        end = len(last.read().rstrip(b"\0")) + 8  # whatever zeros a record may end with
        last.truncate(end)
        last.seek(end)
        last.write(behind)
    demand(server.tries_to_start(), f"no start: {server.errors()[-500:]}")
    wrong = oracle.wrong_in(read_log(server.port), client.history)
    demand(not wrong, "; ".join(wrong[:5]))
    copies = list((server.data / "wal").glob("*.torn-*"))
    demand(len(copies) == (1 if torn else 0), f"{copies} were saved")
    if torn:
        demand(behind.rstrip(b"\0") in copies[0].read_bytes(), "the copy is not what was cut off")
        demand("a torn tail was cut" in server.log_file().read_text(), "no line says so")
    check_restart(server, client.history)


def zero_tail(program, _shim, folder):
    """Zeros behind the last group are cut off without a word"""
    tail(program, folder, bytes(100_000), torn=False)


def garbage_tail(program, _shim, folder):
    """Garbage behind the last group is saved beside the segment and cut off"""
    tail(program, folder, b"\xa5garbage" * 900, torn=True)


def second_process(program, _shim, folder):
    """A second server on a folder that is in use is refused and harms nothing"""
    server = Subject(program, folder)
    client = prepared(server, History())
    beside = folder / "second"
    beside.mkdir()
    second = Subject(program, beside, data=server.data)
    demand(not second.tries_to_start() and str(server.data) in second.errors(),
           "the second server starts, or does not name the folder")
    demand(client.write() == "ok", "the first server is disturbed")
    check_restart(server, client.history)


SCENARIOS = (first_missing, middle_missing, swapped, foreign, duplicate, misnamed, linked,
             overwritten, cut, zero_tail, garbage_tail, second_process)
QUICK = frozenset((middle_missing, foreign, zero_tail, garbage_tail))
