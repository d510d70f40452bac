"""LeRobot datasets into episodes: values, labels and images survive; what does not fit is refused with both sides."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import simplejpeg

from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.dataset import Dataset
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.errors import ConfigInvalid, DatasetInvalid
from rove_teleop.exchange.frames import Choice, chosen_frames
from rove_teleop.exchange.joint_map import read_joint_map
from rove_teleop.exchange.lerobot_columns import columns_of
from rove_teleop.exchange.lerobot_export import export_dataset
from rove_teleop.exchange.lerobot_import import import_dataset
from tests.episodes.recording_tools import ATTRIBUTES

from .exchange_tools import number_of, record, small_robot
from .test_lerobot_export import moving, rows_of

# Whole files, folders or sockets: too long for the first minute.
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A dataset of ours and what became of it as a LeRobot dataset."""
    folder = tmp_path_factory.mktemp("exported")
    for outcome, ticks in (("success", 200), ("failure", 103), ("unknown", 60)):
        record(folder / "ours", ticks, outcome, rows=moving, policy_id="clone", operator="ann")
    export_dataset(folder / "ours", folder / "source", Choice(50))
    return folder


@pytest.fixture
def source(exported, tmp_path):
    """A LeRobot dataset of three episodes that a test may break."""
    return Path(shutil.copytree(exported / "source", tmp_path / "source"))


def imported(root):
    return [open_episode(path) for path in Dataset.open(root).episodes()]


def test_a_round_trip_keeps_what_float32_can_hold(exported, source, tmp_path):
    report = import_dataset(source, tmp_path / "back", small_robot())
    assert (report.episodes, report.known, report.left_out) == (3, 0, ())
    before = list(chosen_frames(exported / "ours", Choice(50)))
    after = list(chosen_frames(tmp_path / "back", Choice(50)))
    for ours, theirs in zip(before, after, strict=True):
        assert theirs.row.tolist() == list(range(len(ours.row)))
        first, second = columns_of(ours), columns_of(theirs)
        for name in set(first) - {"control_row"}:
            np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        for number, camera in enumerate(("ego", "left_wrist")):
            shown = [
                number_of(simplejpeg.decode_jpeg(theirs.episode.jpeg(camera, k)), number) for k in theirs.image[camera]
            ]
            assert shown == ours.image[camera].tolist()
        told, was = theirs.episode.attributes, ours.episode.attributes
        for key in ("task", "instruction", "operator", "policy_id", "outcome"):
            assert told[key] == was[key], key
        assert (told["operator_device"], told["control_hz"], told["limits"]) == ("import:lerobot", 50.0, None)
    assert verify_dataset(tmp_path / "back").exit_code == 0


def test_a_second_round_trip_changes_nothing(source, tmp_path):
    import_dataset(source, tmp_path / "back", small_robot())
    export_dataset(tmp_path / "back", tmp_path / "again", Choice(50, cameras=()))
    first, second = rows_of(source), rows_of(tmp_path / "again")
    for name in set(first) - {"control_row"}:
        np.testing.assert_array_equal(np.array(first[name]), np.array(second[name]), err_msg=name)


def test_jpeg_files_come_back_byte_for_byte(tmp_path):
    record(tmp_path / "ours", 60, cameras=("ego",))
    export_dataset(tmp_path / "ours", tmp_path / "source", Choice(50), codec="jpeg")
    import_dataset(tmp_path / "source", tmp_path / "back", small_robot())
    ours, back = imported(tmp_path / "ours")[0], imported(tmp_path / "back")[0]
    seen = next(chosen_frames(tmp_path / "ours", Choice(50))).image["ego"]
    assert [back.jpeg("ego", k) for k in range(len(seen))] == [ours.jpeg("ego", k) for k in seen]


def test_a_cut_stays_a_gap(tmp_path):
    phase = np.repeat([0, 4, 2], 50)
    record(tmp_path / "ours", 150, cameras=(), rows=lambda tick: {"phase": phase[tick]})
    export_dataset(tmp_path / "ours", tmp_path / "source", Choice(50))
    import_dataset(tmp_path / "source", tmp_path / "back", small_robot())
    assert imported(tmp_path / "back")[0]["control/tick"].tolist() == [*range(10), *range(11, 21)]


