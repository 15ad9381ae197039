#!/usr/bin/env python3
"""What becomes of the data when the server is killed, and when it is asked to stop.

  tests/crash/run.py --server build/release/bin/rstmdb [--cycles 40] [--seed 1]

Runs the program crash_kill9 that stands beside the server, once more with a faulty server that it
has to find out, then the clean stops. Prints one line for each rule and `N passed, N failed`.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import clean_stop  # noqa: E402

COUNTED = re.compile(r"^(\d+) passed, (\d+) failed", re.MULTILINE)


def kill9(program, server, cycles, seed, seconds, *more):
    """(passed, failed) of crash_kill9; its output is passed on."""
    if not program.exists():
        print(f"FAIL {program.name} is not built beside the server")
        return 0, 1
    done = subprocess.run([program, "--server", server, "--cycles", str(cycles), "--seed",
                           str(seed), "--seconds", str(seconds), *more],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(COUNTED.sub("", done.stdout).rstrip())
    return judge(done.stdout, done.returncode)


def judge(output, code):
    """The counts in the output; a failure that they do not show is one of its own."""
    counted = COUNTED.findall(output)[-1:]
    passed, failed = map(int, counted[0]) if counted else (0, 0)
    if failed == 0 and (code != 0 or passed == 0):
        failed = 1
    return passed, failed


def notices_loss(program, server):
    """(passed, failed): a server that forgets what it has acknowledged has to be found out."""
    faulty = pathlib.Path(__file__).resolve().parent / "forgetful_server.py"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder, "CRASH_SERVER": server}
        done = subprocess.run([program, "--server", faulty, "--cycles", "12"], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    found = done.returncode == 1 and found_loss(done.stdout)
    print("ok   a server that forgets acknowledged writes is found out" if found else
          f"FAIL a server that forgets is not found out: {done.returncode}, {done.stdout[-2000:]}")
    return int(found), int(not found)


def found_loss(output):
    return any(f"VIOLATION of {rule}," in output for rule in ("no_lost_ack", "prefix_kept"))


def clean_stops(program):
    passed = failed = 0
    for scenario in clean_stop.SCENARIOS:
        with tempfile.TemporaryDirectory() as folder:
            server = clean_stop.Server(program, folder)
            try:
                for sentence, holds, facts in scenario(server):
                    passed, failed = passed + bool(holds), failed + (not holds)
                    print(f"ok   {sentence}" if holds else f"FAIL {sentence}: {facts}")
            except (OSError, EOFError, RuntimeError, KeyError, ValueError) as problem:
                failed += 1
                print(f"FAIL {scenario.__name__}: {problem!r}")
            finally:
                server.abandon()
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", type=pathlib.Path, required=True)
    parser.add_argument("--kill9", type=pathlib.Path, help="crash_kill9, if not beside the server")
    parser.add_argument("--cycles", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=300, help="begin no cycle after this time")
    args = parser.parse_args()
    server = str(args.server.resolve())
    program = args.kill9 or args.server.resolve().parent / "crash_kill9"
    counts = [kill9(program, server, args.cycles, args.seed, args.seconds),
              kill9(program, server, args.cycles, args.seed, args.seconds,
                    "--compact-percent", "90"),
              notices_loss(program, server), clean_stops(server)]
    passed, failed = (sum(column) for column in zip(*counts))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
