#!/usr/bin/env python3
"""Builds the TypeScript client and tests it, also as the package that npm would publish.

  clients/typescript/tests/run.py [--server build/release/bin/rstmdb] [--full] [--only TEXT]

Tests run under Node 18, the oldest that is promised, and under the Node that is on PATH;
--full adds 20, 22 and 24, and
makes the API reference in build/api. The tools, and those Nodes, come from npm as the lock files
beside their package.json say, into folders that git ignores. Ends with `N passed, N failed`.
"""

import argparse
import hashlib
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parent
PACKAGE = TESTS.parent
ROOT = PACKAGE.parents[1]
CPU = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
NODES = {"floor": ("18",), "more": ("20", "22", "24")}
ATTW_NODE_MIN = 20  # are-the-types-wrong does not run on an older one
TIMEOUT_S = 300
SUMMARY = re.compile(r"^# (tests|pass) (\d+)$", re.MULTILINE)


class Failure(Exception):
    """A step that did not end well, with what it printed."""


def call(*command, folder=PACKAGE, environment=None):
    """What the command printed."""
    done = subprocess.run(list(map(str, command)), cwd=folder, timeout=TIMEOUT_S, check=False,
                          env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))} ended with {done.returncode}\n{output}")
    return output


def install(folder):
    """Installs what the folder's lock file names, unless that has been done."""
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules/.installed"
    if stamp.exists() and stamp.read_text() == lock:
        return
    call("npm", "ci", "--ignore-scripts", folder=folder)
    stamp.write_text(lock)


def nodes(full):
    """[(name, program)]"""
    found = [("on PATH", "node")]
    for group, majors in NODES.items():
        if group == "floor" or full:
            folder = TESTS / "runtimes" / group
            install(folder)
            found += [(major, folder / f"node_modules/node{major}-{CPU}/bin/node")
                      for major in majors]
    return found


def tool(name):
    return PACKAGE / "node_modules/.bin" / name


def build():
    call("node", "build.mjs")
    call("node", "tests/make_blocks.mjs")
    call(tool("tsc"), "-p", "tsconfig.test.json")
    for project in ("readme", "seed"):
        call(tool("tsc"), "-p", f"build/blocks/{project}/tsconfig.json")


def lint():
    call(tool("biome"), "check", "--error-on-warnings", ".")


def pack(folder):
    """The package as npm would publish it."""
    call("npm", "pack", "--ignore-scripts", "--pack-destination", folder)
    return next(folder.glob("*.tgz"))


def package_checks(tarball):
    call(tool("publint"), "--strict", tarball)
    if int(call("node", "--version").lstrip("v").split(".")[0]) >= ATTW_NODE_MIN:
        call(tool("attw"), tarball)
    else:
        print(f"     are-the-types-wrong needs Node {ATTW_NODE_MIN} and was not run", flush=True)


CONSUMERS = {
    "esm.mjs": "import { Client, ConflictError } from '@rstmdb/client';\n",
    "cjs.cjs": "const { Client, ConflictError } = require('@rstmdb/client');\n",
    "types.mts": "import { Client, ConflictError } from '@rstmdb/client';\n",
    "types.cts": "import { Client, ConflictError } from '@rstmdb/client';\n",
}
USE = """
const client = new Client({ host: 'localhost' });
if (client.isConnected() || typeof ConflictError !== 'function') process.exit(1);
client.close().then(() => console.log('good'));
"""


def empty_project(folder, tarball, programs):
    """The package alone in a new project: import, require, and types in both module systems."""
    call("npm", "init", "-y", folder=folder)
    call("npm", "install", "--offline", "--no-audit", "--no-fund", tarball, folder=folder)
    for name, head in CONSUMERS.items():
        (folder / name).write_text(head + USE)
    for _, node in programs:
        for name in ("esm.mjs", "cjs.cjs"):
            printed = call(node, name, folder=folder)
            if printed != "good\n":
                raise Failure(f"{name} under {node} printed {printed!r}")
    call(tool("tsc"), "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022",
         "--types", "node", "--typeRoots", PACKAGE / "node_modules/@types",
         "types.mts", "types.cts", folder=folder)


def run_tests(node, server, only):
    """(passed, failed, output)"""
    files = sorted(str(path.relative_to(PACKAGE)) for path in
                   (PACKAGE / "build/tests").glob("*.test.js") if only in path.name)
    done = subprocess.run([str(node), "--enable-source-maps", "--test", "--test-reporter=tap",
                           *files], cwd=PACKAGE, check=False, timeout=TIMEOUT_S,
                          env={**os.environ, "RSTMDB_SERVER": str(server)},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    output = done.stdout.decode(errors="replace")
    counts = {name: int(count) for name, count in SUMMARY.findall(output)}
    passed, tests = counts.get("pass", 0), counts.get("tests", 0)
    failed = tests - passed  # cancelled and skipped ones are not good either
    if done.returncode != 0 or passed == 0:
        failed = max(failed, 1)
    return passed, failed, output


def bench(server):
    """That the measurement runs, and measures."""
    printed = call("node", "build/bench/pipelined.js", "--seconds", "0.2", "--rounds", "1",
                   environment={"RSTMDB_SERVER": str(server)})
    if not re.search(r"median [1-9]\d* ops/s", printed):
        raise Failure(f"it printed {printed!r}")


def reference():
    """The API reference, without a warning."""
    install(PACKAGE / "docs")
    call(PACKAGE / "docs/node_modules/.bin/typedoc", folder=PACKAGE / "docs")


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def step(self, name, function, *arguments):
        """Counts a step as one test."""
        try:
            function(*arguments)
        except (Failure, OSError, StopIteration, subprocess.TimeoutExpired) as problem:
            self.failed += 1
            print(f"FAIL {name}: {problem}", flush=True)
            return False
        self.passed += 1
        print(f"ok   {name}", flush=True)
        return True

    def tests(self, name, passed, failed, output):
        self.passed += passed
        self.failed += failed
        print(f"{'FAIL' if failed else 'ok  '} tests under Node {name}: "
              f"{passed} passed, {failed} not", flush=True)
        if failed:
            bad = re.findall(r"^\s*not ok (?:.|\n)*?^\s*\.\.\.$", output, re.MULTILINE)
            print("\n".join(bad)[:20000] or output[-5000:], flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("RSTMDB_SERVER",
                                                            ROOT / "build/release/bin/rstmdb")))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="", help="only test files whose name holds this")
    args = parser.parse_args()
    report = Report()
    programs = []
    if (report.step("install", install, PACKAGE) and report.step("build", build)
            and report.step("Nodes", lambda: programs.extend(nodes(args.full)))):
        report.step("lint", lint)
        with tempfile.TemporaryDirectory(prefix="rstmdb-npm-") as name:
            folder = pathlib.Path(name)
            project = folder / "project"
            project.mkdir()
            packed = []
            if report.step("pack", lambda: packed.append(pack(folder))):
                report.step("publint and are-the-types-wrong", package_checks, *packed)
                report.step("in an empty project", empty_project, project, *packed, programs)
        report.step("bench", bench, args.server.resolve())
        if args.full:
            report.step("API reference", reference)
        for title, node in programs:
            report.tests(title, *run_tests(node, args.server.resolve(), args.only))
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
