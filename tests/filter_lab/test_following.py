"""Lag and error on motion whose lag is known; which compromises are worth having."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.control.motion_path import OPERATOR, POLICY
from rove_teleop.filter_lab.following import driven, following, together
from rove_teleop.filter_lab.pareto import pareto_front

DT = 0.004


def moves(time_s):
    return np.stack([0.4 * np.sin(1.7 * time_s), 0.2 * np.sin(3.1 * time_s + 1.0)], axis=1)


@pytest.mark.parametrize("lag_s", [0.0, 0.004, 0.0531, 0.06, 0.1778, 0.31])
def test_a_delay_is_found_between_ticks_and_its_error_goes_with_it(lag_s):
    time_s = DT * np.arange(4000)
    found = following(moves(time_s), moves(time_s - lag_s), np.ones((4000, 2), bool), DT)
    assert found.lag_s == pytest.approx(lag_s, abs=2e-4)
    assert found.aligned_error_rad < 1e-3
    assert found.error_rad >= found.aligned_error_rad


def test_only_ticks_that_count_count():
    time_s = DT * np.arange(4000)
    sent = moves(time_s - 0.05)
    sent[2000:] += 3.0
    counts = np.zeros((4000, 2), bool)
    counts[:2000] = True
    found = following(moves(time_s), sent, counts, DT)
    assert found.lag_s == pytest.approx(0.05, abs=2e-4) and found.aligned_error_rad < 1e-3


def test_what_stands_still_shows_no_lag():
    still = np.full((1000, 2), 0.3)
    found = following(still, still + 0.01, np.ones((1000, 2), bool), DT)
    assert np.isnan(found.lag_s) and found.error_rad == pytest.approx(0.01)
    nothing = following(still, still, np.zeros((1000, 2), bool), DT)
    assert nothing.samples == 0 and together([nothing, found]) == together([found])


def test_a_driver_counts_half_a_second_after_it_took_the_joint():
    driver = np.full((1000, 1), POLICY)
    driver[300:700] = OPERATOR
    ticks = np.flatnonzero(driven(driver, OPERATOR, DT)[:, 0])
    assert (ticks[0], ticks[-1]) == (300 + 125, 699)


def test_the_front_of_points_that_can_be_seen_to_be_one():
    points = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [3.0, 3.0], [2.0, 2.5], [np.nan, 0.0], [1.0, 3.0]])
    assert pareto_front(points).tolist() == [True, True, True, False, False, False, True]


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=1, max_size=30))
def test_every_point_off_the_front_is_beaten_by_one_on_it(points):
    p = np.array(points, dtype=float)
    front = pareto_front(p)
    assert front.any()
    for k in range(len(p)):
        beaten = [np.all(p[i] <= p[k]) and np.any(p[i] < p[k]) for i in np.flatnonzero(front)]
        assert any(beaten) != front[k]
