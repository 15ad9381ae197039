from __future__ import annotations

import decimal
import json
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rstmdb
from rstmdb import _json

TEXT = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | TEXT
    | st.floats(allow_nan=False).filter(lambda value: abs(value) != float("inf")),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)
EXACT = st.recursive(
    st.none() | st.integers() | TEXT | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


@given(VALUES)
def test_values_come_back(value: object) -> None:
    text = _json.dumps(value)
    assert _json.loads(decimals=False)(text) == value
    assert json.loads(text) == value


@given(EXACT)
def test_decimals_come_back_with_every_digit(value: object) -> None:
    found = _json.loads(decimals=True)(_json.dumps({"value": value}))["value"]
    assert found == value


@pytest.mark.parametrize("decimals", [True, False])
def test_integers_too_long_for_python(decimals: bool) -> None:
    """Anyone may store one; reading it must not end the connection."""
    digits = "7" * 5000
    found = _json.loads(decimals=decimals)(f'{{"a":{digits},"b":12}}')
    assert found == {"a": decimal.Decimal(digits), "b": 12}
    assert isinstance(found["b"], int)
    assert _json.dumps(found) == f'{{"a":{digits},"b":12}}'


def test_mappings_of_other_kinds() -> None:
    view = types.MappingProxyType({"a": types.MappingProxyType({"b": 1})})
    assert _json.dumps({"x": view}) == '{"x":{"a":{"b":1}}}'
    exact = types.MappingProxyType({"a": decimal.Decimal("1.0")})
    assert _json.dumps({"x": [exact]}) == '{"x":[{"a":1.0}]}'


def test_keys_as_the_quick_encoder_writes_them() -> None:
    odd = {1: 0, None: 1, False: 2, 2.5: 3, 'a"b': 4}
    exact = {**odd, "d": decimal.Decimal(1)}
    assert json.loads(_json.dumps(exact)) == {**json.loads(_json.dumps(odd)), "d": 1}


@pytest.mark.parametrize("text", ["", " ", "{", "[1", "1 2", '{"a":NaN}', "nul", "[Infinity]"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        _json.loads(decimals=False)(text)


def test_white_space_around_is_allowed() -> None:
    assert _json.loads(decimals=False)(' {"a":1} \n') == {"a": 1}


@pytest.mark.parametrize("value", [{"d": decimal.Decimal("inf")}, {(1, 2): 3}, {"d": object()}])
def test_what_cannot_be_written_is_refused(value: object) -> None:
    with pytest.raises(rstmdb.InvalidArgumentError):
        _json.dumps(value)
