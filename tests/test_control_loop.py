"""The loop as a whole: takeovers and returns at random moments, losses, bad input, and what is said about it."""

import json

import numpy as np
import pytest

from rove_teleop.control_loop import ControlLoop
from rove_teleop.handover.states import Signal, State
from rove_teleop.robots.description import load_robot
from rove_teleop.types import ActionChunk, Authority, JointTargets, Phase, Reason, RobotState

ROBOT = load_robot("iron_r01")
N, DT = ROBOT.joint_count, ROBOT.dt_s
SPAN = 0.3 * (ROBOT.q_max_rad - ROBOT.q_min_rad)


class Rig:
    """A perfect robot (it is where it was told to be) and two streams that move all the time."""

    def __init__(self, seed: int = 0, **options) -> None:
        self.rng = np.random.default_rng(seed)
        self.loop = ControlLoop(ROBOT, **options)
        self.now_s = 100.0
        self.q = ROBOT.home_rad.copy()
        self.frequency = self.rng.uniform(0.1, 0.8, (2, N))
        self.angle = self.rng.uniform(0, 6.28, (2, N))
        self.amplitude = 0.3 * np.minimum(SPAN, 0.5)
        self.policy_on = self.operator_on = self.robot_on = self.engaged = True
        self.sent: list[np.ndarray] = []
        self.events: list = []
        self.still_operator: np.ndarray | None = None

    def stream(self, k: int, t: float) -> np.ndarray:
        wave = np.sin(2 * np.pi * self.frequency[k] * t + self.angle[k])
        return np.clip(ROBOT.home_rad + self.amplitude * wave, ROBOT.q_min_rad, ROBOT.q_max_rad)

    def feed(self) -> None:
        tick = round(self.now_s / DT)
        if self.robot_on:
            self.loop.on_robot_state(RobotState(self.now_s, self.q.copy(), np.zeros(N)))
        if self.policy_on and tick % 100 == 0:
            offsets = np.arange(16) * 0.05
            plan = np.array([self.stream(0, self.now_s + o) for o in offsets])
            assert self.loop.on_chunk(ActionChunk(self.now_s, offsets, np.arange(N), plan)) is None
        if self.operator_on and tick % 3 == 0:
            pose = self.stream(1, self.now_s) if self.still_operator is None else self.still_operator
            self.loop.on_operator(JointTargets(self.now_s, pose, np.ones(N, dtype=bool)))
            self.loop.on_deadman(self.engaged, self.now_s)

    def tick(self, ticks: int = 1):
        for _ in range(ticks):
            self.now_s += DT
            self.feed()
            result = self.loop.tick(self.now_s)
            self.events += result.events
            if result.q_sent_rad is not None:
                self.q = result.q_sent_rad
                self.sent.append(result.q_sent_rad)
        return result

    def ask(self, signal: Signal) -> str | None:
        return self.loop.request(signal, self.now_s)

    def started(self):
        self.tick(5)
        assert self.ask(Signal.START) is None
        self.tick(150)
        assert self.loop.handover.state is State.AUTONOMOUS
        return self

    def ratios(self) -> dict[str, float]:
        log = np.array(self.sent)
        return {
            "velocity": np.max(np.abs(np.diff(log, axis=0)) / DT / ROBOT.v_max_rad_s),
            "acceleration": np.max(np.abs(np.diff(log, n=2, axis=0)) / DT**2 / ROBOT.a_max_rad_s2),
            "jerk": np.max(np.abs(np.diff(log, n=3, axis=0)) / DT**3 / ROBOT.j_max_rad_s3),
        }


