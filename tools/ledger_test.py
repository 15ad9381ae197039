#!/usr/bin/env python3
"""What the ledger adds up, and that its page says what its entries say."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import ledger  # noqa: E402


def run(area="kill9", failures=0, seed="1", **counts):
    return {"area": area, "date": "2026-01-02", "commit": "abc", "counts": counts, "seed": seed,
            "failures": failures, "seconds": 60}


def mended(test, area="kill9"):
    return {"area": area, "date": "2026-01-03", "commit": "def", "mended": test}


class Standing(unittest.TestCase):
    def test_runs_add_up(self):
        now = ledger.standing([run(cycles=3, checks=10), run(cycles=4, seed="2")])["kill9"]
        self.assertEqual(now["counts"], {"cycles": 7, "checks": 10})
        self.assertEqual((now["runs"], now["seconds"], now["seeds"]), (2, 120, ["1", "2"]))

    def test_what_is_there_each_time_does_not_add_up(self):
        now = ledger.standing([run("fuzz", targets=13, minutes=2),
                               run("fuzz", targets=12, minutes=3)])
        self.assertEqual(now["fuzz"]["counts"], {"targets": 13, "minutes": 5})

    def test_a_failure_takes_back_what_was_shown(self):
        now = ledger.standing([run(cycles=3), run(cycles=9, failures=1)])["kill9"]
        self.assertEqual((now["counts"], now["open"]), ({}, True))

    def test_and_only_of_its_area(self):
        areas = ledger.standing([run(cycles=3), run("power", failures=1, cuts=1)])
        self.assertEqual(areas["kill9"]["counts"], {"cycles": 3})

    def test_after_mending_it_counts_again(self):
        now = ledger.standing([run(cycles=3, failures=2), mended("Suite.Case"),
                               run(cycles=5)])["kill9"]
        self.assertEqual((now["counts"], now["open"], now["found"]),
                         ({"cycles": 5}, False, ["Suite.Case"]))


class Different(unittest.TestCase):
    """Planted defects, of which two names of the table are needed."""
    first, second = sorted(ledger.DIFFERENT["planted"])[:2]

    def caught(self, *entries):
        return ledger.standing(list(entries))["planted"]["counts"]["caught"]

    def found(self, *names, failures=0):
        return {**run("planted", failures, caught=len(names)), "different": list(names)}

    def test_the_same_counts_once(self):
        self.assertEqual(self.caught(self.found(self.first), self.found(self.first)), 1)
        self.assertEqual(self.caught(self.found(self.first), self.found(self.second)), 2)

    def test_a_name_that_is_not_in_the_table_counts_for_nothing(self):
        self.assertEqual(self.caught(self.found(self.first, "one_of_old")), 1)
        self.assertEqual(self.caught(run("planted", caught=40)), 0)

    def test_a_failure_takes_them_back(self):
        self.assertEqual(self.caught(self.found(self.first), self.found(failures=1),
                                     self.found(self.second)), 1)

    def test_all_of_the_table_is_the_goal(self):
        everything = self.found(*ledger.DIFFERENT["planted"])
        count = len(ledger.DIFFERENT["planted"])
        self.assertIn(f"██████████ {count} of {count} caught", ledger.page([everything]))


class Page(unittest.TestCase):
    def test_has_a_row_for_each_area_and_each_failure(self):
        text = ledger.page([run(cycles=2_500), run("power", failures=1, cuts=4, seed="77"),
                            mended("Suite.Case", "power")])
        self.assertIn("█████░░░░░ 2,500 of 5,000 cycles", text)
        self.assertIn("- power (2026-01-02, abc): 1 failed with seed 77.", text)
        self.assertIn("held by `Suite.Case`", text)
        for area in ledger.AREAS:
            self.assertIn(f"| {area} |", text)

    def test_an_area_that_fails_says_so(self):
        self.assertIn("**failed** 0 of 5,000 cycles", ledger.page([run(cycles=1, failures=1)]))

    def test_the_page_in_the_tree_is_that_of_the_entries(self):
        self.assertEqual(ledger.PAGE.read_text(), ledger.page(ledger.read()))


class Entries(unittest.TestCase):
    def read(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "entries.jsonl"
            path.write_text(text)
            return ledger.read(path)

    def test_a_line_that_is_none_is_named(self):
        with self.assertRaisesRegex(ledger.Unusable, "line 2"):
            self.read('{"area": "kill9"}\n{"area"\n')
        with self.assertRaisesRegex(ledger.Unusable, "line 1: no area 'nowhere'"):
            self.read('{"area": "nowhere"}\n')


if __name__ == "__main__":
    unittest.main()
