"""BVH rows over UDP, Noitom's binary and text, become the person; any other skeleton with its file."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.errors import MotionFileInvalid
from rove_teleop.tracking.mocap import noitom
from rove_teleop.tracking.mocap.bvh_stream import BvhStreamDecoder
from rove_teleop.tracking.motion_file import load_motion

from . import mocap_packets as packets
from . import mocap_person as person
from . import recordings
from .mocap_checks import assert_sees, assert_t_pose, assert_well_formed, number_of, numbered, wrist_axes

MOVED = person.pose(at=(3.0, -2.0), yaw=1.2, arm=(0.3, -0.4, 0.5), wrist=(0.2, 0.1, -0.3), curl=0.5)
BINARY, TEXT = packets.noitom_binary(MOVED, 1), packets.noitom_text(MOVED)


@pytest.mark.parametrize("reference", [False, True])
def test_noitom_s_binary_rows_become_the_person(reference):
    decoder = BvhStreamDecoder()
    frame = decoder.feed(packets.noitom_binary(person.pose(), 1, reference=reference), 0.0)
    assert_t_pose(frame, atol=0.1)
    moved = decoder.feed(packets.noitom_binary(MOVED, 2, reference=reference), 0.01)
    assert_sees(moved, MOVED, axes=wrist_axes(frame))


def test_noitom_s_text_rows_become_the_person():
    decoder = BvhStreamDecoder()
    frame = decoder.feed(packets.noitom_text(person.pose()), 0.0)
    moved = decoder.feed(packets.noitom_text(MOVED), 0.01)
    assert_sees(moved, MOVED, axes=wrist_axes(frame), atol=5e-4)


def test_the_layout_is_the_documented_one():
    datagram = packets.noitom_binary(person.pose(), 1)
    assert len(datagram) == 64 + 4 * 354 and datagram[:2] == b"\xff\xdd" and datagram[62:64] == b"\xff\xee"
    assert noitom.WIDTH == 354 and len(noitom.NAMES) == 59 and noitom.NAMES[10][0] == "Spine3"


def test_several_rows_in_one_datagram_give_the_newest():
    decoder = BvhStreamDecoder()
    rows = b"".join(packets.noitom_binary(numbered(k), k) for k in (1, 2, 3))
    assert number_of(decoder.feed(rows, 0.0)) == 3 and decoder.counts["frames"] == 3
    text = b"".join(packets.noitom_text(numbered(k)) for k in (4, 5))
    assert number_of(decoder.feed(text, 0.1)) == 5


def test_order_restart_and_avatars():
    decoder = BvhStreamDecoder()
    for number, at_s, expected in ((5, 0.0, 1), (5, 0.01, None), (6, 0.02, 2), (4, 0.03, None), (1, 0.6, 3)):
        frame = decoder.feed(packets.noitom_binary(MOVED, number), at_s)
        assert (None if frame is None else frame.sequence) == expected
    assert frame.space == 1
    assert decoder.feed(packets.noitom_binary(MOVED, 2, avatar=1), 0.61) is None
    assert BvhStreamDecoder(avatar=1).feed(packets.noitom_binary(MOVED, 2, avatar=1), 0.0) is not None


def test_after_a_restart_another_person_s_bones_count():
    decoder = BvhStreamDecoder()
    decoder.feed(packets.noitom_binary(person.pose(), 9), 0.0)
    grown = {name: (place * 1.1, turn) for name, (place, turn) in person.pose().items()}
    frame = decoder.feed(packets.noitom_binary(grown, 1), 1.0)
    assert frame.space == 1 and frame.left.T_world_wrist[1, 3] == pytest.approx(1.1 * 0.73, abs=1e-3)
    assert np.linalg.norm(frame.left.points_m[8]) == pytest.approx(1.1 * 0.178, abs=5e-3)


def test_text_with_the_reference_bone_and_a_row_of_zeros():
    decoder = BvhStreamDecoder()
    words = packets.noitom_text(MOVED).split(b" ", 2)
    frame = decoder.feed(b" ".join([*words[:2], b"0.0 " * 6 + words[2]]), 0.0)
    assert frame.right.points_m is not None
    assert BvhStreamDecoder().feed(b"0 Char00 " + b"0.0 " * 354 + b"||", 0.0) is None


def test_rows_of_another_width_say_what_to_do():
    decoder = BvhStreamDecoder()
    assert decoder.feed(b"0 Char00 " + b"0.0 " * 180 + b"||", 0.0) is None
    assert "rows of 180 values where the skeleton has 354" in decoder.problem and "displacement" in decoder.problem


def test_with_its_file_any_skeleton_is_understood_and_agrees_with_the_file_s_reader(tmp_path):
    path = tmp_path / "skeleton.bvh"
    rows = np.random.default_rng(3).uniform(-40.0, 40.0, (6, 27))
    rows[:, :3] = [0.0, 1.0, 0.0]
    path.write_text(recordings.bvh(rows.tolist()))
    motion, decoder = load_motion(path), BvhStreamDecoder(path)
    heights = []
    for k, row in enumerate(rows):
        frame = decoder.feed(" ".join(f"{v:.6f}" for v in row).encode(), 0.01 * k)
        for side in ("left", "right"):
            live, file = frame.hand(side).T_world_wrist, motion.frames[k].hand(side).T_world_wrist
            assert np.allclose(live[:3, :3], file[:3, :3], atol=1e-6)
            assert np.allclose(live[:2, 3], file[:2, 3], atol=1e-6)
            heights.append(live[2, 3] - file[2, 3])
        assert np.allclose(frame.T_world_head[:3, :3], motion.frames[k].T_world_head[:3, :3], atol=1e-6)
    assert np.ptp(heights) < 1e-6  # both hold the chest at its first height


def test_a_skeleton_file_without_hands_is_refused(tmp_path):
    path = tmp_path / "fish.bvh"
    path.write_text(recordings.bvh(left="Fin1", right="Fin2"))
    with pytest.raises(MotionFileInvalid, match="named like a left or right hand"):
        BvhStreamDecoder(path)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_never_raises(data):
    decoder = BvhStreamDecoder()
    binary = data.draw(st.booleans())
    content = bytearray(BINARY if binary else TEXT)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(
            st.one_of(st.binary(max_size=40), st.just(b"nan 1e999 "))
        )
    for datagram in (bytes(content), data.draw(st.binary(max_size=80))):
        frame = decoder.feed(datagram, 0.0)
        if frame is not None:
            assert_well_formed(frame)


def test_a_header_that_announces_more_than_there_is_is_damage():
    datagram = packets.noitom_binary(MOVED, 1)
    for forged in (datagram[:-4], datagram[:6] + struct.pack("<H", 65535) + datagram[8:], datagram[:30]):
        decoder = BvhStreamDecoder()
        assert decoder.feed(forged, 0.0) is None and decoder.counts["frames"] == 0
