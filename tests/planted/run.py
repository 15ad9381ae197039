#!/usr/bin/env python3
"""Plants defects into the server, one at a time, and has the tests find them.

  tests/planted/run.py --build build/release                 all of them; some minutes
  tests/planted/run.py --build build/release --slice 3       the part of commit number 3
  tests/planted/run.py --build build/release --only NAME     those whose name holds NAME

For each defect, the one file that it stands in is compiled again, with its edit, and the programs
that contain it are linked; the build folder stays as it is. Then tests run, the cheapest first,
until one fails that passes without the defect. Prints which test that was, and `N passed, N
failed`: a defect that no test finds has failed. A defect's programs can be kept with --keep FOLDER.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from defects import DEFECTS, UNTRIED  # noqa: E402

SLICES = 14
SUITE_S = 300
SERVER = "rstmdb"
# Tests that hold more than one folder, the cheapest first; each runs when the defect is in it.
TEST_PROGRAMS = ["engine_test", "log_test", "snapshot_test", "watch_test", "wire_test", "node_test",
                 "api_test", "http_test", "gateway_test", "io_test", "app_test", "database_test",
                 "server_test", "admin_test"]
# Whole programs, with the server that has the defect.
SUITES = [
    ("dialogs", ["tests/dialogs/run.py", "--server", "{server}"]),
    ("http", ["tests/http/run.py", "--server", "{server}"]),
    ("linearizability", ["{bin}/lin_run", "--server", "{server}", "--operations", "100000",
                         "--folder-operations", "30000"]),
    ("races", ["{bin}/lin_race", "--server", "{server}", "--rounds", "20"]),
    ("crash", ["{bin}/crash_kill9", "--server", "{server}", "--cycles", "20"]),
    ("crash, compacting", ["{bin}/crash_kill9", "--server", "{server}", "--cycles", "8",
                           "--compact-percent", "90"]),
    ("faults", ["tests/faults/run.py", "--server", "{server}"]),
    ("watch", ["tests/watch/run.py", "--server", "{server}"]),
    ("security", ["tests/security/run.py", "--server", "{server}"]),
    ("admin", ["tests/admin/run.py", "--server", "{server}"]),
    ("simulation", ["{bin}/rstmdb-sim", "--seeds", "1..40"]),
]


class Unbuildable(Exception):
    """The edit does not compile, or a command of the build is not as expected."""


def planted_text(defect):
    text = (ROOT / "src" / defect.file).read_text()
    if text.count(defect.old) != 1:
        raise Unbuildable(f"{defect.file} does not have the place of {defect.name} exactly once")
    return text.replace(defect.old, defect.new)


def slice_of(defects, commit):
    return defects[commit % SLICES::SLICES]


def failed_case(output):
    """The test that a failed program names."""
    named = (re.findall(r"^\[  FAILED  \] (\S+)(?: \(|, where|$)", output, re.MULTILINE)
             or re.findall(r"^VIOLATION of (\w+)", output, re.MULTILINE)
             or re.findall(r"^PROBLEM, seed \d+: (.{1,90})", output, re.MULTILINE)
             or re.findall(r"^FAIL (.{1,90}?)(?::|$)", output, re.MULTILINE))
    if named:
        return named[0]
    begun = re.findall(r"^\[ RUN      \] (\S+)", output, re.MULTILINE)
    ended = set(re.findall(r"^\[       OK \] (\S+)", output, re.MULTILINE))
    cut = [name for name in begun if name not in ended]
    return f"{cut[-1]} (ended early)" if cut else "its exit code"


class Workshop:
    """Makes programs with one defect out of a build folder that stays as it is."""

    def __init__(self, build, folder):
        self.build = build
        self.folder = folder
        self.commands = {entry["file"]: entry for entry in
                         json.loads((build / "compile_commands.json").read_text())}
        self.links = {}

    def compile(self, defect):
        source = ROOT / "src" / defect.file
        entry = self.commands.get(str(source))
        if entry is None:
            raise Unbuildable(f"{defect.file} is not compiled in {self.build}")
        copy = self.folder / source.name
        copy.write_text(planted_text(defect))
        # The member of the library has the name of the file's object.
        compiled = self.folder / f"{source.name}.o"
        command = shlex.split(entry["command"])
        command[command.index("-o") + 1] = str(compiled)
        command[-1] = str(copy)
        command.append("-Wno-error")
        self.run(command)
        return compiled

    def library_with(self, defect, compiled):
        name = f"librstmdb_{defect.folder}.a"
        original = next(iter((self.build / "src").glob(f"**/{name}")), None)
        if original is None:
            raise Unbuildable(f"no {name} in {self.build}")
        library = self.folder / name
        shutil.copyfile(original, library)
        self.run(["ar", "r", library, compiled])
        return original, library

    def link_command(self, program):
        if program not in self.links:
            told = subprocess.run(["ninja", "-t", "commands", "-s", f"bin/{program}"],
                                  cwd=self.build, capture_output=True, text=True, check=False)
            self.links[program] = told.stdout.strip() if told.returncode == 0 else ""
        return self.links[program]

    def link(self, program, original, library):
        """The program with that library in the place of the original; None when it has none."""
        command = self.link_command(program)
        before = str(original.relative_to(self.build))
        if f" {before}" not in command:
            return None
        target = self.folder / program
        command = command.replace(before, str(library))
        command = re.sub(rf"-o bin/{re.escape(program)}(?=\s)", f"-o {target}", command)
        self.run(["sh", "-c", command])
        return target

    def run(self, command):
        done = subprocess.run([str(part) for part in command], cwd=self.build,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode != 0:
            raise Unbuildable(done.stdout[-1500:])


def run_suite(command, environment):
    """(whether it failed, which test)"""
    try:
        done = subprocess.run([str(part) for part in command], cwd=ROOT, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=SUITE_S, check=False)
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"").decode(errors="replace")
        return True, f"{failed_case(text)}, not done after {SUITE_S} s"
    return done.returncode != 0, failed_case(done.stdout) if done.returncode != 0 else ""


def words_of(command, programs):
    words = [word.format(server=programs / SERVER, bin=programs) for word in command]
    return [sys.executable, *words] if words[0].endswith(".py") else words


class Sound:
    """Whether a test that has failed passes without the defect."""

    suites = {}  # by name, of this process

    def __init__(self, build, environment):
        self.programs = build / "bin"
        self.environment = environment

    def program(self, name, case):
        only = [f"--gtest_filter={case.split()[0]}"] if "." in case else []
        failed, _ = run_suite([self.programs / name, *only], self.environment)
        return self.told(name, failed)

    def suite(self, name, command):
        if name not in self.suites:
            self.suites[name], _ = run_suite(words_of(command, self.programs), self.environment)
        return self.told(name, self.suites[name])

    @staticmethod
    def told(name, failed):
        if failed:
            print(f"     {name} fails without a defect as well", flush=True)
        return not failed


def test_programs(defect):
    own = f"{defect.folder}_test"
    return [own] + [name for name in TEST_PROGRAMS if name != own]


def find(workshop, defect, environment, suites):
    """The test that finds the defect, or None: one of the test programs, or else of `suites`."""
    sound = Sound(workshop.build, environment)
    original, library = workshop.library_with(defect, workshop.compile(defect))
    for name in test_programs(defect):
        program = workshop.link(name, original, library)
        if program is None:
            continue
        failed, case = run_suite([program, "--gtest_fail_fast"], environment)
        program.unlink()
        if failed and sound.program(name, case):
            return f"{name}: {case}"
    if not suites:
        return None
    server = workshop.link(SERVER, original, library)
    if server is None:
        raise Unbuildable(f"the server has no {library.name}")
    # Suites look for their own programs beside the server.
    for other in (workshop.build / "bin").iterdir():
        if not (workshop.folder / other.name).exists():
            (workshop.folder / other.name).symlink_to(other)
    simulation = workshop.link("rstmdb-sim", original, library)
    for name, command in suites:
        if name == "simulation" and simulation is None:
            continue
        failed, case = run_suite(words_of(command, workshop.folder), environment)
        if failed and sound.suite(name, command):
            return f"{name}: {case}"
    return None


def examine(build, defect, keep, suites):
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rstmdb-planted-") as name:
        folder = pathlib.Path(keep) / defect.name if keep else pathlib.Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        scratch = pathlib.Path(name) / "tmp"
        scratch.mkdir()
        environment = {**os.environ, "TMPDIR": str(scratch)}
        try:
            found = find(Workshop(build, folder), defect, environment, suites)
        except Unbuildable as problem:
            found, why = None, f"cannot be built: {problem}"
        else:
            why = "no test finds it"
    seconds = time.monotonic() - began
    print(f"{'ok  ' if found else 'FAIL'} {defect.name}: {found or why} [{seconds:.1f} s]",
          flush=True)
    return found is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--slice", type=int, help="a commit's number: only its part")
    parser.add_argument("--untried", action="store_true", help="those of which it is not known")
    parser.add_argument("--only", default="", help="only defects whose name holds this")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no defect after it")
    parser.add_argument("--from", dest="first", default="", help="begin with this defect")
    parser.add_argument("--programs", action="store_true",
                        help="only test programs, which need no machine of their own")
    parser.add_argument("--keep", help="leave the programs of each defect in this folder")
    args = parser.parse_args()
    chosen = UNTRIED if args.untried else DEFECTS
    if args.slice is not None:
        chosen = slice_of(chosen, args.slice)
    chosen = [defect for defect in chosen if args.only in defect.name]
    names = [defect.name for defect in chosen]
    if args.first:
        chosen = chosen[names.index(args.first):]
    began = time.monotonic()
    passed = failed = 0
    for defect in chosen:
        if time.monotonic() - began > args.seconds:
            print(f"not begun: {defect.name} and what follows")
            break
        if examine(args.build.resolve(), defect, args.keep, [] if args.programs else SUITES):
            passed += 1
        else:
            failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
