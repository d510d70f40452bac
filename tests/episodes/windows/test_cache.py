import json
import multiprocessing
import shutil
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from rove_teleop.episodes.edit.edits import ExcludeEdit, OutcomeEdit, PhaseEdit
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.label_runs import create_run
from rove_teleop.episodes.labels import write_labels
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.windows import cache_build
from rove_teleop.episodes.windows.cache import open_cache
from rove_teleop.episodes.windows.cache_labels import CUT, EXCLUDED
from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.types import Phase

from ..training_tools import damage, record_ticks

AUTONOMOUS = [Phase.AUTONOMOUS]
MEASURED, SENT = "control/q_measured_rad", "control/q_sent_rad"


@pytest.fixture
def root(memory_path):
    record_ticks(memory_path, AUTONOMOUS * 40)
    record_ticks(memory_path, AUTONOMOUS * 23, first_tick=1000)
    return memory_path


def waist(cache):
    return cache.columns[MEASURED][:, 0].tolist()


def builds(monkeypatch):
    """Names of the episodes whose columns are read from now on."""
    read = []
    original = cache_build.column_of

    def counting(episode, key, steps):
        read.append((episode.path.name[-11:-5], key))
        return original(episode, key, steps)

    monkeypatch.setattr(cache_build, "column_of", counting)
    return read


def test_all_steps_of_all_episodes_lie_in_one_array(root):
    cache = open_cache(root, [MEASURED], 50.0)
    assert waist(cache) == [0, 5, 10, 15, 20, 25, 30, 35, 1000, 1005, 1010, 1015, 1020]
    assert cache.ends.tolist() == [8, 13]
    assert cache.joined.tolist() == [False, *[True] * 7, False, *[True] * 4]
    assert cache.columns[MEASURED].dtype == np.float32
    assert not cache.columns[MEASURED].flags.writeable
    assert cache.skipped == {}


def test_every_array_of_an_episode_can_be_a_column(memory_path):
    path = record_ticks(memory_path, AUTONOMOUS * 10, cameras=["ego"])
    episode = open_episode(path)
    names = [name for name in episode if name.startswith("control/")]
    cache = open_cache(memory_path, names, 250.0)
    for name in names:
        expected = (
            episode[name] if name.endswith("_s") or episode[name].dtype != np.float64 else episode[name].astype("f4")
        )
        assert np.array_equal(cache.columns[name], expected, equal_nan=expected.dtype.kind == "f"), name


def test_what_is_there_is_not_read_again(root, monkeypatch):
    open_cache(root, [MEASURED], 50.0)
    read = builds(monkeypatch)
    open_cache(root, [MEASURED], 50.0)
    assert read == []
    open_cache(root, [MEASURED, SENT], 50.0)
    assert read == [("000001", SENT), ("000002", SENT)]
    read.clear()
    record_ticks(root, AUTONOMOUS * 10, first_tick=500)
    cache = open_cache(root, [MEASURED], 50.0)
    assert read == [("000003", MEASURED)]
    assert waist(cache)[-2:] == [500, 505]


def test_an_older_reader_keeps_what_it_opened(root):
    before = open_cache(root, [MEASURED], 50.0)
    shutil.rmtree(sorted((root / "episodes").iterdir())[0])
    after = open_cache(root, [MEASURED], 50.0)
    assert waist(after) == [1000, 1005, 1010, 1015, 1020]
    assert len(waist(before)) == 13
    assert len(list((root / "cache").glob("*/g*"))) == 1


def test_an_episode_that_was_replaced_is_read_again(root):
    open_cache(root, [MEASURED], 50.0)
    first = sorted((root / "episodes").iterdir())[0]
    shutil.rmtree(first)
    made = record_ticks(root, AUTONOMOUS * 40, first_tick=7000)
    made.rename(first)
    assert waist(open_cache(root, [MEASURED], 50.0))[0] == 7000


