"""What is remembered of an operator reaches the robot: the size of the hands always, that of the arms if matched."""

from dataclasses import replace

import numpy as np
import pytest

from rove_teleop.geometry import exp_so3
from rove_teleop.operators.chain import OperatorChain, aligned_scale
from rove_teleop.operators.profiles import ArmProfile, OperatorProfile
from rove_teleop.retargeting.calibration import HandSize, measure_size
from rove_teleop.retargeting.calibration_check import HandProbe
from rove_teleop.retargeting.hands import HandRetargeter
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.kinematics import Kinematics
from rove_teleop.tracking.gate import NOISELESS
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.types import SIDES, HandFrame, OperatorFrame

from ..retargeting.guided_person import TOUCH_M, Person

ROBOT = load_robot("iron_r01")
SIZE = HandSize(measure_size(0.8 * hand_points("right", 0.0)).finger_m, np.array(list(TOUCH_M.values())))


def profile(arm_m=0.58):
    arms = {side: ArmProfile(arm_m, 0.0) for side in SIDES} if arm_m else {}
    sizes = {side: SIZE for side in SIDES}
    return OperatorProfile("ada", "webxr", "2026-01-01T00:00:00+00:00", "iron_r01", sizes=sizes, arms=arms)


def test_a_stretched_arm_is_a_stretched_arm_for_short_people_and_tall_ones():
    short, tall = aligned_scale(ROBOT, profile(0.45)), aligned_scale(ROBOT, profile(0.7))
    assert short * 0.45 == pytest.approx(tall * 0.7)
    assert 0.3 < short * 0.45 < 1.0
    assert aligned_scale(ROBOT, profile(0.3)) <= 2.0
    assert aligned_scale(ROBOT, profile(0.0)) == aligned_scale(ROBOT, None) == 1.0


def test_only_matched_poses_are_scaled():
    scales = {
        mode: OperatorChain(ROBOT, mode, None, profile()).retargeter.clutch.scale
        for mode in ("aligned", "anchored", "blend")
    }
    assert scales == {"aligned": aligned_scale(ROBOT, profile()), "anchored": 1.0, "blend": 1.0}


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.0])
def test_copied_motion_is_scaled_and_the_head_is_followed(scale):
    chain, q_rad = OperatorChain(ROBOT, "anchored", NOISELESS, None, scale), ROBOT.home_rad
    kinematics = Kinematics(ROBOT)
    before = {site: kinematics.frames(q_rad)[site] for site in ("right_wrist", "head")}
    for k in range(150):
        share = min(k / 100, 1.0)
        wrist, head = np.eye(4), np.eye(4)
        wrist[0, 3] = 0.05 * share
        head[:3, :3] = exp_so3(np.array([0.0, 0.0, 0.3 * share]))
        frame = OperatorFrame(0.01 * k, k, HandFrame(), HandFrame(wrist), head)
        _, targets = chain.step(frame, 0.01 * k, q_rad, driving=k > 0)
        q_rad = np.where(targets.valid, targets.q_rad, q_rad)
    after = {site: kinematics.frames(q_rad)[site] for site in before}
    moved_m = after["right_wrist"][:3, 3] - before["right_wrist"][:3, 3]
    np.testing.assert_allclose(moved_m, [0.05 * scale, 0.0, 0.0], atol=3e-3)
    turned = after["head"][:3, :3] @ before["head"][:3, :3].T
    np.testing.assert_allclose(turned, exp_so3(np.array([0.0, 0.0, 0.3])), atol=0.02)


@pytest.mark.parametrize("takeover", ["aligned", "anchored"])
def test_a_remembered_hand_pinches_as_its_person_does(takeover):
    hand = HandRetargeter(ROBOT, "right", SIZE)
    probe = HandProbe(ROBOT, "right", SIZE)
    errors_m = {}
    for name, known in (("known", profile()), ("unknown", None)):
        chain = OperatorChain(ROBOT, takeover, NOISELESS, known)
        q_rad = ROBOT.home_rad
        for frame in Person(scale=0.8).motion(("look", "index", "flat", "index"), hold_s=3.0, start_s=1.0):
            _, targets = chain.step(replace(frame, engaged=True), frame.stamp_s, q_rad, driving=frame.sequence > 0)
            q_rad = np.where(targets.valid, targets.q_rad, q_rad)
        errors_m[name] = probe.pinch_errors_m(q_rad[hand.joints])[1]
    assert errors_m["known"] < 0.002
    assert errors_m["unknown"] > 0.004