@pytest.mark.parametrize("takeover", ["anchored", "blend"])
def test_200_takeovers_at_random_ticks_never_step_the_command(takeover):
    rig = Rig(seed=7, takeover=takeover, protocol="hand_back").started()
    for _ in range(100):
        rig.tick(int(rig.rng.integers(1, 60)))
        if takeover != "blend":
            assert rig.ask(Signal.PAUSE) is None
            rig.tick(int(rig.rng.integers(1, 40)))
        assert rig.ask(Signal.TAKE_OVER) is None
        rig.tick(int(rig.rng.integers(1, 60)))
        assert rig.ask(Signal.GIVE_BACK) is None
    ratios = rig.ratios()
    print(f"{takeover}: 200 switches, largest share of the limits: {ratios}")
    assert max(ratios.values()) <= 1 + 1e-9
    assert Signal.CHECK_FAILED not in {event.kind for event in rig.events}


def test_the_paper_s_sequence_with_its_phases_and_a_scorecard():
    rig = Rig(seed=1).started()
    assert rig.tick().phase is Phase.AUTONOMOUS
    assert "pause first" in rig.ask(Signal.TAKE_OVER)
    assert rig.ask(Signal.PAUSE) is None
    paused = rig.tick(100)
    assert (paused.phase, paused.authority) == (Phase.PAUSED, Authority.HOLD)
    assert rig.loop.filter.at_rest
    assert rig.ask(Signal.TAKE_OVER) is None
    first = rig.tick()
    assert (first.phase, first.authority) == (Phase.ADAPTATION, Authority.HUMAN)
    assert np.max(first.weight) < 0.05
    assert np.isfinite(first.q_policy_rad).all(), "the policy is logged as a shadow"
    assert np.allclose(rig.tick(600).weight, 1.0)
    assert rig.ask(Signal.RECOVERED) is None
    assert rig.tick().phase is Phase.RECOVERY
    assert "protocol 'complete'" in rig.ask(Signal.GIVE_BACK)
    assert rig.ask(Signal.SUCCESS) is None
    assert rig.loop.handover.outcome is Signal.SUCCESS
    cards = [json.loads(event.detail) for event in rig.events if event.kind == "handover"]
    assert len(cards) == 1
    assert cards[0]["peak_jerk_ratio"] <= 1 + 1e-9
    assert cards[0]["peak_command_step_rad"] < cards[0]["direct_step_rad"]
    assert 0 < cards[0]["score"] <= 100


def test_after_done_the_robot_brakes_and_then_nothing_is_sent():
    rig = Rig(seed=2).started()
    rig.ask(Signal.FAILURE)
    assert rig.tick().q_sent_rad is not None
    rig.tick(200)
    assert rig.tick().q_sent_rad is None
    assert rig.ratios()["jerk"] <= 1 + 1e-9


def test_aligned_mode_waits_for_the_operator_and_says_which_joint():
    rig = Rig(seed=3, takeover="aligned").started()
    rig.ask(Signal.PAUSE)
    rig.tick(100)
    away = rig.q.copy()
    elbow = ROBOT.index("right_elbow_pitch")
    away[elbow] += 0.4
    rig.still_operator = away
    rig.tick(50)
    assert "right_elbow_pitch is 0.40 rad away" in rig.ask(Signal.TAKE_OVER)
    rig.still_operator = rig.q.copy()
    rig.tick(100)
    assert rig.ask(Signal.TAKE_OVER) is None


@pytest.mark.parametrize("loss", ["tracking", "deadman"])
def test_losing_the_operator_holds_and_only_a_new_request_resumes(loss):
    rig = Rig(seed=4).started()
    rig.ask(Signal.PAUSE)
    rig.tick(50)
    rig.ask(Signal.TAKE_OVER)
    rig.tick(300)
    if loss == "tracking":
        rig.operator_on = False
    else:
        rig.engaged = False
    rig.tick(30)
    assert rig.loop.handover.state is State.HOLD
    rig.operator_on = rig.engaged = True
    rig.tick(200)
    assert rig.loop.handover.state is State.HOLD
    assert rig.loop.filter.at_rest
    assert rig.ask(Signal.TAKE_OVER) is None
    rig.tick(100)
    assert rig.ratios()["jerk"] <= 1 + 1e-9


