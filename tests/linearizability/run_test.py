#!/usr/bin/env python3
"""The runner's counts can fail."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import run  # noqa: E402


class Counts(unittest.TestCase):
    def test_failures_are_counted(self):
        self.assertEqual(run.judge("ok\n20 passed, 0 failed\n", 0), (20, 0))
        self.assertEqual(run.judge("18 passed, 2 failed\n", 1), (18, 2))

    def test_silence_and_crashes_are_failures(self):
        self.assertEqual(run.judge("", 0), (0, 1))
        self.assertEqual(run.judge("20 passed, 0 failed\n", -11), (20, 1))

    def test_a_program_that_is_missing_is_a_failure(self):
        self.assertEqual(run.counted(["no-such-program-of-ours"]), (0, 1))


if __name__ == "__main__":
    unittest.main()
