#!/usr/bin/env python3
"""Disks that fail, fill up, vanish, lie or are slow, under the real server.

  tests/faults/run.py --server build/release/bin/rstmdb           a sample, some 20 s
  tests/faults/run.py --server build/release/bin/rstmdb --full    every case, some minutes
  ... [--group NAME ...] [--only TEXT] [--jobs N] [--seed N] [--power-cuts N] [--seconds N]

Groups: matrix, kills, disks, power, windows, damage, process; README.md says what each holds.
Every case has a server of its own. Cases that need root, mounts or a program that is missing are
skipped with the reason. Prints one line for each case that is not as it should be (with --verbose
for each), the counts of each group, and `N passed, N failed`.
"""

import argparse
import collections
import concurrent.futures
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import damaged  # noqa: E402
import disks  # noqa: E402
import kills  # noqa: E402
import loss_windows  # noqa: E402
import matrix  # noqa: E402
import power_cuts  # noqa: E402
import process  # noqa: E402
from subject import Subject  # noqa: E402

QUICK = disks.QUICK | power_cuts.QUICK | loss_windows.QUICK | damaged.QUICK | process.QUICK
GROUPS = ("matrix", "kills", "disks", "power", "windows", "damage", "process")
QUICK_EVERY = 12  # of the matrix: every twelfth case, and the first of each effect in each phase


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.outcomes = collections.Counter()

    def count(self, name, outcome, problem, seconds, verbose):
        if problem:
            self.failed += 1
            print(f"FAIL {name}: {problem}", flush=True)
            return
        self.passed += outcome != "skipped"
        self.skipped += outcome == "skipped"
        self.outcomes[outcome] += 1
        if verbose:
            print(f"ok   {name}: {outcome} [{seconds:.1f} s]", flush=True)


def build_shim(folder):
    """The library, compiled; None when there is no compiler."""
    shim = pathlib.Path(folder) / "shim.so"
    source = pathlib.Path(__file__).resolve().parent / "shim.c"
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o",
                        str(shim), str(source), "-ldl"], check=True)
    except OSError:
        return None
    return shim


def sample(cases):
    """What is run when time is short."""
    seen, chosen = set(), []
    for index, case in enumerate(cases):
        kind = (case.phase, case.fault.effect)
        if (kind not in seen or index % QUICK_EVERY == 0) and not case.slow:
            chosen.append(case)
        seen.add(kind)
    return chosen


def in_turn(cases, args):
    """All of them; when there is time for some only, other ones first with each seed."""
    if args.ends < math.inf:
        random.Random(args.seed).shuffle(cases)
    return cases


def run_matrix_case(case, args, shim):
    """(outcome, problem, seconds); None when the time was over."""
    began = time.monotonic()
    if began > args.ends:
        return None
    try:
        outcome, struck = matrix.run_case(case, args.server, shim)
    except matrix.Broken as broken:
        return "", str(broken), time.monotonic() - began
    problem = "" if struck else "the fault did not strike"
    return outcome, problem, time.monotonic() - began


def run_matrix(args, shim, tally):
    cases = list(matrix.cases())
    if not args.full and not args.only:
        cases = sample(cases)
    cases = in_turn([case for case in cases if args.only in case.name], args)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = [(case, pool.submit(run_matrix_case, case, args, shim)) for case in cases]
        for case, future in runs:
            if future.result():
                tally.count(case.name, *future.result(), args.verbose)


def run_kills(args, shim, tally):
    """Kills before the nth call; see kills.py."""
    if args.only and "killed before" not in args.only:
        return
    why = kills.ptrace_works()
    if why:
        print(f"skip kills by strace: {why}", flush=True)
    with tempfile.TemporaryDirectory(prefix="rstmdb-lives-") as folder:
        lives = kills.learn(args.server, folder)
        if not why:
            began = time.monotonic()
            missing = kills.every_kind_has_its_loop(args.server, lives)
            tally.count("every kind of call on the data folder has its loop", "covered", missing,
                        time.monotonic() - began, args.verbose)
        chosen = kills.loops if args.full or args.only else kills.sample
        wanted = [loop for loop in chosen(lives, shim, not why) if args.only in loop.name]
        runner = kills.Runner(in_turn(wanted, args), args.server, shim,
                              lambda *case: tally.count(*case, args.verbose), args.ends)
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for future in [pool.submit(runner.run) for _ in range(args.jobs)]:
                future.result()
        if chosen is kills.loops:
            print("     " + "; ".join(map(str, runner.loops)), flush=True)


def run_scenarios(scenarios, args, shim, tally):
    """Functions (program, shim, folder) that return None, or raise Skip or Broken."""
    for scenario in in_turn(list(scenarios), args):
        if time.monotonic() > args.ends:
            break
        name = scenario.__doc__.splitlines()[0].rstrip(".")
        if args.only not in name or not (args.full or args.only or scenario in QUICK):
            continue
        began, outcome, problem = time.monotonic(), "holds", ""
        with tempfile.TemporaryDirectory(prefix="rstmdb-fault-") as folder:
            try:
                facts = scenario(args.server, shim, pathlib.Path(folder))
                if facts:
                    print(f"     {name}: {facts}", flush=True)
            except disks.Skip as reason:
                outcome = "skipped"
                print(f"skip {name}: {reason}", flush=True)
            except matrix.Broken as broken:
                problem = str(broken)
            except (OSError, RuntimeError, EOFError, KeyError, ValueError,
                    subprocess.SubprocessError) as unexpected:
                problem = repr(unexpected)
            finally:
                Subject.abandon_all()
        tally.count(name, outcome, problem, time.monotonic() - began, args.verbose)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--full", action="store_true", help="every case")
    parser.add_argument("--group", action="append", choices=GROUPS, default=[],
                        help="only the cases of this group")
    parser.add_argument("--only", default="", help="only cases whose name holds this")
    parser.add_argument("--jobs", type=int, default=3, help="cases of the matrix at the same time")
    parser.add_argument("--power-cuts", type=int, default=power_cuts.CYCLES,
                        help="in each of the power cut scenarios that take many")
    parser.add_argument("--seed", type=int, default=power_cuts.SEED,
                        help="of the power cuts: other loads and other moments; of --seconds")
    parser.add_argument("--seconds", type=float, default=math.inf,
                        help="begin no case after this time")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    args.ends = time.monotonic() + args.seconds
    power_cuts.CYCLES, power_cuts.SEED = args.power_cuts, args.seed
    args.server = str(pathlib.Path(args.server).resolve())
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="rstmdb-shim-") as folder:
        shim = build_shim(folder)
        if shim is None:
            print("skip every case that needs the shim: no C compiler")
        runs = (run_matrix if shim else lambda *_: None,
                run_kills,
                lambda *rest: run_scenarios(disks.SCENARIOS, *rest),
                lambda *rest: run_scenarios(power_cuts.SCENARIOS, *rest),
                lambda *rest: run_scenarios(loss_windows.SCENARIOS, *rest),
                lambda *rest: run_scenarios(damaged.SCENARIOS, *rest),
                lambda *rest: run_scenarios(process.SCENARIOS, *rest))
        for group, run in zip(GROUPS, runs, strict=True):
            if args.group and group not in args.group:
                continue
            tally = Tally()
            run(args, shim, tally)
            outcomes = ", ".join(f"{count} {name}" for name, count in tally.outcomes.most_common())
            print(f"{group}: {tally.passed} kept every promise ({outcomes}), "
                  f"{tally.failed} did not", flush=True)
            passed, failed = passed + tally.passed, failed + tally.failed
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
