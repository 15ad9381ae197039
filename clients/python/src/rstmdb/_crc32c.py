"""CRC-32C (Castagnoli), as every frame of the protocol carries it.

With the extra `crc32c` the processor's own instruction does it. Without it, a long message is
*folded* first: its front part A, times x^(8n) modulo the polynomial, is added to its last n bytes.
The product of A and a constant is five byte-wise table look-ups of the whole of A, which
`bytes.translate` does at the speed of C, and sums over GF(2) are the XOR of large integers. What is
left after a few folds is short enough for the usual table.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

_POLYNOMIAL = 0x82F63B78  # bits reversed: the lowest is the coefficient of x^31
_SHORT = 68  # up to so many bytes the plain table is quicker


def _byte_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _byte_table()


def _update(crc: int, data: bytes) -> int:
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


@functools.cache
def _multiplier(size: int) -> tuple[bytes, ...]:
    """Tables that multiply each byte by x^(8 * size) modulo the polynomial: one for each byte of
    the product. Sizes are 2^k + 4, so there are only a few."""
    factor = 0x80000000  # 1
    for _ in range(size):
        factor = factor >> 8 ^ _TABLE[factor & 0xFF]
    products = []
    for value in range(256):
        product = 0
        for bit in range(8):
            if value >> bit & 1:
                product ^= factor << bit
        products.append(product << 1)  # 39 bits, aligned to the end of five bytes
    return tuple(bytes(product >> 8 * place & 0xFF for product in products) for place in range(5))


def _table_crc32c(data: bytes) -> int:
    length = len(data)
    if length <= _SHORT:
        return _update(0xFFFFFFFF, data) ^ 0xFFFFFFFF
    size = 1 << (length - 5).bit_length() - 1
    # The front must be at least four bytes shorter than what it is folded onto.
    message = int.from_bytes(data, "little") ^ 0xFFFFFFFF
    while size >= 32:
        kept = size + 4
        front = length - kept
        bits = 8 * front
        head = (message & (1 << bits) - 1).to_bytes(front, "little")
        product = 0
        for place, table in enumerate(_multiplier(kept)):
            product ^= int.from_bytes(head.translate(table), "little") << 8 * place
        message = message >> bits ^ product << 8 * (kept - front - 4)
        length = kept
        size >>= 1
    return _update(0, message.to_bytes(length, "little")) ^ 0xFFFFFFFF


def _fastest() -> tuple[Callable[[bytes], int], bool]:
    try:
        import google_crc32c
    except ImportError:
        return _table_crc32c, False
    if google_crc32c.implementation != "c":  # its own Python is slower than ours
        return _table_crc32c, False
    value: Callable[[bytes], int] = google_crc32c.value
    return value, True


crc32c, NATIVE = _fastest()
