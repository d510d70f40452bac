"""What holds for every mocap decoder: a frame is the person's, well formed, and of one sample."""

import functools

import numpy as np

from rove_teleop.geometry import is_rigid
from rove_teleop.types import SIDES

from . import mocap_person as person


def wrist_axes(frame):
    """How the wrist frame of each side lies in ours, read off a frame of the T-pose: streams without a documented hand
    orientation take it from the knuckles, which is a few degrees off the same way at all times."""
    rest = person.pose()
    return {side: person.seen(rest, side)[0].T @ frame.hand(side).T_world_wrist[:3, :3] for side in SIDES}


def assert_sees(frame, joints, points=True, elbows=True, axes=None, atol=2e-4, tip_atol=1.5e-3):
    """The frame is exactly this person, seen from the chest."""
    for side in SIDES:
        hand, own = frame.hand(side), np.eye(3) if axes is None else axes[side]
        rotation, wrist, elbow, expected = person.seen(joints, side)
        assert np.allclose(hand.T_world_wrist[:3, :3], rotation @ own, atol=1e-4), side
        assert np.allclose(hand.T_world_wrist[:3, 3], wrist, atol=atol), side
        if elbows:
            assert np.allclose(hand.elbow_m, elbow, atol=atol), side
        if points:
            tips, expected = np.zeros(21, dtype=bool), expected @ own
            tips[4::4] = True
            assert np.allclose(hand.points_m[~tips], expected[~tips], atol=atol), side
            assert np.allclose(hand.points_m[tips], expected[tips], atol=tip_atol), side
        else:
            assert hand.points_m is None


def assert_t_pose(frame, atol=1e-4):
    """Palms down, arms out: fingers along +-y, the back of the hand up, the left hand at +y; the head looks forward."""
    for side, sign in (("left", 1.0), ("right", -1.0)):
        T = frame.hand(side).T_world_wrist
        assert np.allclose(T[:3, 0], [0.0, sign, 0.0], atol=atol) and np.allclose(T[:3, 2], [0, 0, 1], atol=atol)
        assert np.allclose(T[:3, 3], [0.0, sign * 0.73, person.HAND_HEIGHT_M], atol=1e-3)
    assert np.allclose(frame.T_world_head[:3, :3], np.eye(3), atol=1e-4)


def assert_well_formed(frame):
    for side in SIDES:
        hand = frame.hand(side)
        assert hand.T_world_wrist is None or is_rigid(hand.T_world_wrist)
        assert hand.points_m is None or (hand.points_m.shape == (21, 3) and np.all(np.isfinite(hand.points_m)))
        assert hand.elbow_m is None or np.all(np.isfinite(hand.elbow_m))
    assert frame.T_world_head is None or is_rigid(frame.T_world_head)


def feed(decoder, datagrams, at_s):
    """The last frame that these datagrams give."""
    last = None
    for datagram in datagrams:
        frame = decoder.feed(datagram, at_s)
        last = frame if frame is not None else last
    return last


STEP_RAD = 0.01


@functools.cache
def numbered(k):
    """A person whose pose says which sample it is: every sample turns the arms by 10 mrad more."""
    return person.pose(arm=(STEP_RAD * k - 1.0, 0.0, 0.0), wrist=(0.0, STEP_RAD * k, 0.0))


def number_of(frame):
    """Which sample a frame is; all its parts must agree."""
    numbers = set()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        hand = frame.hand(side)
        _, y, z = hand.elbow_m - [0.0, sign * person.SHOULDER_M, person.SHOULDER_HEIGHT_M]
        numbers.add(round(float(np.arctan2(sign * z, sign * y) + 1.0) / STEP_RAD))
        _, wrist, elbow, _ = person.seen(numbered(max(numbers)), side)
        assert np.allclose(hand.T_world_wrist[:3, 3], wrist, atol=1e-3) and np.allclose(hand.elbow_m, elbow, atol=1e-3)
    assert len(numbers) == 1, f"parts of several samples: {numbers}"
    return numbers.pop()
