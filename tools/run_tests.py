#!/usr/bin/env python3
"""Runs every runner of tests on built programs and adds up what they count.

Programs known to ctest whose name ends in _test are GoogleTest programs, and their cases are
counted; any other runner says `N passed, N failed` at its end, or is a unittest module. A runner
that counts no test has failed: a suite that silently became empty must not look green.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIMEOUT_S = 1200
FAILURES_SHOWN_MAX = 20  # of one runner, again at the end
SLICES_PER_SANITIZER = 6
SLICES = {index * SLICES_PER_SANITIZER + part + 1: (preset, part)
          for index, preset in enumerate(("asan", "tsan")) for part in range(SLICES_PER_SANITIZER)}
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}
COUNTED = re.compile(r"^(\d+) passed, (\d+) failed", re.MULTILINE)
UNITTEST = re.compile(r"^Ran (\d+) tests?", re.MULTILINE)
FAILURE = re.compile(r"^(FAIL|FAILED|ERROR|not ok)\b")
UNITTEST_BAD = re.compile(r"^FAILED \((.*)\)", re.MULTILINE)
# Runners of release programs that say `N passed, N failed`, in their order.
COUNTED_RUNNERS = [
    ("hardening", "tests/hardening/run.py --programs {bin}"),
    ("frames", "tests/dialogs/run_frames.py --server {server}"),
    ("dialogs", "tests/dialogs/run.py --server {server}"),
    ("dialogs over HTTP", "tests/dialogs/run_http.py --server {server}"),
    ("crash", "tests/crash/run.py --server {server} --cycles 40"),
    ("faults", "tests/faults/run.py --server {server}"),
    ("sim", "tests/sim/run.py --program {bin}/rstmdb-sim"),
    ("monitoring", "tests/monitoring/run.py --server {server}"),
    ("security", "tests/security/run.py --server {server}"),
    ("load", "tests/load/run.py --server {server}"),
    ("http", "tests/http/run.py --server {server}"),
    ("http_properties", "tests/http_properties/run.py --server {server}"),
    ("docs/http.md", "tools/readme_blocks.py docs/http.md --programs {bin}"),
    ("docs/security.md", "tools/readme_blocks.py docs/security.md --programs {bin}"),
    ("linearizability", "tests/linearizability/run.py --server {server}"),
    ("planted", "tests/planted/run.py --slice {commits}"),
    ("watch", "tests/watch/run.py --server {server}"),
    ("admin", "tests/admin/run.py --server {server}"),
    ("clients/typescript", "clients/typescript/tests/run.py --server {server}"),
    ("console", "tests/console/run.py --server {server}"),
    ("clients/python", "clients/python/tests/check.py --server {server}"),
    ("published_python", "tests/published_python/run.py --server {server}"),
    ("conformance", "tests/conformance/run.py --server {server} --programs {bin}"),
    ("bench smoke", "tests/bench/run.py"),
    ("README.md", "tools/readme_blocks.py README.md --programs {bin}"),
]


@dataclass
class Outcome:
    passed: int = 0
    failed: int = 0
    notes: list = field(default_factory=list)


@dataclass
class Runner:
    name: str
    command: list
    kind: str  # gtest, unittest, counted or exit
    environment: dict = field(default_factory=dict)
    folder: str = str(ROOT)


def read_gtest(report):
    """Outcome of GoogleTest's own report."""
    outcome = Outcome()
    for suite in json.loads(report)["testsuites"]:
        for case in suite["testsuite"]:
            name = f"{suite['name']}.{case['name']}"
            if case.get("failures"):
                outcome.failed += 1
                outcome.notes.append(f"failed: {name}")
            elif case.get("result") == "COMPLETED":
                outcome.passed += 1
            else:
                outcome.notes.append(f"not run: {name} ({case.get('result', case['status'])})")
    return outcome


def read_unittest(output):
    ran = UNITTEST.search(output)
    bad = UNITTEST_BAD.search(output)
    counts = dict(re.findall(r"(\w+)=(\d+)", bad.group(1))) if bad else {}
    failed = sum(int(counts.get(key, 0)) for key in ("failures", "errors"))
    return Outcome(max(int(ran.group(1)) - failed, 0) if ran else 0, failed)


def read_counted(output):
    last = COUNTED.findall(output)[-1:]
    return Outcome(int(last[0][0]), int(last[0][1])) if last else Outcome()


def judge(outcome, code):
    """What the exit code says that the counts do not, and that nothing counted is a failure."""
    if code != 0 and outcome.failed == 0:
        outcome.failed = 1
        outcome.notes.append(f"ended with {code}")
    elif outcome.passed + outcome.failed == 0:
        outcome.failed = 1
        outcome.notes.append("ran no test at all")
    return outcome


