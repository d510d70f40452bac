"""Cameras as H.264: what a killed recorder acknowledged is there, and the file is one that every player opens."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from rove_teleop.episodes.check.verify import CLEAN, LOSSY, verify_dataset
from rove_teleop.episodes.read import Episode, open_episode
from rove_teleop.episodes.record.camera_log import pack_path
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.episodes.record.recover import recover_dataset
from rove_teleop.errors import DatasetInvalid, MissingDependency

from ..recording_tools import begin, control_row

av = pytest.importorskip("av", reason="needs PyAV")

HEIGHT, WIDTH = 48, 64


def picture(k: int) -> NDArray[np.uint8]:
    """Smooth, so that a codec keeps it, and different for every k."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([(3 * x + 7 * k) % 256 // 4 + 90, 2 * y + 60, np.full_like(x, (40 + 5 * k) % 200)], 2).astype(
        np.uint8
    )


def jpeg_of(k: int) -> bytes:
    return bytes(simplejpeg.encode_jpeg(picture(k), 95))


def filled(root: Path, count: int, cameras: tuple[str, ...] = ("ego",)) -> EpisodeRecording:
    recording = begin(root, camera_codec="h264", cameras=list(cameras))
    for k in range(count):
        recording.control_row(control_row(k))
        for camera in cameras:
            recording.frame(camera, jpeg_of(k) if k % 2 else picture(k), 1.7e9 + k / 30, 100.0 + k / 30, k)
    return recording


def error(image: NDArray[np.uint8], k: int) -> float:
    return float(np.mean(np.abs(image.astype(int) - picture(k))))


def test_images_come_back_in_any_order_and_players_see_the_same(tmp_path: Path) -> None:
    root = tmp_path / "data"
    episode = open_episode(filled(root, 23).seal("success"))
    assert episode.attributes["camera_codec"] == episode.codec("ego") == "h264"
    assert np.array_equal(np.unique(episode["cameras/ego/keyframe"], return_index=True)[1], [0, 10, 20])
    with av.open(io.BytesIO(episode["cameras/ego/h264"].tobytes())) as video:
        shown = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(shown) == 23
    for k in (22, 0, 9, 10, 11, 5):
        image = episode.image("ego", k)
        assert error(image, k) < 6.0 < error(image, k + 3)
        assert np.array_equal(image, shown[k])
    with pytest.raises(DatasetInvalid, match="camera 'ego' was recorded as H.264, there is no JPEG"):
        episode.jpeg("ego", 0)
    assert verify_dataset(root).exit_code == CLEAN


