#!/usr/bin/env python3
"""Every planted defect still has its place in the sources, and the runner's verdicts can fail."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import run  # noqa: E402
from defects import DEFECTS, UNTRIED  # noqa: E402


class Table(unittest.TestCase):
    def test_names_are_different(self):
        names = [defect.name for defect in DEFECTS + UNTRIED]
        self.assertEqual(sorted(set(names)), sorted(names))

    def test_each_has_one_place(self):
        for defect in DEFECTS + UNTRIED:
            with self.subTest(defect.name):
                text = (run.ROOT / "src" / defect.file).read_text()
                self.assertEqual(text.count(defect.old), 1)
                self.assertNotEqual(run.planted_text(defect), text)


class Slices(unittest.TestCase):
    def test_together_they_are_everything(self):
        names = []
        for commit in range(run.SLICES):
            names += [defect.name for defect in run.slice_of(DEFECTS, commit)]
        self.assertEqual(sorted(names), sorted(defect.name for defect in DEFECTS))


class Catching(unittest.TestCase):
    def test_the_failed_test_is_named(self):
        text = "[ RUN      ] A.B\n[  FAILED  ] A.B (1 ms)\n[  FAILED  ] 1 test, listed below:\n"
        self.assertEqual(run.failed_case(text), "A.B")
        self.assertEqual(run.failed_case("ok   x\nFAIL lost_ack: 3 checks\n"), "lost_ack")
        self.assertEqual(run.failed_case("[ RUN      ] A.B\nABORT"), "A.B (ended early)")
        self.assertEqual(run.failed_case(""), "its exit code")


if __name__ == "__main__":
    unittest.main()
