"""A tracked elbow leads the robot's, from where both were when the operator engaged."""

import numpy as np
import pytest

from rove_teleop.geometry import transform
from rove_teleop.retargeting.retargeter import Retargeter
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.kinematics import Kinematics
from rove_teleop.types import HandFrame, OperatorFrame

ROBOT = load_robot("iron_r01")
DT = 1.0 / 72.0


def frame(wrist_m, elbow_m, k=0):
    return OperatorFrame(k * DT, k, HandFrame(), HandFrame(transform(np.eye(3), wrist_m), elbow_m=elbow_m))


def run(shift_m, seconds=3.0):
    """(elbow moved (3,), wrist moved (3,)) of the robot when the operator's elbow moves and the hand stays."""
    retargeter, kinematics = Retargeter(ROBOT), Kinematics(ROBOT)
    retargeter.start(ROBOT.home_rad)
    wrist_m, elbow_m = np.array([0.3, -0.2, 1.1]), np.array([0.05, -0.3, 1.0])
    for k in range(int(seconds / DT)):
        elbow = elbow_m if k == 0 else elbow_m + shift_m
        targets = retargeter.step(frame(wrist_m, elbow, k), DT)
    kinematics.update(targets.q_rad)
    after = [kinematics.frame(site)[:3, 3] for site in ("right_elbow", "right_wrist")]
    kinematics.update(ROBOT.home_rad)
    return [
        point - kinematics.frame(site)[:3, 3] for site, point in zip(("right_elbow", "right_wrist"), after, strict=True)
    ]


def test_engaging_with_an_elbow_elsewhere_moves_nothing():
    elbow, wrist = run(np.zeros(3))
    assert np.array_equal(elbow, np.zeros(3)) and np.array_equal(wrist, np.zeros(3))


@pytest.mark.parametrize("out_m", [0.05, 0.12])
def test_the_robots_elbow_goes_the_way_of_the_operators_and_the_wrist_stays(out_m):
    elbow, wrist = run(np.array([0.0, -out_m, 0.0]))
    assert elbow[1] < -0.4 * out_m
    assert np.linalg.norm(wrist) < 1e-3


def test_an_elbow_that_is_not_a_number_is_no_hint():
    elbow, wrist = run(np.array([0.0, np.nan, 0.0]))
    assert np.array_equal(elbow, np.zeros(3)) and np.array_equal(wrist, np.zeros(3))
