"""From a device's fault to the robot, in virtual time: it holds, stays held however good the frames are, and only a new
take-over moves it again."""

from dataclasses import replace

import numpy as np
import pytest

from rove_teleop.control_loop import ControlLoop
from rove_teleop.handover.states import Signal, State
from rove_teleop.operators.chain import OperatorChain
from rove_teleop.robots.description import load_robot
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.types import SIDES, ActionChunk, HandFrame, RobotState

from ..tracking.operator_frames import frame, hand, head

pytestmark = pytest.mark.integration  # long: it runs after the unit tests

ROBOT = load_robot("iron_r01")
N, DT = ROBOT.joint_count, ROBOT.dt_s
FRAME_TICKS = 3
"""Frames at 83 Hz."""
DRIVING = (State.ADAPTATION, State.RECOVERY)


def moved(f, side, offset_m):
    T = f.hand(side).T_world_wrist.copy()
    T[:3, 3] += offset_m
    return replace(f, **{side: HandFrame(T, f.hand(side).points_m)})


def everything_moved(f, offset_m):
    f = moved(moved(f, "left", offset_m), "right", offset_m)
    return replace(f, space=1)


def with_right(f, T_world_wrist, points_m):
    return replace(f, right=HandFrame(T_world_wrist, points_m))


FAULTS = {
    # name: (what the device delivers k frames after the fault began, the reason that is counted, time to the hold)
    "jump": (lambda f, k: moved(f, "right", (0.5, 0.5, 0.0)), "right_wrist_jump", 0.15),
    "jump and back": (lambda f, k: moved(f, "right", (0.5, 0.5, 0.0)) if k < 2 else f, "right_wrist_jump", 0.15),
    "lost and found elsewhere": (
        lambda f, k: replace(f, right=HandFrame()) if k < 8 else moved(f, "right", (0.0, 0.0, 0.73)),
        "right_hand_lost",
        0.15,
    ),
    "one frame without a hand": (lambda f, k: replace(f, left=HandFrame()) if k == 0 else f, "left_hand_lost", 0.15),
    "swapped": (lambda f, k: replace(f, left=HandFrame(f.right.T_world_wrist), right=HandFrame(f.left.T_world_wrist)),
                "hands_swapped", 0.15),
    "swapped with fingers": (lambda f, k: replace(f, left=f.right, right=f.left), "left_mirrored", 0.15),
    "recentered": (lambda f, k: everything_moved(f, (1.0, -0.5, 0.2)), "recentered", 0.15),
    "restarted": (lambda f, k: replace(everything_moved(f, (0.0, 0.5, 0.0)), sequence=k), "restarted", 0.15),
    "not a pose": (lambda f, k: with_right(f, f.right.T_world_wrist * np.nan, None), "right_wrist_not_rigid", 0.15),
    "another's hand": (lambda f, k: with_right(f, f.right.T_world_wrist, f.right.points_m * 1.3), "right_changed_size",
                       0.15),
    "wrong hand": (lambda f, k: with_right(f, f.right.T_world_wrist, hand_points("left", 0.2)), "right_mirrored", 0.15),
    "headset off": (lambda f, k: replace(f, T_world_head=None) if k < 5 else f, "head_lost", 0.15),
    "silence": (lambda f, k: None if k < 60 else f, "gap", 0.2),
    "late": (lambda f, k: replace(f, stamp_s=f.stamp_s - 0.3) if k < 10 else f, "stale", 0.15),
}  # fmt: skip


class Person:
    """Moves both hands all the time and holds the deadman, whatever happens."""

    def __init__(self):
        self.k, self.fault, self.fault_k = 0, None, 0
        self.stuck = None

    def frame(self, now_s):
        self.k += 1
        sway = {side: 0.1 * np.sin(0.9 * now_s + (side == "left")) for side in SIDES}
        hands = {
            side: hand(sway[side], side, turn=0.5 * sway[side], noise=2 * self.k + (side == "left")) for side in SIDES
        }
        good = frame(self.k, **hands, stamp_s=now_s, head=head(0.01 * sway["left"]))
        if self.fault is None:
            return good
        self.fault_k += 1
        return self.fault(good, self.fault_k - 1)


