#!/usr/bin/env python3
"""The checks on small programs with and without each protection: every one of them can fail."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import run  # noqa: E402

SOURCE = """#include <stdio.h>
#include <string.h>
int main(int argc, char** argv) {
  char text[16];
  memset(text, argc, sizeof text);
  strcpy(text, argv[0]);
  return puts(text);
}
"""
HARD = ["-O2", "-fPIE", "-pie", "-Wl,-z,relro,-z,now,-z,noexecstack", "-fstack-protector-strong",
        "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]


def found(*extra):
    """What is missing from a program built with HARD and then `extra`."""
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder) / "a.c", pathlib.Path(folder) / "a"
        source.write_text(SOURCE)
        subprocess.run(["gcc", "-w", *HARD, *extra, str(source), "-o", str(program)], check=True)
        return {what for what, holds in run.read_back(program).items() if not holds}


class Hardening(unittest.TestCase):
    def test_hard_program_has_all(self):
        self.assertEqual(found(), set())

    def test_each_protection_is_missed(self):
        self.assertIn("position independent", found("-fno-PIE", "-no-pie"))
        self.assertIn("RELRO", found("-Wl,-z,norelro"))
        self.assertIn("binds at start", found("-Wl,-z,lazy"))
        self.assertIn("stack not executable", found("-Wl,-z,execstack"))
        self.assertIn("nothing writable and executable", found("-Wl,-z,execstack"))
        self.assertIn("stack protector", found("-fno-stack-protector"))
        self.assertIn("fortified calls", found("-U_FORTIFY_SOURCE"))
        self.assertIn("no search path", found("-Wl,-rpath,/opt/lib"))


if __name__ == "__main__":
    unittest.main()
