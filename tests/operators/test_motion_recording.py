"""A device on a real socket, recorded by the command line, replays to the same targets, bit for bit."""

import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from rove_teleop.errors import TrackingUnavailable
from rove_teleop.operators.motion_recording import record_frames
from rove_teleop.operators.motion_source import open_motion
from rove_teleop.retargeting.offline import retarget_motion
from rove_teleop.robots.description import load_robot
from rove_teleop.tracking.readers import rove
from rove_teleop.tracking.webxr import WebXrDecoder

from ..tracking.operator_frames import frame
from ..tracking.test_rove_recording import bits
from ..tracking.test_webxr import page_frame

pytestmark = pytest.mark.integration  # long: it runs after the unit tests

SENDING_HZ = 90.0


def page(sequence):
    """A headset's page whose user moves both hands."""
    row = page_frame(sequence, space=int(sequence > 60), left_kind=0 if 30 < sequence < 40 else 1)
    for side, phase in (("left", 0.0), ("right", 1.0)):
        row[side]["joints"][:, 0] += 0.1 * np.sin(0.05 * sequence + phase)
        row[side]["joints"][:, 1] += 0.1 * np.cos(0.04 * sequence + phase)
    return row


def record(tmp_path, seconds, interrupt_after_s=None):
    """Send frames to ``rove record-motion`` until it ends; (exit code, what it printed, datagrams by sequence)."""
    device, out = tmp_path / "headset.sock", tmp_path / "person.npz"
    arguments = ["record-motion", "--operator", f"webxr:{device}", "--seconds", str(seconds), "--out", str(out)]
    process = subprocess.Popen([sys.executable, "-m", "rove_teleop.cli", *arguments], stdout=subprocess.PIPE, text=True)
    sent = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        heard_s = None
        while process.poll() is None:
            sequence = len(sent) + 1
            try:
                sender.sendto(page(sequence).tobytes(), str(device))
                sent[sequence] = page(sequence).tobytes()
                heard_s = time.monotonic() if heard_s is None else heard_s
            except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
                pass
            if interrupt_after_s is not None and heard_s is not None and time.monotonic() - heard_s > interrupt_after_s:
                process.send_signal(signal.SIGINT)
                interrupt_after_s = None
            time.sleep(1.0 / SENDING_HZ)
    said, _ = process.communicate()
    return process.returncode, said, sent, out


@pytest.mark.timeout(60)
def test_what_a_device_sent_replays_to_the_same_targets_bit_for_bit(tmp_path):
    code, said, sent, out = record(tmp_path, 2.0)
    assert code == 0 and "person.npz" in said and "right_frozen" not in said
    recorded = rove.read_frames(out, out.read_bytes())
    assert len(recorded) > 60
    decoder, live = WebXrDecoder(), []
    stamp_s = {f.sequence - recorded[0].sequence: f.stamp_s for f in recorded}
    for sequence, datagram in sent.items():
        decoded = decoder.feed(datagram, stamp_s.get(sequence - min(sent), 0.0))
        if decoded is not None and sequence - min(sent) in stamp_s:
            live.append(decoded)
    assert [bits(f) for f in recorded] == [bits(f) for f in live]
    robot = load_robot("iron_r01")
    replayed = retarget_motion(open_motion(out), robot)
    for name, values in retarget_motion(rove.motion_of(out, live), robot).items():
        assert values.tobytes() == replayed[name].tobytes(), name
    assert np.ptp(replayed["q_rad"], axis=0).max() > 0.1


@pytest.mark.timeout(60)
def test_an_interrupt_keeps_what_was_recorded(tmp_path):
    code, said, _, out = record(tmp_path, 3600.0, interrupt_after_s=1.0)
    assert code == 0 and "frames in" in said
    frames = rove.read_frames(out, out.read_bytes())
    assert 0.3 < frames[-1].stamp_s - frames[0].stamp_s < 30.0


def test_a_silent_device_is_given_up_with_its_problem():
    with pytest.raises(TrackingUnavailable, match=r"within 0.01 s: nothing has arrived"):
        record_frames(lambda _: None, 1.0, [], lambda: "nothing has arrived", patience_s=0.01)


def test_the_time_counts_from_the_first_frame():
    waits = iter([None] * 20 + [frame(k) for k in range(1000)])
    frames, told = [], []

    def next_frame(_timeout_s):
        time.sleep(0.002)
        return next(waits)

    begin_s = time.monotonic()
    record_frames(next_frame, 0.1, frames, lambda: None, progress=lambda elapsed_s, count: told.append(count))
    assert time.monotonic() - begin_s > 0.1 + 20 * 0.002
    assert 1 < len(frames) < 60 and frames[0].sequence == 0 and told[0] == 0
