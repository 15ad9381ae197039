#!/usr/bin/env python3
"""The checks of a clean stop can fail: each is shown something wrong."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import clean_stop  # noqa: E402
import forgetful_server  # noqa: E402
import run  # noqa: E402

CLEAN = {"level": "info", "segments": 1, "clean_close": True}


class CleanStop(unittest.TestCase):
    def test_lost_writes_are_named(self):
        entries = {1: {"payload": {"n": 1}}, 2: {"payload": {"n": 9}}}
        self.assertEqual(clean_stop.lost({1: {"n": 1}}, entries), [])
        self.assertEqual(clean_stop.lost({1: {"n": 1}, 2: {"n": 2}, 3: {"n": 3}}, entries), [2, 3])

    def test_modes_open_to_others_are_named(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            inner = folder / "wal"
            inner.mkdir(mode=0o700)
            file = inner / "1"
            file.touch(mode=0o600)
            self.assertEqual(clean_stop.open_to_others(folder), [])
            file.chmod(0o640)
            self.assertEqual(clean_stop.open_to_others(folder), [str(file)])
            inner.chmod(0o755)
            self.assertEqual(clean_stop.open_to_others(folder), [str(inner), str(file)])

    def test_clean_close_has_to_be_said(self):
        self.assertTrue(clean_stop.comes_back_clean([{}, CLEAN]))
        self.assertFalse(clean_stop.comes_back_clean([]))
        self.assertFalse(clean_stop.comes_back_clean([{**CLEAN, "clean_close": False}]))

    def test_cut_tail_is_seen(self):
        self.assertTrue(clean_stop.cuts_nothing([CLEAN]))
        self.assertFalse(clean_stop.cuts_nothing([CLEAN, {"level": "warn", "saved_as": "x"}]))

    def test_refusal_needs_exit_code_and_name(self):
        named = [{"level": "error", "error": "in use (file=/d/wal/lock)"}]
        self.assertTrue(clean_stop.refuses(1, named, "/d/wal"))
        self.assertFalse(clean_stop.refuses(0, named, "/d/wal"))
        self.assertFalse(clean_stop.refuses(None, named, "/d/wal"))
        self.assertFalse(clean_stop.refuses(1, named, "/other"))
        self.assertFalse(clean_stop.refuses(1, [], "/d/wal"))


class ForgetfulServer(unittest.TestCase):
    def test_wipes_the_end_of_the_newest_segment_that_has_one(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            wiped = forgetful_server.WIPED_BYTES
            (folder / "1.seg").write_bytes(b"x" * 5 * wiped)
            (folder / "2.seg").write_bytes(b"y" * 5 * wiped + bytes(500))
            (folder / "3.seg").write_bytes(bytes(500))
            (folder / "closed").write_bytes(b"z" * 1000)
            forgetful_server.wipe_end(folder)
            self.assertEqual((folder / "1.seg").read_bytes(), b"x" * 5 * wiped)
            self.assertEqual((folder / "2.seg").read_bytes(), b"y" * 4 * wiped + bytes(wiped + 500))
            self.assertEqual((folder / "closed").read_bytes(), b"z" * 1000)

    def test_leaves_a_segment_alone_that_another_has_followed(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "1.seg").write_bytes(b"x" * 1000)
            (folder / "2.seg").write_bytes(b"y" * 100 + bytes(500))
            forgetful_server.wipe_end(folder)
            self.assertEqual((folder / "1.seg").read_bytes(), b"x" * 1000)
            self.assertEqual((folder / "2.seg").read_bytes(), b"y" * 100 + bytes(500))

    def test_loss_is_recognised_by_its_rule(self):
        self.assertTrue(run.found_loss("VIOLATION of no_lost_ack, seed 1"))
        self.assertFalse(run.found_loss("VIOLATION of server_comes_back, seed 1"))


class Counting(unittest.TestCase):
    def test_counts_are_taken_over(self):
        self.assertEqual(run.judge("ok\n14 passed, 0 failed\n", 0), (14, 0))
        self.assertEqual(run.judge("12 passed, 2 failed\n", 1), (12, 2))

    def test_failure_without_a_count_is_a_failure(self):
        self.assertEqual(run.judge("", 0), (0, 1))
        self.assertEqual(run.judge("14 passed, 0 failed\n", 1), (14, 1))
        self.assertEqual(run.judge("", -6), (0, 1))


if __name__ == "__main__":
    unittest.main()
