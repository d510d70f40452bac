"""A real UDP port under fire: garbage changes nothing but counters, and only the named sender is heard."""

import random
import socket

import pytest

from rove_teleop.clock import monotonic_s
from rove_teleop.errors import MotionFileInvalid, UsageError
from rove_teleop.tracking.mocap.devices import open_mocap
from rove_teleop.tracking.mocap.spec import interface_towards, read_spec

from . import mocap_packets as packets
from . import mocap_person as person
from .mocap_checks import assert_sees, assert_well_formed

pytestmark = pytest.mark.integration  # long: it runs after the unit tests

MOVED = person.pose(at=(1.0, 0.5), yaw=0.4, arm=(0.3, -0.4, 0.5), curl=0.5)
BURST = 64
"""Few enough for the kernel's buffer: every datagram must reach the decoder."""
FUZZED = 100_000
STREAMS = {
    "xsens": lambda k: packets.xsens(MOVED, k),
    "rokoko": lambda k: [packets.rokoko([packets.rokoko_actor(MOVED)], k / 60.0)],
    "vmc": lambda k: packets.vmc(MOVED, k / 60.0),
    "bvh": lambda k: [packets.noitom_binary(MOVED, k)],
}


@pytest.fixture
def wired():
    opened = []

    def open_pair(spec):
        device = open_mocap(spec)
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.connect(device.address)
        opened.extend((device, sender))
        return device, sender

    yield open_pair
    for each in opened:
        each.close()


def send(device, sender, datagrams):
    """The newest frame that these give."""
    for datagram in datagrams:
        sender.send(datagram)
    return device.poll(0.05)


@pytest.mark.parametrize("kind", STREAMS)
def test_100_000_random_datagrams_change_nothing_but_counters(wired, kind):
    """One in four begins like the protocol, so that it gets past the first check."""
    device, sender = wired(f"{kind}:0")
    valid = [STREAMS[kind](k) for k in range(4)]
    chance, before = random.Random(7), None
    for k in (0, 1, 2):
        before = send(device, sender, valid[k]) or before
    frames, began_s = device.counts["frames"], monotonic_s()
    beginning = valid[0][-1]
    pool = chance.randbytes(1 << 20)
    for _ in range(FUZZED // BURST + 1):
        for _ in range(BURST):
            at, size = chance.randrange(len(pool) - 600), chance.randrange(600)
            head = chance.randrange(24) if chance.random() < 0.25 else 0
            sender.send(beginning[:head] + pool[at : at + size])
        assert device.poll(0.0) is None
    assert device.counts["frames"] == frames
    refused = sum(device.counts.values()) - frames
    assert refused >= FUZZED  # each is counted by its reason, none is lost without a trace
    after = send(device, sender, valid[3]) or send(device, sender, STREAMS[kind](4))
    assert after.left.T_world_wrist == pytest.approx(before.left.T_world_wrist, abs=1e-6)
    assert monotonic_s() - began_s < 60.0


@pytest.mark.parametrize("kind", STREAMS)
def test_mutated_valid_datagrams_never_stop_the_stream_for_good(wired, kind):
    device, sender = wired(f"{kind}:0")
    chance = random.Random(11)
    valid = STREAMS[kind](1)
    for k in range(4000):
        for datagram in valid:
            content = bytearray(datagram)
            for _ in range(chance.randrange(1, 4)):
                content[chance.randrange(len(content))] = chance.randrange(256)
            sender.send(content)
        if k % 50 == 0 and (frame := device.poll(0.0)) is not None:
            assert_well_formed(frame)
    until_s, k, frame = monotonic_s() + 5.0, 1_000_000, None
    while frame is None or frame.left.T_world_wrist is None:
        assert monotonic_s() < until_s, f"the stream has not come back: {device.counts}, {device.problem}"
        k += 1
        frame = send(device, sender, STREAMS[kind](k))
    assert_well_formed(frame)


def test_only_the_named_sender_is_heard(wired):
    device, sender = wired("xsens:0@127.0.0.1")
    assert_sees(send(device, sender, packets.xsens(MOVED, 1)), MOVED)
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.0.2", 0))
    stranger.connect(device.address)
    assert send(device, stranger, packets.xsens(MOVED, 2)) is None
    assert device.counts["other_sender"] == 1 and device.counts["frames"] == 1
    stranger.close()


def test_what_arrives_and_cannot_be_used_is_said(wired):
    device, sender = wired("xsens:0")
    assert "nothing has arrived" in device.problem
    send(device, sender, [b"hello", b"world"])
    assert "cannot be used (2 not_mvn)" in device.problem
    send(device, sender, packets.xsens(MOVED, 1))
    assert device.problem is None


def test_a_port_that_is_taken_is_a_sentence(wired):
    device, _ = wired("vmc:0")
    with pytest.raises(UsageError, match=f"UDP port {device.address[1]} .* cannot be opened"):
        open_mocap(f"vmc:{device.address[1]}")


def test_specs():
    spec = read_spec("rokoko:14044@127.0.0.1,actor=Ann Lee", 14043, ("actor",))
    assert (spec.kind, spec.port, spec.sender, spec.options) == ("rokoko", 14044, "127.0.0.1", {"actor": "Ann Lee"})
    assert read_spec("rokoko", 14043, ()).port == 14043 and read_spec("rokoko", 14043, ()).host == "127.0.0.1"
    assert read_spec("xsens@127.0.0.1", 9763, ()).host == interface_towards("127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize(
    "spec",
    ["xsens:port", "xsens:70000", "xsens:9763@", "xsens:9763@0.0.0.0", "xsens:9763@255.255.255.255",
     "xsens:1@suit.local", "xsens,actor", "xsens,actor=one", "xsens,actor=1,actor=2", "xsens,speed=3", "vmc,actor=1",
     "0.0.0.0:9763", "bvh,actor=-1"],
)  # fmt: skip
def test_a_spec_that_makes_no_sense_is_one_sentence(spec):
    with pytest.raises(UsageError) as caught:
        open_mocap(spec)
    assert "\n" not in str(caught.value)


def test_a_skeleton_file_that_is_missing_is_one_sentence(tmp_path):
    with pytest.raises(MotionFileInvalid, match="cannot be read"):
        open_mocap(f"bvh:0,skeleton={tmp_path / 'none.bvh'}")
