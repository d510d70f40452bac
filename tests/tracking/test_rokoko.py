"""Rokoko Studio's JSON, plain or compressed, becomes the person who moved."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.tracking.mocap import rokoko
from rove_teleop.tracking.mocap.rokoko import RokokoDecoder

from . import mocap_packets as packets
from . import mocap_person as person
from .mocap_checks import assert_sees, assert_t_pose, assert_well_formed, number_of, numbered

MOVED = person.pose(at=(3.0, -2.0), yaw=1.2, arm=(0.3, -0.4, 0.5), wrist=(0.2, 0.1, -0.3), curl=0.5)


def packet(joints=MOVED, timestamp=0.0, **options):
    return packets.rokoko([packets.rokoko_actor(joints, **options)], timestamp)


WHOLE = packet()


def test_unity_s_left_handed_axes_become_ours():
    decoder = RokokoDecoder()
    frame = decoder.feed(packet(person.pose(), 0.0), 0.0)
    assert_t_pose(frame, atol=1e-6)
    assert_sees(frame, person.pose(), tip_atol=1e-6)
    assert_sees(decoder.feed(packet(MOVED, 0.1), 0.1), MOVED, tip_atol=1e-6)  # fingertips are in the stream


def test_a_hand_without_a_glove_has_no_fingers():
    assert_sees(RokokoDecoder().feed(packet(gloves=False), 0.0), MOVED, points=False)


def test_compressed_frames_are_the_same_and_without_lz4_a_sentence_says_what_to_install():
    lz4 = pytest.importorskip("lz4.frame", reason="the extra 'mocap' is not installed")
    compressed = lz4.compress(packet())
    assert compressed[:4] == rokoko.LZ4_MAGIC
    assert_sees(RokokoDecoder().feed(compressed, 0.0), MOVED, tip_atol=1e-6)
    without = RokokoDecoder()
    without._unpack = None
    assert without.feed(compressed, 0.0) is None and without.counts["lz4_missing"] == 1
    assert "pip install 'rove_teleop[mocap]'" in without.problem
    cut = RokokoDecoder()
    assert cut.feed(compressed[:200], 0.0) is None and cut.counts["damaged"] == 1


def test_a_small_datagram_that_unpacks_to_gigabytes_is_not_unpacked():
    lz4 = pytest.importorskip("lz4.frame", reason="the extra 'mocap' is not installed")
    bomb = lz4.compress(b" " * (16 << 20) + WHOLE)
    assert len(bomb) < 1 << 17
    decoder = RokokoDecoder()
    assert decoder.feed(bomb, 0.0) is None and decoder.counts["damaged"] == 1


def test_duplicates_late_frames_and_a_restart():
    decoder = RokokoDecoder()
    for stamp, at_s, expected in ((5.0, 0.0, 1), (5.0, 0.01, None), (5.1, 0.1, 2), (5.05, 0.11, None), (0.0, 0.7, 3)):
        frame = decoder.feed(packet(timestamp=stamp), at_s)
        assert (None if frame is None else frame.sequence) == expected
    assert frame.space == 1 and decoder.counts["late"] == 1 and decoder.counts["duplicate"] == 1


def test_of_several_actors_the_first_or_the_named_one_counts():
    ann, bob = packets.rokoko_actor(numbered(3), "Ann"), packets.rokoko_actor(numbered(7), "Bob")
    first, named = RokokoDecoder(), RokokoDecoder(actor="Bob")
    assert number_of(first.feed(packets.rokoko([ann, bob], 0.0), 0.0)) == 3
    assert number_of(named.feed(packets.rokoko([ann, bob], 0.0), 0.0)) == 7
    assert number_of(first.feed(packets.rokoko([bob, ann], 0.1), 0.1)) == 3  # it stays the same person
    assert first.feed(packets.rokoko([bob], 0.2), 0.2) is None
    absent = RokokoDecoder(actor="Cy")
    assert absent.feed(packets.rokoko([ann, bob], 0.0), 0.0) is None and "not 'Cy'" in absent.problem


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[" * 60_000, "damaged"),
        (b"[1]", "not_version_3"),
        (b'{"version": 2, "actors": []}', "not_version_3"),
        (b'{"scene": {"actors": 3}}', "no_actor"),
        (b'{"scene": {"actors": [{"name": "Ann"}]}}', "no_body"),
        (b'{"scene": {"actors": [{"name": "Ann", "body": {}}]}}', None),
    ],
)
def test_anything_else_is_counted(datagram, reason):
    decoder = RokokoDecoder()
    frame = decoder.feed(datagram, 0.0)
    assert (frame is None and decoder.counts[reason] == 1) if reason else frame.left.T_world_wrist is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_json_value_anywhere_never_raises(data):
    value = json.loads(WHOLE)
    odd = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.lists(st.integers(), max_size=2),
        st.just({}), st.just(10**400), st.just(1e308),
    )  # fmt: skip
    for _ in range(data.draw(st.integers(1, 3))):
        place = value
        while True:
            key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if not (isinstance(place[key], dict | list) and place[key]) or data.draw(st.integers(0, 9)) == 0:
                break
            place = place[key]
        place[key] = data.draw(odd)
    frame = RokokoDecoder().feed(json.dumps(value).encode(), 0.0)
    if frame is not None:
        assert_well_formed(frame)
