#!/usr/bin/env python3
"""What counts as a turn that held, and what as one that did not."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "planted")]

import ledger  # noqa: E402
import run as planted  # noqa: E402
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


class Running(unittest.TestCase):
    def test_what_is_not_done_in_time_ends_with_all_that_it_has_started(self):
        before = soak.PATIENCE_S, soak.UNDOING_S
        soak.PATIENCE_S, soak.UNDOING_S = 0, 0.2
        try:
            # The pipe ends only when the second process has ended, too.
            code, printed = soak.run(["sh", "-c", "echo begun; sleep 600 & wait"], 5)
        finally:
            soak.PATIENCE_S, soak.UNDOING_S = before
        self.assertEqual((code, printed), (-1, "begun\n\nnot done in its time"))


class Commands(unittest.TestCase):
    """What an area asks for and makes of the answer; nothing is run."""

    def outcome(self, area, printed, code=0, seed=3_000, seconds=60):
        asked = []

        def run(command, _):
            asked.append([str(part) for part in command])
            return code, printed
        real, soak.run = soak.run, run
        try:
            return soak.AREAS[area](seed, seconds), asked[0]
        finally:
            soak.run = real

    def test_planted_takes_a_slice_and_keeps_the_names(self):
        outcome, asked = self.outcome("planted", "ok   a_b: engine_test: A.b [1.0 s]\n"
                                      "ok   c: faults: x [2.0 s]\n2 passed, 0 failed\n")
        self.assertEqual((outcome.different, outcome.counts), (("a_b", "c"), {"caught": 2}))
        self.assertEqual(asked[-2:], ["--slice", "3"])

    def test_the_turns_of_a_run_take_every_slice(self):
        first = 1_764_190_000
        slices = {int(self.outcome("planted", "", seed=first + turn * soak.SEEDS_OF_A_TURN)[1][-1])
                  % planted.SLICES for turn in range(planted.SLICES)}
        self.assertEqual(slices, set(range(planted.SLICES)))

    def test_a_defect_that_is_not_found_is_a_failure(self):
        outcome, _ = self.outcome("planted", "ok   a: t: A.b [1.0 s]\nFAIL c: no test finds it "
                                  "[9.0 s]\n1 passed, 1 failed\n", code=1)
        self.assertEqual((outcome.failures, outcome.different), (1, ("a",)))

    def test_the_groups_of_the_faults_are_counted_by_what_they_are(self):
        outcome, asked = self.outcome("syscalls", "kills: 713 kept every promise (712 killed, 1 "
                                      "covered), 0 did not\n713 passed, 0 failed\n")
        self.assertEqual((outcome.counts, outcome.failures), ({"kills": 712}, 0))
        self.assertEqual(asked[-2:], ["--group", "kills"])
        outcome, asked = self.outcome("power", "     On ext4: 9 power cuts, 80 acknowledged writes"
                                      "\n     On xfs: 8 power cuts, 70 acknowledged writes\n"
                                      "2 passed, 0 failed\n")
        self.assertEqual(outcome.counts, {"cuts": 17, "writes": 150})
        self.assertEqual(self.outcome("faults", "5 passed, 0 failed\n")[0].counts, {"cases": 5})

    def test_what_was_skipped_has_shown_nothing(self):
        for area in ("syscalls", "power", "faults"):
            outcome, _ = self.outcome(area, "skip every case: needs root\n0 passed, 0 failed\n", 1)
            self.assertEqual(outcome.failures, 1, area)

    def test_other_seeds_are_other_power_cuts(self):
        seeds = {tuple(self.outcome("power", "", seed=seed)[1]) for seed in (1_000, 2_000)}
        self.assertEqual(len(seeds), 2)


class Turns(unittest.TestCase):
    def turns(self, areas, seconds, longest, holds=lambda area: True):
        now, played = [0.0], []

        def play(area, seed, share):
            played.append((area, seed, share))
            now[0] += share
            return holds(area)

        counts = soak.take_turns(areas, seconds, longest, play, lambda: now[0])
        return played, counts

    def test_areas_take_turns_and_no_seed_comes_twice(self):
        played, counts = self.turns(["a", "b"], 360, 60)
        self.assertEqual([area for area, _, _ in played], ["a", "b"] * 3)
        self.assertEqual(len({(area, seed) for area, seed, _ in played}), 6)
        self.assertEqual(counts, (6, 0))

    def test_what_is_left_is_no_turn_when_it_is_too_short_for_anything(self):
        played, _ = self.turns(["a"], 100 + soak.SHORTEST_TURN_S - 1, 100)
        self.assertEqual([share for _, _, share in played], [100])
        played, _ = self.turns(["a"], 100 + soak.SHORTEST_TURN_S, 100)
        self.assertEqual([share for _, _, share in played], [100, soak.SHORTEST_TURN_S])

    def test_who_has_failed_gets_no_further_turn(self):
        played, counts = self.turns(["a", "b"], 400, 100, lambda area: area == "b")
        self.assertEqual([area for area, _, _ in played], ["a", "b", "b", "b"])
        self.assertEqual(counts, (3, 1))


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
