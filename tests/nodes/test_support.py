"""What every node shares: bounds that name the parameter, and periods inside one loop."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from rove_teleop.nodes.support import Bounds, Every, diagnostic


@given(st.one_of(st.floats(), st.integers(), st.booleans(), st.text(max_size=3), st.none()))
def test_only_finite_numbers_inside_the_bounds_pass(value: object) -> None:
    refusal = Bounds(0.02, 0.2, "s").refusal("timeout_s", value)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0.02 <= value <= 0.2
    assert (refusal is None) == fits
    if refusal is not None:
        assert refusal.startswith("timeout_s ")


def test_every_keeps_its_rate_and_does_not_make_up_for_a_stall() -> None:
    every = Every(0.1)
    ticks = [tick * 0.004 for tick in range(500)]
    assert sum(every.due(now_s) for now_s in ticks) == pytest.approx(20, abs=1)
    assert every.due(10.0)
    assert not every.due(10.004)


def test_diagnostics_say_ok_or_the_problem() -> None:
    message = diagnostic("part", None, {"age_s": math.inf, "count": 3})
    assert message.status[0].level == b"\x00"
    assert {pair.key: pair.value for pair in message.status[0].values} == {"age_s": "none", "count": "3"}
    assert diagnostic("part", "it broke", {}).status[0].message == "it broke"
