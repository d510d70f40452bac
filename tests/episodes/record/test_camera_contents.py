from pathlib import Path

import numpy as np

from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.camera_contents import duplicates, missed_images
from rove_teleop.episodes.record.recover import recover_dataset

from ..recording_tools import begin, jpeg


def test_repeated_stamps_and_repeated_bytes_are_told_apart() -> None:
    capture_s = np.array([1.0, 1.0, 2.0, 3.0, 3.0])
    length, crc = np.array([5, 6, 6, 6, 6]), np.array([1, 2, 2, 3, 3])
    assert duplicates(capture_s, length, crc).tolist() == [0, 1, 2, 0, 3]
    assert duplicates(capture_s[:0], length[:0], crc[:0]).tolist() == []


def test_images_that_never_came_are_counted_where_they_are_missing() -> None:
    stamps = np.delete(np.arange(20) / 30.0 + 1.7e9, [4, 5, 11])
    missed = missed_images(stamps)
    assert missed[4] == 2 and missed[9] == 1 and missed.sum() == 3
    assert missed_images(np.arange(20) * 1.4).sum() == 0
    jitter = np.random.default_rng(0).uniform(-0.008, 0.008, 100)
    assert missed_images(np.arange(100) / 30.0 + jitter).sum() == 0


def test_stamps_that_say_nothing_are_no_gap() -> None:
    for stamps in ([], [1.0], [1.0, 1.0], [3.0, 2.0, 1.0], [1.0, 2.0, 2.0, 3.0, 1.0]):
        assert missed_images(np.array(stamps)).sum() == 0
    assert missed_images(np.array([0.0, 1e-9, 2e-9, 1e9]))[-1] == 2**31


def test_an_episode_marks_what_the_camera_repeated_and_what_it_dropped(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data")
    for k, capture_s in enumerate((0.0, 0.1, 0.1, 0.2, 0.5, 0.6)):
        recording.frame("ego", jpeg(k), capture_s, capture_s, k)
    episode = open_episode(recording.seal("success"))
    assert episode["cameras/ego/duplicate"].tolist() == [0, 0, 1, 0, 0, 0]
    assert episode["cameras/ego/missed"].tolist() == [0, 0, 0, 0, 2, 0]
    counts = {key: episode.attributes[f"frames_{key}"]["ego"] for key in ("lost", "missed", "duplicated")}
    assert counts == {"lost": 0, "missed": 2, "duplicated": 1}


def test_the_checksum_that_grew_with_the_pack_is_the_one_of_its_bytes(tmp_path: Path) -> None:
    sealed, root = [], tmp_path / "data"
    for crash in (False, True):
        recording = begin(root)
        for k in range(9):
            recording.frame("ego", jpeg(k, 5000), k, k, k)
        if crash:
            recording.close()
            recover_dataset(root)
            sealed.append(root / "episodes" / f"{recording.id}.zarr")
        else:
            sealed.append(recording.seal("success"))
    first, second = (open_episode(path) for path in sealed)
    assert first.attributes["crc32c"]["cameras/ego/jpeg"] == second.attributes["crc32c"]["cameras/ego/jpeg"] != 0
