"""Each promise is kept by what control really writes, and its checker finds the log in which it is broken."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.episodes.check import invariants_control as control
from rove_teleop.episodes.check import invariants_events as events
from rove_teleop.episodes.check import invariants_motion as motion
from rove_teleop.episodes.check import invariants_streams as streams
from rove_teleop.episodes.check.invariants import CHECKS, violations
from rove_teleop.episodes.check.log import Log, lasting
from rove_teleop.handover.states import Signal, State
from rove_teleop.types import Authority, Event, Phase, Reason

from ..control_log import DT, ROBOT, LoggedRig, anything

HUMAN = ("adaptation", "recovery")


@cache
def recorded() -> Log:
    """An episode with a partial takeover, a return, a stop, a rewind, a lowered speed and a fault."""
    rig = LoggedRig(seed=3)
    rig.tick(30)
    assert rig.ask(Signal.START) is None
    rig.tick(200)
    assert rig.loop.request(Signal.TAKE_OVER, rig.now_s, ["left_arm", "left_hand"]) is None
    rig.tick(150)
    assert rig.ask(Signal.RECOVERED) is None
    rig.tick(60)
    assert rig.ask(Signal.GIVE_BACK) is None
    rig.tick(200)
    assert rig.loop.scale_speed(0.5, rig.now_s) is None
    rig.tick(300)
    assert rig.ask(Signal.PAUSE) is None
    rig.tick(200)
    assert rig.ask(Signal.REWIND) is None
    rig.tick(400)
    rig.robot_on = False
    rig.tick(150)
    rig.robot_on = True
    rig.tick(20)
    assert rig.ask(Signal.ACKNOWLEDGE) is None
    rig.tick(50)
    assert rig.ask(Signal.TAKE_OVER) is None
    rig.tick(100)
    assert rig.ask(Signal.SUCCESS) is None
    rig.tick(2)
    (log,) = rig.logs()
    return replace(log, attributes={**log.attributes, "outcome": "success"})


def changed(change: Callable[[Log], object]) -> Log:
    """The log after ``change`` has damaged a copy of it."""
    log = recorded()
    copy = Log(dict(log.attributes), {name: np.array(array) for name, array in log.arrays.items()}, list(log.events))
    other = change(copy)
    return other if isinstance(other, Log) else copy


def row(log: Log, *states: str) -> int:
    """The middle row of those in a state."""
    rows = np.flatnonzero(log.in_state(*states))
    return int(rows[len(rows) // 2])


def put(name: str, value: object, *states: str) -> Callable[[Log], object]:
    """Another value in one row of those in a state."""
    return lambda log: log.arrays[name].__setitem__(row(log, *states), value)


def say(**attributes: object) -> Callable[[Log], object]:
    return lambda log: log.attributes.update(attributes)


def tell(kind: str, detail: str, state: str = "autonomous") -> Callable[[Log], object]:
    """One more event, in the middle of a state."""

    def change(log: Log) -> None:
        time_s = float(log.control("stamp_s")[row(log, state)])
        log.events.append(Event(time_s, kind, detail))
        log.events.sort(key=lambda event: event.time_s)

    return change


def retell(kind: str, old: str, new: str) -> Callable[[Log], object]:
    """The same events in other words."""

    def change(log: Log) -> Log:
        assert any(event.kind == kind and old in event.detail for event in log.events)
        told = [replace(e, detail=e.detail.replace(old, new)) if e.kind == kind else e for e in log.events]
        return replace(log, events=told)

    return change


def shift(name: str, by: object, *states: str) -> Callable[[Log], object]:
    """All values from the middle of a state on are moved by this much."""
    return lambda log: log.arrays[name].__setitem__(
        slice(row(log, *states), None), log.arrays[name][row(log, *states) :] + by
    )


def stale_operator(log: Log) -> None:
    log.control("operator_age_s")[row(log, *HUMAN)] = 0.11


def drop_rows(log: Log, start: int, end: int) -> Log:
    kept = np.r_[0:start, end : len(log.tick)]
    arrays = {name: a[kept] if name.startswith("control/") else a for name, a in log.arrays.items()}
    return replace(log, arrays=arrays, attributes={**log.attributes, "ticks_lost": end - start})


def jump_over_gap(log: Log) -> Log:
    middle = row(log, "autonomous")
    log.control("q_sent_rad")[middle:] += 0.3
    return drop_rows(log, middle, middle + 3)


def silent_policy(log: Log) -> None:
    rows = np.flatnonzero(log.in_state("autonomous"))
    log.control("q_policy_rad")[rows[-200:]] = np.nan


def stopped_short(log: Log) -> None:
    rows = np.flatnonzero(log.in_state("paused"))
    log.control("q_sent_rad")[rows[-1], 4] += 1e-6


def far_away(log: Log) -> None:
    middle = row(log, "autonomous")
    log.control("q_measured_rad")[middle : middle + 100, 6] += 0.3


def off_the_way(log: Log) -> None:
    rows = np.flatnonzero(log.in_state("rewinding"))
    log.control("q_sent_rad")[rows[50:60]] += 3.0


def too_fast(log: Log) -> None:
    middle = int(np.flatnonzero(log.in_state("paused"))[0]) - 10
    log.control("q_sent_rad")[middle, 4] += 0.8 * ROBOT.v_max_rad_s[4] * DT


def late_then_early(log: Log) -> None:
    log.control("stamp_s")[row(log, "autonomous") :] -= 5.0 * DT


def lost_change(log: Log) -> Log:
    return replace(log, events=[e for e in log.events if "-> paused" not in e.detail])


def swapped_groups(log: Log) -> None:
    middle = row(log, "adaptation")
    rows = slice(middle, middle + 1)
    log.control("driver")[rows] = 3 - log.control("driver")[rows]


def second_jpeg(offset: int) -> Callable[[Log], object]:
    def change(log: Log) -> None:
        place = int(log.arrays["cameras/ego/offset"][1]) + offset
        log.arrays["cameras/ego/jpeg"][place] ^= 1

    return change


def key_image(row: int) -> Callable[[Log], object]:
    """As in a video, but one image needs bytes that are none (row 1) or an image that comes later."""

    def change(log: Log) -> None:
        keyframe = np.array(log.arrays["cameras/ego/offset"])
        keyframe[1] = keyframe[1] + 1 if row == 1 else keyframe[2]
        log.arrays["cameras/ego/keyframe"] = keyframe

    return change


def begins_elsewhere(log: Log) -> None:
    log.control("q_measured_rad")[0, 3] += 1e-3


WEIGHT, DRIVER, PHASE, AUTHORITY = "control/weight", "control/driver", "control/phase", "control/authority"
BROKEN = [
    (streams.counts_are_true, say(rows=7)),
    (streams.counts_are_true, say(frames={"ego": 4})),
    (streams.counts_are_true, lambda log: log.arrays.__setitem__("cameras/ego/missed", np.array([0, 0, 1]))),
    (streams.counts_are_true, lambda log: replace(drop_rows(log, 5, 9), attributes={**log.attributes})),
    (streams.shapes_fit_the_robot, say(joint_names=list(ROBOT.joint_names[:-1]))),
    (streams.one_episode_only, put("control/episode", 9, "paused")),
    (streams.clocks_go_forward, put("control/wall_time_s", np.nan, "paused")),
    (streams.clocks_go_forward, say(clocks={"begin": {"monotonic_s": 2.0}, "end": {"monotonic_s": 1.0}})),
    (streams.stamps_go_forward, lambda log: log.arrays["cameras/ego/receive_s"].__setitem__(1, 3.0)),
    (streams.stamps_go_forward, lambda log: log.arrays["policy/receive_s"].__setitem__(1, np.nan)),
    (streams.images_lie_in_their_pack, lambda log: log.arrays["cameras/ego/offset"].__setitem__(1, 5)),
    (streams.images_lie_in_their_pack, lambda log: log.arrays["cameras/ego/length"].__setitem__(2, 10**6)),
    (streams.images_are_whole, second_jpeg(0)),
    (streams.images_are_whole, second_jpeg(50)),
    (streams.videos_have_key_images, key_image(1)),
    (streams.videos_have_key_images, key_image(2)),
    (streams.lost_images_are_counted, lambda log: log.arrays["cameras/ego/sequence"].__setitem__(2, 3)),
    (streams.lost_images_are_counted, lambda log: log.arrays["cameras/ego/sequence"].__setitem__(2, 1)),
    (streams.repeated_images_are_counted, lambda log: log.arrays["cameras/ego/capture_s"].__setitem__(1, 1.7e9)),
    (streams.chunks_are_plans, lambda log: log.arrays["policy/q_rad"].__setitem__((0, 1, 1), np.nan)),
    (streams.chunks_are_plans, lambda log: log.arrays["policy/offset_s"].__setitem__((1, 2), 0.0)),
    (streams.chunks_are_plans, lambda log: log.arrays["policy/joint_index"].__setitem__((1, 0), 1)),
    (streams.chunks_are_plans, lambda log: log.arrays["policy/joint_index"].__setitem__((1, 0), 50)),
    (streams.chunks_are_plans, lambda log: log.arrays["policy/horizon"].__setitem__(0, 9)),
    (streams.opinions_are_numbers, lambda log: log.arrays["failure/score"].__setitem__(0, np.inf)),
    (streams.opinions_are_numbers, lambda log: log.arrays["failure/alarm"].__setitem__(0, 2)),
    (events.events_are_readable, tell("limits", "0.5")),
    (events.events_are_readable, tell("", "nothing")),
    (events.speed_only_goes_down, tell("limits", json.dumps({"speed_scale": 0.9}), "paused")),
    (events.speed_only_goes_down, tell("limits", json.dumps({"speed_scale": 0.0}))),
    (events.scorecards_are_of_switches, tell("handover", json.dumps({"time_s": 3.0}))),
    (streams.tracking_is_yes_or_no, lambda log: log.arrays.__setitem__("tracking/engaged", np.array([1, 2]))),
    (control.known_values, put(PHASE, 9, "paused")),
    (control.known_values, put(AUTHORITY, 9, "paused")),
    (control.known_values, put(DRIVER, 3, "paused")),
    (control.known_values, put("control/state", 20, "paused")),
    (control.known_values, put("control/reason", 1 << 20, "paused")),
    (control.phase_follows_state, put(PHASE, Phase.AUTONOMOUS, "adaptation")),
    (control.phase_follows_state, put(PHASE, Phase.RECOVERY, "returning")),
    (control.phase_follows_state, put(PHASE, Phase.PAUSED, "rewinding")),
    (control.driver_follows_state, put(DRIVER, 1, "paused")),
    (control.driver_follows_state, put(DRIVER, 2, "autonomous")),
    (control.driver_follows_state, put(DRIVER, 0, "recovery")),
    (control.driver_follows_state, put(DRIVER, 2, "rewinding")),
    (control.authority_follows_driver, put(AUTHORITY, Authority.HUMAN, "autonomous")),
    (control.authority_follows_driver, put(AUTHORITY, Authority.POLICY, "paused")),
    (control.authority_follows_driver, put(AUTHORITY, Authority.REWIND, "autonomous")),
    (control.authority_follows_driver, put(AUTHORITY, Authority.HOLD, "fault")),
    (control.authority_follows_driver, put(AUTHORITY, Authority.STOP, "paused")),
    (control.human_only_when_taken, put(AUTHORITY, Authority.HUMAN, "returning")),
    (control.target_follows_authority, put("control/q_target_rad", 0.0, "paused")),
    (control.target_follows_authority, put("control/q_target_rad", np.nan, "autonomous")),
    (control.weight_is_a_share, put(WEIGHT, 1.01, "recovery")),
    (control.weight_is_a_share, put(WEIGHT, np.nan, "recovery")),
    (control.weight_needs_a_driver, put(WEIGHT, 0.5, "paused")),
    (control.weight_goes_to_the_driver, put(WEIGHT, 0.5, "recovery")),
    (control.weight_goes_to_the_driver, put(WEIGHT, 0.9, "returning")),
    (events.changes_follow_the_table, retell("state", "autonomous -> paused", "autonomous -> recovery")),
    (events.changes_follow_the_table, retell("state", "fault -> hold: the fault was ack", "fault -> hold: was for")),
    (events.changes_follow_the_table, lost_change),
    (events.changes_are_told, put("control/state", State.HOLD, "autonomous")),
    (events.changes_are_told, lost_change),
    (events.takeover_as_agreed, say(takeover_mode="anchored")),
    (control.protocol_as_agreed, say(protocol="complete")),
    (control.groups_stay_taken, swapped_groups),
    (events.outcome_as_told, say(outcome="failure")),
    (events.disagreement_as_recorded, shift("control/q_operator_rad", 0.01, "adaptation")),
    (events.disagreement_as_recorded, retell("disagreement", '"left_hand"', '"right_hand"')),
    (motion.measured_always, put("control/q_measured_rad", np.nan, "hold")),
    (motion.silence_only_when_stopped, put("control/q_sent_rad", np.nan, "autonomous")),
    (motion.begins_where_it_stands, begins_elsewhere),
    (motion.begins_where_it_stands, shift("control/q_sent_rad", 0.01, "fault")),
    (motion.stops_in_time, stopped_short),
    (motion.still_when_nobody_drives, put("control/reason", int(Reason.NONE), "paused")),
    (motion.operator_in_time, stale_operator),
    (motion.policy_in_time, silent_policy),
    (motion.held_up_is_a_fault, shift("control/stamp_s", 0.2, "autonomous")),
    (motion.robot_follows, far_away),
    (motion.rewind_goes_back, off_the_way),
    (motion.lost_ticks_hide_no_jump, jump_over_gap),
    (motion.never_faster_than_its_rate, late_then_early),
    (motion.lowered_speed_is_kept, too_fast),
]  # fmt: skip


def test_what_control_writes_keeps_every_promise() -> None:
    log = recorded()
    names = {log.state_name(k) for k in range(len(log.tick))}
    assert names == {state.name.lower() for state in State} - {"idle", "done"}
    assert {"disagreement", "handover", "limits"} <= {event.kind for event in log.events}
    assert violations(log) == []


@pytest.mark.parametrize("seed", [1, 4])
def test_no_false_alarm_whatever_happens(seed: int) -> None:
    for log in anything(seed, steps=40).logs():
        assert violations(log) == []


@pytest.mark.parametrize(
    ("check", "change"), BROKEN, ids=[f"{k}-{check.__name__}" for k, (check, _) in enumerate(BROKEN)]
)
def test_a_broken_promise_is_found(check: Callable[[Log], list[str]], change: Callable[[Log], object]) -> None:
    assert check(recorded()) == []
    (sentence, *_) = check(changed(change))
    assert len(sentence) > 15


def test_every_check_has_its_broken_log() -> None:
    assert {check for check, _ in BROKEN} == set(CHECKS)


def test_an_episode_that_is_not_of_our_control_is_not_judged_by_its_rules() -> None:
    """What was imported names no states; one without rows at all has nothing to break."""
    foreign = changed(say(state_names=[]))
    foreign.arrays["control/phase"][:] = 0
    foreign.arrays["control/driver"][:] = 0
    assert violations(foreign) == []
    nothing = drop_rows(recorded(), 0, len(recorded().tick))
    assert violations(replace(nothing, attributes={**nothing.attributes, "rows": 0}, events=())) == []


def test_lasting_counts_rows_in_a_row() -> None:
    condition = np.array([1, 1, 0, 1, 1, 1, 0, 0, 1], bool)
    breaks = np.array([1, 0, 0, 0, 0, 1, 0, 1, 0], bool)
    assert lasting(condition, breaks).tolist() == [1, 2, 0, 1, 2, 1, 0, 0, 1]
    assert lasting(condition[:0], breaks[:0]).tolist() == []


def test_every_promise_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "verify.md").read_text()
    for check in CHECKS:
        promise = (check.__doc__ or "").strip().splitlines()[0]
        assert f"| `{check.__name__}` | {promise} |" in text
