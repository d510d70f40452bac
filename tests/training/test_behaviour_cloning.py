import dataclasses

import numpy as np
import pytest

from rove_teleop.errors import DatasetInvalid
from rove_teleop.models.checkpoint import load_checkpoint, save_checkpoint
from rove_teleop.policy.local import LocalPolicy
from rove_teleop.policy.protocol import Observation
from rove_teleop.robots.description import load_robot
from rove_teleop.training.behaviour_cloning import CloningSettings, train
from rove_teleop.training.windows import Trajectory

pytestmark = pytest.mark.integration  # long: it runs after the unit tests

ROBOT = load_robot("iron_r01")
JOINT = ROBOT.groups["right_arm"][0]
QUICK = CloningSettings(
    step_s=0.05, horizon=16, steps=1000, batch=128, hidden=128, layers=3, learning_rate=3e-3, report_every=100
)


def reach(goal: float) -> Trajectory:
    """The first joint of the right arm closes 3 % of what is left to home + goal per tick; the goal is a feature."""
    stamp_s = np.arange(0.0, 1.5, 0.004)
    q_rad = np.tile(ROBOT.home_rad, (len(stamp_s), 1))
    q_rad[:, JOINT] += goal * (1.0 - 0.97 ** np.arange(len(stamp_s)))
    features = np.full((len(stamp_s), 1), goal)
    return Trajectory(ROBOT.joint_names, ("goal",), stamp_s, q_rad, q_rad, q_rad, stamp_s, features)


REACHES = [reach(goal) for goal in np.linspace(-0.3, 0.3, 20)]


def test_the_loss_falls_and_the_policy_goes_to_the_goal(tmp_path):
    losses = []
    checkpoint = train(REACHES, "reach", ROBOT, 1, QUICK, progress=lambda step, steps, loss: losses.append(loss))
    assert len(losses) == 10
    assert losses[-1] < 0.2 * losses[0]
    assert checkpoint.header.joint_names == (ROBOT.joint_names[JOINT],)
    save_checkpoint(tmp_path / "reach.safetensors", checkpoint)
    policy = LocalPolicy(load_checkpoint(tmp_path / "reach.safetensors"), ROBOT, seed=0)
    for goal in (-0.2, 0.15):
        q_rad = ROBOT.home_rad.copy()
        for _ in range(4):
            plan = policy.act(Observation(0.0, q_rad, q_rad, ("goal",), np.array([goal])))
            q_rad[plan.joint_index] = plan.q_rad[7]
        assert q_rad[JOINT] - ROBOT.home_rad[JOINT] == pytest.approx(goal, abs=0.06)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    short = dataclasses.replace(QUICK, steps=20, hidden=16)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        save_checkpoint(tmp_path / name, train(REACHES[:3], "reach", ROBOT, seed, short))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_data_that_cannot_teach_is_refused():
    with pytest.raises(DatasetInvalid, match="no trajectory"):
        train([], "reach", ROBOT)
    with pytest.raises(DatasetInvalid, match="no joint moves"):
        train([reach(0.0)], "reach", ROBOT)
    with pytest.raises(DatasetInvalid, match="lacks the features"):
        train(REACHES, "reach", ROBOT, feature_names=("ink",))
    with pytest.raises(DatasetInvalid, match="trajectory 1 has joints"):
        train([reach(0.1), dataclasses.replace(reach(0.1), joint_names=("x",))], "reach", ROBOT)
    blind = [dataclasses.replace(item, task_features=np.full((375, 1), np.nan)) for item in REACHES[:2]]
    with pytest.raises(DatasetInvalid, match="no sample without NaN"):
        train(blind, "reach", ROBOT)
