"""kill -9 of the real recorder in the middle of an episode: control goes on, and no acknowledged tick is lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zarr

from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.layout import pack_operator_frame
from tests.episodes.recording_tools import ATTRIBUTES, ROW, control_row, jpeg, operator_frame

from .recorder_process import ENVIRONMENT, RecorderProcess, Rows

pytestmark = pytest.mark.integration

Start = Callable[..., RecorderProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts recorders on one dataset; none outlives its test."""
    started: list[RecorderProcess] = []

    def begin(*arguments: str, socket: str = "rows.sock") -> RecorderProcess:
        started.append(RecorderProcess(tmp_path / "data", tmp_path / socket, *arguments))
        return started[-1]

    yield begin
    for recorder in started:
        if recorder.popen.poll() is None:
            recorder.kill()


@pytest.mark.timeout(90)
def test_no_acknowledged_tick_is_lost_and_the_sender_never_waits(tmp_path: Path, start: Start) -> None:
    dataset, socket = tmp_path / "data", tmp_path / "rows.sock"
    rng = random.Random(5)
    acknowledged: dict[str, tuple[int, int]] = {}
    recovered: list[dict[str, object]] = []
    for episode in range(1, 4):
        recorder = start()
        recovered += recorder.answer()["ready"]["recovered"]
        rows = Rows(socket, episode)
        name = recorder.ask({"begin": ATTRIBUTES})["began"]
        rows.start()
        until_s = time.monotonic() + rng.uniform(0.4, 1.0)
        last = -1
        while time.monotonic() < until_s:
            last = recorder.ask({"status": {}})["status"]["acknowledged_tick"] or last
        recorder.kill()
        sent_before = rows.tick
        time.sleep(0.3)
        rows.stop()
        assert rows.tick - sent_before > 30, "control must go on without its recorder"
        assert rows.dropped > 0
        assert rows.worst_s < 0.02
        assert last > 20
        acknowledged[name] = (last, len([tick for tick in rows.accepted if tick <= last]))
    recorder = start()
    recovered += recorder.answer()["ready"]["recovered"]
    assert recorder.end() == 0
    assert [str(item["id"]) for item in recovered] == list(acknowledged)
    for item in recovered:
        last, count = acknowledged[str(item["id"])]
        group = zarr.open_group(str(item["path"]), mode="r")
        ticks = group["control/tick"][:]
        assert last in ticks
        assert np.sum(ticks <= last) == count
        assert group.attrs["status"] == "recovered"
        expected = np.frombuffer(b"".join(control_row(int(tick)) for tick in ticks), ROW)
        np.testing.assert_array_equal(group["control/q_sent_rad"][:], expected["q_sent_rad"])
    assert not any(report.broken for report in verify_dataset(dataset).episodes)


@pytest.mark.timeout(60)
def test_what_is_on_ros_reaches_the_episode_and_the_end_of_the_session_seals_it(tmp_path: Path, start: Start) -> None:
    recorder = start("--cameras", "ego,wrist,grip")
    assert recorder.answer() == {"ready": {"recovered": []}}
    recorder.ask({"begin": {**ATTRIBUTES, "first_tick": 0}})
    rows = Rows(tmp_path / "rows.sock")
    rows.start()
    messages = subprocess.run(
        [sys.executable, "-m", "tests.integration.recorder_messages"],
        env={**os.environ, **ENVIRONMENT},
        timeout=40,
        capture_output=True,
        text=True,
    )
    assert messages.returncode == 0, messages.stderr
    rows.stop()
    assert json.loads(messages.stdout)["counts"]["frames"] == "29"
    status = recorder.ask({"status": {}})["status"]
    assert status["frames"] == 29
    assert recorder.end() == 0
    sealed = recorder.answer()
    assert (sealed["rows"], sealed["lost"], sealed["frames"]) == (len(rows.accepted), rows.dropped, 29)
    group = zarr.open_group(sealed["sealed"], mode="r")
    assert (group.attrs["outcome"], group.attrs["ended_by"]) == ("unknown", "stop")
    offset, length = group["cameras/ego/offset"][:], group["cameras/ego/length"][:]
    data = group["cameras/ego/jpeg"][:].tobytes()
    assert [data[o : o + n] for o, n in zip(offset, length, strict=True)] == [jpeg(k, 50_000) for k in range(10)]
    assert group["cameras/ego/capture_s"][:].tolist() == [1000.25 + k for k in range(10)]
    # Both offer best effort only; the raw camera's first image has an encoding that is not known.
    assert group["cameras/wrist/sequence"][:].tolist() == list(range(1, 10))
    assert group.attrs["frames_lost"] == {"ego": 0, "wrist": 1, "grip": 0}
    np.testing.assert_array_equal(group["tracking/sequence"][:], range(10))
    np.testing.assert_array_equal(group["task/features"][-1], [9.0, -9.0])
    assert group.attrs["feature_names"] == ["bread_x", "bread_y"]
    np.testing.assert_array_equal(group["policy/joint_index"][0], [2, 1])
    np.testing.assert_allclose(group["policy/offset_s"][0], [-0.05, 0.0, 0.05])
    kinds = group["events/kind"][:]
    assert kinds.view(f"S{kinds.shape[1]}")[:, 0].tolist() == [b"chunk_refused"]


@pytest.mark.timeout(30)
def test_a_second_recorder_on_the_dataset_says_why_it_ends(start: Start) -> None:
    first = start()
    first.answer()
    second = start(socket="other.sock")
    assert "another recorder is writing this dataset" in second.answer()["error"]
    assert second.end() == 1
    assert first.end() == 0


def test_a_device_frame_fits_the_message() -> None:
    assert len(pack_operator_frame(operator_frame(0))) < 4096
