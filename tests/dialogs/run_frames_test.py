#!/usr/bin/env python3
"""The judgement of run_frames.py on made-up answers: it can fail in each way that it should."""

import json
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import run_frames  # noqa: E402
import rcp  # noqa: E402

PONG = {"type": "response", "id": "1", "status": "ok", "result": {"pong": True}}
BAD = {"type": "response", "id": "", "status": "error",
       "error": {"code": "BAD_REQUEST", "message": "m", "details": {"field": "crc32c"}}}
PING = '{"type":"request","id":"1","op":"PING"}'
ROW = {"name": "rcp1: x", "payloads": [PING],
       "error": {"code": "BAD_REQUEST", "details": {"field": "crc32c"}}}


def sent(*answers, dialect="rcp1"):
    return b"".join(rcp.encode(dialect, json.dumps(answer).encode()) for answer in answers)


class Judgement(unittest.TestCase):
    def refuses(self, received, row=None):
        with self.assertRaises((run_frames.Mismatch, rcp.FrameError)):
            run_frames.check_row(row or ROW, received)

    def test_right_answers(self):
        run_frames.check_row(ROW, sent(PONG, BAD))

    def test_wrong_answers(self):
        self.refuses(sent(PONG))
        self.refuses(sent(BAD))
        self.refuses(b"")
        self.refuses(sent(PONG, BAD, BAD))
        self.refuses(sent(PONG, BAD, dialect="rcpx"))
        self.refuses(sent(PONG, BAD) + b"RCP")
        self.refuses(sent(PONG | {"id": "2"}, BAD))
        self.refuses(sent(PONG, BAD | {"id": "1"}))
        self.refuses(sent(PONG, BAD | {"error": BAD["error"] | {"code": "UNSUPPORTED_PROTOCOL"}}))
        self.refuses(sent(PONG, BAD | {"error": BAD["error"] | {"details": {"field": "magic"}}}))
        self.refuses(sent(PONG, BAD)[:-1])

    def test_payload_that_is_no_request_has_to_be_refused(self):
        row = {"name": "rcp1: y", "payloads": [""]}
        run_frames.check_row(row, sent(BAD))
        self.refuses(sent(PONG), row)


if __name__ == "__main__":
    unittest.main()
