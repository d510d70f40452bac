"""Xsens MVN's bytes become the person who moved, whatever the network does to them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.tracking.mocap.xsens import XsensDecoder

from . import mocap_packets as packets
from . import mocap_person as person
from .mocap_checks import assert_sees, assert_t_pose, assert_well_formed, feed, number_of, numbered

SPLIT = [packets.xsens(numbered(k), k, split=16) for k in range(8)]
MOVED = person.pose(at=(3.0, -2.0), yaw=1.2, arm=(0.3, -0.4, 0.5), wrist=(0.2, 0.1, -0.3), curl=0.5)
WHOLE = packets.xsens(MOVED, 1)[0]


@pytest.mark.parametrize("props", [0, 3])
@pytest.mark.parametrize("split", [None, 20, 1])
def test_a_t_pose_and_a_moving_person_come_out_as_they_are(props, split):
    decoder = XsensDecoder()
    frame = feed(decoder, packets.xsens(person.pose(), 1, props=props, split=split), 0.0)
    assert_t_pose(frame)
    assert_sees(frame, person.pose())
    frame = feed(decoder, packets.xsens(MOVED, 2, props=props, split=split), 0.01)
    assert_sees(frame, MOVED)  # elsewhere in the room and turned around: seen from the chest
    assert frame.sequence == 2 and frame.stamp_s == 0.01 and frame.engaged


def test_the_layout_is_the_documented_one():
    (whole,) = packets.xsens(person.pose(), 1)
    (body,) = packets.xsens(person.pose(), 1, fingers=False)
    assert len(whole) == 2040 and len(body) == 760  # sizes seen in the field
    assert whole[:6] == b"MXTP02" and whole[10] == 0x80 and whole[11] == 63 and whole[24:28] == b"\x00\x00\x00\x01"


def test_without_gloves_there_are_wrists_and_elbows_but_no_fingers():
    frame = feed(XsensDecoder(), packets.xsens(MOVED, 1, fingers=False), 0.0)
    assert_sees(frame, MOVED, points=False)


@pytest.mark.parametrize("unit", [1.0, 0.01, 0.001])
def test_the_unit_is_judged_by_the_arms(unit):
    assert_sees(feed(XsensDecoder(), packets.xsens(MOVED, 1, unit=unit), 0.0), MOVED)


def test_a_stream_in_an_unknown_unit_or_on_its_head_is_refused_with_a_sentence():
    decoder = XsensDecoder()
    assert feed(decoder, packets.xsens(MOVED, 1, unit=7.0), 0.0) is None
    assert "neither metres" in decoder.problem and decoder.counts["not_a_body"] == 1
    upside_down = {name: (place * [1, 1, -1], turn) for name, (place, turn) in person.pose().items()}
    assert feed(decoder, packets.xsens(upside_down, 2), 0.0) is None
    assert "below the shoulders" in decoder.problem
    assert feed(decoder, packets.xsens(MOVED, 3), 0.0) is not None and decoder.problem is None


def test_a_segment_that_is_lost_loses_its_hand_and_no_more():
    broken = dict(MOVED)
    broken["left_hand"] = np.full(3, np.nan), np.eye(3)
    decoder = XsensDecoder()
    feed(decoder, packets.xsens(MOVED, 1), 0.0)
    frame = feed(decoder, packets.xsens(broken, 2), 0.01)
    assert frame.left.T_world_wrist is None and frame.left.points_m is None
    assert frame.right.T_world_wrist is not None and frame.right.points_m is not None


def test_duplicates_and_late_samples_are_counted_and_dropped():
    decoder = XsensDecoder()
    for sample, expected in ((5, 1), (5, None), (6, 2), (4, None), (6, None), (9, 3)):
        frame = feed(decoder, packets.xsens(numbered(sample), sample), 0.01 * sample)
        assert (None if frame is None else frame.sequence) == expected
    assert decoder.counts == {"frames": 3, "duplicate": 2, "late": 1}


def test_the_counter_wraps_around():
    decoder, top = XsensDecoder(), 1 << 32
    numbers = [top - 2, top - 1, 0, 1, top - 1, 2]
    frames = [feed(decoder, packets.xsens(MOVED, n), 0.01 * k) for k, n in enumerate(numbers)]
    assert [f is not None for f in frames] == [True, True, True, True, False, True]
    assert {f.space for f in frames if f} == {0}


def test_a_sender_that_restarts_is_believed_after_a_gap_and_is_another_space():
    decoder = XsensDecoder()
    first = feed(decoder, packets.xsens(MOVED, 5000), 10.0)
    assert feed(decoder, packets.xsens(MOVED, 1), 10.1) is None  # too early: it may be an old datagram
    again = feed(decoder, packets.xsens(MOVED, 2), 10.6)
    assert first.space == 0 and again.space == 1 and again.sequence == first.sequence + 1
    assert decoder.counts["restarted"] == 1


def test_a_forged_number_blocks_the_real_ones_for_half_a_second_at_most():
    decoder = XsensDecoder()
    feed(decoder, packets.xsens(MOVED, 100), 0.0)
    assert feed(decoder, packets.xsens(MOVED, 3_000_000_000), 0.01) is None  # not ahead by any plausible pause
    assert feed(decoder, packets.xsens(MOVED, 101), 0.02) is not None
    assert feed(decoder, packets.xsens(MOVED, 90_000), 0.03) is not None
    assert feed(decoder, packets.xsens(MOVED, 102), 0.04) is None
    assert feed(decoder, packets.xsens(MOVED, 200), 0.6) is not None


def test_of_several_characters_the_first_or_the_chosen_one_counts():
    decoder, chosen = XsensDecoder(), XsensDecoder(character=2)
    for sample in range(3):
        for character in (1, 2):
            datagrams = packets.xsens(numbered(10 * character + sample), sample, character=character)
            frames = feed(decoder, datagrams, 0.01 * sample), feed(chosen, datagrams, 0.01 * sample)
            assert [f is not None for f in frames] == [character == 1, character == 2]
            assert number_of(next(f for f in frames if f)) == 10 * character + sample
    assert decoder.counts["other_character"] == 3


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_loss_reordering_and_duplicates_never_mix_two_samples(data):
    sent = [d for group in SPLIT for d in group]
    arrived = [d for d in sent if not data.draw(st.booleans()) or data.draw(st.booleans())]
    for _ in range(data.draw(st.integers(0, 12))):
        if arrived:
            at, to = (data.draw(st.integers(0, len(arrived) - 1)) for _ in range(2))
            arrived.insert(to, arrived[at] if data.draw(st.booleans()) else arrived.pop(at))
    decoder, seen = XsensDecoder(), []
    for k, datagram in enumerate(arrived):
        frame = decoder.feed(datagram, 0.001 * k)
        if frame is not None:
            seen.append(number_of(frame))
    assert seen == sorted(set(seen))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_never_raises_and_never_gives_a_malformed_frame(data):
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    decoder = XsensDecoder()
    for k, datagram in enumerate((bytes(content), data.draw(st.binary(max_size=100)))):
        frame = decoder.feed(datagram, 0.01 * k)
        if frame is not None:
            assert_well_formed(frame)


def test_other_messages_of_mvn_are_no_errors_and_everything_else_is_counted():
    (pose,) = packets.xsens(MOVED, 1)
    for datagram, reason in (
        (b"MXTP13" + pose[6:], "other_message"),
        (b"MXTP99" + pose[6:], "not_mvn"),
        (b"", "not_mvn"),
        (pose[:-1], "wrong_length"),
        (pose + b"\x00", "wrong_length"),
        (pose[:17] + b"\x16" + pose[18:], "wrong_segments"),
        (pose[:24] + b"\x00\x00\x00\x09" + pose[28:], "wrong_segments"),
    ):
        decoder = XsensDecoder()
        assert decoder.feed(datagram, 0.0) is None and decoder.counts == {reason: 1}
