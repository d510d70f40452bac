from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.episodes.windows.decimation import newest_rows, rows_between, training_steps
from rove_teleop.errors import UsageError


def test_a_whole_ratio_takes_every_fifth_tick():
    steps = training_steps(np.arange(1000, 1023, dtype=np.uint32), 250.0, 50.0)
    assert steps.row.tolist() == [0, 5, 10, 15, 20]
    assert steps.joined.tolist() == [False, True, True, True, True]


def test_other_ratios_take_the_nearest_earlier_tick():
    steps = training_steps(np.arange(251), 250.0, 30.0)
    assert steps.row[:4].tolist() == [0, 8, 16, 25]
    assert len(steps.row) == 31
    assert steps.row[-1] == 250


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 60)), st.sampled_from([250.0, 50.0, 30.0, 20.0, 99.9]))
def test_a_step_is_its_own_tick_or_is_not_there(lost, rate_hz):
    tick = np.array([number for number in range(7, 68) if number - 7 not in lost or number == 7], dtype=np.uint32)
    steps = training_steps(tick, 250.0, rate_hz)
    wanted = [7 + int(k * 250.0 / rate_hz + 1e-9) for k in range(62)]
    assert tick[steps.row].tolist() == [number for number in wanted if number in tick]
    for (before, after), joined in zip(pairwise(steps.row), steps.joined[1:], strict=True):
        between = set(range(int(tick[before]), int(tick[after]) + 1))
        assert joined == (between <= set(tick.tolist()))


def test_marks_between_two_steps_belong_to_the_later_one():
    steps = training_steps(np.arange(16), 250.0, 50.0)
    marked = np.zeros(16, bool)
    marked[[7, 15]] = True
    assert rows_between(steps, marked).tolist() == [False, False, True, True]


def test_nothing_is_read_from_the_future():
    assert newest_rows(np.array([1.0, 2.0]), np.array([0.9, 1.0, 1.9, 2.0, 9.0])).tolist() == [-1, 0, 0, 1, 1]


def test_no_row_makes_no_step():
    assert len(training_steps(np.zeros(0, np.uint32), 250.0, 50.0).row) == 0


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, 251.0, float("nan")])
def test_a_rate_that_does_not_fit_is_refused(rate_hz):
    with pytest.raises(UsageError, match="at most the control rate of 250 Hz"):
        training_steps(np.arange(9), 250.0, rate_hz)
