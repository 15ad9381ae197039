#!/usr/bin/env python3
"""Runs what is meant to break rstmdb for hours, by turns, and keeps the book.

  scripts/soak HOURS [--only AREA ...] [--turn SECONDS] [--no-ledger]

Each turn gives every area its share of time with a seed that has not been used before, and adds a
line to docs/reliability-ledger.jsonl. An area that fails is not run again; what it printed is in
build/soak. Ends with one line, `N passed, N failed`, counted in turns.
"""

import argparse
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import ledger  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "release" / "bin"
FOUND = ROOT / "build" / "soak"
GTEST_SEEDS = 99_999  # GoogleTest takes no larger one
SEEDS_OF_A_TURN = 1_000
PATIENCE_S = 900  # a program may take so much longer than its share
UNDOING_S = 30
SHORTEST_TURN_S = 20  # in less some areas do nothing, which would look like a failure


@dataclass
class Outcome:
    """What one turn of an area came to."""
    counts: dict = field(default_factory=dict)
    failures: int = 0
    printed: str = ""
    different: tuple = ()  # names of what was found, where the ledger counts those


def run(command, seconds):
    """(exit code, everything printed); -1 when it was not done a while after its time."""
    with subprocess.Popen([str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            printed = process.communicate(timeout=seconds + PATIENCE_S)[0]
        except subprocess.TimeoutExpired:
            return -1, end(process).decode(errors="replace") + "\nnot done in its time"
        except BaseException:
            end(process)
            raise
    return process.returncode, printed.decode(errors="replace")


def end(process):
    """Ends it with all that it has started; what it has mounted it takes away first. Gives what it
    has printed."""
    for number_, time_s in ((signal.SIGINT, UNDOING_S), (signal.SIGKILL, None)):
        os.killpg(process.pid, number_)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=time_s)[0]
    return b""


def number(pattern, text):
    """The sum of what `pattern` finds; a number that is missing is a failure of its own."""
    found = [int(digits.replace(",", "")) for digits in re.findall(pattern, text, re.MULTILINE)]
    return sum(found) if found else None


def counted(command, seconds, patterns):
    """The outcome of a program that prints what it has done."""
    code, printed = run(command, seconds)
    counts = {name: number(pattern, printed) for name, pattern in patterns.items()}
    missing = [name for name, count in counts.items() if count is None]
    failures = number(r"^\d+ passed, (\d+) failed", printed) or 0
    if code != 0 or missing:
        failures = max(failures, 1)
    return Outcome({name: count or 0 for name, count in counts.items()}, failures, printed)


def kill9(seed, seconds, *more):
    return counted([BIN / "crash_kill9", "--server", BIN / "rstmdb", "--cycles", 1_000_000,
                    "--seconds", seconds, "--seed", seed, *more], seconds,
                   {"cycles": r"^seed \d+, (\d+) cycles", "checks": r": (\d+) checks,",
                    "violations": r"^violations: (\d+)"})


def compaction(seed, seconds):
    return kill9(seed, seconds, "--compact-percent", 90)


def states(seed, seconds):
    """Power cuts of a simulated disk: before each call of a life, many states of the disk each."""
    total, end = Outcome({"states": 0, "lives": 0}), time.monotonic() + seconds
    while time.monotonic() < end and not total.failures:
        for program, suite in (("log_test", "SegmentPowerCuts"),
                               ("node_test", "CompactionPowerCuts")):
            code, printed = run([BIN / program, f"--gtest_filter={suite}.*", "--gtest_shuffle",
                                 f"--gtest_random_seed={seed % GTEST_SEEDS + 1}"], 60)
            cuts = number(r"^(?:power cuts: )?(\d+)(?: power cuts,|, and)", printed)
            total.counts["states"] += (cuts or 0) + (number(r"and (\d+) more", printed) or 0)
            total.counts["lives"] += 1
            if code != 0 or cuts is None:
                total.failures, total.printed = 1, printed
        seed += 1
    return total


def simulation(seed, seconds):
    """Ten simulated minutes for each seed. It measures its share by the processor, of which a busy
    machine gives it little."""
    first = seed * 1_000
    return counted([BIN / "rstmdb-sim", "--quiet", "--seeds", f"{first}..{first + 999_999}",
                    "--cpu-seconds", seconds], seconds * 10,
                   {"seeds": r"^(\d+) seeds,", "simulated seconds": r" (\d+) simulated s",
                    "power cuts": r" (\d+) power cuts", "requests": r" (\d+) requests"})


def linearizability(seed, seconds):
    return counted([BIN / "lin_run", "--server", BIN / "rstmdb", "--operations", 1_000_000_000,
                    "--folder-operations", 100_000, "--seconds", seconds, "--seed", seed],
                   seconds * 3, {"operations": r"^seed \d+: (\d+) operations",
                                 "kills": r" records, (\d+) kills",
                                 "notifications": r"; (\d+) notifications"})


def faults(seed, seconds, counts, *more):
    return counted([sys.executable, ROOT / "tests" / "faults" / "run.py", "--server",
                    BIN / "rstmdb", "--full", "--seed", seed % GTEST_SEEDS, "--seconds", seconds,
                    *more], seconds, counts)


def syscalls(seed, seconds):
    """Each call of the lives is one that a kill comes before."""
    return faults(seed, seconds, {"kills": r"^kills: .*[( ](\d+) killed"}, "--group", "kills")


def power(seed, seconds):
    """Four campaigns: two file systems, with compaction and without."""
    return faults(seed, seconds, {"cuts": r"(\d+) power cuts,", "writes": r"(\d+) acknowledged"},
                  "--group", "power", "--power-cuts", min(60, max(8, seconds // 8)))


def cases(seed, seconds):
    return faults(seed, seconds, {"cases": r"^(\d+) passed"}, "--group", "matrix", "--group",
                  "disks", "--group", "windows", "--group", "damage", "--group", "process")


def planted(seed, seconds):
    """The next slice of the table."""
    outcome = counted([sys.executable, ROOT / "tests" / "planted" / "run.py", "--build",
                       ROOT / "build" / "release", "--slice", seed // SEEDS_OF_A_TURN],
                      seconds * 6, {"caught": r"^(\d+) passed"})
    outcome.different = tuple(re.findall(r"^ok   (\w+): ", outcome.printed, re.MULTILINE))
    return outcome


def fuzz(_, seconds):
    each = max(30, seconds // 6)
    outcome = counted([ROOT / "scripts" / "fuzz", each], seconds * 3,
                      {"targets": r"^(\d+) passed", "executions": r" (\d+) executions",
                       "seconds": r" (\d+)\.\d+ processor s "})
    outcome.counts["minutes"] = outcome.counts.pop("seconds") // 60
    return outcome


# Areas of the ledger, in the order of a turn.
AREAS = {"states": states, "simulation": simulation, "kill9": kill9, "compaction": compaction,
         "linearizability": linearizability, "syscalls": syscalls, "power": power,
         "faults": cases, "planted": planted, "fuzz": fuzz}


def turn(name, seed, seconds, keeps_book):
    began = time.monotonic()
    outcome = AREAS[name](seed, seconds)
    took = time.monotonic() - began
    told = ", ".join(f"{count:,} {what}" for what, count in outcome.counts.items())
    print(f"{'FAIL' if outcome.failures else 'ok  '} {name} seed {seed}: {told} [{took:.0f} s]",
          flush=True)
    if outcome.failures:
        FOUND.mkdir(parents=True, exist_ok=True)
        kept = FOUND / f"{name}-{seed}.txt"
        kept.write_text(outcome.printed)
        print(f"     what it printed: {kept.relative_to(ROOT)}", flush=True)
    if keeps_book:
        ledger.add({"area": name, "counts": outcome.counts, "seed": str(seed),
                    "failures": outcome.failures, "seconds": round(took),
                    **({"different": outcome.different} if outcome.different else {})})
        ledger.PAGE.write_text(ledger.page(ledger.read()))
    return outcome.failures == 0


def take_turns(areas, seconds, longest, play, clock=time.monotonic):
    """Has `play(area, seed, seconds)` run the areas by turns; (how many held, how many did not)."""
    areas, end = list(areas), clock() + seconds
    seed = int(time.time())  # nobody has used it before, and it says when
    passed = failed = 0
    while areas and end - clock() >= SHORTEST_TURN_S:
        for area in list(areas):
            left = end - clock()
            if left < SHORTEST_TURN_S:
                break
            if play(area, seed, int(min(longest, left))):
                passed += 1
            else:
                failed += 1
                areas.remove(area)
        seed += SEEDS_OF_A_TURN
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hours", type=float)
    parser.add_argument("--only", action="append", choices=AREAS, default=[])
    parser.add_argument("--turn", type=int, default=600, help="seconds of an area in each turn")
    parser.add_argument("--no-ledger", action="store_true")
    args = parser.parse_args()
    passed, failed = take_turns(
        args.only or AREAS, args.hours * 3600, args.turn,
        lambda area, seed, seconds: turn(area, seed, seconds, not args.no_ledger))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
