"""Whole recordings become joint angles: inside every limit, in the file's time, and close to the hands."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from rove_teleop.arrays_file import save_npz
from rove_teleop.errors import UsageError
from rove_teleop.geometry import transform
from rove_teleop.retargeting.offline import retarget_motion
from rove_teleop.robots.description import load_robot
from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.types import HandFrame, OperatorFrame

from ..tracking import recordings

pytestmark = pytest.mark.integration  # long: it runs after the unit tests

ROBOT = load_robot("iron_r01")
KEYS = {"joint_names", "stamp_s", "q_rad", "residual_m", "fingertip_residual_m", "clamped", "valid", "scale"}


@dataclass(frozen=True)
class Recorded:
    frames: tuple
    arm_length_m: float | None = None
    shoulder_m: dict = field(default_factory=dict)


def circle(count=200, radius_m=0.08, lost=()):
    frames = []
    for k in range(count):
        angle = 2 * np.pi * k / 100
        T = transform(np.eye(3), radius_m * np.array([np.sin(angle), np.cos(angle), 0.0]))
        frames.append(OperatorFrame(0.01 * k, k, HandFrame(), HandFrame() if k in lost else HandFrame(T)))
    return Recorded(tuple(frames))


def check(result, frame_count):
    assert result.keys() == KEYS
    q_rad = result["q_rad"]
    assert q_rad.shape == result["clamped"].shape == result["valid"].shape == (frame_count, ROBOT.joint_count)
    assert list(result["joint_names"]) == list(ROBOT.joint_names)
    assert np.all(q_rad >= ROBOT.q_min_rad) and np.all(q_rad <= ROBOT.q_max_rad)
    steps = np.diff(result["stamp_s"], prepend=0.0)[1:, None]
    allowed = ROBOT.v_max_rad_s * np.clip(steps, 1e-4, 0.1)
    assert np.all(np.abs(np.diff(q_rad, axis=0)) <= allowed * (1 + 1e-9) + 1e-12)
    assert np.all(np.isfinite(result["residual_m"]))


def test_a_slow_circle_is_followed_to_less_than_a_millimetre():
    result = retarget_motion(circle(), ROBOT)
    check(result, 200)
    assert result["residual_m"].max() < 1e-3
    assert result["valid"][:, ROBOT.groups["right_arm"]].all() and not result["valid"][:, ROBOT.groups["waist"]].any()


def test_a_lost_hand_holds_and_is_not_valid():
    result = retarget_motion(circle(lost=range(50, 60)), ROBOT)
    check(result, 200)
    held = result["q_rad"][50:60]
    assert np.all(held == result["q_rad"][49]) and not result["valid"][50:60].any()


def test_a_recording_with_shoulders_stretches_as_far_as_the_operator():
    motion = load_recorded_reach()
    result = retarget_motion(motion, ROBOT)
    elbow = result["q_rad"][:, ROBOT.index("right_elbow_pitch")]
    assert result["residual_m"][100:].max() < 5e-3
    assert elbow[-1] > elbow[0] + 0.5  # an outstretched arm there is an outstretched arm here


def load_recorded_reach():
    shoulder = np.array([0.1, -0.2, 1.4])
    frames = []
    for k in range(300):
        reach = 0.3 + 0.25 * k / 299  # of a 0.55 m arm
        T = transform(np.eye(3), shoulder + np.array([reach, 0.0, 0.0]))
        frames.append(OperatorFrame(0.01 * k, k, HandFrame(), HandFrame(T)))
    return Recorded(tuple(frames), 0.55, {"right": shoulder})


def test_progress_counts_every_frame_to_the_end():
    seen = []
    retarget_motion(circle(250), ROBOT, lambda done, of: seen.append((done, of)))
    assert seen == [(100, 250), (200, 250), (250, 250)]


def test_the_file_holds_plain_arrays_under_exactly_its_name(tmp_path):
    path = tmp_path / "joints"
    save_npz(path, retarget_motion(circle(5), ROBOT), tmp_path / "motion.bvh")
    with np.load(path, allow_pickle=False) as archive:
        assert set(archive.files) == KEYS and archive["q_rad"].shape == (5, 50)
    with pytest.raises(UsageError, match="cannot be written"):
        save_npz(tmp_path / "no" / "folder.npz", {}, path)
    before = path.read_bytes()
    (tmp_path / "link").symlink_to(path)
    for same in (path, tmp_path / "link"):
        with pytest.raises(UsageError, match="is what the result is made from"):
            save_npz(same, {"stamp_s": np.zeros(1)}, path)
    assert path.read_bytes() == before and sorted(item.name for item in tmp_path.iterdir()) == ["joints", "link"]


@pytest.mark.parametrize(
    ("name", "median_mm"),
    [
        ("cmu_01_01.bvh.gz", 1.0),
        ("leap_bimanual_dropouts.json.gz", 1.0),
        ("manus_right_s000_r010.npz", 1.0),
        ("mediapipe_right_video.npy", 0.1),
        ("qualisys_arm_glove_pillow.tsv", 1.0),
        ("webvr_head_controllers.json", 60.0),  # faster than the robot's joints: it lags behind
    ],
)
def test_real_recordings_are_followed_inside_every_limit(name, median_mm):
    motion = load_motion(recordings.real(name))
    part = Recorded(motion.frames[len(motion.frames) // 3 :][:500], motion.arm_length_m, dict(motion.shoulder_m))
    result = retarget_motion(part, ROBOT)
    check(result, len(part.frames))
    assert np.median(result["residual_m"]) < median_mm * 1e-3
    assert np.ptp(result["q_rad"], axis=0).max() > 0.2  # it does move