def run(runner):
    """(Outcome, everything it printed)"""
    environment = {**os.environ, **runner.environment}
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = list(runner.command)
        if runner.kind == "gtest":
            command.append(f"--gtest_output=json:{report}")
        try:
            done = subprocess.run(command, cwd=runner.folder, env=environment, timeout=TIMEOUT_S,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        except subprocess.TimeoutExpired as late:
            text = (late.stdout or b"").decode(errors="replace")
            return judge(Outcome(notes=[f"not done after {TIMEOUT_S} s"]), -1), text
        except OSError as problem:
            return judge(Outcome(notes=[str(problem)]), -1), ""
        output = done.stdout.decode(errors="replace")
        if runner.kind == "gtest":
            outcome = read_gtest(report.read_text()) if report.exists() else Outcome()
        elif runner.kind == "unittest":
            outcome = read_unittest(output)
        elif runner.kind == "counted":
            outcome = read_counted(output)
        else:
            outcome = Outcome(1, 0) if done.returncode == 0 else Outcome(0, 1)
        return judge(outcome, done.returncode), output


def ctest_runners(preset, chosen=None):
    """The programs that the build has told ctest of; those named in `chosen` when it is given."""
    listing = subprocess.run(["ctest", "--show-only=json-v1"], cwd=ROOT / "build" / preset,
                             capture_output=True, text=True, check=True).stdout
    for test in json.loads(listing)["tests"]:
        if chosen is not None and test["name"] not in chosen:
            continue
        if not test.get("command"):
            yield Runner(f"{test['name']} ({preset})", ["not built"], "counted")
            continue
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        pairs = (pair.partition("=") for pair in properties.get("ENVIRONMENT", []))
        name = pathlib.Path(test["command"][0]).name
        kind = "gtest" if len(test["command"]) == 1 and name.endswith("_test") else "counted"
        yield Runner(f"{test['name']} ({preset})", test["command"], kind,
                     {key: value for key, _, value in pairs},
                     properties.get("WORKING_DIRECTORY", str(ROOT)))


def commits():
    """How many commits there are: what chooses the part of a suite that is too long for one run."""
    counted = subprocess.run(["git", "rev-list", "--count", "HEAD"], cwd=ROOT, capture_output=True,
                             text=True, check=False)
    return int(counted.stdout) if counted.returncode == 0 else int(time.strftime("%j"))


def tree_runners():
    """Checks of the tree and of the release programs, outside ctest."""
    programs = ROOT / "build/release/bin"
    python = sys.executable
    yield Runner("tidy", [python, "tools/tidy", "--headers"], "exit")
    scripts = sorted(str(path) for folder in ("scripts", ".ci")
                     for path in (ROOT / folder).iterdir()
                     if path.is_file() and b"python" not in path.open("rb").readline())
    yield Runner("shellcheck", ["shellcheck", *scripts], "exit")
    for module in sorted([*ROOT.glob("tools/*_test.py"), *ROOT.glob("tests/*/*_test.py")]):
        yield Runner(str(module.relative_to(ROOT)), [python, str(module)], "unittest")
    for name, command in COUNTED_RUNNERS:
        words = [word.format(bin=programs, server=programs / "rstmdb", commits=commits())
                 for word in command.split()]
        yield Runner(name, [python, *words], "counted")


def sanitizer_runners(number):
    """Builds one slice of the suite under a sanitizer, every sixth test of that preset."""
    preset, remainder = SLICES[number]
    if not (ROOT / "build" / preset / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", preset], cwd=ROOT, check=True)
    programs = test_programs(preset)
    chosen = sorted(programs)[remainder::SLICES_PER_SANITIZER]
    targets = sorted({programs[name] for name in chosen if programs[name]})
    if targets:  # those that start a server or a command line say so to the build
        subprocess.run(["cmake", "--build", "--preset", preset, "--target", *targets], cwd=ROOT,
                       check=True)
    for runner in ctest_runners(preset, chosen):
        runner.environment = {**runner.environment, **SANITIZER_OPTIONS}
        yield runner


def test_programs(preset):
    """{test known to ctest: its program's target, or None when it is no program of the build}"""
    entry = re.compile(r'^add_test\(\[=*\[([^\]]+)\]=*\] "([^"]+)"', re.MULTILINE)
    programs = {}
    for listing in (ROOT / "build" / preset).rglob("CTestTestfile.cmake"):
        for name, program in entry.findall(listing.read_text()):
            path = pathlib.Path(program)
            programs[name] = path.name if f"build/{preset}" in program else None
    return programs


def report(runner, outcome, output, seconds):
    state = "FAIL" if outcome.failed else "ok  "
    print(f"{state} {runner.name}: {outcome.passed} passed, {outcome.failed} failed "
          f"[{seconds:.1f} s]", flush=True)
    for note in outcome.notes:
        print(f"     {note}", flush=True)
    if outcome.failed:
        print("".join(f"     | {line}\n" for line in output.splitlines()[-60:]), flush=True)


def failures(runner, outcome, output):
    """The lines that say what failed: those that a reader of the end of a long log wants."""
    yield f"FAIL {runner.name}: {outcome.passed} passed, {outcome.failed} failed"
    said = outcome.notes + [line for line in output.splitlines() if FAILURE.match(line)]
    yield from (f"     {line}" for line in said[:FAILURES_SHOWN_MAX])
    if len(said) > FAILURES_SHOWN_MAX:
        yield f"     and {len(said) - FAILURES_SHOWN_MAX} more"


def run_group(runners, only, total):
    for runner in runners:
        if only not in runner.name:
            continue
        began = time.monotonic()
        outcome, output = run(runner)
        report(runner, outcome, output, time.monotonic() - began)
        total.passed += outcome.passed
        total.failed += outcome.failed
        if outcome.failed:
            total.notes += failures(runner, outcome, output)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slice", type=int, action="append", default=[], choices=sorted(SLICES))
    parser.add_argument("--only", default="", help="only runners whose name holds this")
    parser.add_argument("--no-release", action="store_true", help="only the slices")
    args = parser.parse_args()
    groups = [] if args.no_release else [tree_runners, lambda: ctest_runners("release")]
    groups += [lambda number=number: sanitizer_runners(number) for number in args.slice]
    total = Outcome()
    for group in groups:
        try:
            run_group(group(), args.only, total)
        except subprocess.CalledProcessError as problem:
            total.notes.append(
                f"FAIL {' '.join(map(str, problem.cmd))}: ended with {problem.returncode}")
            print(total.notes[-1])
            total.failed += 1
    judge(total, 0)
    print("".join(f"{note}\n" for note in total.notes), end="")
    print(f"{total.passed} passed, {total.failed} failed")
    sys.exit(1 if total.failed else 0)


if __name__ == "__main__":
    main()
