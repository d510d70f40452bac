"""JSON from other processes: whatever comes in, what goes out is an object of finite numbers, or a ValueError."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.console.messages import MAX_CHARACTERS, encode, parse_object

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, float) else []


@given(st.dictionaries(st.text(), values, max_size=5))
def test_what_python_writes_comes_out_finite(message):
    parsed = parse_object(json.dumps(message))
    assert all(map(math.isfinite, numbers(parsed)))
    assert json.loads(encode(parsed)) == parsed


@given(st.text(max_size=200))
def test_any_text_is_an_object_or_a_value_error(text):
    try:
        assert isinstance(parse_object(text), dict)
    except ValueError as error:
        assert str(error)


def test_a_finite_message_is_kept_as_it_is():
    message = {"a": 1.5, "b": [1, "x", None, {"c": True}]}
    assert parse_object(json.dumps(message)) == message


def test_numbers_that_are_not_finite_become_null():
    assert parse_object('{"a": NaN, "b": [Infinity, -Infinity, 1e999, 2.0]}') == {
        "a": None,
        "b": [None, None, None, 2.0],
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "list"),
        ('{"a": ' + "[" * 100_000, "deeply"),
        ('{"a": "' + "x" * MAX_CHARACTERS + '"}', "longer"),
        ("{'a': 1}", "property name"),
    ],
)
def test_refused_with_a_reason(text, words):
    with pytest.raises(ValueError, match=words):
        parse_object(text)


def test_encode_never_writes_nan():
    with pytest.raises(ValueError, match="JSON compliant"):
        encode({"a": math.nan})
