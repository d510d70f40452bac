import json
from pathlib import Path

import pytest
import zarr

from rove_teleop.episodes.read import open_episode, statistics
from rove_teleop.errors import DatasetInvalid

from .recording_tools import record


def test_statistics_add_up(tmp_path: Path) -> None:
    paths = [record(tmp_path / "data", 30, outcome) for outcome in ("success", "success", "failure")]
    result = statistics(open_episode(path) for path in paths)
    assert (result.episodes, result.outcomes) == (3, {"success": 2, "failure": 1})
    assert (result.rows, result.ticks_lost, result.frames, result.frames_lost) == (90, 0, 12, 0)
    assert result.phase_share == pytest.approx({"autonomous": 2 / 3, "recovery": 1 / 3})
    assert statistics([]).phase_share == {}


def test_arrays_are_read_only_maps(tmp_path: Path) -> None:
    episode = open_episode(record(tmp_path / "data"))
    with pytest.raises(ValueError, match="read-only"):
        episode["control/q_sent_rad"][0] = 0.0
    with pytest.raises(KeyError):
        episode["control/nothing"]
    with pytest.raises(KeyError):
        episode["../../dataset.json"]


def test_a_foreign_zarr_is_refused(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "other.zarr", zarr_format=3)
    with pytest.raises(DatasetInvalid, match="not an episode of this software"):
        open_episode(tmp_path / "other.zarr")
    with pytest.raises(DatasetInvalid, match="cannot be read"):
        open_episode(tmp_path / "absent.zarr")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = record(tmp_path / "data")
    info = json.loads((path / "zarr.json").read_text())
    info["attributes"]["format_version"] = 2
    (path / "zarr.json").write_text(json.dumps(info))
    with pytest.raises(DatasetInvalid, match="has format version 2, this software reads up to 1"):
        open_episode(path)
