"""EgoDex recordings become the motion that was made, whatever way the person faced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rove_teleop.errors import MotionFileInvalid
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.tracking.readers.egodex import words

from .egodex_files import joints, wrist_path, write

pytest.importorskip("h5py", reason="EgoDex files need h5py")


def test_hands_head_and_arms_are_what_was_made(tmp_path: Path):
    motion = load_motion(write(tmp_path / "0.hdf5", joints()))
    assert motion.duration_s == pytest.approx(39 / 30)
    frame = motion.frames[10]
    assert np.allclose(frame.T_world_head[:3, :3], np.eye(3), atol=1e-6)
    for side in ("left", "right"):
        hand = frame.hand(side)
        moved_m = hand.T_world_wrist[:3, 3] - motion.frames[0].hand(side).T_world_wrist[:3, 3]
        assert np.allclose(moved_m, [0.01, 0.0, 0.0], atol=1e-6)
        assert np.allclose(hand.T_world_wrist[:3, 3], wrist_path(side, 40)[10, :3, 3], atol=1e-6)
        # The wrist frame is built from the knuckles: turned a little against the one that the hand was made in.
        turned = hand.T_world_wrist[:3, :3] @ hand.points_m.T
        assert np.allclose(turned.T, hand_points(side, 0.3), atol=1e-6)
        assert np.linalg.norm(hand.T_world_wrist[:3, :3] - np.eye(3)) < 0.25
    chest_to_wrist_m = np.linalg.norm(wrist_path("left", 1)[0, :3, 3] - [0.0, 0.2, 1.3])
    assert motion.arm_length_m == pytest.approx(chest_to_wrist_m, abs=0.02)


@pytest.mark.parametrize("yaw_rad", [0.5, 2.0, -3.0])
def test_where_the_person_first_looks_is_forward(tmp_path: Path, yaw_rad: float):
    turn = np.eye(4)
    turn[:3, :3] = [[np.cos(yaw_rad), 0, np.sin(yaw_rad)], [0, 1, 0], [-np.sin(yaw_rad), 0, np.cos(yaw_rad)]]
    straight = load_motion(write(tmp_path / "a.hdf5", joints()))
    turned = load_motion(write(tmp_path / "b.hdf5", {name: turn @ poses for name, poses in joints().items()}))
    for one, other in zip(straight.frames, turned.frames, strict=True):
        assert np.allclose(one.right.T_world_wrist, other.right.T_world_wrist, atol=1e-5)
        assert np.allclose(one.left.points_m, other.left.points_m, atol=1e-5)


def test_what_the_headset_only_guesses_is_lost(tmp_path: Path):
    certain = {"rightHand": np.linspace(0.0, 1.0, 40), "leftHand": np.ones(40)}
    motion = load_motion(write(tmp_path / "0.hdf5", joints(), certain))
    seen = [frame.right.T_world_wrist is not None for frame in motion.frames]
    assert seen == [bool(value >= 0.2) for value in certain["rightHand"]]
    assert all(frame.left.points_m is not None for frame in motion.frames)


def test_the_second_description_counts_where_the_file_says_so(tmp_path: Path):
    said = {"task": "toast", "llm_description": "take bread out", "llm_description2": "put bread in"}
    first = write(tmp_path / "0.hdf5", joints(), **said, which_llm_description="1").read_bytes()
    second = write(tmp_path / "1.hdf5", joints(), **said, which_llm_description="2").read_bytes()
    assert words(first) == {"task": "toast", "description": "take bread out"}
    assert words(second)["description"] == "put bread in"


def test_bad_files_are_one_sentence(tmp_path: Path):
    broken = tmp_path / "broken.hdf5"
    broken.write_bytes(write(tmp_path / "0.hdf5", joints()).read_bytes()[:3000])
    unequal = joints()
    unequal["camera"] = unequal["camera"][:-1]
    flat = {**joints(), "hip": np.zeros((40, 3))}
    nobody = {"camera": joints()["camera"]}
    for path, words_of_it in (
        (broken, "is not an EgoDex recording"),
        (write(tmp_path / "1.hdf5", unequal), "different numbers of frames"),
        (write(tmp_path / "2.hdf5", flat), "transforms/hip has shape"),
        (write(tmp_path / "3.hdf5", nobody), "no hand is tracked"),
    ):
        with pytest.raises(MotionFileInvalid, match=words_of_it):
            load_motion(path)
