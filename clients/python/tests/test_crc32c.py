from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rstmdb import _crc32c


def bitwise(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("compute", [_crc32c.crc32c, _crc32c._table_crc32c])
def test_the_check_value(compute: object) -> None:
    assert compute(b"123456789") == 0xE3069283  # type: ignore[operator]
    assert compute(b"") == 0  # type: ignore[operator]


@pytest.mark.parametrize("base", [16, 36, 68, 69, 132, 260, 516, 1028, 4100])
def test_folding_at_each_edge(base: int) -> None:
    for length in range(max(base - 6, 0), base + 6):
        data = bytes(7 * place + length & 0xFF for place in range(length))
        assert _crc32c._table_crc32c(data) == bitwise(data), length


@given(st.binary(max_size=700))
def test_any_bytes(data: bytes) -> None:
    assert _crc32c._table_crc32c(data) == _crc32c.crc32c(data) == bitwise(data)
