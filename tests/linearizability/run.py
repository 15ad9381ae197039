#!/usr/bin/env python3
"""Whether everything that clients and watchers are told has one order, while the server is killed
under them; races of clients that are released together; and a second opinion by Porcupine.

  tests/linearizability/run.py --server build/release/bin/rstmdb [--full] [--seed 1]

--full runs ten million operations and 10,000 rounds of each race; it takes some minutes and wants
the machine for itself. Prints one line for each rule, race and history, and `N passed, N failed`.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
COUNTED = re.compile(r"^(\d+) passed, (\d+) failed", re.MULTILINE)


def judge(output, code):
    """The counts in the output; a failure that they do not show is one of its own."""
    counted = COUNTED.findall(output)[-1:]
    passed, failed = map(int, counted[0]) if counted else (0, 0)
    if failed == 0 and (code != 0 or passed == 0):
        failed = 1
    return passed, failed


def counted(command, folder=None, environment=None):
    """(passed, failed) of a program that counts; its output is passed on."""
    try:
        done = subprocess.run([str(part) for part in command], cwd=folder, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    except OSError as problem:
        print(f"FAIL {problem}")
        return 0, 1
    print(COUNTED.sub("", done.stdout).rstrip(), flush=True)
    return judge(done.stdout, done.returncode)


def notices_loss(program, server):
    """(passed, failed): a server that forgets what it has acknowledged has to be found out."""
    faulty = HERE.parent / "crash" / "forgetful_server.py"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder, "CRASH_SERVER": str(server)}
        done = subprocess.run([program, "--server", faulty, "--operations", "60000",
                               "--folder-operations", "10000"], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    found = done.returncode == 1 and "VIOLATION of lost_ack," in done.stdout
    print("ok   a server that forgets acknowledged writes is found out" if found else
          f"FAIL a server that forgets is not found out: {done.returncode}, {done.stdout[-2000:]}")
    return int(found), int(not found)


NOTICED = re.compile("^PROBLEM, seed 1: (the server |cannot connect)", re.MULTILINE)
KEPT = re.compile(r"^history kept in (.+)$", re.MULTILINE)


def tells_of_failure(program, server, fault):
    """(passed, failed): a run whose server ends by itself is cut short, which is no violation: what
    the log has of the last answers is not known. Nor is it one for who checks its history."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder, "CRASH_SERVER": str(server),
                       "LIN_FAULT": fault}
        done = subprocess.run([program, "--server", HERE / "failing_server.py", "--operations",
                               "60000"], env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        kept = KEPT.search(done.stdout)
        checked = subprocess.run([program, "--check", kept[1] if kept else "none"],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 check=False)
    # Who notices it first, the one that waits for the server, a client of it or one that wants to
    # become one, is chance.
    told = bool(done.returncode == 1 and NOTICED.search(done.stdout)
            and "VIOLATION" not in done.stdout and checked.returncode == 2
            and "cut short" in checked.stdout and "VIOLATION" not in checked.stdout)
    print(f"ok   a server that ends while {fault} is no violation" if told else
          f"FAIL a server that ends while {fault}: {done.returncode}, {done.stdout[-2000:]}; "
          f"{checked.returncode}, {checked.stdout[-2000:]}")
    return int(told), int(not told)


def second_opinion(program, folder):
    """(passed, failed) of Porcupine over the history in `folder` and over the wrong ones."""
    go = shutil.which("go")
    if not go:
        print("not run: Porcupine's opinion needs Go")
        return 0, 0
    checker = folder / "porcupine"
    environment = {**os.environ, "GOFLAGS": "-mod=readonly"}
    built = subprocess.run([go, "build", "-o", checker, "."], cwd=HERE / "porcupine",
                           env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, check=False)
    if built.returncode != 0:
        print(f"FAIL Porcupine's checker cannot be built: {built.stdout[-2000:]}")
        return 0, 1
    wrong = folder / "wrong"
    wrong.mkdir()
    subprocess.run([program, "--wrong", wrong], check=True)
    return counted([checker, "--wrong", wrong, folder / "history.jsonl"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--operations", type=int, help="instead of 60,000, or ten million")
    parser.add_argument("--seconds", type=int, default=600, help="begin no data folder after it")
    args = parser.parse_args()
    server = args.server.resolve()
    operations = args.operations or (10_000_000 if args.full else 60_000)
    folder_operations = 200_000 if args.full else 20_000
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        runner = server.parent / "lin_run"
        counts = [counted([runner, "--server", server, "--seed", args.seed, "--operations",
                           operations, "--folder-operations", folder_operations, "--seconds",
                           args.seconds, "--keep", folder / "history.jsonl", "--session-ms",
                           1_500 if args.full else 300]),
                  counted([server.parent / "lin_race", "--server", server, "--rounds",
                           10_000 if args.full else 100])]
        if runner.exists():
            counts += [notices_loss(runner, server),
                       tells_of_failure(runner, server, "starting"),
                       tells_of_failure(runner, server, "running"),
                       second_opinion(runner, folder)]
    passed, failed = (sum(column) for column in zip(*counts))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