def test_a_silent_policy_holds_first_and_then_gives_up():
    rig = Rig(seed=5).started()
    rig.policy_on = False
    rig.tick(round(0.9 / DT))
    held = rig.tick()
    assert held.authority is Authority.HOLD
    rig.tick(round(0.6 / DT))
    assert rig.loop.handover.state is State.HOLD
    assert "no valid chunk" in rig.loop.handover.reason


def test_a_silent_robot_is_a_fault_that_needs_an_acknowledgement():
    rig = Rig(seed=6).started()
    rig.robot_on = False
    rig.tick(round(0.3 / DT))
    assert rig.loop.handover.state is State.FAULT
    assert "last reported" in rig.ask(Signal.ACKNOWLEDGE)
    rig.robot_on = True
    rig.tick(100)
    assert rig.loop.handover.state is State.FAULT
    assert rig.ask(Signal.ACKNOWLEDGE) is None
    assert rig.loop.handover.state is State.HOLD


def test_a_robot_that_does_not_follow_is_a_fault_and_resumes_where_it_stands():
    rig = Rig(seed=12).started()
    stuck = rig.q.copy()
    stuck[ROBOT.index("right_elbow_pitch")] -= 0.4
    for _ in range(400):
        rig.now_s += DT
        rig.feed()
        rig.loop.on_robot_state(RobotState(rig.now_s, stuck, np.zeros(N)))
        tick = rig.loop.tick(rig.now_s)
        if tick.q_sent_rad is not None:
            rig.q = tick.q_sent_rad
    assert rig.loop.handover.state is State.FAULT
    assert "right_elbow_pitch is 0." in rig.loop.handover.reason
    assert tick.q_sent_rad is None, "in FAULT, at rest, nothing is sent"
    rig.q = stuck
    rig.tick()
    assert rig.ask(Signal.ACKNOWLEDGE) is None
    assert np.allclose(rig.tick().q_sent_rad, stuck)


def test_a_loop_that_was_held_up_does_not_go_on_as_if_nothing_had_happened():
    rig = Rig(seed=13).started()
    rig.now_s += 5.0
    rig.tick()
    assert rig.loop.handover.state is State.FAULT
    assert "held up" in rig.loop.handover.reason
    rig.tick(300)
    assert rig.loop.filter.at_rest
    assert rig.ratios()["velocity"] <= 1 + 1e-9
    assert rig.ask(Signal.ACKNOWLEDGE) is None
    assert rig.loop.handover.state is State.HOLD


def test_nan_in_one_operator_joint_leaves_the_others_driving_and_is_marked():
    rig = Rig(seed=8).started()
    rig.ask(Signal.PAUSE)
    rig.tick(50)
    rig.ask(Signal.TAKE_OVER)
    rig.tick(200)
    bad = ROBOT.index("left_index_distal")
    pose = rig.q.copy() + 0.05
    pose[bad] = np.nan
    rig.still_operator = np.clip(pose, ROBOT.q_min_rad, ROBOT.q_max_rad)
    before = rig.q.copy()
    last = rig.tick(300)
    assert np.isfinite(last.q_sent_rad).all()
    assert np.isnan(last.q_operator_rad[bad])
    moved = np.abs(last.q_sent_rad - before) > 0.01
    assert moved.sum() > 30
    assert rig.loop.handover.state is State.ADAPTATION


def test_a_filter_that_breaks_a_limit_is_stopped_by_the_checker():
    rig = Rig(seed=9).started()
    honest = rig.loop.filter.step

    def broken(reference, stopping):
        command = honest(reference, stopping)
        rig.loop.filter.state[0] = command + 0.01
        return command + 0.01

    rig.loop.filter.step = broken
    last = rig.tick()
    assert rig.loop.handover.state is State.FAULT
    assert "command withheld" in rig.loop.handover.reason
    assert last.reason[0] & Reason.CHECK_FAILED
    rig.tick(200)
    assert rig.loop.filter.at_rest
    assert rig.ratios()["jerk"] <= 1 + 1e-6


