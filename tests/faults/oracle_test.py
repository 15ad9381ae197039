"""The oracle says no where it should."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import oracle  # noqa: E402
import subject  # noqa: E402


def creation(number, shown=None):
    return {"type": "create_instance", "instance_id": f"w{number}",
            "initial_ctx": {"n": number if shown is None else shown}}


def told(acknowledged=(), refused=(), unknown=(), count=9):
    history = subject.History()
    history.acknowledged = dict(acknowledged)
    history.refused = {number: {} for number in refused}
    history.unknown = set(unknown)
    history.count = count
    return history


class Oracle(unittest.TestCase):
    LOG = {1: {"type": "put_machine"}, 2: creation(1), 3: creation(2)}

    def test_a_log_that_keeps_its_promises(self):
        self.assertEqual(oracle.wrong_in(self.LOG, told({1: 2}, refused=[3], unknown=[2, 4])), [])

    def test_what_was_acknowledged_and_is_missing_or_elsewhere(self):
        self.assertEqual(len(oracle.wrong_in(self.LOG, told({1: 2, 3: 4}))), 1)
        self.assertEqual(len(oracle.wrong_in(self.LOG, told({1: 3}))), 1)

    def test_a_log_that_was_shortened_needs_the_state(self):
        rest = {3: creation(2)}
        self.assertEqual(oracle.wrong_in(rest, told({1: 2, 2: 3}), shows=lambda n: n == 1), [])
        self.assertEqual(len(oracle.wrong_in(rest, told({1: 2, 2: 3}))), 1)

    def test_what_was_refused_and_is_there(self):
        self.assertEqual(len(oracle.wrong_in(self.LOG, told({1: 2}, refused=[2]))), 1)

    def test_another_content(self):
        self.assertEqual(len(oracle.wrong_in({1: creation(1, shown=7)}, told({1: 1}))), 1)

    def test_a_hole_a_double_and_what_nobody_sent(self):
        self.assertEqual(len(oracle.wrong_in({1: creation(1), 3: creation(2)}, told())), 1)
        self.assertEqual(len(oracle.wrong_in({1: creation(1), 2: creation(1)}, told())), 1)
        self.assertEqual(len(oracle.wrong_in({1: creation(12)}, told())), 1)

    def test_an_answer_is_entered_as_what_it_says(self):
        history = subject.History()
        history.merge(1, {"status": "ok", "result": {"wal_offset": 5}})
        history.merge(2, {"status": "error", "error": {"code": "WAL_IO_ERROR"}})
        history.merge(3, {"status": "error", "error": {"code": "RATE_LIMITED"}})
        history.merge(4, None)
        self.assertEqual(history.acknowledged, {1: 5})
        self.assertEqual(history.unknown, {2, 4})
        self.assertEqual(list(history.refused), [3])

    def test_a_death_by_signal(self):
        self.assertTrue(oracle.died_by_signal(-25))
        self.assertFalse(oracle.died_by_signal(1))
        self.assertFalse(oracle.died_by_signal(None))


if __name__ == "__main__":
    unittest.main()
