"""Bytes of the headset's page become operator frames; whatever else arrives changes nothing but a counter."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.clock import monotonic_s
from rove_teleop.tracking.webxr import CONTROLLER, FRAME_DTYPE, JOINTS, MAGIC, VERSION, WebXrDecoder, webxr_device
from rove_teleop.tracking.xr_hand import grip_frame
from rove_teleop.types import OperatorFrame

LEVEL = (0.0, 0.0, 0.0, 1.0)


def page_frame(sequence: int, stream: int = 7, kind: int = JOINTS, **fields: object) -> np.void:
    """What the page sends while both hands are seen, at rest."""
    row = np.zeros((), FRAME_DTYPE)
    row["magic"], row["version"], row["visible"] = MAGIC, VERSION, 1
    row["stream"], row["sequence"], row["capture_ms"] = stream, sequence, 1000.0 * sequence / 90.0
    row["left_kind"] = row["right_kind"] = kind
    row["head"] = (0.0, 1.6, 0.0, *LEVEL)
    for side, x in (("left", -0.2), ("right", 0.2)):
        row[side]["grip"] = row[side]["joints"] = (x, 1.1, -0.4, *LEVEL)
        row[side]["joints"][:, 2] -= 0.004 * np.arange(25)
    for name, value in fields.items():
        row[name] = value
    return row


def feed(decoder: WebXrDecoder, row: np.void, received_s: float = 1.0) -> OperatorFrame | None:
    return decoder.feed(row.tobytes(), received_s)


def test_positions_turn_to_our_axes_and_points_to_the_wrist():
    frame = feed(WebXrDecoder(), page_frame(1), received_s=12.5)
    assert frame.stamp_s == 12.5 and frame.engaged
    np.testing.assert_allclose(frame.T_world_head[:3, 3], (0.0, 0.0, 1.6), atol=1e-6)
    np.testing.assert_allclose(frame.left.T_world_wrist[:3, 3], (0.4, 0.2, 1.1), atol=1e-6)
    np.testing.assert_allclose(frame.right.points_m[-1], (0.096, 0.0, 0.0), atol=1e-6)


def test_what_the_headset_does_not_know_is_not_tracked():
    row = page_frame(1)
    row["left"]["joints"][9] = np.nan
    row["right"]["joints"][0] = np.nan
    row["head"] = np.nan
    frame = feed(WebXrDecoder(), row)
    assert frame.T_world_head is None and frame.right.T_world_wrist is None
    assert frame.left.T_world_wrist is not None and frame.left.points_m is None
    assert frame.engaged
    both = feed(WebXrDecoder(), page_frame(2, left_kind=0, right_kind=0))
    assert both.left.T_world_wrist is None and both.right.T_world_wrist is None


def test_hidden_is_not_engaged():
    decoder = WebXrDecoder()
    assert feed(decoder, page_frame(1)).engaged
    assert not feed(decoder, page_frame(2, visible=0)).engaged


def test_a_controller_needs_its_grip_pressed_and_a_tremble_does_not_let_go():
    decoder, engaged = WebXrDecoder(), []
    for k, squeeze in enumerate((0.0, 0.45, 0.6, 0.45, 0.36, 0.3, 0.45, np.nan)):
        row = page_frame(k, kind=CONTROLLER)
        row["left"]["squeeze"], row["right"]["squeeze"] = 1.0, squeeze
        engaged.append(feed(decoder, row).engaged)
    assert engaged == [False, False, True, True, True, False, False, False]


def test_a_bare_hand_beside_a_controller_waits_for_its_grip():
    row = page_frame(1, left_kind=CONTROLLER)
    assert not feed(WebXrDecoder(), row).engaged
    row["left"]["squeeze"] = 1.0
    assert feed(WebXrDecoder(), row).engaged


def test_the_trigger_closes_the_fingers():
    row = page_frame(1, kind=CONTROLLER)
    row["right"]["trigger"] = 0.75
    frame = feed(WebXrDecoder(), row)
    expected = grip_frame("right", row["right"]["grip"].astype(float), 0.75)
    np.testing.assert_allclose(frame.right.points_m, expected.points_m)
    np.testing.assert_allclose(frame.right.T_world_wrist, expected.T_world_wrist)
    assert np.linalg.norm(frame.right.points_m[8]) < np.linalg.norm(frame.left.points_m[8])


def test_numbers_go_on_over_a_reload_and_old_ones_are_refused():
    decoder = WebXrDecoder()
    frames = [
        feed(decoder, page_frame(*numbers)) for numbers in ((5, 1), (6, 1), (6, 1), (4, 1), (9, 1), (0, 2), (1, 2))
    ]
    kept = [frame for frame in frames if frame is not None]
    assert [frame.sequence for frame in kept] == [1, 2, 5, 6, 7]
    assert [frame.space for frame in kept] == [0, 0, 0, 1, 1]
    assert decoder.counts["out_of_order"] == 2 and decoder.counts["not_sent_or_lost"] == 2
    assert decoder.counts["streams"] == 2


def test_a_reset_of_the_reference_space_is_a_new_space():
    decoder = WebXrDecoder()
    spaces = [feed(decoder, page_frame(k, space=space)).space for k, space in enumerate((0, 0, 1, 1, 5))]
    assert spaces == [0, 0, 1, 1, 2]


def test_frames_that_were_stuck_on_the_way_are_counted():
    decoder = WebXrDecoder()
    for k in range(100):
        feed(decoder, page_frame(k), received_s=100.0 + k / 90.0 + (0.2 if 50 <= k < 60 else 0.0))
    assert decoder.counts["late"] == 10


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"magic": b"MP4 "}, "not_a_frame"),
        ({"version": 2}, "unknown_version"),
        ({"visible": 7}, "unknown_flags"),
        ({"left_kind": 3}, "unknown_flags"),
        ({"capture_ms": np.nan}, "capture_not_finite"),
    ],
)
def test_what_is_wrong_with_a_frame_is_counted_by_its_name(change, reason):
    decoder = WebXrDecoder()
    assert feed(decoder, page_frame(1, **change)) is None
    assert decoder.counts == {reason: 1}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2 * FRAME_DTYPE.itemsize))
def test_garbage_changes_nothing_but_a_counter(garbage):
    decoder = WebXrDecoder()
    assert feed(decoder, page_frame(1)) is not None
    assert decoder.feed(garbage, 1.0) is None
    assert decoder.counts.total() == 3  # a stream, a frame, a refusal
    assert feed(decoder, page_frame(2)).sequence == 2


@settings(max_examples=300, deadline=None)
@given(
    st.binary(min_size=FRAME_DTYPE.itemsize - 24, max_size=FRAME_DTYPE.itemsize - 24), st.integers(0, 2), st.booleans()
)
def test_any_numbers_in_a_frame_come_out_as_finite_poses_or_none(noise, kind, reloaded):
    decoder = WebXrDecoder()
    feed(decoder, page_frame(1))
    row = page_frame(2, stream=8 if reloaded else 7, kind=kind)
    frame = decoder.feed(row.tobytes()[:24] + noise, 1.1)
    if frame is None:
        assert decoder.counts["capture_not_finite"] == 1
        return
    assert frame.sequence == 2 and frame.stamp_s == 1.1
    for pose in (frame.T_world_head, frame.left.T_world_wrist, frame.right.T_world_wrist):
        assert pose is None or np.all(np.isfinite(pose))


def test_the_device_takes_the_newest_and_survives_a_leftover_socket(tmp_path: Path):
    path = tmp_path / "headset.sock"
    webxr_device(path).close()
    assert path.exists()  # as after a kill
    device = webxr_device(path)
    try:
        assert "nothing has arrived" in device.problem
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as console:
            for k in range(1, 6):
                console.sendto(page_frame(k).tobytes(), str(path))
            console.sendto(b"garbage", str(path))
        before_s = monotonic_s()
        frame = device.poll(1.0)
        assert frame.sequence == 5 and before_s <= frame.stamp_s <= monotonic_s()
        assert device.poll(0.0) is None
        assert device.counts["wrong_size"] == 1 and device.problem is None
    finally:
        device.close()
