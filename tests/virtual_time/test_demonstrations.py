import numpy as np
import pytest

from rove_teleop.control.tick_row import TickRow
from rove_teleop.control_loop import ControlLoop
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.errors import DatasetInvalid
from rove_teleop.handover.states import Signal
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.experts import make_expert
from rove_teleop.sim.tasks import ToasterParams, task_params
from rove_teleop.sim.world import World
from rove_teleop.training.windows import cut_windows, moving_joints
from rove_teleop.types import Authority
from rove_teleop.virtual_time.demonstrations import STYLES, Demonstrator, demonstrate
from rove_teleop.virtual_time.rollout import Timing, run_episode
from rove_teleop.virtual_time.trajectories import TrajectoryRecorder, asked, load_trajectory

ROBOT = load_robot("iron_r01")
RIGHT_ARM = tuple(ROBOT.joint_names[i] for i in ROBOT.groups["right_arm"])


@pytest.fixture(scope="module")
def demonstrations():
    return demonstrate(ROBOT, "toaster", 2, seed=4)


def test_demonstrations_move_the_right_arm_within_its_limits_and_end_in_success(demonstrations):
    assert len(demonstrations) == 2
    assert set(moving_joints(demonstrations)) <= set(RIGHT_ARM)
    for item in demonstrations:
        assert np.all(np.diff(item.stamp_s) > 0.0)
        assert np.all((item.q_sent_rad >= ROBOT.q_min_rad) & (item.q_sent_rad <= ROBOT.q_max_rad))
        depth_m = item.task_features[-1][item.feature_names.index("true_bread_in_slot_z_m")]
        assert depth_m < 0.01, "the bread is in the slot"


def test_the_seed_decides_the_demonstrations(demonstrations):
    again = demonstrate(ROBOT, "toaster", 1, seed=4)[0]
    np.testing.assert_array_equal(again.q_sent_rad, demonstrations[0].q_sent_rad)


def test_an_expert_that_cannot_is_no_teacher():
    impossible = ToasterParams(slot_width_m=0.0145, hold_force_limit_n=0.5)
    with pytest.raises(DatasetInvalid, match="the expert failed"):
        demonstrate(ROBOT, "toaster", 30, params=impossible)


def test_asked_is_what_the_driver_wanted_and_nothing_while_nobody_drove():
    authority = np.array([Authority.HOLD, Authority.POLICY, Authority.HUMAN, Authority.STOP])
    result = asked(authority, np.full((4, 2), 1.0), np.full((4, 2), 2.0))
    np.testing.assert_array_equal(result, [[np.nan] * 2, [1.0] * 2, [2.0] * 2, [np.nan] * 2])


def test_a_sealed_episode_teaches_the_same_as_the_episode_in_memory(tmp_path):
    world = World(ROBOT, "toaster", params=task_params("toaster", "demonstration"))
    recorder = TrajectoryRecorder(ROBOT.joint_names, world.feature_names)
    rows = TickRow(ROBOT.joint_count, len(ROBOT.groups))
    recording = EpisodeRecording(
        tmp_path,
        {
            "task": "toaster",
            "joint_names": list(ROBOT.joint_names),
            "groups": {name: [ROBOT.joint_names[i] for i in index] for name, index in ROBOT.groups.items()},
            "control_hz": ROBOT.control_hz,
            "feature_names": list(world.feature_names),
        },
        min_free_bytes=0,
    )
    seen = []

    def both(tick, task):
        recorder(tick, task)
        recording.control_row(rows.pack(tick, 1, len(seen), 0.0))
        if not seen or seen[-1] is not task:
            recording.task_state(task.stamp_s, task.features)
        seen.append(task)

    expert = make_expert("toaster", world.feature_names, 1.0)
    operator = Demonstrator(ROBOT, expert, world.feature_names, np.random.default_rng(0))
    result = run_episode(
        world, ControlLoop(ROBOT), 5, None, operator, timing=Timing(limit_s=15.0), on_tick=both, demonstrate=True
    )
    assert result.outcome is Signal.SUCCESS
    memory, disk = recorder.trajectory(), load_trajectory(recording.seal("success"))
    assert disk.joint_names == memory.joint_names
    assert disk.feature_names == memory.feature_names
    one, other = (cut_windows(item, RIGHT_ARM, ("bread_x_m", "force_z_n"), 0.05, 16) for item in (memory, disk))
    assert len(one.observation) > 20
    np.testing.assert_array_equal(one.observation, other.observation)
    np.testing.assert_array_equal(one.delta_rad, other.delta_rad)


def test_what_is_no_episode_teaches_nothing(tmp_path):
    with pytest.raises(DatasetInvalid, match="cannot be read"):
        load_trajectory(tmp_path)


def test_every_task_has_a_style():
    from rove_teleop.sim.tasks import TASK_NAMES
    from rove_teleop.virtual_time.base_policy import RECIPES

    assert set(STYLES) == set(RECIPES) == set(TASK_NAMES)
