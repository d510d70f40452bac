import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from rove_teleop.errors import CheckpointInvalid, UsageError
from rove_teleop.failure.detectors import build_detectors
from rove_teleop.failure.monitor import FailureMonitor
from rove_teleop.models.checkpoint import Checkpoint, CheckpointHeader, save_checkpoint
from rove_teleop.models.critic import Critic, CriticHeader, ValueNetwork, ValueSizes
from rove_teleop.models.flow import FlowActor, FlowSizes
from rove_teleop.models.observation import Normalisation
from rove_teleop.models.policy_critic import critic_path, save_policy_critic
from rove_teleop.policy.local import LocalPolicy, load_policy, shipped_checkpoint
from rove_teleop.policy.protocol import Observation
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.world import World
from rove_teleop.virtual_time.evaluation import planner
from rove_teleop.virtual_time.rollout import Timing, live_loop, run_episode

ROBOT = load_robot("iron_r01")
JOINTS = ROBOT.joint_names[15:19]
FEATURES = ("bread_x", "bread_y", "gap")


def checkpoint(seed: int = 0, classes: int = 0) -> Checkpoint:
    rng = np.random.default_rng(seed)
    index = [ROBOT.joint_names.index(name) for name in JOINTS]
    header = CheckpointHeader(
        task="toaster", robot=ROBOT.name, robot_hash=ROBOT.config_hash, joint_names=JOINTS,
        q_min_rad=tuple(ROBOT.q_min_rad[index].tolist()), q_max_rad=tuple(ROBOT.q_max_rad[index].tolist()),
        feature_names=("gap", "bread_x"), step_s=0.05, horizon=16, execute=8, hidden=32, layers=2,
        condition_classes=classes,
    )  # fmt: skip
    torch.manual_seed(seed)
    actor = FlowActor(FlowSizes(observation=10, horizon=16, joints=4, hidden=32, layers=2, condition_classes=classes))
    weights = {key: value.numpy() for key, value in actor.state_dict().items()}
    return Checkpoint(header, Normalisation.fit(rng.normal(size=(50, 10)), rng.normal(size=(50, 16, 4))), weights)


def act(policy, features=(0.1, 0.2, 0.3), names=FEATURES):
    return look(policy, ROBOT.home_rad, ROBOT.home_rad, np.array(features), names)


def look(policy, q_measured_rad, q_commanded_rad, features, names=FEATURES):
    return policy.act(Observation(0.0, q_measured_rad, q_commanded_rad, names, features))


def test_a_plan_names_its_joints_and_times():
    plan = act(LocalPolicy(checkpoint(), ROBOT))
    assert [ROBOT.joint_names[i] for i in plan.joint_index] == list(JOINTS)
    np.testing.assert_allclose(plan.offset_s, 0.05 * np.arange(1, 17))
    assert plan.q_rad.shape == (16, 4)
    assert np.all(np.isfinite(plan.q_rad))


def test_plans_repeat_with_the_seed_and_through_a_file(tmp_path):
    save_checkpoint(tmp_path / "p.safetensors", checkpoint())
    policy = load_policy(tmp_path / "p.safetensors", ROBOT, seed=3)
    first = act(policy).q_rad
    second = act(policy).q_rad
    policy.reset(3)
    np.testing.assert_array_equal(act(policy).q_rad, first)
    np.testing.assert_array_equal(act(LocalPolicy(checkpoint(), ROBOT, seed=3)).q_rad, first)
    assert not np.array_equal(first, second)


def test_features_are_taken_by_name_not_by_place():
    one = act(LocalPolicy(checkpoint(), ROBOT)).q_rad
    other = act(LocalPolicy(checkpoint(), ROBOT), (0.3, 7.0, 0.1, 0.2), ("gap", "new", "bread_x", "bread_y")).q_rad
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_observation_that_is_not_finite_is_refused_and_counted(value):
    policy = LocalPolicy(checkpoint(), ROBOT)
    broken = ROBOT.home_rad.copy()
    broken[ROBOT.joint_names.index(JOINTS[0])] = value
    features = np.array([0.1, 0.2, 0.3])
    assert look(policy, broken, ROBOT.home_rad, features) is None
    assert look(policy, ROBOT.home_rad, broken, features) is None
    assert act(policy, (value, 0.2, 0.3)) is None
    assert policy.refused == {"observation not finite": 3}
    assert act(policy, (0.1, value, 0.3)) is not None, "a feature that the policy does not read is not its business"


