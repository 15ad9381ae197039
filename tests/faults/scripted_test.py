"""What is known of a life says no where it should."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import scripted  # noqa: E402
from matrix import Broken  # noqa: E402


class Shown:
    """What a server shows, made up."""

    def __init__(self, entries, state):
        self.shown, self.shown_state = entries, state

    def head(self):
        return max(self.shown, default=0)

    def entries(self):
        return self.shown

    def state(self):
        return self.shown_state


def known():
    """A life of three requests, of which the second makes two records."""
    life = scripted.Life("made up", [("A", {}), ("B", {}), ("C", {})])
    life.heads = [1, 3, 4]
    life.entries = {offset: {"n": offset} for offset in range(1, 5)}
    life.states = {head: {"at": head} for head in (0, 1, 3, 4)}
    return life


def entries(*offsets):
    return {offset: {"n": offset} for offset in offsets}


class KnownLife(unittest.TestCase):
    def judge(self, shown, state, acknowledged):
        return known().judge(Shown(shown, state), acknowledged)

    def refuses(self, sentence, *case):
        with self.assertRaisesRegex(Broken, sentence):
            self.judge(*case)

    def test_takes_what_was_acknowledged_and_what_may_be_there(self):
        self.assertEqual(self.judge({}, {"at": 0}, 0), 0)
        self.assertEqual(self.judge(entries(1), {"at": 1}, 1), 1)
        self.assertEqual(self.judge(entries(1, 2, 3), {"at": 3}, 1), 3)

    def test_takes_a_log_that_begins_later(self):
        self.assertEqual(self.judge(entries(3, 4), {"at": 4}, 3), 4)

    def test_finds_a_lost_request(self):
        self.refuses("was acknowledged", entries(1), {"at": 1}, 2)

    def test_finds_half_a_batch(self):
        self.refuses("no request ends", entries(1, 2), {"at": 2}, 1)

    def test_finds_a_gap(self):
        self.refuses("the offsets are", entries(1, 3), {"at": 3}, 1)

    def test_finds_another_record(self):
        self.refuses("offset 2 is", {**entries(1, 3), 2: {"n": 7}}, {"at": 3}, 1)

    def test_finds_another_state(self):
        self.refuses("another state", entries(1, 2, 3), {"at": 1}, 1)

    def test_finds_what_nobody_sent(self):
        self.refuses("no request ends", entries(1, 2, 3, 4, 5), {"at": 5}, 3)


if __name__ == "__main__":
    unittest.main()
