"""What the loop knows of the outside: a staircase of samples becomes a line, silence becomes a sentence."""

import numpy as np
import pytest

from rove_teleop.control.inputs import Deadlines, Inputs, Ramp
from rove_teleop.robots.description import load_robot
from rove_teleop.types import JointTargets, RobotState

ROBOT = load_robot("iron_r01")


def sample(stamp_s: float, value: float, valid: tuple[bool, bool] = (True, True)) -> JointTargets:
    return JointTargets(stamp_s, np.full(2, value), np.array(valid))


def test_samples_of_a_steady_motion_become_a_line_one_period_late():
    ramp = Ramp()
    for k in range(10):
        ramp.put(sample(0.02 * k, 0.02 * k))
    times = np.linspace(0.18, 0.2, 9)
    assert np.allclose([ramp.at(t)[0] for t in times], times - 0.02)
    assert ramp.at(0.5)[0] == pytest.approx(0.18), "never extrapolated"


def test_a_joint_begins_at_its_first_sample_and_is_nan_without_one():
    ramp = Ramp()
    ramp.put(sample(0.0, 1.0, (True, False)))
    assert ramp.at(0.01)[0] == 1.0
    assert np.isnan(ramp.at(0.01)[1])
    ramp.put(sample(0.02, 2.0))
    assert ramp.at(0.02)[1] == 2.0
    assert ramp.at(0.02)[0] == 1.0


def test_stamps_that_repeat_or_run_backwards_do_no_harm():
    ramp = Ramp()
    for stamp_s in (1.0, 1.0, 0.5, 1.0, 1.01):
        ramp.put(sample(stamp_s, 3.0))
        assert np.isfinite(ramp.at(1.02)).all()


def test_every_missing_thing_is_a_sentence():
    inputs = Inputs(ROBOT, Deadlines())
    assert "not reported" in (inputs.robot_missing(0.0) or "")
    assert "no operator" in (inputs.operator_missing(0.0) or "")
    inputs.measured = RobotState(10.0, ROBOT.home_rad, np.zeros(50))
    assert inputs.robot_missing(10.1) is None
    assert inputs.robot_late(10.1)
    assert "1.00 s ago" in (inputs.robot_missing(11.0) or "")
    assert inputs.robot_missing(9.0) is not None, "a state from the future is not fresh"
    inputs.ramp.put(JointTargets(10.0, ROBOT.home_rad, np.ones(50, dtype=bool)))
    assert "deadman" in (inputs.operator_missing(10.05) or "")
    inputs.deadman.update(True, 9.97)
    assert "must be held for 0.1 s" in (inputs.operator_missing(10.05) or "")
    inputs.deadman.update(False, 9.98)
    inputs.deadman.update(True, 9.9)
    assert inputs.operator_missing(10.05) is None
    assert "0.50 s old" in (inputs.operator_missing(10.5) or "")
    inputs.ramp.put(JointTargets(11.0, ROBOT.home_rad, np.zeros(50, dtype=bool)))
    assert "not tracked" in (inputs.operator_missing(11.0) or "")


def test_a_finger_may_stay_behind_its_command_an_arm_may_not():
    for joint, expected in (("left_index_distal", False), ("left_elbow_pitch", True)):
        inputs = Inputs(ROBOT, Deadlines())
        inputs.measured = RobotState(0.0, ROBOT.home_rad, np.zeros(50))
        sent = ROBOT.home_rad.copy()
        sent[ROBOT.index(joint)] += 0.5
        said = [inputs.robot_astray(0.004 * k, sent) for k in range(100)]
        assert any(said) is expected
