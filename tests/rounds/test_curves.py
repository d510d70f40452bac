"""Losses on their way: to the terminal, into a file that survives a kill, into files that TensorBoard reads."""

import struct
import sys

import pytest

from rove_teleop.rounds.curves import FILE, MISSING, Curves, read_curves


def test_what_was_reported_is_read_back_and_trained_last_counts(tmp_path):
    heard = []
    with Curves(tmp_path, lambda *said: heard.append(said)) as curves:
        report = curves.of("critic")
        report(100, 300, 0.5)
        report(200, 300, 0.25)
    assert heard[-1] == ("critic", 200, 300, "loss 0.25")
    with (tmp_path / FILE).open("a") as file:
        file.write('{"stage": "actor", "st')
    assert read_curves(tmp_path) == {"critic": [(100, 0.5), (200, 0.25)]}
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text() + "\n")
    with Curves(tmp_path) as curves:
        curves.of("critic")(200, 300, 0.2)
    assert read_curves(tmp_path)["critic"] == [(100, 0.5), (200, 0.2)]


def test_tensorboard_files_hold_the_same(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    with Curves(tmp_path) as curves:
        curves.of("actor")(10, 20, 1.5)
        curves.of("actor")(20, 20, 1.25)
        assert curves.note == ""
    (path,) = (tmp_path / "tensorboard").iterdir()
    found, data = [], path.read_bytes()
    while data:
        # A record: its length, a checksum of that, the bytes, a checksum of them.
        (length,) = struct.unpack("<Q", data[:8])
        event = Event.FromString(data[12 : 12 + length])
        found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
        data = data[16 + length :]
    assert found == [("actor/loss", 10, 1.5), ("actor/loss", 20, 1.25)]


def test_without_the_package_a_run_goes_on_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with Curves(tmp_path) as curves:
        curves.of("actor")(10, 20, 1.5)
        assert curves.note == MISSING
    assert read_curves(tmp_path) == {"actor": [(10, 1.5)]} and not (tmp_path / "tensorboard").exists()
