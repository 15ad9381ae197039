"""protocol/vectors/frames.json, in the two dialects that this client speaks."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server import ROOT

from rstmdb import _frames

ROWS = json.loads((ROOT / "protocol/vectors/frames.json").read_text())["frames"]
READERS = {"rcpx": _frames.BinaryReader, "jsonl": _frames.LineReader}
# Rows without a dialect's name are about recognising one, which only a server does.
MINE = [row for row in ROWS if row["name"].split(":")[0] in READERS]


def bytes_of(given_bytes: Any) -> bytes:
    if isinstance(given_bytes, str):
        return bytes.fromhex(given_bytes)
    return b"".join(bytes.fromhex(part["hex"]) * part.get("times", 1) for part in given_bytes)


def read(row: dict[str, Any], pieces: list[bytes]) -> tuple[list[str], _frames.FrameError | None]:
    most = row.get("payload_bytes_max", _frames.PAYLOAD_BYTES_MAX)
    reader = READERS[row["name"].split(":")[0]](most)
    payloads: list[bytes] = []
    try:
        for piece in pieces:
            payloads += reader.feed(piece)
    except _frames.FrameError as error:
        return [payload.decode() for payload in (*payloads, *error.before)], error
    return [payload.decode() for payload in payloads], None


@pytest.mark.parametrize("row", MINE, ids=lambda row: row["name"])
def test_vector(row: dict[str, Any]) -> None:
    data = bytes_of(row["bytes"])
    ways = [[data]]
    if len(data) < 100_000:
        ways.append([data[place : place + 1] for place in range(len(data))])
    for pieces in ways:
        payloads, error = read(row, pieces)
        assert payloads == row["payloads"]
        if "error" in row:
            assert error is not None
            assert error.code == row["error"]["code"]
            assert error.field == row["error"]["details"]["field"]
        else:
            assert error is None


def test_there_are_vectors() -> None:
    assert len([row for row in MINE if row["name"].startswith("rcpx")]) >= 40
    assert len([row for row in MINE if row["name"].startswith("jsonl")]) >= 8


TEXTS = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1))


@given(TEXTS, st.lists(st.integers(0, 400)), st.sampled_from(["rcpx", "jsonl"]))
def test_what_is_encoded_comes_back_however_it_is_cut(
    texts: list[str], cuts: list[int], dialect: str
) -> None:
    payloads = [json.dumps(text, ensure_ascii=False).encode() for text in texts]
    encode = _frames.encode_line if dialect == "jsonl" else _frames.encode_binary
    stream = b"".join(map(encode, payloads))
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = READERS[dialect]()
    found: list[bytes] = []
    for start, stop in itertools.pairwise(edges):
        found += reader.feed(stream[start:stop])
    assert found == payloads