def test_each_episode_is_imported_once(source, tmp_path):
    import_dataset(source, tmp_path / "back", small_robot())
    assert (import_dataset(source, tmp_path / "back", small_robot()).known, len(imported(tmp_path / "back"))) == (3, 3)


def test_an_interrupted_import_goes_on_where_it_was(source, tmp_path):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_dataset(source, tmp_path / "back", small_robot(), progress=stop)
    assert len(imported(tmp_path / "back")) == 2
    report = import_dataset(source, tmp_path / "back", small_robot())
    assert (report.known, report.episodes, len(imported(tmp_path / "back"))) == (2, 1, 3)


def test_what_a_killed_import_had_begun_goes_and_nothing_else(source, tmp_path):
    for more in ({"import_source": {"episode": 0}}, {}):
        recording = EpisodeRecording(tmp_path / "back", {**ATTRIBUTES, **more}, min_free_bytes=0)
        recording.close()  # without a seal: as a kill leaves it
    import_dataset(source, tmp_path / "back", small_robot())
    assert [path.name for path in Dataset.open(tmp_path / "back").recordings()] == [recording.id]


def test_nothing_of_a_broken_episode_stays(source, tmp_path):
    video = source / "videos/observation.images.ego/chunk-000/file-000.mp4"
    video.write_bytes(video.read_bytes()[:3000])
    with pytest.raises(DatasetInvalid, match="file-000.mp4"):
        import_dataset(source, tmp_path / "back", small_robot())
    dataset = Dataset.open(tmp_path / "back")
    assert (dataset.episodes(), dataset.recordings()) == ([], [])


def change_info(source, change):
    path = source / "meta/info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


def test_only_version_3_is_read(source, tmp_path):
    change_info(source, lambda info: info.update(codebase_version="v2.1"))
    with pytest.raises(DatasetInvalid, match=r"v2\.1, only v3\.0.*convert_dataset_v21_to_v30"):
        import_dataset(source, tmp_path / "back", small_robot())
    with pytest.raises(DatasetInvalid, match="is not a LeRobot dataset"):
        import_dataset(tmp_path, tmp_path / "back", small_robot())
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("pattern", ["../secret.parquet", "/etc/passwd", "data/{nobody}.parquet"])
def test_a_path_that_leads_elsewhere_is_refused(source, tmp_path, pattern):
    change_info(source, lambda info: info.update(data_path=pattern))
    with pytest.raises(DatasetInvalid, match=r"info\.json: data_path"):
        import_dataset(source, tmp_path / "back", small_robot())


def test_missing_frames_are_refused(source, tmp_path):
    path = source / "data/chunk-000/file-000.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path).slice(0, 50), path)
    with pytest.raises(DatasetInvalid, match="episode 1 has not the 21 frames"):
        import_dataset(source, tmp_path / "back", small_robot())


def rewrite(path, change):
    pyarrow.parquet.write_table(change(pyarrow.parquet.read_table(path)), path)


@pytest.mark.parametrize(
    ("file", "change", "match"),
    [
        ("meta/tasks.parquet", lambda t: t.drop_columns(["task_index"]), "has no task_index"),
        ("meta/episodes/chunk-000/file-000.parquet", lambda t: t.slice(1), "lists 2 episodes"),
        ("meta/episodes/chunk-000/file-000.parquet", lambda t: t.drop_columns(["length"]), "no column 'length'"),
        ("data/chunk-000/file-000.parquet", lambda t: t.drop_columns(["action"]), "episode 0 has no column 'action'"),
        ("data/chunk-000/file-000.parquet", lambda t: t.slice(0, 0), "episode 0 has not the 40 frames"),
        ("data/chunk-000/file-000.parquet", lambda t: t.slice(1), "episode 0 has not the 40 frames"),
    ],
)
def test_damage_is_one_sentence(source, tmp_path, file, change, match):
    rewrite(source / file, change)
    with pytest.raises(DatasetInvalid, match=match):
        import_dataset(source, tmp_path / "back", small_robot())


@pytest.mark.parametrize("file", ["meta/info.json", "meta/tasks.parquet", "data/chunk-000/file-000.parquet"])
def test_a_file_cut_short_is_named(source, tmp_path, file):
    (source / file).write_bytes((source / file).read_bytes()[:100])
    with pytest.raises(DatasetInvalid, match=Path(file).name):
        import_dataset(source, tmp_path / "back", small_robot())


