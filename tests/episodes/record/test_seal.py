import json
from pathlib import Path

import numpy as np
import pytest
import zarr

from rove_teleop.episodes.layout import CAMERA_FIELDS, GROUP_FIELDS
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.episodes.zarr_files import PACK_BLOCK
from rove_teleop.errors import DatasetInvalid, RecordingFailed
from rove_teleop.types import Event

from ..recording_tools import ATTRIBUTES, ROW, begin, control_row, fill, jpeg, record


def test_plain_zarr_reads_every_number_that_was_recorded(tmp_path: Path) -> None:
    path = record(tmp_path / "data", 100)
    group = zarr.open_group(path, mode="r")
    rows = np.frombuffer(b"".join(control_row(tick) for tick in range(100)), ROW)
    for name in ROW.names or ():
        np.testing.assert_array_equal(group[f"control/{name}"][:], rows[name])
        assert group[f"control/{name}"].dtype == rows[name].dtype
    np.testing.assert_array_equal(group["task/features"][:], [[k, -k] for k in range(0, 100, 5)])
    np.testing.assert_array_equal(group["tracking/sequence"][:], range(0, 100, 5))
    np.testing.assert_array_equal(group["tracking/T_world_left_wrist"][0], np.eye(4))
    assert np.isnan(group["tracking/T_world_right_wrist"][:]).all()
    np.testing.assert_array_equal(group["policy/q_rad"][3], np.full((4, 2), 0.6))
    np.testing.assert_array_equal(group["policy/joint_index"][0], [1, 2])
    assert group["failure/alarm"][:].tolist() == [0] * 5
    offset, length = group["cameras/ego/offset"][:], group["cameras/ego/length"][:]
    for k, tick in enumerate(range(0, 100, 8)):
        assert group["cameras/ego/jpeg"][offset[k] : offset[k] + length[k]].tobytes() == jpeg(tick)


def test_our_reader_agrees_with_plain_zarr_on_every_array(tmp_path: Path) -> None:
    path = record(tmp_path / "data")
    group, episode = zarr.open_group(path, mode="r"), open_episode(path)
    expected = {f"{name}/{field.name}" for name, fields in GROUP_FIELDS.items() for field in fields}
    assert set(episode) == expected | {f"cameras/ego/{field.name}" for field in CAMERA_FIELDS}
    for name, array in episode.items():
        np.testing.assert_array_equal(group[name][:], array)
        assert "meaning" in group[name].attrs
    assert [event.detail for event in episode.events()] == [f"because of tick {k}: Größe" for k in (0, 20, 40)]
    assert episode.jpeg("ego", 2) == jpeg(16)


