#!/usr/bin/env python3
"""The vectors against the second implementations in tools/: neither is made from the server."""

import json
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import canonical  # noqa: E402
import rcp  # noqa: E402

VECTORS = ROOT / "protocol/vectors"


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))[name]


def bytes_of(given):
    if isinstance(given, str):
        return bytes.fromhex(given)
    return b"".join(bytes.fromhex(part["hex"]) * part.get("times", 1) for part in given)


def read_all(pieces, row):
    reader = rcp.FrameReader(payload_bytes_max=row.get("payload_bytes_max", rcp.PAYLOAD_BYTES_MAX))
    payloads = []
    for piece in pieces:
        reader.feed(piece)
        try:
            while (payload := reader.next()) is not None:
                payloads.append(payload.decode())
        except rcp.FrameError as error:
            return payloads, {"code": error.code, "details": {"field": error.field}}
    return payloads, None


class Frames(unittest.TestCase):
    def test_every_row_whole_and_byte_by_byte(self):
        for row in load("frames"):
            data = bytes_of(row["bytes"])
            told = row["payloads"], row.get("error")
            with self.subTest(row["name"]):
                self.assertEqual(read_all([data], row), told)
                self.assertEqual(bool(row.get("closes")), "error" in row)
                if len(data) < 4096:
                    self.assertEqual(read_all([bytes([byte]) for byte in data], row), told)

    def test_crc(self):
        self.assertEqual(rcp.crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(rcp.crc32c(b""), 0)
        self.assertEqual(rcp.crc32c(b"\0" * 32), 0x8A9136AA)


class Definitions(unittest.TestCase):
    def test_every_row(self):
        seen = set()
        for row in load("definitions"):
            with self.subTest(row["name"]):
                self.assertNotIn(row["name"], seen)
                seen.add(row["name"])
                self.assertNotEqual("error" in row, "canonical" in row)
                if "error" in row:
                    continue
                self.assertEqual(canonical.canonical(row["definition"]), row["canonical"])
                self.assertEqual(canonical.checksum(row["canonical"]), row["sha256"])
                self.assertEqual(canonical.canonical(row["canonical"]), row["canonical"])


class Dialogs(unittest.TestCase):
    def test_every_operation_is_spoken(self):
        contract = json.loads((ROOT / "protocol/operations.json").read_text())["operations"]
        text = "".join(path.read_text() for path in sorted((VECTORS / "dialogs").glob("*.json")))
        for row in contract:
            with self.subTest(row["op"]):
                self.assertIn(f'"op": "{row["op"]}"', text)


if __name__ == "__main__":
    unittest.main()
