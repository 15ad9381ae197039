#!/usr/bin/env python3
"""What counts as a turn that held, and what as one that did not."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import ledger  # noqa: E402
import soak  # noqa: E402


def said(text, code=0, patterns=None):
    return soak.counted(["sh", "-c", f"printf '%s' '{text}'; exit {code}"], 10,
                        patterns or {"cycles": r"^(\d+) cycles", "checks": r": (\d+) checks"})


class Counted(unittest.TestCase):
    def test_numbers_are_summed(self):
        outcome = said("3 cycles\nok a: 10 checks\nok b: 5 checks\n2 passed, 0 failed\n")
        self.assertEqual((outcome.counts, outcome.failures), ({"cycles": 3, "checks": 15}, 0))

    def test_failures_are_taken_over(self):
        self.assertEqual(said("3 cycles\na: 1 checks\n2 passed, 4 failed\n", 1).failures, 4)

    def test_an_exit_code_is_a_failure(self):
        self.assertEqual(said("3 cycles\na: 1 checks\n2 passed, 0 failed\n", 139).failures, 1)

    def test_a_program_that_says_nothing_has_shown_nothing(self):
        self.assertEqual(said("2 passed, 0 failed\n").failures, 1)


class Areas(unittest.TestCase):
    def test_each_has_its_place_in_the_ledger_and_a_goal(self):
        for name in soak.AREAS:
            self.assertIn(name, ledger.AREAS)

    def test_a_failure_keeps_what_was_printed(self):
        areas, found = soak.AREAS, soak.FOUND
        with tempfile.TemporaryDirectory(dir=soak.ROOT) as folder:
            soak.FOUND = pathlib.Path(folder)
            soak.AREAS = {"kill9": lambda seed, seconds: soak.Outcome({"cycles": 1}, 1, "broken")}
            try:
                self.assertFalse(soak.turn("kill9", 7, 1, keeps_book=False))
                self.assertEqual((soak.FOUND / "kill9-7.txt").read_text(), "broken")
            finally:
                soak.AREAS, soak.FOUND = areas, found


if __name__ == "__main__":
    unittest.main()
