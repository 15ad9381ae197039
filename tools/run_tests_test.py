#!/usr/bin/env python3
"""What runners print is counted right, and a runner that ran nothing has failed."""

import json
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import run_tests  # noqa: E402


def counts(outcome):
    return outcome.passed, outcome.failed


def gtest_report(*cases):
    return json.dumps({"testsuites": [{"name": "S", "testsuite": [
        {"name": f"c{index}", "status": "RUN", **case} for index, case in enumerate(cases)]}]})


class Reading(unittest.TestCase):
    def test_gtest(self):
        outcome = run_tests.read_gtest(gtest_report(
            {"result": "COMPLETED"}, {"result": "COMPLETED", "failures": [{"failure": "x"}]},
            {"result": "SKIPPED"}, {"status": "NOTRUN", "result": "SUPPRESSED"}))
        self.assertEqual(counts(outcome), (1, 1))
        self.assertEqual(len(outcome.notes), 3)

    def test_unittest(self):
        self.assertEqual(counts(run_tests.read_unittest("....\nRan 4 tests in 0.1s\n\nOK\n")),
                         (4, 0))
        self.assertEqual(counts(run_tests.read_unittest(
            "Ran 5 tests in 0.1s\n\nFAILED (failures=2, errors=1)\n")), (2, 3))

    def test_counted_takes_the_last_line(self):
        self.assertEqual(counts(run_tests.read_counted("3 passed, 0 failed\nx\n9 passed, 1 failed\n"
                                                       )), (9, 1))

    def test_nothing_counted_is_a_failure(self):
        self.assertEqual(counts(run_tests.judge(run_tests.read_counted("hello\n"), 0)), (0, 1))
        self.assertEqual(counts(run_tests.judge(run_tests.Outcome(), 0)), (0, 1))
        self.assertEqual(counts(run_tests.judge(run_tests.read_unittest("Ran 0 tests\nOK"), 0)),
                         (0, 1))

    def test_exit_code_is_believed(self):
        self.assertEqual(counts(run_tests.judge(run_tests.Outcome(7, 0), 1)), (7, 1))
        self.assertEqual(counts(run_tests.judge(run_tests.Outcome(7, 2), 1)), (7, 2))


class Running(unittest.TestCase):
    def run_shell(self, script, kind="counted"):
        return run_tests.run(run_tests.Runner("x", ["sh", "-c", script], kind))[0]

    def test_programs(self):
        self.assertEqual(counts(self.run_shell("echo 2 passed, 0 failed")), (2, 0))
        self.assertEqual(counts(self.run_shell("echo 2 passed, 0 failed; exit 1")), (2, 1))
        self.assertEqual(counts(self.run_shell("true")), (0, 1))
        self.assertEqual(counts(self.run_shell("true", "exit")), (1, 0))
        self.assertEqual(counts(self.run_shell("false", "exit")), (0, 1))

    def test_gtest_program_that_dies_before_its_report(self):
        self.assertEqual(counts(self.run_shell("kill -9 $$", "gtest")), (0, 1))

    def test_missing_program(self):
        runner = run_tests.Runner("x", ["./no/such/program"], "counted")
        self.assertEqual(counts(run_tests.run(runner)[0]), (0, 1))

    def test_what_failed_is_told_from_all_of_a_long_output(self):
        runner = run_tests.Runner("x", ["sh", "-c", "echo FAIL the row; seq 1000; "
                                        "echo 2 passed, 1 failed"], "counted")
        told = list(run_tests.failures(runner, *run_tests.run(runner)))
        self.assertEqual(told, ["FAIL x: 2 passed, 1 failed", "     FAIL the row"])

    def test_of_many_failures_the_first_are_told_and_the_rest_counted(self):
        bad = run_tests.Outcome(0, 30, [f"failed: S.c{index}" for index in range(30)])
        told = list(run_tests.failures(run_tests.Runner("x", [], "gtest"), bad, ""))
        self.assertEqual(len(told), run_tests.FAILURES_SHOWN_MAX + 2)
        self.assertEqual(told[-1], "     and 10 more")


if __name__ == "__main__":
    unittest.main()
