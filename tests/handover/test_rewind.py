"""The way back goes through the places of the way there, slower, and is forgotten once it was walked."""

import numpy as np
import pytest

from rove_teleop.handover.rewind import ARRIVAL_S, REMEMBERED_S, Rewind

DT = 0.004


def walked(seconds, start=0.0):
    rewind = Rewind(2, DT)
    for k in range(round(seconds / DT) + 1):
        rewind.note(np.array([start + k * DT, -2.0 * k * DT]))
    return rewind


def back(rewind):
    places = []
    assert np.isnan(rewind.step()).all(), "the path must forget what it followed before"
    while not rewind.arrived:
        places.append(rewind.step())
    return np.array(places)


@pytest.mark.parametrize("pace", [0.1, 0.5, 1.0])
def test_it_walks_back_the_seconds_asked_for_never_faster_than_its_pace(pace):
    rewind = walked(4.0)
    rewind.begin(1.5, pace)
    places = back(rewind)
    assert np.allclose(places[-1], [2.5, -5.0])
    steps = np.diff(np.vstack([[4.0, -8.0], places]), axis=0)
    assert np.max(np.abs(steps[:, 0])) <= pace * DT * (1 + 1e-9)
    assert np.all(steps[:, 0] <= 1e-12), "always back, never forth"
    assert np.max(np.abs(np.diff(steps[:, 0]))) <= 2.5 * DT * DT * 2.0, "it starts and ends gently"
    assert np.allclose(places[:, 1], -2.0 * places[:, 0]), "only places of the way there, and between two of them"
    assert len(places) * DT >= 1.5 / pace + ARRIVAL_S


def test_standing_still_is_not_remembered():
    rewind = walked(1.0)
    for _ in range(1000):
        rewind.note(np.array([1.0, -2.0]))
    assert rewind.remembered_s == pytest.approx(1.0)


def test_no_further_than_what_is_remembered():
    rewind = walked(0.4, start=3.0)
    rewind.begin(10.0, 1.0)
    assert np.allclose(back(rewind)[-1], [3.0, 0.0])
    long = walked(REMEMBERED_S + 5.0)
    assert long.remembered_s <= REMEMBERED_S
    long.begin(1e9, 1.0)
    assert back(long)[-1][0] == pytest.approx(5.0, abs=2 * DT)


def test_the_next_rewind_goes_on_where_the_last_one_ended():
    rewind = walked(4.0)
    rewind.begin(1.0, 1.0)
    rewind.end(back(rewind)[-1])
    assert rewind.remembered_s == pytest.approx(3.0, abs=2 * DT)
    rewind.begin(1.0, 1.0)
    assert back(rewind)[-1][0] == pytest.approx(2.0, abs=3 * DT)


def test_broken_off_it_keeps_the_path_up_to_where_the_lagging_robot_stopped():
    rewind = walked(4.0)
    rewind.begin(2.0, 1.0)
    for _ in range(200):
        target = rewind.step()
    robot = target + np.array([0.06, -0.12])
    rewind.end(robot)
    rewind.begin(0.1, 1.0)
    rewind.step()
    assert np.allclose(rewind.step(), robot, atol=3 * DT)


def test_forgotten_is_forgotten():
    rewind = walked(1.0)
    rewind.forget()
    assert rewind.remembered_s == 0.0