def test_two_readers_at_once_make_one_cache(root):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    readers = [context.Process(target=_report, args=(root, queue)) for _ in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(30)
    assert [reader.exitcode for reader in readers] == [0, 0, 0]
    told = [queue.get(timeout=5) for _ in readers]
    assert told[0] == told[1] == told[2] == waist(open_cache(root, [MEASURED], 50.0))


def _report(root, queue):
    queue.put(waist(open_cache(root, [MEASURED], 50.0)))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 99}', '{"version": 1}', '{"version": 1, "generation": 0}']
)
def test_a_damaged_index_is_made_anew(root, content):
    open_cache(root, [MEASURED], 50.0)
    next(root.glob("cache/*/index.json")).write_text(content)
    assert waist(open_cache(root, [MEASURED], 50.0))[8] == 1000


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("generation",), "0"),
        (("generation",), -1),
        (("joint_names",), 3),
        (("joint_names", 0), 3),
        (("episodes", 0, "steps"), "many"),
        (("episodes", 0, "name"), None),
        (("episodes", 0, "about"), []),
        (("columns", MEASURED, "shape", 0), 7.0),
        (("columns", MEASURED, "episodes"), True),
        (("columns", MEASURED, "dtype"), ["f8"]),
    ],
)
def test_an_index_with_wrong_types_is_made_anew(root, place, wrong):
    open_cache(root, [MEASURED], 50.0)
    path = next(root.glob("cache/*/index.json"))
    index = json.loads(path.read_text())
    inside = index
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = wrong
    path.write_text(json.dumps(index))
    assert waist(open_cache(root, [MEASURED], 50.0))[8] == 1000


def test_what_a_killed_build_left_is_written_over(root):
    """The columns are longer than the index says: the rest was never promised."""
    open_cache(root, [MEASURED], 50.0)
    with next(root.glob("cache/*/g0/control.q_measured_rad.bin")).open("ab") as file:
        file.write(b"\xff" * 1000)
    record_ticks(root, AUTONOMOUS * 10, first_tick=500)
    assert waist(open_cache(root, [MEASURED], 50.0))[-3:] == [1020, 500, 505]


def test_a_cache_that_was_cut_short_is_made_anew(root):
    open_cache(root, [MEASURED], 50.0)
    next(root.glob("cache/*/g0/control.q_measured_rad.bin")).write_bytes(b"\0" * 9)
    assert waist(open_cache(root, [MEASURED], 50.0))[8] == 1000
    next(root.glob("cache/*/g1/control.q_measured_rad.whole")).unlink()
    assert open_cache(root, [MEASURED], 50.0).whole[MEASURED].all()