class Rig:
    """A perfect robot, the control loop, and the operator's chain as the operator node runs it."""

    def __init__(self):
        self.loop, self.chain, self.person = ControlLoop(ROBOT), OperatorChain(ROBOT, "anchored"), Person()
        self.now_s, self.ticks, self.q = 100.0, 0, ROBOT.home_rad.copy()
        self.driving = False
        self.sent = []

    def run(self, seconds):
        for _ in range(round(seconds / DT)):
            self.now_s, self.ticks = self.now_s + DT, self.ticks + 1
            self.loop.on_robot_state(RobotState(self.now_s, self.q.copy(), np.zeros(N)))
            if self.ticks % 100 == 1:
                plan = np.tile(ROBOT.home_rad, (16, 1))
                self.loop.on_chunk(ActionChunk(self.now_s, np.arange(16) * 0.05, np.arange(N), plan))
            if self.ticks % FRAME_TICKS == 0:
                self.operate()
            tick = self.loop.tick(self.now_s)
            self.q = self.q if tick.q_sent_rad is None else tick.q_sent_rad
            self.sent.append(self.q)

    def operate(self):
        """As ``nodes/operator.py``: the deadman first; the state it knows is one frame old."""
        seen = self.person.frame(self.now_s)
        driving, self.driving = self.driving, self.loop.handover.state in DRIVING
        if seen is None:
            return
        passed = self.chain.step(seen, self.now_s, self.q, driving)
        self.loop.on_deadman(self.chain.gate.engaged if passed is None else passed[0].engaged, self.now_s)
        if passed is not None:
            self.loop.on_operator(passed[1])

    def ask(self, signal):
        refusal = self.loop.request(signal, self.now_s)
        assert refusal is None, refusal

    def driven(self):
        """Well into a takeover that moves the robot."""
        self.run(0.2)
        self.ask(Signal.START)
        self.run(0.5)
        self.ask(Signal.PAUSE)
        self.run(0.5)
        self.ask(Signal.TAKE_OVER)
        begin = len(self.sent)
        self.run(1.2)
        assert self.loop.handover.state in DRIVING and not self.chain.gate.rejected
        assert np.ptp(self.sent[begin:], axis=0).max() > 0.05, "the operator drives"
        return self


def until_hold(rig, within_s):
    begin_s = rig.now_s
    while rig.loop.handover.state is not State.HOLD:
        rig.run(DT)
        assert rig.now_s - begin_s <= within_s, "the robot should hold by now"


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_holds_the_robot_and_only_a_new_takeover_moves_it(name):
    fault, reason, within_s = FAULTS[name]
    rig = Rig().driven()
    before = rig.q
    rig.person.fault = fault
    until_hold(rig, within_s)
    rig.run(1.0)
    assert rig.chain.gate.rejected[reason] >= 1
    at_rest = rig.q
    assert np.max(np.abs(at_rest - before)) < 0.12, "braking is all that moved"
    rig.run(1.0)  # where the device works again its frames are good, and the deadman is held all the time
    assert rig.loop.handover.state is State.HOLD and np.array_equal(rig.q, at_rest)
    rig.person.fault = None
    rig.run(0.5)
    assert rig.loop.handover.state is State.HOLD and np.array_equal(rig.q, at_rest)
    begin = len(rig.sent)
    rig.ask(Signal.TAKE_OVER)
    rig.run(0.8)
    assert rig.loop.handover.state in DRIVING
    speed = np.abs(np.diff(rig.sent[begin - 1 :], axis=0)) / DT
    assert np.all(speed <= ROBOT.v_max_rad_s * (1 + 1e-9)) and np.max(np.abs(rig.q - at_rest)) < 0.5


def test_a_frozen_hand_holds_the_robot():
    rig = Rig().driven()
    stuck = rig.person.frame(rig.now_s + DT).right
    rig.person.fault = lambda f, k: replace(f, right=stuck)
    until_hold(rig, 0.65)
    assert rig.chain.gate.rejected["right_frozen"] >= 1 and "again and again" in rig.chain.gate.trouble
    rig.run(1.0)
    assert rig.loop.handover.state is State.HOLD


def test_frames_that_come_twice_or_in_another_order_do_not_stop_the_operator():
    rig, kept = Rig().driven(), []

    def disordered(f, k):
        kept.append(f)
        late = kept[-2] if k % 5 == 3 else f
        return replace(late, stamp_s=f.stamp_s)

    rig.person.fault = disordered
    rig.run(3.0)
    assert rig.loop.handover.state in DRIVING
    assert set(rig.chain.gate.rejected) == {"out_of_order"} and rig.chain.gate.rejected["out_of_order"] > 30


@pytest.mark.parametrize("takeover", ["anchored", "aligned"])
def test_a_hand_that_comes_into_view_while_the_operator_drives_moves_nothing(takeover):
    chain, left_arm = OperatorChain(ROBOT, takeover), [*ROBOT.groups["left_arm"], *ROBOT.groups["left_hand"]]

    def seen(k):
        far = moved(frame(k), "left", (0.2, 0.3, 0.3)).left.T_world_wrist
        left = HandFrame() if k < 60 else HandFrame(far, hand_points("left", 0.9))
        return frame(k, left=left, stamp_s=100.0 + k / 72.0)

    for k in range(150):
        _, targets = chain.step(seen(k), seen(k).stamp_s, ROBOT.home_rad, driving=k >= 20)
        assert not targets.valid[left_arm].any() and targets.valid[ROBOT.groups["right_arm"]].all()
    assert chain.refused["left_wrist_late"] > 0 and "take over again" in chain.trouble
    _, targets = chain.step(seen(150), seen(150).stamp_s, ROBOT.home_rad, driving=False)
    assert targets.valid[left_arm].all() and chain.trouble is None
