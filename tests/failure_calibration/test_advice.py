"""Advice reaches people and the log; it drives nothing, and pauses only where that was asked for."""

import json

from rove_teleop.failure.alarms import Advice
from rove_teleop.handover.states import Signal, State

from ..test_control_loop import Rig


def advised(auto_pause=False):
    rig = Rig().started()
    rig.loop.auto_pause = auto_pause
    rig.loop.on_advice(rig.now_s, Advice("it looks like earlier failures: consider taking over", 0.4))
    rig.tick(5)
    return rig


def test_an_alarm_is_said_and_logged_once_with_its_preroll_and_nothing_else_happens():
    rig = advised()
    for _ in range(10):
        rig.loop.on_advice(rig.now_s, Advice("it looks like earlier failures: consider taking over", 0.5))
        rig.tick(5)
    assert rig.loop.handover.state is State.AUTONOMOUS and "earlier failures" in (rig.loop.alarm or "")
    assert [event.kind for event in rig.events].count("alarm") == 1
    preroll = json.loads(next(event.detail for event in rig.events if event.kind == "preroll"))
    assert preroll["cause"] == "alarm" and preroll["elevated"] and abs(preroll["seconds"] - 0.4) < 0.01


def test_with_auto_pause_it_pauses_and_a_person_decides_what_follows():
    rig = advised(auto_pause=True)
    assert rig.loop.handover.state is State.PAUSED
    assert [event.kind for event in rig.events].count("preroll") == 1
    rig.tick(500)
    assert rig.loop.handover.state is State.PAUSED


def test_a_person_who_pauses_leaves_the_seconds_before_in_the_log():
    rig = Rig().started()
    rig.tick(500)
    assert rig.ask(Signal.PAUSE) is None
    rig.tick(2)
    found = [json.loads(event.detail) for event in rig.events if event.kind == "preroll"]
    assert [item["cause"] for item in found] == ["trigger"]


def test_advice_while_a_person_drives_is_not_an_alarm():
    rig = Rig().started()
    for signal in (Signal.PAUSE, Signal.TAKE_OVER):
        assert rig.ask(signal) is None
        rig.tick(300)
    rig.loop.on_advice(rig.now_s, Advice("late", 0.0))
    assert rig.loop.alarm is None
