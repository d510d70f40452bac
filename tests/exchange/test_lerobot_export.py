"""A LeRobotDataset from our episodes, checked without LeRobot (test_real_lerobot.py opens it with LeRobot itself)."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from rove_teleop.episodes.read import open_episode
from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.exchange import lerobot_tables, lerobot_writer
from rove_teleop.exchange.frames import Choice, chosen_frames
from rove_teleop.exchange.lerobot_export import export_dataset
from rove_teleop.exchange.video import VideoReader

from .exchange_tools import number_of, record

# Whole files, folders or sockets: too long for the first minute.
pytestmark = pytest.mark.integration

ROOM = Path(__file__).parent


def moving(tick):
    """Rows whose joints move, driven by a person in between."""
    human = 40 <= tick < 90
    q = np.sin(0.01 * tick + np.arange(3))
    return {
        "q_measured_rad": q,
        "q_target_rad": [q[0] + 0.1, q[1] + 0.1, np.nan],
        "q_sent_rad": q + 0.05,
        "q_policy_rad": q - 0.1 if tick < 100 else np.nan,
        "authority": 2 if human else 1,
        "phase": 2 if human else 0,
    }


@pytest.fixture
def root(tmp_path):
    for outcome, ticks in (("success", 200), ("failure", 103), ("discarded", 50), ("unknown", 150)):
        record(tmp_path / "dataset", ticks, outcome, rows=moving)
    return tmp_path / "dataset"


def rows_of(out):
    tables = [pyarrow.parquet.read_table(path) for path in sorted((out / "data").rglob("*.parquet"))]
    return pyarrow.concat_tables(tables).to_pydict()


def episodes_of(out):
    return pyarrow.parquet.read_table(out / "meta/episodes/chunk-000/file-000.parquet").to_pylist()


def test_columns_are_the_rows_of_the_episodes(root, tmp_path):
    report = export_dataset(root, tmp_path / "out", Choice(50, cameras=()))
    got = rows_of(tmp_path / "out")
    frames = list(chosen_frames(root, Choice(50, cameras=())))
    assert (report.episodes, report.frames) == (3, sum(len(item.row) for item in frames))

    def column(name):
        return np.concatenate([item.episode[f"control/{name}"][item.row] for item in frames])

    target, sent = column("q_target_rad"), column("q_sent_rad")
    asked = np.where(np.isnan(target), sent, target)
    expected = {"observation.state": column("q_measured_rad"), "action": asked, "sent_action": sent}
    expected["policy_action"] = column("q_policy_rad")
    for name, values in expected.items():
        np.testing.assert_array_equal(np.array(got[name], np.float32), values.astype(np.float32), err_msg=name)
    np.testing.assert_array_equal(got["phase"], column("phase"))
    np.testing.assert_array_equal(got["authority"], column("authority"))
    np.testing.assert_array_equal(got["intervention"], column("authority") == 2)
    assert any(got["intervention"])
    outcome = np.repeat(["success", "failure", "unknown"], [len(item.row) for item in frames])
    assert got["outcome"] == outcome.tolist()
    np.testing.assert_array_equal(got["success"], outcome == "success")
    np.testing.assert_array_equal(got["control_row"], np.concatenate([item.row for item in frames]))


def test_bookkeeping_is_seamless(root, tmp_path):
    export_dataset(root, tmp_path / "out", Choice(30, cameras=("ego",)))
    rows, episodes = rows_of(tmp_path / "out"), episodes_of(tmp_path / "out")
    assert rows["index"] == list(range(len(rows["index"])))
    begin = 0
    for number, episode in enumerate(episodes):
        assert (episode["episode_index"], episode["dataset_from_index"]) == (number, begin)
        begin += episode["length"]
        assert episode["dataset_to_index"] == begin
        part = slice(episode["dataset_from_index"], begin)
        assert rows["episode_index"][part] == [number] * episode["length"]
        assert rows["frame_index"][part] == list(range(episode["length"]))
        np.testing.assert_array_equal(
            np.array(rows["timestamp"][part], np.float32), np.arange(episode["length"], dtype=np.float32) / 30
        )
        key = "videos/observation.images.ego/"
        # Exact: LeRobot looks images up by these times.
        assert episode[key + "from_timestamp"] == episode["dataset_from_index"] / 30
        assert episode[key + "to_timestamp"] == begin / 30
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert (info["total_episodes"], info["total_frames"], info["fps"]) == (3, begin, 30)


def test_every_video_image_is_that_of_its_row(root, tmp_path):
    export_dataset(root, tmp_path / "out", Choice(50))
    frames = list(chosen_frames(root, Choice(50)))
    for number, camera in enumerate(("ego", "left_wrist")):
        path = tmp_path / f"out/videos/observation.images.{camera}/chunk-000/file-000.mp4"
        expected = np.concatenate([item.image[camera] for item in frames])
        images = VideoReader(path, 50).images(0, len(expected))
        assert [number_of(image, number) for image in images] == expected.tolist()


def test_jpeg_keeps_every_byte(root, tmp_path):
    export_dataset(root, tmp_path / "out", Choice(50, cameras=("ego",)), codec="jpeg")
    frames = list(chosen_frames(root, Choice(50, cameras=("ego",))))
    expected = [item.episode.jpeg("ego", k) for item in frames for k in item.image["ego"]]
    assert [item["bytes"] for item in rows_of(tmp_path / "out")["observation.images.ego"]] == expected


def test_files_are_bounded(root, tmp_path, monkeypatch):
    # As if 100 MB were a few kilobytes: every episode fills a file.
    monkeypatch.setattr(lerobot_writer, "DATA_FILE_MB", 0)
    monkeypatch.setattr(lerobot_writer, "_EPISODES_PER_TABLE", 1)
    monkeypatch.setattr(lerobot_tables, "FILES_PER_CHUNK", 2)
    export_dataset(root, tmp_path / "out", Choice(50, cameras=()))
    names = [path.relative_to(tmp_path / "out").as_posix() for path in sorted((tmp_path / "out").rglob("*.parquet"))]
    for folder in ("data", "meta/episodes"):
        assert [name for name in names if name.startswith(folder)] == [
            f"{folder}/chunk-000/file-000.parquet",
            f"{folder}/chunk-000/file-001.parquet",
            f"{folder}/chunk-001/file-000.parquet",
        ]
    for row in (row for path in (tmp_path / "out/meta/episodes").rglob("*.parquet") for row in _listed(path)):
        path = tmp_path / f"out/data/chunk-{row['data/chunk_index']:03d}/file-{row['data/file_index']:03d}.parquet"
        assert {item["episode_index"] for item in _listed(path)} == {row["episode_index"]}


def _listed(path):
    return pyarrow.parquet.read_table(path).to_pylist()


def test_cuts_can_become_episodes(tmp_path):
    phase = np.repeat([0, 4, 2], 50)
    record(tmp_path / "dataset", 150, cameras=("ego",), rows=lambda tick: {"phase": phase[tick]})
    joined = export_dataset(tmp_path / "dataset", tmp_path / "joined", Choice(50))
    split = export_dataset(tmp_path / "dataset", tmp_path / "split", Choice(50), split_at_cuts=True)
    assert (joined.episodes, split.episodes, joined.frames, split.frames) == (1, 2, 20, 20)
    assert rows_of(tmp_path / "joined")["segment"] == [0] * 10 + [1] * 10
    told = json.loads((tmp_path / "split/meta/rove.json").read_text())["episodes"]
    assert [item["episodes"] for item in told] == [[0, 2]]
    assert told[0]["id"] == open_episode(next((tmp_path / "dataset/episodes").iterdir())).id


def test_what_cannot_be_exported(root, tmp_path):
    with pytest.raises(UsageError, match="no episode of it fits"):
        export_dataset(root, tmp_path / "out", Choice(50, split="test"))
    record(root, 50, cameras=("ego",))
    with pytest.raises(DatasetInvalid, match="no camera 'left_wrist'"):
        export_dataset(root, tmp_path / "out", Choice(50))
    record(root, 50, cameras=(), joint_names=["waist", "left", "elbow"], groups={"all": ["waist"], "arms": ["left"]})
    with pytest.raises(DatasetInvalid, match=r"'observation\.state' is not like in the episodes before"):
        export_dataset(root, tmp_path / "out", Choice(50, cameras=()))
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_a_damaged_image_is_named(root, tmp_path):
    pack = min((root / "episodes").glob("*.zarr")) / "cameras/ego/jpeg/c/0"
    data = bytearray(pack.read_bytes())
    data[300] ^= 1
    pack.write_bytes(data)
    with pytest.raises(DatasetInvalid, match="camera 'ego': image 0 does not match its checksum"):
        export_dataset(root, tmp_path / "out", Choice(50))
    assert not (tmp_path / "out").exists()


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_a_killed_export_leaves_nothing_that_looks_whole(root, tmp_path):
    script = (
        "import sys; from pathlib import Path; from rove_teleop.exchange import lerobot_export as e\n"
        "from rove_teleop.exchange.frames import Choice\n"
        "def told(done, total):\n    print(done, flush=True); done == 2 and sys.stdin.read()\n"
        "e.export_dataset(Path(sys.argv[1]), Path(sys.argv[2]), Choice(50), progress=told)"
    )
    command = [sys.executable, "-c", script, str(root), str(tmp_path / "out")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.strip() == "2":
            break
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.stdin.close(), process.stdout.close()
    assert (tmp_path / "out.partial").exists() and not (tmp_path / "out").exists()
    assert export_dataset(root, tmp_path / "out", Choice(50)).episodes == 3
    assert not (tmp_path / "out.partial").exists()
