"""The postures in which thumb and finger touch: inside limits, really touching, and blended without a step."""

import numpy as np
import pytest

from rove_teleop.retargeting.hand_targets import PINCH_WEIGHT, HandTargets
from rove_teleop.retargeting.pinch_postures import PinchPostures
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.kinematics import Kinematics
from rove_teleop.robots.tree import read_tree


def made(name):
    robot = load_robot(name)
    mapping = robot.operator.hands["right"]
    targets = HandTargets(read_tree(robot, tuple(mapping.points.values()), mapping.wrist), mapping)
    joints = targets.tree.joints
    low, high, home = robot.q_min_rad[joints], robot.q_max_rad[joints], robot.home_rad[joints]
    return robot, mapping, targets, PinchPostures(targets, low, high, home, rest=5e-4)


@pytest.mark.parametrize(("name", "worst_mm"), [("iron_r01", 4.0), ("allegro_right", 1.0)])
def test_each_finger_that_can_meet_the_thumb_does(name, worst_mm):
    robot, mapping, targets, postures = made(name)
    kinematics = Kinematics(robot)
    for k, finger in enumerate(mapping.fingers[1:]):
        alone = np.zeros(len(targets.distances))
        alone[k] = PINCH_WEIGHT
        q_rad = robot.home_rad.copy()
        q_rad[targets.tree.joints] = postures.pull(alone)[0]
        assert np.all((q_rad >= robot.q_min_rad) & (q_rad <= robot.q_max_rad))
        tips = [kinematics.frames(q_rad)[mapping.points[f"{f}_tip"]][:3, 3] for f in ("thumb", finger)]
        apart_m = float(np.linalg.norm(tips[0] - tips[1]))
        # A small pull to home stays at full touch, hence not to the last tenth.
        assert apart_m == pytest.approx(mapping.touch_m, abs=1e-3 * worst_mm), finger


def test_the_pull_grows_from_home_without_a_step():
    _, _, targets, postures = made("iron_r01")
    nothing = np.zeros(len(targets.distances))
    centre, strength = postures.pull(nothing)
    assert np.allclose(strength, 5e-4) and np.allclose(centre, postures.pull(nothing)[0])
    rng = np.random.default_rng(0)
    path = np.cumsum(rng.uniform(-1e-3, 1e-3, (4000, len(nothing))), axis=0) + rng.uniform(0, 1, len(nothing))
    weights = PINCH_WEIGHT * np.abs(path) ** 2
    forces = [strength * centre for centre, strength in map(postures.pull, weights)]
    assert np.max(np.abs(np.diff(forces, axis=0))) < 2e-3
