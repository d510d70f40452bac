"""Training windows and exports of cameras that were recorded as H.264."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.episodes.windows.columns import image_places
from rove_teleop.episodes.windows.images import ImageReader
from rove_teleop.exchange.images import Images

from ..record.test_h264 import HEIGHT, WIDTH, error, picture
from ..recording_tools import begin, control_row

pytest.importorskip("av", reason="needs PyAV")


def record(root: Path, codec: str) -> Path:
    recording: EpisodeRecording = begin(root, camera_codec=codec)
    for k in range(14):
        recording.control_row(control_row(k))
        jpeg = bytes(simplejpeg.encode_jpeg(picture(k), 95))
        recording.frame("ego", jpeg, 1.7e9 + k / 30, 100.0 + k / 30, k)
    return recording.seal("success")


@pytest.mark.parametrize("threads", [1, 2])
def test_windows_of_both_codecs_show_the_same_images_in_one_batch(tmp_path: Path, threads: int) -> None:
    root = tmp_path / "data"
    paths = [record(root, codec) for codec in ("h264", "jpeg")]
    wanted, numbers = [], (13, 0, 9, 10, 3)
    for path in paths:
        start, length = image_places(open_episode(path), "ego")
        wanted += [(path.name, np.array([start[k], length[k], 0, k])) for k in numbers]
    images = ImageReader(root, threads).read("cameras/ego", wanted)
    assert isinstance(images, np.ndarray) and images.shape == (10, HEIGHT, WIDTH, 3)
    for image, k in zip(images, numbers * 2, strict=True):
        assert error(image, k) < 6.0 < error(image, k + 3)
    as_float = ImageReader(root, threads).read("cameras/ego", wanted, as_float=True)
    assert np.allclose(as_float, np.asarray(images) / 255.0, atol=1e-6)


def test_exports_get_pixels_and_a_jpeg_of_an_image_that_was_recorded_as_h264(tmp_path: Path) -> None:
    episode = open_episode(record(tmp_path / "data", "h264"))
    images = Images(episode, "ego")
    assert len(images) == 14
    for k in (0, 1, 2, 12, 5):
        assert np.array_equal(images.pixels(k), episode.image("ego", k))
        assert error(simplejpeg.decode_jpeg(images.jpeg(k)), k) < 7.0
