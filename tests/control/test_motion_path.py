"""One path, two ways to run it: a tick at a time as live, many at once as in the filter lab; the same bits."""

import numpy as np
import pytest

from rove_teleop.command_filter.limits import Limits
from rove_teleop.control.motion_path import NOBODY, OPERATOR, POLICY, MotionPath
from rove_teleop.robots.description import load_robot

ROBOT = load_robot("iron_r01")
N = ROBOT.joint_count
LIMITS = Limits(ROBOT.q_min_rad, ROBOT.q_max_rad, ROBOT.v_max_rad_s, ROBOT.a_max_rad_s2, ROBOT.j_max_rad_s3, ROBOT.dt_s)


def wild_streams(seed, ticks=1500):
    rng = np.random.default_rng(seed)
    time_s = np.arange(ticks)[:, None] * ROBOT.dt_s
    streams = []
    for _ in range(2):
        wave = ROBOT.home_rad + 0.4 * np.sin(rng.uniform(0.5, 6, N) * time_s + rng.uniform(0, 6, N))
        wave[rng.random((ticks, N)) < 0.02] = rng.choice([np.nan, np.inf, 1e308, -40.0])
        wave[rng.random(ticks) < 0.01] = np.nan
        streams.append(wave)
    wanted = np.repeat(rng.integers(0, 3, (ticks // 60 + 1, N)), 60, axis=0)[:ticks]
    return wanted, *streams, rng.random(ticks) < 0.01


def started():
    path = MotionPath(LIMITS, ROBOT.groups)
    path.filter.start(ROBOT.home_rad)
    path.begin(ROBOT.home_rad)
    return path


@pytest.mark.parametrize("seed", range(4))
def test_many_ticks_at_once_are_the_same_bits_as_one_by_one(seed):
    wanted, policy, operator, stop = wild_streams(seed)
    live, lab = started(), started()
    log = lab.run(wanted, policy, operator, stop)
    for k in range(len(stop)):
        assert np.array_equal(live.step(wanted[k], policy[k], operator[k], bool(stop[k])), log.q_sent_rad[k])
        assert np.array_equal(live.filter.reason, log.reason[k])
        assert np.array_equal(live.reference, log.q_target_rad[k], equal_nan=True)
    again = started().run(wanted, policy, operator, stop)
    assert np.array_equal(again.q_sent_rad, log.q_sent_rad)


@pytest.mark.parametrize("seed", range(4))
def test_any_change_of_drivers_keeps_every_limit(seed):
    sent = started().run(*wild_streams(seed, 4000)).q_sent_rad
    log = np.vstack([np.tile(ROBOT.home_rad, (3, 1)), sent])
    dt = ROBOT.dt_s
    assert np.all((sent >= ROBOT.q_min_rad) & (sent <= ROBOT.q_max_rad))
    for n, limit in ((1, ROBOT.v_max_rad_s), (2, ROBOT.a_max_rad_s2), (3, ROBOT.j_max_rad_s3)):
        ratio = np.max(np.abs(np.diff(log, n=n, axis=0)) / dt**n / limit)
        assert ratio <= 1 + 1e-9 + 8 * np.finfo(float).eps * 4 / dt**n / limit.min()


def test_who_drives_a_joint_follows_what_is_wanted_and_there():
    path = started()
    nothing, pose = np.full(N, np.nan), ROBOT.home_rad
    wanted = np.full(N, POLICY)
    path.step(wanted, nothing, pose)
    assert np.all(path.driver == NOBODY), "a silent policy drives nothing"
    wanted[:5] = OPERATOR
    path.step(wanted, pose, pose)
    assert np.all(path.driver[:5] == OPERATOR) and np.all(path.driver[5:] == POLICY)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_joint_that_loses_its_target_keeps_the_last_one(bad):
    path, pose = started(), ROBOT.home_rad + 0.05
    for _ in range(500):
        path.step(np.full(N, OPERATOR), np.full(N, np.nan), pose)
    lost = pose + 0.1
    lost[3] = bad
    for _ in range(500):
        sent = path.step(np.full(N, OPERATOR), np.full(N, np.nan), lost)
    assert sent[3] == pytest.approx(pose[3], abs=1e-6)
    assert np.allclose(np.delete(sent - lost, 3), 0.0, atol=1e-4)


@pytest.mark.parametrize("apart_rad", [0.02, 0.3])
def test_a_driver_who_appears_as_they_take_over_is_blended_in_like_any_other(apart_rad):
    path, up = started(), ROBOT.q_max_rad > ROBOT.home_rad + 0.35
    nothing, there = np.full(N, np.nan), ROBOT.home_rad + apart_rad * up
    sent = np.array([path.step(np.full(N, OPERATOR), nothing, there) for _ in range(1000)])
    reference = np.abs(np.diff(np.vstack([ROBOT.home_rad, sent]), axis=0)) / ROBOT.dt_s / ROBOT.v_max_rad_s
    assert np.max(reference) < 0.55, "the blend takes half of the limits"
    assert not np.any(path.filter.reason), "and meets none"
    assert np.allclose(sent[-1], there, atol=1e-6)
