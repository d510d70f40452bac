"""Real people raise no false alarm; faults put into their recordings are found, every one."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from rove_teleop.tracking.gate import FrameGate
from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.tracking.replay import ReplayTracker
from rove_teleop.types import SIDES, HandFrame

from . import recordings
from .operator_frames import play

pytestmark = pytest.mark.integration  # long: it runs after the unit tests

REAL_DEFECTS = {
    "cmu_01_01.bvh.gz": {},
    "leap_bimanual_dropouts.json.gz": {"left_hand_lost": 4, "right_hand_lost": 4},
    "manus_right_s000_r010.npz": {},
    "mediapipe_right_video.npy": {},
    "qualisys_arm_glove_pillow.tsv": {},
    "webvr_head_controllers.json": {},
}
"""What is truly wrong with each: only the Leap sensor loses hands that had been seen."""
INJECTIONS = 25
BEFORE, AFTER = 8, 4
TWO_HANDS = ("cmu_01_01.bvh.gz", "leap_bimanual_dropouts.json.gz", "webvr_head_controllers.json")
WITH_WRISTS = tuple(name for name in recordings.REAL_FILES if not name.startswith("mediapipe"))
WITH_FINGERS = tuple(name for name in recordings.REAL_FILES if not name.startswith("cmu"))


@cache
def motion(name):
    return load_motion(recordings.real(name))


@pytest.mark.parametrize("name", recordings.REAL_FILES)
def test_real_recordings_raise_no_false_alarm(name):
    gate = FrameGate()
    checked = play(gate, motion(name).frames)
    print(f"{name}: {len(checked)} frames, rejected {dict(gate.rejected)}")
    assert gate.rejected == REAL_DEFECTS[name] and all(f is not None for f in checked)
    if not REAL_DEFECTS[name]:
        assert all(f.engaged for f in checked)


@pytest.mark.parametrize("name", recordings.REAL_FILES)
def test_a_replayed_recording_is_engaged_most_of_the_time(name):
    replay, gate = ReplayTracker(motion(name)), FrameGate()
    shown = [replay.frame_at(f.stamp_s) for f in motion(name).frames[:1200]]
    checked = play(gate, shown)
    assert sum(c.engaged for c in checked) > 0.7 * len(checked)
    assert [c.engaged for c in checked] == [s.engaged for s in shown]


def good_moments(name, rng, count=INJECTIONS, length=BEFORE + AFTER):
    """Frames from random moments on, in which every hand of the recording is tracked throughout."""
    starts = np.flatnonzero(np.convolve(all_tracked(name), np.ones(length), "valid") > length - 0.5)
    for k in rng.choice(starts, count):
        yield list(motion(name).frames[k : k + length])


@cache
def all_tracked(name):
    return np.array([all(seen(f.hand(s)) for s in sides_of(name)) for f in motion(name).frames])


def seen(hand):
    return hand.T_world_wrist is not None or hand.points_m is not None


def is_found(frames, reason):
    """The fault is counted under its name, and ends the engagement at once and for good."""
    gate = FrameGate()
    checked = play(gate, frames)
    assert all(f.engaged for f in checked[:BEFORE]), gate.rejected
    return gate.rejected[reason] >= 1 and not any(f.engaged for f in checked[BEFORE:])


def change(frames, edit, count=AFTER):
    return frames[:BEFORE] + [edit(f) for f in frames[BEFORE : BEFORE + count]] + frames[BEFORE + count :]


def with_hand(frame, side, hand):
    return replace(frame, **{side: hand})


@cache
def sides_of(name):
    return [side for side in SIDES if motion(name).tracks(side)]


@pytest.mark.parametrize("lasting", [1, AFTER])
@pytest.mark.parametrize("far_m", [0.4, 0.73, 3.0])
@pytest.mark.parametrize("name", WITH_WRISTS)
def test_every_jump_of_40_centimetres_is_found(name, far_m, lasting):
    rng = np.random.default_rng(3)
    for side in sides_of(name):
        for frames in good_moments(name, rng):
            direction = rng.normal(size=3)
            offset = np.zeros((4, 4))
            offset[:3, 3] = far_m * direction / np.linalg.norm(direction)
            jumped = change(
                frames,
                lambda f, s=side, o=offset: with_hand(
                    f, s, replace(f.hand(s), T_world_wrist=f.hand(s).T_world_wrist + o)
                ),
                lasting,
            )
            assert is_found(jumped, f"{side}_wrist_jump")


@pytest.mark.parametrize("name", ["cmu_01_01.bvh.gz", "qualisys_arm_glove_pillow.tsv"])
def test_at_100_hertz_15_centimetres_are_enough(name):
    rng = np.random.default_rng(4)
    for frames in good_moments(name, rng):
        offset = np.zeros((4, 4))
        offset[:3, 3] = 0.15 * np.eye(3)[rng.integers(3)] * rng.choice([-1, 1])
        jumped = change(
            frames,
            lambda f, o=offset: replace(f, right=replace(f.right, T_world_wrist=f.right.T_world_wrist + o)),
        )
        assert is_found(jumped, "right_wrist_jump")


@pytest.mark.parametrize("name", TWO_HANDS)
def test_every_exchange_of_hands_is_found(name):
    for frames in good_moments(name, np.random.default_rng(5)):
        exchanged = change(frames, lambda f: replace(f, left=f.right, right=f.left))
        fingers = frames[BEFORE].left.points_m is not None
        assert is_found(exchanged, "left_mirrored" if fingers else "hands_swapped")
        bare = [
            replace(f, left=HandFrame(f.left.T_world_wrist), right=HandFrame(f.right.T_world_wrist)) for f in frames
        ]
        assert is_found(change(bare, lambda f: replace(f, left=f.right, right=f.left)), "hands_swapped")


@pytest.mark.parametrize("name", WITH_FINGERS)
@pytest.mark.parametrize(
    ("reason", "edit"),
    [
        ("mirrored", lambda points_m: points_m * [1.0, -1.0, 1.0]),
        ("changed_size", lambda points_m: points_m * 1.3),
        ("points_not_plausible", lambda points_m: np.where(np.arange(21)[:, None] == 7, np.nan, points_m)),
        ("points_not_plausible", lambda points_m: points_m[:20]),
        ("size_not_possible", lambda points_m: points_m * 100.0),
    ],
)
def test_every_damaged_hand_is_found(name, reason, edit):
    if reason == "size_not_possible":
        reason = "points_not_plausible"  # centimetres for metres: the points are not even near the wrist
    for side in sides_of(name):
        for frames in good_moments(name, np.random.default_rng(6)):
            damaged = change(
                frames, lambda f, s=side: with_hand(f, s, replace(f.hand(s), points_m=edit(f.hand(s).points_m)))
            )
            assert is_found(damaged, f"{side}_{reason}")


@pytest.mark.parametrize("name", recordings.REAL_FILES)
def test_every_frozen_hand_is_found_within_half_a_second(name):
    frames = motion(name).frames
    length = int(0.7 * len(frames) / frames[-1].stamp_s)
    for side in sides_of(name):
        for span in good_moments(name, np.random.default_rng(7), 5, length):
            gate = FrameGate()
            checked = play(gate, [with_hand(f, side, span[0].hand(side)) for f in span])
            gone = [f.stamp_s - checked[0].stamp_s for f in checked if not seen(f.hand(side))]
            assert gate.rejected[f"{side}_frozen"] == len(gone) and 0.5 < gone[0] < 0.56 and not checked[-1].engaged


@pytest.mark.parametrize("name", recordings.REAL_FILES)
def test_a_recenter_in_a_recording_is_no_jump_and_ends_the_engagement(name):
    for frames in good_moments(name, np.random.default_rng(8)):
        assert is_found(change(frames, lambda f: replace(f, space=1)), "recentered")
