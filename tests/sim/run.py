#!/usr/bin/env python3
"""The simulation's part of every test run: the first 100 seeds twice, whose traces must be equal,
and then seeds that no commit before has had, for as long as there is time.

  tests/sim/run.py --program build/release/bin/rstmdb-sim [--seconds 50]
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNTED = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)
SEEDS_PER_COMMIT = 10_000
# (seed, minutes) of runs that were called wrong once.
REMEMBERED = ((1795740158182, "10"), (1795756823646, "10"), (5100151, "2"))


def commit():
    """(short hash, how many there are up to it); without git the same seeds each time"""
    try:
        short = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=True,
                               capture_output=True, text=True).stdout.strip()
        count = subprocess.run(["git", "rev-list", "--count", "HEAD"], cwd=ROOT, check=True,
                               capture_output=True, text=True).stdout.strip()
        return short, int(count)
    except (OSError, subprocess.CalledProcessError):
        return "unknown", 1


def run(program, environment, *arguments):
    """(passed, failed)"""
    done = subprocess.run([program, "--quiet", *arguments], env=environment, check=False,
                          capture_output=True)
    output = done.stdout.decode(errors="replace")
    counted = COUNTED.findall(output)
    failed = done.returncode != 0 or not counted or counted[-1][1] != "0"
    lines = output.splitlines()
    print("\n".join(lines if failed else lines[-3:-1]), flush=True)
    if done.returncode < 0 or not counted:
        print(f"{' '.join(arguments)}: ended with {done.returncode}")
        return 0, 1
    return int(counted[-1][0]), int(counted[-1][1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/rstmdb-sim"))
    parser.add_argument("--seconds", type=int, default=50, help="of processor time")
    args = parser.parse_args()
    short, count = commit()
    environment = {**os.environ, "RSTMDB_COMMIT": short}
    first = count * SEEDS_PER_COMMIT
    passed, failed = run(args.program, environment, "--seeds", "1..100", "--minutes", "0.5",
                         "--twice")
    more = run(args.program, environment, "--seeds", f"{first}..{first + SEEDS_PER_COMMIT - 1}",
               "--minutes", "2", "--cpu-seconds", str(args.seconds // 2))
    passed, failed = passed + more[0], failed + more[1]
    for seed, minutes in REMEMBERED:
        again = run(args.program, environment, "--seed", str(seed), "--minutes", minutes)
        passed, failed = passed + again[0], failed + again[1]
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
