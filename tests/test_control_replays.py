"""What control can newly do is in the log, so that the log gives the commands again: rewinds and lowered speed."""

import itertools
import json

import numpy as np
import pytest

from rove_teleop.filter_lab.replay import difference, live_path, read_rows, replay
from rove_teleop.handover.states import Signal, State

from .filter_lab.test_replay import started
from .test_control_loop import ROBOT, Rig

pytestmark = pytest.mark.integration  # long: it runs after the unit tests


def test_an_episode_with_rewinds_is_replayed_to_the_bit():
    rig = started(21)
    rewinds = 0
    for _ in range(12):
        rig.tick(int(rig.rng.integers(50, 250)))
        rig.ask(Signal.PAUSE)
        rig.tick(150)
        rewinds += rig.ask(Signal.REWIND) is None
        rig.tick(int(rig.rng.integers(1, 700)))
        if rig.loop.handover.state is State.REWINDING:
            rig.ask(Signal.PAUSE if rig.rng.random() < 0.5 else Signal.STOP)
            rig.tick(150)
        rig.ask(Signal.TAKE_OVER if rig.rng.random() < 0.5 else Signal.GIVE_BACK)
    assert rewinds == 12
    recorded = read_rows(rig.episode(), ROBOT)
    assert recorded.flaw is None
    assert difference(recorded, replay(recorded, live_path(ROBOT), ROBOT)) is None


def test_the_speed_is_lowered_at_once_raised_only_at_rest_and_in_the_log():
    rig = Rig(seed=22, takeover="blend", protocol="hand_back").started()
    rig.loop.rewind_pace = 1.0
    assert "up to 1" in rig.loop.scale_speed(1.5, rig.now_s)
    assert "up to 1" in rig.loop.scale_speed(float("nan"), rig.now_s)
    rig.frequency *= 4
    rig.amplitude *= 3
    rig.tick(200)
    assert rig.loop.scale_speed(0.2, rig.now_s) is None
    assert rig.loop.speed.share == 0.2
    rig.tick(100)
    rig.sent.clear()
    for _ in range(6):
        rig.ask(Signal.TAKE_OVER)
        rig.tick(100)
        assert rig.ask(Signal.GIVE_BACK) is None
        rig.tick(100)
    assert 0.19 < rig.ratios()["velocity"] <= 0.2 * (1 + 1e-9)
    assert max(rig.ratios().values()) <= 1 + 1e-9
    assert "only be lowered now (it is at 0.2)" in rig.loop.scale_speed(0.3, rig.now_s)
    assert rig.loop.scale_speed(0.15, rig.now_s) is None
    assert rig.ask(Signal.DISCARD) is None
    assert "only be lowered" in rig.loop.scale_speed(1.0, rig.now_s), "it still brakes"
    rig.tick(300)
    rig.events.clear()
    assert rig.ask(Signal.START) is None
    rig.tick()
    (event,) = [event for event in rig.events if event.kind == "limits"]
    assert json.loads(event.detail) == {"speed_scale": 0.15}, "each episode says it"
    assert rig.ask(Signal.DISCARD) is None
    rig.tick(300)
    assert rig.loop.scale_speed(1.0, rig.now_s) is None
    assert rig.ask(Signal.START) is None
    rig.sent.clear()
    rig.tick(600)
    assert 0.2 < rig.ratios()["velocity"] <= 1 + 1e-9
    assert "check_failed" not in {event.kind for event in rig.events}
    assert rig.loop.handover.state is State.AUTONOMOUS


def test_an_episode_with_lowered_speed_is_replayed_from_its_rows_and_events():
    rig = started(23)
    for k in range(20):
        rig.tick(int(rig.rng.integers(20, 90)))
        rig.ask(Signal.TAKE_OVER if k % 2 else Signal.GIVE_BACK)
        if k in (4, 11):
            assert rig.loop.scale_speed(0.4 if k == 4 else 0.1, rig.now_s) is None
    rows = rig.episode()
    recorded, path = read_rows(rows, ROBOT), live_path(ROBOT)
    full = path.filter.limits
    path.filter.start(recorded.q_start_rad[0], ROBOT.joint_names)
    path.begin(path.filter.motion[0])
    changes = [(e.time_s, json.loads(e.detail)["speed_scale"]) for e in rig.events if e.kind == "limits"]
    assert len(changes) == 2
    edges = [0, *(int(np.searchsorted(rows["stamp_s"], time_s, "right")) for time_s, _ in changes), recorded.ticks]
    sent = []
    for k, (a, b) in enumerate(itertools.pairwise(edges)):
        if k:
            v = changes[k - 1][1] * full.v_max_rad_s
            assert (
                path.filter.tighten(type(full)(full.q_min_rad, full.q_max_rad, v, *full.dynamic[1:], full.dt_s)) is None
            )
        here = slice(a, b)
        log = path.run(
            recorded.wanted[here], recorded.q_policy_rad[here], recorded.q_operator_rad[here], recorded.stop[here]
        )
        sent.append(log.q_sent_rad)
    assert np.array_equal(np.concatenate(sent), recorded.q_sent_rad)
