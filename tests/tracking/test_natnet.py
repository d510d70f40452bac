"""A NatNet server's skeletons and rigid bodies become the person, over a real socket with the whole conversation."""

import socket
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.clock import Pacer
from rove_teleop.errors import UsageError
from rove_teleop.tracking.mocap.devices import open_mocap
from rove_teleop.tracking.mocap.natnet import NatNetDecoder

from . import mocap_packets as packets
from . import mocap_person as person
from .mocap_checks import assert_sees, assert_t_pose, assert_well_formed, number_of, numbered, wrist_axes
from .mocap_server import NatNetServer

MOVED = person.pose(at=(3.0, -2.0), yaw=1.2, arm=(0.3, -0.4, 0.5), wrist=(0.2, 0.1, -0.3), curl=0.5)
VERSIONS = [(3, 0), (3, 1), (4, 0), (4, 1), (4, 2)]
MESSAGES = {
    version: (
        packets.natnet_server_info(version),
        packets.natnet_description(version),
        packets.natnet_frame(MOVED, 1, version),
    )
    for version in VERSIONS
}


@pytest.fixture
def connected():
    """Opens a server and a device that have exchanged version and names."""
    opened = []

    def connect(version=(4, 1), skeletons=("Ann",), options=""):
        server = NatNetServer(version, skeletons)
        device = open_mocap(f"natnet:127.0.0.1:{server.port}{options}")
        opened.extend((server, device))
        for _ in range(3):
            assert device.poll(0.005) is None
            server.answer()
        return server, device

    yield connect
    for each in opened:
        each.close()


def decoder_with_names(version=(4, 1), skeletons=("Ann",), **options):
    decoder = NatNetDecoder(**options)
    decoder.feed(packets.natnet_server_info(version), 0.0)
    decoder.feed(packets.natnet_description(version, skeletons), 0.0)
    return decoder


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_skeleton_of_every_version_and_up_axis_is_the_person(connected, version, up):
    server, device = connected(version, options=f",up={up}")
    server.send(person.pose(), 1, up=up)
    frame = device.poll(0.5)
    assert_t_pose(frame, atol=0.1)
    server.send(MOVED, 2, up=up)
    assert_sees(device.poll(0.5), MOVED, axes=wrist_axes(frame))
    assert device.problem is None


def test_rigid_bodies_named_like_hands_and_head_do_without_a_skeleton(connected):
    server, device = connected(skeletons=())
    server.send(person.pose(), 1)
    frame = device.poll(0.5)
    assert_t_pose(frame)
    assert frame.left.elbow_m is None and frame.left.points_m is None
    server.send(person.pose(at=(0.5, 0.0)), 2)  # no chest: the room's axes are kept
    assert device.poll(0.5).left.T_world_wrist[:3, 3] == pytest.approx([0.5, 0.73, person.HAND_HEIGHT_M], abs=1e-5)


def test_a_bone_that_is_not_tracked_loses_its_hand_only():
    decoder = decoder_with_names()
    decoder.feed(packets.natnet_frame(MOVED, 1), 0.0)
    frame = decoder.feed(packets.natnet_frame(MOVED, 2, lost=("left_hand",)), 0.01)
    assert frame.left.T_world_wrist is None and frame.right.points_m is not None


def test_a_bone_at_infinity_is_lost_without_a_warning():
    broken = MOVED | {"left_hand": (np.array([np.inf, 0.0, 0.0]), np.eye(3))}
    with np.errstate(invalid="ignore"):  # the encoder's own
        packet = packets.natnet_frame(broken, 1)
    frame = decoder_with_names().feed(packet, 0.0)
    assert frame.left.T_world_wrist is None and frame.right.points_m is not None


def test_the_first_or_the_named_skeleton_counts():
    frame = packets.natnet_frame(MOVED, 1, skeletons=2)
    assert decoder_with_names(skeletons=("Ann", "Bob")).feed(frame, 0.0) is not None
    assert decoder_with_names(skeletons=("Ann", "Bob"), actor="Bob").feed(frame, 0.0) is not None
    absent = decoder_with_names(skeletons=("Ann", "Bob"), actor="Cy")
    assert absent.feed(frame, 0.0) is None and "no skeleton 'Cy' (it has Ann, Bob)" in absent.problem