def test_wrong_shapes_are_refused_and_counted():
    policy = LocalPolicy(checkpoint(), ROBOT)
    assert look(policy, ROBOT.home_rad[:-1], ROBOT.home_rad, np.zeros(3)) is None
    assert look(policy, ROBOT.home_rad, ROBOT.home_rad, np.zeros(2)) is None
    assert policy.refused == {"wrong shape": 2}


def test_mismatches_are_refused_with_both_sides():
    made = checkpoint()
    stranger = dataclasses.replace(made.header, joint_names=("tail", *JOINTS[1:]))
    with pytest.raises(CheckpointInvalid, match=r"\['tail'\].*waist_yaw"):
        LocalPolicy(dataclasses.replace(made, header=stranger), ROBOT)
    narrower = dataclasses.replace(made.header, q_max_rad=(0.001, *made.header.q_max_rad[1:]))
    with pytest.raises(CheckpointInvalid, match=rf"'{JOINTS[0]}' was .* to 0\.001 rad .* but robot"):
        LocalPolicy(dataclasses.replace(made, header=narrower), ROBOT)
    wider = dataclasses.replace(made.header, hidden=64)
    with pytest.raises(CheckpointInvalid, match=r"body\.0\.weight' is \(32, .*must be \(64, "):
        LocalPolicy(dataclasses.replace(made, header=wider), ROBOT)
    with pytest.raises(CheckpointInvalid, match=r"\['bread_x'\].*\['gap', 'ink'\]"):
        act(LocalPolicy(made, ROBOT), (0.0, 0.0), ("gap", "ink"))


@pytest.mark.parametrize(
    ("rates", "sides"),
    [({"step_s": 0.001}, r"steps of 0\.001 s.*steps of 0\.004 s"), ({"execute": 0}, r"uses 0 steps.*good for 0\.05 s")],
)
def test_rates_that_cannot_be_driven_are_refused_with_both_sides(rates, sides):
    made = checkpoint()
    with pytest.raises(CheckpointInvalid, match=sides):
        LocalPolicy(dataclasses.replace(made, header=dataclasses.replace(made.header, **rates)), ROBOT)


def test_a_task_without_a_shipped_policy_is_a_usage_error():
    with pytest.raises(UsageError, match="'juggling'"):
        shipped_checkpoint("juggling")


def test_conditions_are_guided_by_beta_and_a_policy_without_them_has_none(tmp_path):
    save_checkpoint(tmp_path / "p.safetensors", checkpoint(classes=2))
    policy = load_policy(tmp_path / "p.safetensors", ROBOT, seed=3)
    plans = {}
    for beta in (0.0, 1.0, 4.0):
        policy.beta = beta
        policy.reset(3)
        plans[beta] = act(policy).q_rad
    assert np.abs(plans[0.0] - plans[1.0]).max() > 1e-6
    assert np.abs(plans[4.0] - plans[1.0]).max() > 1e-6
    for wrong in (-0.1, 10.1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="beta must be 0 to 10"):
            policy.beta = wrong
    assert policy.beta == 4.0
    plain = LocalPolicy(checkpoint(), ROBOT)
    assert plain.beta is None
    with pytest.raises(UsageError, match="has no conditions"):
        plain.beta = 1.0


def test_one_condition_is_no_condition():
    made = checkpoint()
    lonely = dataclasses.replace(made.header, condition_classes=1)
    with pytest.raises(CheckpointInvalid, match="1 condition class"):
        LocalPolicy(dataclasses.replace(made, header=lonely), ROBOT)


def watch(policy, stamp_s, delay_s=0.0, commanded_rad=ROBOT.home_rad):
    features = np.array([0.1, 0.2, 0.3])
    return policy.act(Observation(stamp_s, ROBOT.home_rad, commanded_rad, FEATURES, features, {}, "", delay_s))


def small_steps(made: Checkpoint) -> Checkpoint:
    """Plans that stay within milliradians, so that the robot at home still follows them."""
    scale = dataclasses.replace(
        made.normalisation,
        delta_mean_rad=np.zeros_like(made.normalisation.delta_mean_rad),
        delta_scale_rad=np.full_like(made.normalisation.delta_scale_rad, 0.01),
    )
    return dataclasses.replace(made, normalisation=scale)


