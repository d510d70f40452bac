"""What an operator did in an episode can be played and retargeted like any file, and is exactly what was received."""

import json

import numpy as np
import pytest

from rove_teleop.episodes.attributes import attributes_crc32c
from rove_teleop.episodes.layout import pack_operator_frame
from rove_teleop.errors import DatasetInvalid, MotionFileInvalid
from rove_teleop.nodes.trackers import ReplaySource, make_tracker
from rove_teleop.operators.motion_recording import save_recording
from rove_teleop.operators.motion_source import open_motion
from rove_teleop.retargeting.offline import retarget_motion
from rove_teleop.robots.description import load_robot
from rove_teleop.types import HandFrame

from ..episodes.recording_tools import begin, fill
from ..tracking.operator_frames import frame, hand, head
from ..tracking.test_rove_recording import bits


def operator():
    frames = [
        frame(
            5 + k,
            left=HandFrame() if 20 <= k < 30 else hand(0.002 * k, "left", turn=0.003 * k, noise=k),
            stamp_s=100.0 + k / 72.0,
            engaged=k > 4,
            head=head(turn=0.002 * k),
            space=int(k > 60),
        )
        for k in range(80)
    ]
    elbow_m = frames[0].right.T_world_wrist[:3, 3] - [0.25, 0.0, 0.0]
    frames[0] = frame(5, right=HandFrame(hand().T_world_wrist, hand().points_m, elbow_m), stamp_s=100.0, engaged=False)
    return frames


@pytest.fixture
def episode(tmp_path):
    recording = begin(tmp_path / "dataset")
    fill(recording, range(0, 4))  # tick 0 brings a frame of its own
    for k, sample in enumerate(operator()):
        recording.tracking(pack_operator_frame(sample), 100.0 + k)
    return recording.seal("success", last_tick=3)


def test_an_episode_gives_back_the_operator_bit_for_bit(episode):
    motion = open_motion(episode)
    assert motion.name == episode.name.removesuffix(".zarr") and motion.has_deadman
    recorded = motion.frames[1:]
    assert [bits(f)[1:] for f in recorded] == [bits(f)[1:] for f in operator()]
    assert [f.stamp_s for f in recorded] == [f.stamp_s for f in operator()]  # the first frame is at 0 s


def test_an_episode_and_a_recording_of_the_same_frames_retarget_alike(episode, tmp_path):
    robot = load_robot("iron_r01")
    save_recording(tmp_path / "same.npz", list(open_motion(episode).frames))
    results = [retarget_motion(open_motion(path), robot) for path in (episode, tmp_path / "same.npz")]
    for name, values in results[0].items():
        assert values.tobytes() == results[1][name].tobytes(), name


def test_an_operator_of_an_episode_can_drive_again(episode):
    tracker = make_tracker(f"replay:{episode}", load_robot("iron_r01"), "toaster")
    assert isinstance(tracker, ReplaySource)


def test_episodes_from_before_spaces_and_elbows_are_read(episode):
    path = episode / "zarr.json"
    metadata = json.loads(path.read_text())
    attributes = metadata["attributes"]
    for name in ("space", "left_elbow_m", "right_elbow_m"):
        del attributes["crc32c"][f"tracking/{name}"]
    attributes["attributes_crc32c"] = attributes_crc32c(attributes)
    path.write_text(json.dumps(metadata))
    frames = open_motion(episode).frames
    assert {f.space for f in frames} == {0} and len(frames) == 81


def test_folders_that_are_no_episode_are_refused_with_a_hint(episode, tmp_path):
    with pytest.raises(MotionFileInvalid, match="is no sealed episode"):
        open_motion(tmp_path)
    with pytest.raises(MotionFileInvalid, match="is a dataset; name one of its episodes"):
        open_motion(episode.parents[1])
    (episode / "zarr.json").write_text("{")
    with pytest.raises(DatasetInvalid, match="zarr.json: cannot be read"):
        open_motion(episode)


def test_an_episode_without_an_operator_is_refused(tmp_path):
    recording = begin(tmp_path / "dataset")
    fill(recording, range(1, 4))
    with pytest.raises(MotionFileInvalid, match="holds no frames"):
        open_motion(recording.seal("failure", last_tick=3))


def test_a_recording_is_there_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "person.npz"
    save_recording(target, operator())
    before = target.read_bytes()

    def refuse(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(Exception, match="person.npz: cannot be written .No space left"):
        save_recording(target, operator()[:3])
    assert target.read_bytes() == before and list(tmp_path.iterdir()) == [target]
    assert np.load(target)["stamp_s"].shape == (80,)