def test_order_wrap_around_and_restart():
    decoder = decoder_with_names()
    top = 1 << 32
    steps = (
        (top - 1, 0.0, 1),
        (0, 0.01, 2),
        (top - 1, 0.02, None),
        (0, 0.03, None),
        (700_000, 0.04, None),
        (5, 0.7, 3),
    )
    for number, at_s, expected in steps:
        frame = decoder.feed(packets.natnet_frame(MOVED, number), at_s)
        assert (None if frame is None else frame.sequence) == expected
    frame = decoder.feed(packets.natnet_frame(MOVED, 900_000), 1.5)
    assert frame.space == 1 and decoder.counts["restarted"] == 1


def test_every_frame_is_one_sample():
    decoder = decoder_with_names()
    numbers = [number_of(decoder.feed(packets.natnet_frame(numbered(k), k), 0.01 * k)) for k in range(5, 9)]
    assert numbers == [5, 6, 7, 8]


def test_what_is_wrong_is_said(connected):
    _, device = connected(version=(2, 9))
    device.poll(0.01)
    assert "NatNet 2.9; 3.0 to 4.x" in device.problem
    silent = open_mocap("natnet:127.0.0.1:9")
    silent.poll(0.01)
    assert "no answer from 127.0.0.1:9" in silent.problem
    silent.close()
    nobody = decoder_with_names(skeletons=())
    nobody.names.bodies.clear()
    assert (
        nobody.feed(packets.natnet_frame(MOVED, 1, skeletons=0), 0.0) is None and "named like a hand" in nobody.problem
    )


def test_the_server_is_asked_and_kept_alive(connected):
    server, _ = connected()
    assert server.asked[0] == 0 and 10 in server.asked and 4 in server.asked


def test_frames_sent_to_a_group_are_heard(connected):
    server, device = connected(options=",multicast=239.255.42.98")
    server.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    server.send(MOVED, 1, group=("239.255.42.98", 1511))
    assert device.poll(0.5) is not None


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_never_raises(data):
    version = data.draw(st.sampled_from(VERSIONS))
    decoder = NatNetDecoder()
    for datagram in MESSAGES[version][:2]:
        decoder.feed(datagram, 0.0)
    content = bytearray(data.draw(st.sampled_from(MESSAGES[version])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    for number, datagram in enumerate((bytes(content), MESSAGES[version][2])):
        frame = decoder.feed(datagram, 0.01 * number)
        if frame is not None:
            assert_well_formed(frame)


@pytest.mark.parametrize("version", [(3, 1), (4, 1)])
def test_another_s_client_reads_our_simulated_server(version):
    """The simulator is no proof of itself: the bytes it sends are understood by an independent implementation."""
    natnet = pytest.importorskip("natnet", reason="the client 'natnet' is not installed")
    server, frames, names = NatNetServer(version), [], []
    stop = threading.Event()

    def serve():
        pacer, number = Pacer(0.01), 0
        while not stop.is_set():
            pacer.wait()
            server.answer()
            number += 1
            server.send(MOVED, number)

    thread = threading.Thread(target=serve)
    thread.start()
    client = natnet.NatNetClient("127.0.0.1", "127.0.0.1", command_port=server.port, use_multicast=False)
    client.on_data_frame_received_event.handlers.append(frames.append)
    client.on_data_description_received_event.handlers.append(names.append)
    try:
        with client:
            client.request_modeldef()
            pacer = Pacer(0.02)
            for _ in range(50):
                pacer.wait()
                client.update_sync()
                if frames and names:
                    break
    finally:
        stop.set()
        thread.join()
        server.close()
    bones = [bone.name for bone in names[-1].skeletons[0].rigid_body_descriptions]
    hand = frames[-1].skeletons[0].rigid_bodies[bones.index("Ann_LHand")]
    x, y, z = MOVED["left_hand"][0]
    assert hand.pos == pytest.approx((y, z, x), abs=1e-5) and hand.tracking_valid


@pytest.mark.parametrize("spec", ["natnet", "natnet:", "natnet:motive.local", "natnet:0.0.0.0", "natnet:127.0.0.1,up=x",
                                  "natnet:127.0.0.1:99999", "natnet:127.0.0.1,upp=y"])  # fmt: skip
def test_a_spec_that_makes_no_sense_is_refused(spec):
    with pytest.raises(UsageError, match="natnet"):
        open_mocap(spec)


@pytest.mark.skipif(sys.platform != "linux", reason="binding to a group's address is Linux's way")
def test_a_group_that_is_none_is_refused():
    with pytest.raises(UsageError, match="cannot listen"):
        open_mocap("natnet:127.0.0.1,multicast=10.0.0.1")
