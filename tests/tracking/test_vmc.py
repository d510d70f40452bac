"""VMC's bones, each in a message of its own, become whole frames of one moment or none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.geometry import exp_so3
from rove_teleop.tracking.mocap.osc import OscDamaged, messages
from rove_teleop.tracking.mocap.vmc import VmcDecoder

from . import mocap_packets as packets
from . import mocap_person as person
from .mocap_checks import assert_sees, assert_t_pose, assert_well_formed, feed, number_of, numbered, wrist_axes

MOVED = person.pose(at=(3.0, -2.0), yaw=1.2, arm=(0.3, -0.4, 0.5), wrist=(0.2, 0.1, -0.3), curl=0.5)
PERIOD_S = 1.0 / 60.0
NUMBERED = {k: packets.vmc(numbered(k), float(k), per_bundle=15) for k in range(2, 10)}
WHOLE = packets.vmc(MOVED, 2.0)


def warmed(**options):
    """A decoder that has learned which bones are sent: the first frame shows them, the second one counts."""
    decoder = VmcDecoder()
    assert feed(decoder, packets.vmc(person.pose(), 0.0, **options), 0.0) is None
    frame = feed(decoder, packets.vmc(person.pose(), 1.0, **options), PERIOD_S)
    return decoder, frame


@pytest.mark.parametrize("per_bundle", [None, 7, 1])
def test_relative_bones_in_unity_s_axes_become_the_person(per_bundle):
    decoder, frame = warmed(per_bundle=per_bundle)
    assert_t_pose(frame, atol=0.1)
    axes = wrist_axes(frame)
    moved = feed(decoder, packets.vmc(MOVED, 2.0, per_bundle=per_bundle), 2 * PERIOD_S)
    assert_sees(moved, MOVED, axes=axes)


def test_an_avatar_whose_bones_lie_anyhow_gives_the_same_wrists():
    rest = exp_so3(np.array([0.7, -1.1, 0.4]))
    plain, turned = warmed()[1], warmed(rest=rest)[1]
    for side in ("left", "right"):
        assert np.allclose(plain.hand(side).T_world_wrist, turned.hand(side).T_world_wrist, atol=1e-5)
        assert np.allclose(plain.hand(side).points_m, turned.hand(side).points_m, atol=1e-5)


def test_without_fingers_the_hand_s_own_axes_count():
    decoder, frame = warmed(fingers=False)
    assert_t_pose(frame, atol=1e-5)
    assert_sees(feed(decoder, packets.vmc(MOVED, 2.0, fingers=False), 2 * PERIOD_S), MOVED, points=False)


def test_a_set_learned_from_a_lossy_frame_grows_and_one_that_shrinks_is_learned_anew():
    decoder = VmcDecoder()
    first = packets.vmc(person.pose(), 0.0, per_bundle=30)
    feed(decoder, first[:-1], 0.0)
    for k in range(1, 5):
        frame = feed(decoder, packets.vmc(MOVED, float(k), per_bundle=30), k * PERIOD_S)
    assert frame.right.points_m is not None  # the last bundle's fingers have been noticed
    for k in range(5, 9):
        frame = feed(decoder, packets.vmc(MOVED, float(k), fingers=False), k * PERIOD_S)
    assert frame is not None and frame.right.points_m is None


def test_bones_that_are_apart_in_time_are_not_one_frame():
    decoder, _ = warmed(per_bundle=30)
    _, early, *_ = packets.vmc(numbered(1), 5.0, per_bundle=30)
    *_, late = packets.vmc(numbered(2), 6.0, per_bundle=30)
    assert decoder.feed(early, 1.0) is None and decoder.feed(late, 1.0 + PERIOD_S) is None
    assert decoder.counts["incomplete"] == 2  # of learning, and this one


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_loss_and_duplicates_never_mix_two_moments(data):
    decoder, seen = VmcDecoder(), []
    for k in range(2):
        feed(decoder, NUMBERED[2], k * PERIOD_S)
    for k in NUMBERED:
        for datagram in NUMBERED[k]:
            for _ in range(data.draw(st.sampled_from([1, 1, 1, 0, 2]))):
                frame = decoder.feed(datagram, k * PERIOD_S)
                if frame is not None and frame.left.T_world_wrist is not None:
                    seen.append(number_of(frame))
    assert seen == sorted(seen)


def test_a_fast_sender_without_a_clock_is_told_apart_by_its_bones():
    decoder, seen = VmcDecoder(), []
    for k, datagrams in NUMBERED.items():
        bones = datagrams[2:] if k == 5 else datagrams[1:]  # no /VMC/Ext/T; one bundle of sample 5 is lost
        for datagram in bones:
            frame = decoder.feed(datagram, 0.002 * k)
            if frame is not None:
                seen.append(number_of(frame))
    assert seen == [3, 4, 6, 7, 8, 9]


def test_a_sender_that_was_silent_is_another_space():
    decoder, frame = warmed()
    later = feed(decoder, packets.vmc(MOVED, 60.0), 1.0)
    assert frame.space == 0 and later.space == 1


def test_a_sender_without_arms_is_told_so():
    decoder = VmcDecoder()
    for k in range(15):
        decoder.feed(packets.osc("/VMC/Ext/Bone/Pos", "Head", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0), k * PERIOD_S)
    assert "without upper arms" in decoder.problem


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_never_raises(data):
    decoder = VmcDecoder()
    for k in range(2):
        feed(decoder, WHOLE, k * PERIOD_S)
    content = bytearray(WHOLE[1])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    frame = decoder.feed(bytes(content), 2 * PERIOD_S)
    if frame is not None:
        assert_well_formed(frame)


def test_osc_of_another_library_is_read_alike():
    builder = pytest.importorskip("pythonosc.osc_message_builder", reason="python-osc is not installed")
    bundles = pytest.importorskip("pythonosc.osc_bundle_builder")
    message = builder.OscMessageBuilder(address="/VMC/Ext/Bone/Pos")
    for value in ("LeftHand", 0.1, 0.2, 0.3, 0.0, 0.0, 0.0, 1.0, 7, True, False, None):
        message.add_arg(value)
    inner = bundles.OscBundleBuilder(bundles.IMMEDIATELY)
    inner.add_content(message.build())
    outer = bundles.OscBundleBuilder(bundles.IMMEDIATELY)
    outer.add_content(inner.build())
    outer.add_content(message.build())
    for address, values in (read := list(messages(outer.build().dgram))):
        assert address == "/VMC/Ext/Bone/Pos" and values[0] == "LeftHand" and values[8:] == (7, 1, 0, None)
        assert values[1:8] == pytest.approx((0.1, 0.2, 0.3, 0.0, 0.0, 0.0, 1.0))
    assert len(read) == 2


def test_osc_that_ends_early_or_nests_too_deeply_is_refused():
    whole = packets.osc_bundle([packets.osc("/a", 1.0, "x")])
    for cut in range(17, len(whole)):
        with pytest.raises(OscDamaged):
            list(messages(whole[:cut]))
    deep = packets.osc("/a", 1.0)
    for _ in range(20):
        deep = packets.osc_bundle([deep])
    with pytest.raises(OscDamaged, match="nested"):
        list(messages(deep))