def test_info_that_says_nonsense(source, tmp_path):
    change_info(source, lambda info: info.update(fps=0))
    with pytest.raises(DatasetInvalid, match="fps is 0"):
        import_dataset(source, tmp_path / "back", small_robot())
    change_info(source, lambda info: info.update(fps=50, features={"action": 7}))
    with pytest.raises(DatasetInvalid, match="does not say what 'action' is"):
        import_dataset(source, tmp_path / "back", small_robot())


def rename(source, names):
    def change(info):
        for key in ("observation.state", "action"):
            info["features"][key]["names"] = names
        for key in ("policy_action", "sent_action"):
            del info["features"][key]

    change_info(source, change)


def test_other_names_are_refused_with_both_sides(source, tmp_path):
    rename(source, {"motors": ["waist.pos", "left", "gripper"]})
    with pytest.raises(DatasetInvalid, match=r"small has and they have not: waist, right; they have .*waist\.pos"):
        import_dataset(source, tmp_path / "back", small_robot())


def test_a_mapping_file_says_whose_joint_is_whose(source, tmp_path):
    rename(source, {"motors": ["gripper", "l.pos", "waist"]})
    (tmp_path / "map.yaml").write_text("joints: {left: l.pos}\nhome: [right]\nignore: [gripper]\nunit: deg\n")
    import_dataset(source, tmp_path / "back", small_robot(), read_joint_map(tmp_path / "map.yaml"))
    got = imported(tmp_path / "back")[0]["control/q_measured_rad"]
    state = np.array(rows_of(source)["observation.state"])[: len(got)]
    np.testing.assert_allclose(got[:, 0], np.deg2rad(state[:, 2]))
    np.testing.assert_allclose(got[:, 1], np.deg2rad(state[:, 1]))
    np.testing.assert_array_equal(got[:, 2], 0.25)


def test_degrees_taken_for_radians_are_noticed(source, tmp_path):
    path = source / "data/chunk-000/file-000.parquet"
    table = pyarrow.parquet.read_table(path)
    degrees = np.rad2deg(np.array(table["observation.state"].to_pylist(), np.float32)) + 90.0
    column = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(degrees.reshape(-1)), 3)
    at = table.column_names.index("observation.state")
    pyarrow.parquet.write_table(table.set_column(at, "observation.state", column), path)
    with pytest.raises(DatasetInvalid, match="waist is mostly outside of its range.*unit: deg"):
        import_dataset(source, tmp_path / "back", small_robot())


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("joint: {}", r"map\.yaml:1: 'joint' is not a known key"),
        ("unit: turns", "must be rad or deg"),
        ("home: waist", "must be a list of names"),
    ],
)
def test_a_mapping_file_with_a_mistake(tmp_path, text, match):
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(ConfigInvalid, match=match):
        read_joint_map(tmp_path / "map.yaml")


def test_a_mapping_that_names_no_joint_of_ours(source, tmp_path):
    (tmp_path / "map.yaml").write_text("joints: {elbow: left}")
    with pytest.raises(DatasetInvalid, match="joints that do not exist: elbow"):
        import_dataset(source, tmp_path / "back", small_robot(), read_joint_map(tmp_path / "map.yaml"))


def test_labels_of_others_are_understood(source, tmp_path):
    """Without our columns, LeRobot's own flags count; without any, nothing is claimed."""
    names = {"intervention": "complementary_info.is_intervention", "success": "next.success"}
    path = source / "data/chunk-000/file-000.parquet"
    table = pyarrow.parquet.read_table(path).drop_columns(["phase", "authority", "outcome"])
    pyarrow.parquet.write_table(table.rename_columns([names.get(n, n) for n in table.column_names]), path)

    def change(info):
        features = info["features"]
        for key in ("phase", "authority", "outcome"):
            del features[key]
        for old, new in names.items():
            features[new] = features.pop(old)

    change_info(source, change)
    import_dataset(source, tmp_path / "back", small_robot())
    episodes = imported(tmp_path / "back")
    assert [episode.attributes["outcome"] for episode in episodes] == ["success", "failure", "failure"]
    human = episodes[0]["control/authority"] == 2
    assert human.sum() == 10
    np.testing.assert_array_equal(episodes[0]["control/phase"], np.where(human, 2, 0))