def test_a_plan_goes_on_from_the_one_before_for_as_long_as_that_is_executed():
    apart = {}
    for continues in (True, False):
        policy = LocalPolicy(small_steps(checkpoint()), ROBOT, seed=1, continues=continues)
        before = watch(policy, 10.0).q_rad
        after = watch(policy, 10.4, delay_s=0.2).q_rad
        apart[continues] = np.abs(after[:4] - before[8:12]).max()
    assert apart[True] < 0.5 * apart[False]


def test_a_new_episode_or_another_driver_begins_anew():
    fresh = LocalPolicy(small_steps(checkpoint()), ROBOT, seed=1, continues=False)
    policy = LocalPolicy(small_steps(checkpoint()), ROBOT, seed=1)
    moved = ROBOT.home_rad + 0.3
    for item in (fresh, policy):
        watch(item, 10.0)
    np.testing.assert_array_equal(watch(policy, 10.4, 0.0, moved).q_rad, watch(fresh, 10.4, 0.0, moved).q_rad)
    for item in (fresh, policy):
        item.reset(5)
    np.testing.assert_array_equal(watch(policy, 10.8).q_rad, watch(fresh, 10.8).q_rad)


def test_what_the_policy_saw_comes_with_the_plan():
    plan = act(LocalPolicy(checkpoint(), ROBOT))
    assert plan.embedding.shape == (10,)
    assert np.all(np.abs(plan.embedding) <= 6.0)


def watched(path: Path, made: Checkpoint, weights: tuple[float, ...]) -> None:
    """``made`` in a file with a critic beside it: a plain sum of features with these ``weights``, in steps."""
    save_checkpoint(path, made)
    sizes = ValueSizes(len(weights), layers=0)
    network = ValueNetwork(sizes)
    with torch.no_grad():
        network.first.weight.copy_(torch.tensor([weights]))
        network.first.bias.zero_()
    header = CriticHeader("ove", 16, 1.0, 0.7, sizes, ("put the bread into the toaster",), -1.0, 0.0)
    none, one = np.zeros(len(weights), np.float32), np.ones(len(weights), np.float32)
    save_policy_critic(path, made.header, Critic(header, none, one, network))


def test_a_critic_beside_a_checkpoint_values_what_its_policy_sees_and_changes_no_plan(tmp_path):
    path = tmp_path / "p.safetensors"
    watched(path, checkpoint(), (1.0, -2.0))
    policy = load_policy(path, ROBOT, seed=3)
    plan = act(policy)
    # The policy reads gap and bread_x, in this order, of bread_x, bread_y and gap.
    assert plan.value == pytest.approx(0.3 - 2.0 * 0.1)
    seen = Observation(0.4, ROBOT.home_rad, ROBOT.home_rad, FEATURES, np.zeros(3), instruction="do something else")
    assert policy.act(seen).value is None
    alone = act(LocalPolicy(checkpoint(), ROBOT, seed=3))
    assert alone.value is None
    np.testing.assert_array_equal(plan.q_rad, alone.q_rad)
    save_checkpoint(path, checkpoint(seed=1))
    with pytest.raises(CheckpointInvalid, match="watches the policy with hash"):
        load_policy(path, ROBOT)
    critic_path(path).unlink()
    assert act(load_policy(path, ROBOT)).value is None


def test_a_value_that_falls_is_heard_in_virtual_time(tmp_path):
    world = World(ROBOT, "toaster")
    made = checkpoint()
    header = dataclasses.replace(made.header, feature_names=("bread_x_m", "slot_x_m"))
    # An untrained policy moves the bread somewhere.
    watched(tmp_path / "p.safetensors", dataclasses.replace(made, header=header), (100.0, 0.0))
    policy, monitor = load_policy(tmp_path / "p.safetensors", ROBOT), FailureMonitor(build_detectors({}))
    timing = Timing(replan_s=policy.execute_s, limit_s=1.0)
    run_episode(world, live_loop(ROBOT), 1, planner(policy, world), timing=timing, monitor=monitor)
    scores = dict(zip((detector.name for detector in monitor.detectors), monitor.scores, strict=True))
    assert scores["value_drop"] > 0.0
