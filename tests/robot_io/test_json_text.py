"""JSON that others publish: used, or refused with a sentence; never the end of the process that hears it."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from std_msgs.msg import String

from rove_teleop.errors import MessageRefused
from rove_teleop.robot_io.json_text import read_number, read_object
from rove_teleop.robot_io.thoughts import pack_advice, read_advice

NO_OBJECTS = ("", "{", "[" * 100_000, "[]", "7", "null", "NaN", '"text"', "\ud83d")


@pytest.mark.parametrize("text", NO_OBJECTS, ids=range(len(NO_OBJECTS)))
def test_what_is_no_object_is_refused(text: str) -> None:
    for read in (read_object, lambda it: read_number(it, "progress"), lambda it: read_advice(String(data=it))):
        with pytest.raises(MessageRefused, match="JSON"):
            read(text)


@pytest.mark.parametrize("value", ['"x"', "null", "[1]", "{}", "1" + "0" * 400, "1" * 5000])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(MessageRefused):
        read_number(f'{{"progress": {value}}}', "progress")
    with pytest.raises(MessageRefused):
        read_advice(String(data=f'{{"alarm": null, "elevated_for_s": {value}}}'))


def test_what_is_meant_is_read() -> None:
    assert read_number('{"progress": 0.5, "more": []}', "progress") == 0.5
    assert math.isnan(read_number('{"progress": NaN}', "progress"))
    assert read_advice(pack_advice("look", 0.5, True)) == ("look", 0.5, True)
    with pytest.raises(MessageRefused, match="alarm"):
        read_advice(String(data='{"elevated_for_s": 1}'))
