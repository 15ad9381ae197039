#!/usr/bin/env python3
"""Checks and tests the web console, its last part in a real browser against a real server.

  tests/console/run.py [--server build/release/bin/rstmdb] [--pictures FOLDER] [--only TEXT]

Types, form, unit tests, and a build under Node 18, the oldest that is promised; then Chromium
(scripts/bootstrap --console) is driven over every screen. --pictures also writes a picture of each
screen, light, dark and narrow. What the tests need comes from npm as the lock files say.
Ends with `N passed, N failed`.
"""

import argparse
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parents[1]
CONSOLE = ROOT / "console"
NODE_18 = ROOT / "clients/typescript/tests/runtimes/floor"
TIMEOUT_S = 900
TAP = re.compile(r"^# (tests|pass) (\d+)$", re.MULTILINE)
COUNTED = re.compile(r"^(\d+) passed, (\d+) failed", re.MULTILINE)


class Failure(Exception):
    """A step that did not end well, with what it printed."""


def call(*command, folder=CONSOLE, environment=None):
    """(exit code, what it printed)"""
    done = subprocess.run(list(map(str, command)), cwd=folder, timeout=TIMEOUT_S, check=False,
                          env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def must(*command, **options):
    code, output = call(*command, **options)
    if code != 0:
        raise Failure(f"{' '.join(map(str, command))} ended with {code}\n{output}")
    return output


def install(folder):
    """Installs what the folder's lock file names, unless that has been done."""
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules/.installed"
    if stamp.exists() and stamp.read_text() == lock:
        return
    must("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)
    stamp.write_text(lock)


def tool(name):
    return CONSOLE / "node_modules/.bin" / name


def built_by_node_18():
    """Vite and what it brings run under Debian's Node, and make the same files."""
    install(NODE_18)
    programs = sorted(NODE_18.glob("node_modules/node*/bin/node"))
    if not programs:
        raise Failure(f"no Node in {NODE_18}")
    vite = "node_modules/vite/bin/vite.js"
    with tempfile.TemporaryDirectory(prefix="rstmdb-console-") as name:
        made = {}
        for title, node in (("18", programs[0]), ("the one on PATH", "node")):
            out = pathlib.Path(name) / title.replace(" ", "-")
            must(node, vite, "build", "--logLevel", "warn", "--outDir", out)
            made[title] = {str(path.relative_to(out)): path.read_bytes()
                           for path in out.rglob("*") if path.is_file()}
        if made["18"] != made["the one on PATH"] or len(made["18"]) < 3:
            raise Failure(f"different files: {sorted(made['18'])}, "
                          f"{sorted(made['the one on PATH'])}")


class Report:
    def __init__(self, only):
        self.only = only
        self.passed = self.failed = 0

    def step(self, name, function, *arguments, **options):
        """Counts a step as one test."""
        try:
            function(*arguments, **options)
        except (Failure, OSError, subprocess.TimeoutExpired) as problem:
            self.failed += 1
            print(f"FAIL {name}: {problem}", flush=True)
            return False
        self.passed += 1
        print(f"ok   {name}", flush=True)
        return True

    def add(self, passed, failed, output):
        self.passed, self.failed = self.passed + passed, self.failed + failed
        print(output, flush=True)

    def units(self):
        code, output = call("node", "unit_tests.mjs")
        counts = {name: int(count) for name, count in TAP.findall(output)}
        passed = counts.get("pass", 0)
        failed = counts.get("tests", 0) - passed
        if code != 0 or passed == 0:
            failed = max(failed, 1)
        summary = f"{'FAIL' if failed else 'ok  '} unit tests: {passed} passed, {failed} not"
        self.add(passed, failed, summary if failed == 0 else f"{summary}\n{output[-8000:]}")

    def browser(self, server, chromium, pictures):
        command = ["node", "browser.mjs", "--server", server, "--chromium", chromium,
                   "--only", self.only]
        if pictures:
            command += ["--pictures", pictures.resolve()]
        try:
            code, output = call(*command, folder=TESTS)
        except subprocess.TimeoutExpired as late:
            printed = (late.stdout or b"").decode(errors="replace")
            code, output = 1, f"{printed}\nFAIL the browser's scenarios: not done in {TIMEOUT_S} s"
        last = COUNTED.findall(output)[-1:]
        passed, failed = (int(last[0][0]), int(last[0][1])) if last else (0, 1)
        if code != 0:
            failed = max(failed, 1)
        self.add(passed, failed, COUNTED.sub("", output).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", type=pathlib.Path, default=ROOT / "build/release/bin/rstmdb")
    parser.add_argument("--pictures", type=pathlib.Path, help="folder for a picture of each screen")
    parser.add_argument("--only", default="", help="only the browser's tests whose name holds this")
    args = parser.parse_args()
    report = Report(args.only)
    ready = report.step("install", install, CONSOLE) and report.step("install", install, TESTS)
    if ready and not args.only:
        report.step("types", must, tool("tsc"), "--noEmit")
        report.step("form", must, tool("biome"), "check", "--error-on-warnings", ".")
        report.step("form of the tests", must, tool("biome"), "check", "--error-on-warnings", ".",
                    folder=TESTS)
        report.step("built by Node 18", built_by_node_18)
        report.units()
    chromium = shutil.which("chromium")
    if ready and chromium is None:
        print("skip the browser: chromium is missing (scripts/bootstrap --console)", flush=True)
    elif ready:
        report.browser(args.server.resolve(), chromium, args.pictures)
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
