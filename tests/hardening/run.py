#!/usr/bin/env python3
"""Reads the release programs back and checks that they are built as hardened as the build says.

  tests/hardening/run.py --programs build/release/bin

For each program: position independent, RELRO with immediate binding, a stack that is not
executable, no segment both writable and executable, stack protector, fortified calls, no search
path of the build machine. Control-flow protection is compiled in, but the linker marks a program
with it only when the C library's start files are marked, which those of Debian 12 are not.
"""

import argparse
import pathlib
import re
import subprocess
import sys

PROGRAMS = ("rstmdb", "rstmdb-cli")


def readelf(option, program):
    return subprocess.run(["readelf", "--wide", option, str(program)], capture_output=True,
                          text=True, check=True, env={"LC_ALL": "C"}).stdout


def segments(text):
    """[(type, flags)] of the program headers."""
    row = re.compile(r"^\s+([A-Z_]+)\s+0x\w+ 0x\w+ 0x\w+ 0x\w+ 0x\w+ ([RWE ]{3})", re.MULTILINE)
    return row.findall(text)


def findings(header, dynamic, programs, symbols):
    """{what is asked for: whether it holds}, from readelf's texts."""
    parts = segments(programs)
    flags = dict(re.findall(r"\((FLAGS(?:_1)?)\)\s+(?:Flags: )?(.*)", dynamic))
    return {
        "position independent": "DYN (" in header and "PIE" in flags.get("FLAGS_1", ""),
        "RELRO": any(kind == "GNU_RELRO" for kind, _ in parts),
        "binds at start": "BIND_NOW" in flags.get("FLAGS", "") or "NOW" in flags.get("FLAGS_1", ""),
        "stack not executable": any(kind == "GNU_STACK" and "E" not in access
                                    for kind, access in parts),
        "nothing writable and executable": bool(parts) and not any(
            "W" in access and "E" in access for _, access in parts),
        "stack protector": "__stack_chk_fail" in symbols,
        "fortified calls": bool(re.search(r"\b__\w+_chk\b(?!_fail)", symbols.replace(
            "__stack_chk_fail", ""))),
        "no search path": "(RPATH)" not in dynamic and "(RUNPATH)" not in dynamic,
    }


def read_back(program):
    options = ("--file-header", "--dynamic", "--segments", "--dyn-syms")
    return findings(*(readelf(option, program) for option in options))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    args = parser.parse_args()
    passed = failed = 0
    for name in PROGRAMS:
        program = args.programs / name
        if not program.exists():
            print(f"FAIL {name}: not built in {args.programs}")
            failed += 1
            continue
        for what, holds in read_back(program).items():
            passed, failed = passed + holds, failed + (not holds)
            print(f"{'ok  ' if holds else 'FAIL'} {name}: {what}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
