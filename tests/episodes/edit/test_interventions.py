"""Interventions are read from phases; times from the start find the tick that was meant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.episodes.edit.interventions import (
    Intervention,
    intervention_at,
    interventions,
    row_at,
    rows_between,
    t_r_stamps,
)
from rove_teleop.errors import UsageError

STAMP_S = 100.0 + np.arange(12) / 250.0


def phases(*values):
    return np.array(values, np.uint8)


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (phases(), []),
        (phases(0, 3, 255, 4), []),
        (phases(0, 1, 1, 2, 0), [(1, 3, 4)]),
        (phases(1, 1, 3, 1, 2), [(0, 2, 2), (3, 4, 5)]),
        (phases(2, 2), [(0, 0, 2)]),
        (phases(2, 1, 2), [(0, 2, 3)]),
    ],
)
def test_runs_of_a_person_driving(phase, expected):
    assert interventions(phase) == [Intervention(*run) for run in expected]
    assert len(t_r_stamps(phase, STAMP_S[: len(phase)])) == len(expected)


@given(st.lists(st.sampled_from([0, 1, 2, 3, 4, 255]), max_size=30))
def test_runs_hold_every_human_tick_once_and_no_other(values):
    phase = phases(*values)
    inside = np.zeros(len(phase), int)
    for start, t_r, end in interventions(phase):
        assert start <= t_r <= end
        assert not (phase[t_r:end] == 1).any()
        inside[start:end] += 1
    np.testing.assert_array_equal(inside, np.isin(phase, [1, 2]))


def test_adaptation_up_to_the_end_ends_with_the_last_tick():
    assert t_r_stamps(phases(0, 1, 1), STAMP_S[:3]) == (STAMP_S[2],)


@pytest.mark.parametrize("row", range(12))
def test_the_time_of_a_tick_as_typed_finds_it(row):
    assert row_at(STAMP_S, float(f"{row / 250:.3f}")) == row


@pytest.mark.parametrize(
    ("from_s", "to_s", "rows"), [(None, None, (0, 12)), (0.004, None, (1, 12)), (0.0, 0.02, (0, 5))]
)
def test_rows_between_two_times(from_s, to_s, rows):
    assert rows_between(STAMP_S, from_s, to_s) == rows


@pytest.mark.parametrize(
    ("from_s", "to_s", "words"),
    [
        (0.05, None, "0.05 s is not inside the episode, which lasts 0.044 s"),
        (float("nan"), None, "nan s is not inside"),
        (0.0, -1.0, "-1 s is not inside"),
        (0.02, 0.02, "no tick lies between 0.02 s and 0.02 s"),
    ],
)
def test_times_that_hold_nothing_are_refused(from_s, to_s, words):
    with pytest.raises(UsageError, match=words):
        rows_between(STAMP_S, from_s, to_s)


def test_an_episode_without_ticks_has_no_rows():
    with pytest.raises(UsageError, match="no tick"):
        rows_between(np.zeros(0), None, None)


def test_the_intervention_around_a_time():
    phase = phases(0, 1, 1, 2, 0, 0, 1, 1, 1, 2, 2, 0)
    assert intervention_at(phase, STAMP_S, 0.008) == (1, 2, 4)
    assert intervention_at(phase, STAMP_S, 0.036, 2) == (6, 9, 11)
    with pytest.raises(UsageError, match=r"0.036 s does not lie in intervention 1 .*\(1: 0.004 to 0.016 s, 2: 0.024"):
        intervention_at(phase, STAMP_S, 0.036, 1)
    with pytest.raises(UsageError, match="0.02 s does not lie in an intervention"):
        intervention_at(phase, STAMP_S, 0.02)
    with pytest.raises(UsageError, match="it has none"):
        intervention_at(phase * 0, STAMP_S, 0.02)