def test_attributes_say_what_the_episode_is(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data")
    fill(recording, range(10))
    recording.note({"feature_names": ["bread_x", "bread_y"]})
    path = recording.seal("failure", {"handovers": 2})
    attributes = dict(zarr.open_group(path, mode="r").attrs)
    for key in ("task", "instruction", "joint_names", "groups", "control_hz", "limits"):
        assert attributes[key] == ATTRIBUTES[key]
    assert attributes["id"] == path.name.removesuffix(".zarr") == recording.id
    assert (attributes["outcome"], attributes["status"]) == ("failure", "complete")
    assert attributes["feature_names"] == ["bread_x", "bread_y"]
    assert attributes["handovers"] == 2
    assert (attributes["rows"], attributes["ticks_lost"]) == (10, 0)
    assert attributes["clocks"]["end"]["monotonic_s"] >= attributes["clocks"]["begin"]["monotonic_s"]
    assert set(attributes["crc32c"]) == set(open_episode(path))


def test_lost_ticks_and_images_are_counted_and_never_filled(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data", first_tick=0)
    for tick in (1, 2, 5, 6):
        recording.control_row(control_row(tick))
    for sequence in (0, 1, 4):
        recording.frame("ego", jpeg(sequence), 1.0, 2.0, sequence)
    path = recording.seal("success", last_tick=9)
    episode = open_episode(path)
    assert episode["control/tick"].tolist() == [1, 2, 5, 6]
    assert episode.attributes["ticks_lost"] == 1 + 2 + 3
    assert episode["cameras/ego/sequence"].tolist() == [0, 1, 4]
    assert episode.attributes["frames_lost"] == {"ego": 2}
    assert episode.attributes["frames_duplicated"] == {"ego": 2}


def test_an_empty_episode_is_an_episode(tmp_path: Path) -> None:
    path = begin(tmp_path / "data").seal("discarded", last_tick=None)
    group = zarr.open_group(path, mode="r")
    assert group["control/q_sent_rad"].shape == (0, 3)
    assert group["control/q_sent_rad"][:].shape == (0, 3)
    assert group["cameras/ego/jpeg"][:].shape == (0,)
    assert "task" not in group


@pytest.mark.parametrize("size", [PACK_BLOCK - 3, PACK_BLOCK - 2, PACK_BLOCK - 1, 3 * PACK_BLOCK + 5])
def test_a_pack_is_a_valid_shard_whatever_its_length(tmp_path: Path, size: int) -> None:
    recording = begin(tmp_path / "data")
    images = [jpeg(7, size), jpeg(14, 11)]
    for k, image in enumerate(images):
        recording.frame("ego", image, float(k), float(k), k)
    array = zarr.open_group(recording.seal("success"), mode="r")["cameras/ego/jpeg"]
    assert array[:].tobytes() == b"".join(images)
    assert array[len(images[0]) :].tobytes() == images[1]


def test_the_pack_is_linked_not_copied(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data")
    recording.frame("ego", jpeg(0), 0.0, 0.0, 0)
    inode = (recording.path / "camera.ego.pack").stat().st_ino
    path = recording.seal("success")
    assert (path / "cameras/ego/jpeg/c/0").stat().st_ino == inode


def test_nothing_but_the_episode_is_left(tmp_path: Path) -> None:
    record(tmp_path / "data")
    assert list((tmp_path / "data/recording").iterdir()) == []
    assert list((tmp_path / "data/.seal").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"joint_names": []}, "'joint_names' must be a list of names"),
        ({"joint_names": ["a", "a"]}, "has a name twice"),
        ({"groups": {"arms": ["left", "elbow"]}}, "group 'arms' names 'elbow'"),
        ({"groups": None}, "'groups' must map"),
        ({"control_hz": float("nan")}, "plain JSON without NaN"),
        ({"control_hz": 0}, "'control_hz' must be a positive number"),
        ({"limits": {"q_min_rad": []}}, "'limits' must hold exactly"),
        ({"task": 3}, "'task' must be text"),
        ({"outcome": "success"}, "'outcome' is written by the recorder"),
        ({"first_tick": "one"}, "'first_tick' must be a whole number"),
    ],
)
def test_attributes_that_do_not_fit_are_refused_before_anything_is_made(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    with pytest.raises(DatasetInvalid, match=sentence):
        begin(tmp_path / "data", **change)
    assert not (tmp_path / "data").exists()


def test_data_that_does_not_fit_is_refused_and_the_episode_goes_on(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data")
    fill(recording, range(10))
    for refused, sentence in (
        (lambda: recording.control_row(b"short"), "a control row of this robot has"),
        (lambda: recording.control_row(control_row(9)), "tick 9 came after the one of tick 9"),
        (lambda: recording.frame("ego", b"PNG", 0.0, 0.0, 9), "not a JPEG"),
        (lambda: recording.frame("../ego", jpeg(0), 0.0, 0.0, 9), "may hold letters"),
        (lambda: recording.tracking(b"short", 0.0), "a device frame has"),
        (lambda: recording.task_state(0.0, np.zeros(3)), "the task has 2 features"),
        (lambda: recording.note({"joint_names": 1}), "'joint_names' must be"),
        (lambda: recording.seal("fine"), "outcome must be one of success, failure, discarded, unknown"),
    ):
        with pytest.raises(DatasetInvalid, match=sentence):
            refused()
    fill(recording, range(10, 20))
    assert open_episode(recording.seal("success"))["control/tick"].tolist() == list(range(20))


def test_a_journal_that_was_damaged_on_disk_is_never_sealed_as_complete(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data")
    fill(recording, range(30))
    with (recording.path / "control.log").open("r+b") as journal:
        journal.seek(2000)
        journal.write(b"bit rot")
    episode = open_episode(recording.seal("success", last_tick=29))
    assert (episode.attributes["status"], episode.attributes["outcome"]) == ("recovered", "success")
    assert 0 < episode.attributes["rows"] == 30 - episode.attributes["ticks_lost"]


def test_text_that_utf8_cannot_hold_does_not_stop_a_seal(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data")
    recording.event(Event(1.0, "note", "half a character \ud800"))
    (event,) = open_episode(recording.seal("success")).events()
    assert event.detail == "half a character \\ud800"


def test_a_nearly_full_disk_refuses_to_begin(tmp_path: Path) -> None:
    with pytest.raises(RecordingFailed, match="the disk is nearly full"):
        EpisodeRecording(tmp_path / "data", ATTRIBUTES, min_free_bytes=1 << 62)


def test_stored_json_is_json(tmp_path: Path) -> None:
    def refuse(text: str) -> None:
        pytest.fail(f"a zarr.json holds {text}")

    for file in record(tmp_path / "data").rglob("zarr.json"):
        json.loads(file.read_text(), parse_constant=refuse)