def test_flapping_between_drivers_stays_inside_the_limits():
    rig = Rig(seed=10, takeover="blend", protocol="hand_back").started()
    for _ in range(60):
        rig.ask(Signal.TAKE_OVER)
        rig.tick(12)
        rig.ask(Signal.GIVE_BACK)
        rig.tick(12)
    assert max(rig.ratios().values()) <= 1 + 1e-9


def test_start_outside_the_limits_is_refused_with_the_joint():
    rig = Rig(seed=11)
    rig.q[3] = ROBOT.q_max_rad[3] + 0.2
    rig.tick(2)
    assert ROBOT.joint_names[3] in rig.ask(Signal.START)
    assert rig.loop.handover.state is State.IDLE


def test_one_hand_is_taken_and_the_policy_goes_on_with_the_rest():
    rig = Rig(seed=11, takeover="blend", protocol="hand_back").started()
    assert "'tail' is no joint group" in rig.loop.request(Signal.TAKE_OVER, rig.now_s, ["tail"])
    assert rig.loop.request(Signal.TAKE_OVER, rig.now_s, ["left_hand"]) is None
    last = rig.tick(500)
    names = list(ROBOT.groups)
    assert last.weight[names.index("left_hand")] == 1.0
    assert np.sum(last.weight) == 1.0
    assert last.authority is Authority.HUMAN
    hand, arm = ROBOT.groups["left_hand"], ROBOT.groups["left_arm"]
    assert np.allclose(last.q_target_rad[hand], last.q_operator_rad[hand], atol=0.1)
    assert np.allclose(last.q_target_rad[arm], last.q_policy_rad[arm], atol=0.1)
    rig.policy_on = False
    rig.tick(600)
    assert rig.loop.handover.state is State.ADAPTATION, "a silent policy does not take the hand away"
    assert np.allclose(rig.tick(100).q_sent_rad[arm], rig.sent[-50][arm]), "its own joints hold"
    rig.policy_on = True
    rig.tick(300)
    assert rig.ask(Signal.GIVE_BACK) is None
    rig.tick(300)
    assert max(rig.ratios().values()) <= 1 + 1e-9


def test_rewind_walks_back_along_what_was_sent_and_ends_paused():
    rig = Rig(seed=14, protocol="hand_back").started()
    assert "does not apply" in rig.ask(Signal.REWIND)
    rig.tick(500)
    rig.ask(Signal.PAUSE)
    assert "still braking" in rig.ask(Signal.REWIND)
    rig.tick(200)
    there = np.array(rig.sent)
    moving = there[np.r_[True, np.any(np.diff(there, axis=0), axis=1)]]
    rig.sent = rig.sent[-3:]
    assert rig.ask(Signal.REWIND) is None
    phases = []
    while rig.loop.handover.state is State.REWINDING:
        tick = rig.tick()
        phases.append((tick.phase, tick.authority))
        assert len(phases) < 1500
    assert rig.loop.handover.state is State.PAUSED
    assert phases[2:-1] == [(Phase.REWIND, Authority.REWIND)] * (len(phases) - 3)
    assert np.max(np.abs(rig.q - moving[-1 - round(2.0 / DT)])) < 2e-3, "two seconds of motion back"
    back = np.array(rig.sent)
    nearest = [np.min(np.max(np.abs(moving - q), axis=1)) for q in back[::25]]
    assert max(nearest) < 5e-3, "it leaves its own path nowhere"
    speed = np.max(np.abs(np.diff(moving[-550:], axis=0)), axis=0)
    assert np.all(np.max(np.abs(np.diff(back, axis=0)), axis=0) <= 0.6 * speed + 1e-6), "at half the speed"
    assert max(rig.ratios().values()) <= 1 + 1e-9
    assert "only just stopped rewinding" in rig.ask(Signal.GIVE_BACK)
    rig.tick(100)
    assert rig.ask(Signal.GIVE_BACK) is None
    rig.tick(600)
    assert rig.loop.handover.state is State.AUTONOMOUS
    assert max(rig.ratios().values()) <= 1 + 1e-9