def test_damaged_episodes_are_skipped_and_listed(root):
    paths = sorted((root / "episodes").iterdir())
    damage(paths[0], MEASURED)
    foreign = root / "episodes" / "foreign.zarr"
    foreign.mkdir()
    (foreign / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group"}))
    cache = open_cache(root, [MEASURED], 50.0)
    assert set(cache.skipped) == {paths[0].name, "foreign.zarr"}
    assert f"{MEASURED} does not match its checksum" in cache.skipped[paths[0].name]
    assert "not an episode of this software" in cache.skipped["foreign.zarr"]
    # Another key of the damaged episode is as good as ever.
    assert set(open_cache(root, ["control/reason"], 50.0).skipped) == {"foreign.zarr"}


def test_damage_that_came_later_is_found_when_a_key_is_read(root):
    open_cache(root, [MEASURED], 50.0)
    first = sorted((root / "episodes").iterdir())[0]
    damage(first, "control/tick")
    assert open_cache(root, [MEASURED], 50.0).skipped == {}
    cache = open_cache(root, [MEASURED, SENT], 50.0)
    assert "control/tick does not match its checksum" in cache.skipped[first.name]
    assert cache.columns[SENT][8:, 0].tolist() == waist(cache)[8:]


def test_another_robot_is_skipped(root):
    record_ticks(root, AUTONOMOUS * 10, joint_names=["hip", "left", "right"], groups={"a": ["hip"], "b": ["left"]})
    cache = open_cache(root, [MEASURED], 50.0)
    assert [sentence.split(": ")[1] for sentence in cache.skipped.values()] == [
        "has 3 joints that are not those of the other episodes"
    ]


def test_a_read_only_dataset_is_cached_elsewhere(root, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (root / "cache").write_text("a file stands where the folder would be made")
    assert len(waist(open_cache(root, [MEASURED], 50.0))) == 13
    assert len(list(tmp_path.glob("rove_teleop/*/*/index.json"))) == 1


def test_nowhere_to_write_is_one_sentence(root, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (root / "cache").write_text("")
    with pytest.raises(DatasetInvalid, match="its cache can be written nowhere"):
        open_cache(root, [MEASURED], 50.0)


def test_an_empty_dataset_is_refused(tmp_path, root):
    shutil.rmtree(root / "episodes")
    (root / "episodes").mkdir()
    with pytest.raises(DatasetInvalid, match=r"has no episode to train on \(none is sealed\)"):
        open_cache(root, [MEASURED], 50.0)
    with pytest.raises(DatasetInvalid, match="is not a dataset"):
        open_cache(tmp_path / "nothing", [MEASURED], 50.0)
    assert not (tmp_path / "nothing").exists()


def test_a_key_that_nobody_has_lists_the_keys(root):
    with pytest.raises(UsageError, match=r"no episode has 'control/q_sent'; there are control/authority, .*q_sent_rad"):
        open_cache(root, ["control/q_sent"], 50.0)
    with pytest.raises(UsageError, match="at most the control rate of 250 Hz, got 300"):
        open_cache(root, [MEASURED], 300.0)


def test_streams_of_their_own_clock_are_held(memory_path):
    record_ticks(memory_path, AUTONOMOUS * 41, cameras=["ego"], every=20)
    cache = open_cache(memory_path, ["cameras/ego"], 50.0)
    start, _, age_us, number = cache.columns["cameras/ego"].T
    assert cache.whole["cameras/ego"].all()
    # Images were received a tick before rows 0, 20 and 40.
    assert len(set(start[:4])) == len(set(start[4:8])) == 1
    assert len({start[0], start[4], start[8]}) == 3
    assert number.tolist() == [0] * 4 + [1] * 4 + [2]
    assert np.allclose(age_us[:5], [4000, 24000, 44000, 64000, 4000], atol=2)


def test_labels_of_people_count_without_reading_columns_again(root, monkeypatch):
    episode = open_episode(sorted((root / "episodes").iterdir())[0])
    open_cache(root, [MEASURED], 50.0)
    read = builds(monkeypatch)
    edits = [PhaseEdit(Phase.RECOVERY, 10, 20), ExcludeEdit(26, 28), OutcomeEdit("failure")]
    commit_revision(root, episode, "anna", edits)
    labels = open_cache(root, [MEASURED], 50.0).labels
    assert labels.phase.tolist()[:5] == [0, 0, Phase.RECOVERY, Phase.RECOVERY, 0]
    # Ticks 26 and 27 lie between the steps at 25 and 30: no step is left out, but nothing goes across.
    assert labels.flags.tolist() == [0, 0, 0, 0, 0, 0, CUT, *[0] * 6]
    assert [item.outcome for item in labels.episodes] == ["failure", "success"]
    assert read == []
    recorded = open_cache(root, [MEASURED], 50.0, revision=0).labels
    assert not recorded.phase.any()
    assert recorded.episodes[0].outcome == "success"
    assert not open_cache(root, [MEASURED], 50.0, author="bert").labels.phase.any()
    commit_revision(root, episode, "bert", [ExcludeEdit(0, 40)])
    assert (open_cache(root, [MEASURED], 50.0).labels.flags[:8] & EXCLUDED).all()
    assert open_cache(root, [MEASURED], 50.0, revision=1).labels.flags[0] == 0


def test_labels_that_cannot_be_read_take_their_episode_out(root):
    episode = open_episode(sorted((root / "episodes").iterdir())[0])
    commit_revision(root, episode, "anna", [OutcomeEdit("failure")])
    next((root / "overlays").rglob("*.json")).write_text("{}")
    cache = open_cache(root, [MEASURED], 50.0)
    assert list(cache.skipped) == [episode.path.name]
    assert list(cache.skipped) == list(open_cache(root, [MEASURED], 50.0).skipped)


def test_derived_labels_are_columns_too(root):
    key = "labels/critic/value"
    with pytest.raises(UsageError, match="no labels of a run critic"):
        open_cache(root, [key], 50.0)
    create_run(root, "critic", {}, data_revision="x")
    first, second = (open_episode(path) for path in sorted((root / "episodes").iterdir()))
    write_labels(root, "critic", first, {"value": np.arange(40.0)})
    cache = open_cache(root, [key], 50.0)
    assert cache.columns[key][:8].tolist() == [0, 5, 10, 15, 20, 25, 30, 35]
    assert list(cache.skipped) == [second.path.name]
    write_labels(root, "critic", second, {"value": -np.arange(23.0)})
    whole = open_cache(root, [key], 50.0)
    assert whole.columns[key][8:].tolist() == [0, -5, -10, -15, -20]
    assert whole.skipped == {}


def test_columns_travel_as_names(root):
    columns = open_cache(root, [MEASURED], 50.0).columns
    data = ForkingPickler.dumps(columns)
    assert len(data) < 2000
    assert np.array_equal(ForkingPickler.loads(data)[MEASURED], columns[MEASURED])
