"""JSON in one pass each way.

Integers are exact; those of thousands of digits, which Python refuses to read as int, come as
Decimal. Fractions are floats, or Decimals that keep every digit; a
Decimal can always be sent. NaN and Infinity are no JSON and are refused.
"""

from __future__ import annotations

import decimal
import json
from collections.abc import Callable, Mapping
from typing import Any

from .errors import InvalidArgumentError

Loads = Callable[[str], Any]
Dumps = Callable[[Any], str]


class _DecimalFound(Exception):
    """The quick encoder has met a number that it cannot write."""


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _unknown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, decimal.Decimal):
        raise _DecimalFound
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_unknown
).encode


def _write(value: Any) -> str:
    """As the quick encoder, and Decimals."""
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no JSON")
        return str(value)
    if isinstance(value, Mapping):
        members = (f"{_encode(_key(key))}:{_write(member)}" for key, member in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_write, value)) + "]"
    return _encode(value)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    text = _encode({key: 0})  # as the quick encoder writes keys that are numbers, true, null
    return str(json.loads(text[: text.rindex(":")] + ":0}").popitem()[0])


def dumps(value: Any) -> str:
    try:
        try:
            return _encode(value)
        except _DecimalFound:
            return _write(value)
    except (TypeError, ValueError, RecursionError) as problem:
        raise InvalidArgumentError(f"no JSON: {problem}") from problem


def _integer(digits: str) -> Any:
    try:
        return int(digits)
    except ValueError:  # longer than sys.get_int_max_str_digits()
        return decimal.Decimal(digits)


def loads(*, decimals: bool) -> Loads:
    parse_float = decimal.Decimal if decimals else None
    decoder = json.JSONDecoder(parse_float=parse_float, parse_constant=_refuse_constant)
    patient = json.JSONDecoder(
        parse_float=parse_float, parse_int=_integer, parse_constant=_refuse_constant
    )
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once  # type: ignore[attr-defined]

    def load(text: str) -> Any:
        try:
            value, end = scan(text, 0)
        except (StopIteration, ValueError):
            return patient.decode(text)  # takes more, and words a fault
        return value if end == len(text) else patient.decode(text)

    return load