@pytest.mark.parametrize("how", ["pause", "stop", "robot", "discard"])
def test_a_rewind_can_be_broken_off_at_any_tick(how):
    rig = Rig(seed=15).started()
    for ticks in (1, 2, 7, 60, 150):
        rig.tick(200)
        assert rig.ask(Signal.PAUSE) is None
        rig.tick(150)
        assert rig.ask(Signal.REWIND) is None
        rig.tick(ticks)
        if how == "robot":
            rig.robot_on = False
            rig.tick(9)
            assert rig.loop.handover.state is State.REWINDING
            rig.tick(150)
            assert rig.loop.filter.at_rest
            rig.robot_on = True
            rig.tick(10)
            assert rig.loop.handover.state is State.FAULT
            assert rig.ask(Signal.ACKNOWLEDGE) is None
            assert "nothing to rewind" in rig.ask(Signal.REWIND)
        elif how == "discard":
            assert rig.ask(Signal.DISCARD) is None
            rig.tick(150)
            assert rig.ask(Signal.START) is None
            rig.tick(100)
            continue
        else:
            assert rig.ask(Signal(how)) is None
        rig.tick(150)
        assert rig.loop.filter.at_rest
        rig.sent = rig.sent[-3:]
        if how != "robot":
            assert rig.ask(Signal.REWIND) is None, "and then go on"
            rig.tick(1200)
            assert rig.loop.handover.state is State.PAUSED
        assert rig.ask(Signal.GIVE_BACK) is None
        rig.tick(200)
        assert max(rig.ratios().values()) <= 1 + 1e-9


def test_a_fresh_press_of_the_deadman_takes_over_only_where_the_session_wants_it():
    for wanted in (False, True):
        rig = Rig(seed=16).started()
        rig.loop.deadman_takes_over = wanted
        rig.ask(Signal.PAUSE)
        rig.tick(100)
        assert rig.loop.handover.state is State.PAUSED, "held since before: nobody asked"
        rig.engaged = False
        rig.tick(30)
        rig.engaged = True
        rig.tick(20)
        assert rig.loop.handover.state is State.PAUSED, "a bounce"
        rig.tick(20)
        assert rig.loop.handover.state is (State.ADAPTATION if wanted else State.PAUSED)


def test_while_a_person_drives_the_policy_s_disagreement_is_told_and_follows_from_the_rows():
    rig = Rig(seed=17, takeover="blend", protocol="hand_back").started()
    assert rig.loop.request(Signal.TAKE_OVER, rig.now_s, ["left_arm", "left_hand"]) is None
    ticks = [rig.tick() for _ in range(400)]
    rig.ask(Signal.RECOVERED)
    rig.policy_on = False
    ticks += [rig.tick() for _ in range(400)]
    rig.policy_on = True
    ticks += [rig.tick() for _ in range(200)]
    rig.ask(Signal.GIVE_BACK)
    rig.tick()
    (event,) = [event for event in rig.events if event.kind == "disagreement"]
    said = json.loads(event.detail)
    assert said["seconds"] == 4.0
    assert set(said["rms_rad"]) == {"left_arm", "left_hand"}
    for k, (name, index) in enumerate(ROBOT.groups.items()):
        rows = [t for t in ticks if t.driver[k] == 2]
        apart = np.array([(t.q_policy_rad - t.q_operator_rad)[index] for t in rows])
        if name in said["rms_rad"]:
            assert np.isnan(apart).any()
            assert said["rms_rad"][name] == pytest.approx(np.sqrt(np.nanmean(apart**2)))
        else:
            assert not rows