def test_a_jpeg_episode_gives_pixels_too(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data")
    recording.frame("ego", jpeg_of(4), 1.0, 1.0, 0)
    with pytest.raises(DatasetInvalid, match="must be a JPEG file"):
        recording.frame("ego", picture(5), 2.0, 2.0, 1)
    episode = open_episode(recording.seal("success"))
    assert episode.codec("ego") == "jpeg"
    assert np.array_equal(episode.image("ego", 0), simplejpeg.decode_jpeg(jpeg_of(4)))
    with pytest.raises(DatasetInvalid, match=r"has no camera 'wrist' \(it has: ego\)"):
        episode.image("wrist", 0)


def test_an_image_that_cannot_be_encoded_is_refused_and_the_next_one_is_not(tmp_path: Path) -> None:
    recording = filled(tmp_path / "data", 4)
    for bad, sentence in (
        (b"\xff\xd8 no picture", "sent a JPEG that cannot be decoded"),
        (jpeg_of(0)[:200], "sent a JPEG that cannot be decoded"),
        (np.zeros((HEIGHT, WIDTH + 2, 3), np.uint8), "66x48, its first was 64x48"),
    ):
        with pytest.raises(DatasetInvalid, match=sentence):
            recording.frame("ego", bad, 2.0, 200.0, 4)
    recording.frame("ego", picture(5), 2.0, 200.0, 5)
    with pytest.raises(DatasetInvalid, match="sends 63x48: H.264 needs an even size"):
        recording.frame("wrist", np.zeros((HEIGHT, WIDTH - 1, 3), np.uint8), 2.0, 200.0, 0)
    episode = open_episode(recording.seal("success"))
    assert episode["cameras/ego/sequence"].tolist() == [0, 1, 2, 3, 5]
    assert episode.attributes["frames_lost"] == {"ego": 1, "wrist": 0}
    assert error(episode.image("ego", 4), 5) < 6.0


def test_a_frozen_camera_is_seen_although_the_video_differs(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data", camera_codec="h264")
    for k, shown in enumerate((0, 1, 1, 2)):
        recording.frame("ego", jpeg_of(shown), k, k, k)
    assert open_episode(recording.seal("success"))["cameras/ego/duplicate"].tolist() == [0, 0, 2, 0]


def test_a_pack_torn_anywhere_keeps_every_image_before(tmp_path: Path) -> None:
    """As a power cut leaves it: the log is whole, the file it points into is not."""
    for number, share in enumerate((0.999, 0.8, 0.5)):
        root = tmp_path / str(number)
        recording = filled(root, 12)
        recording.close()
        pack = pack_path(recording.path, "ego")
        os.truncate(pack, int(share * pack.stat().st_size))
        recover_dataset(root)
        episode = open_episode(root / "episodes" / f"{recording.id}.zarr")
        ends = episode["cameras/ego/offset"] + episode["cameras/ego/length"]
        assert 0 < len(ends) < 12 and ends[-1] <= pack_size(episode)
        assert all(error(episode.image("ego", k), k) < 6.0 for k in range(len(ends)))
        assert episode.attributes["frames_lost"]["ego"] == 12 - len(ends)
        assert verify_dataset(root).exit_code == LOSSY


def pack_size(episode: Episode) -> int:
    return len(episode["cameras/ego/h264"])


def test_images_behind_a_damaged_one_are_dropped_up_to_the_next_key_image(tmp_path: Path) -> None:
    root = tmp_path / "data"
    recording = filled(root, 25)
    recording.close()
    reference = filled(tmp_path / "other", 25).seal("success")
    place = int(open_episode(reference)["cameras/ego/offset"][13]) + 150
    with pack_path(recording.path, "ego").open("r+b") as pack:
        pack.seek(place)
        byte = pack.read(1)
        pack.seek(place)
        pack.write(bytes([byte[0] ^ 255]))
    recover_dataset(root)
    episode = open_episode(root / "episodes" / f"{recording.id}.zarr")
    assert episode["cameras/ego/sequence"].tolist() == [*range(13), *range(20, 25)]
    assert error(episode.image("ego", 13), 20) < 6.0
    assert verify_dataset(root).exit_code == LOSSY


def acknowledge(root: Path, oracle: int) -> None:
    """Record two cameras without end; a byte of the oracle is an image of one of them that was acknowledged."""
    recording = begin(root, camera_codec="h264", cameras=["ego", "wrist"])
    k = 0
    while True:
        for camera in ("ego", "wrist"):
            recording.frame(camera, picture(k), k / 30, k / 30, k)
            os.write(oracle, camera[:1].encode())
        k += 1


def test_kill_9_loses_no_acknowledged_image(tmp_path: Path) -> None:
    for number in range(4):
        root, oracle = tmp_path / str(number), tmp_path / f"{number}.oracle"
        file = os.open(oracle, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        child = os.fork()
        if child == 0:
            try:
                acknowledge(root, file)
            finally:
                os._exit(1)
        while os.fstat(file).st_size < 20 + 7 * number:
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        os.close(file)
        recover_dataset(root)
        (path,) = (root / "episodes").iterdir()
        episode = open_episode(path)
        for camera in ("ego", "wrist"):
            said = oracle.read_text().count(camera[0])
            assert said <= len(episode[f"cameras/{camera}/offset"]) <= said + 1
            assert error(episode.image(camera, said - 1), said - 1) < 6.0
        assert verify_dataset(root).exit_code == LOSSY


def test_without_pyav_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path / "data", 2).seal("success")
    monkeypatch.setitem(sys.modules, "av", None)
    for module in ("record.h264", "video"):
        monkeypatch.delitem(sys.modules, f"rove_teleop.episodes.{module}", raising=False)
    with pytest.raises(MissingDependency, match=r"pip install 'rove_teleop\[video\]'"):
        begin(tmp_path / "data", camera_codec="h264")
    with pytest.raises(MissingDependency, match=r"pip install 'rove_teleop\[video\]'"):
        open_episode(path).image("ego", 0)
    # Numbers can still be read, and the refused recording gave the dataset back.
    assert len(open_episode(path)["control/tick"]) == 2
    begin(tmp_path / "data").close()


def test_an_unknown_codec_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetInvalid, match="'camera_codec' must be jpeg or h264, got 'av1'"):
        begin(tmp_path / "data", camera_codec="av1")
