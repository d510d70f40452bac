"""Derived labels: whole or not there, never of another recording, never executable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.episodes.edit.edits import OutcomeEdit
from rove_teleop.episodes.edit.overlay import labels_key
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.label_runs import create_run
from rove_teleop.episodes.labels import labelled_episodes, read_derived, write_labels
from rove_teleop.episodes.read import Episode, open_episode
from rove_teleop.errors import DatasetInvalid, UsageError

from .recording_tools import record

TICKS = 8


@pytest.fixture
def episode(memory_path):
    create_episode = record(memory_path, TICKS)
    create_run(memory_path, "ove-1", {"gamma": 1.0}, data_revision="d")
    return open_episode(create_episode)


def stored(root):
    (path,) = (root / "labels" / "ove-1").glob("*.npz")
    return path


def test_arrays_come_back_to_the_bit_and_plain_numpy_reads_them(memory_path, episode):
    arrays = {
        "value": np.array([np.nan, -0.0, 1e-300, np.inf, 1, 2, 3, 4]),
        "positive": np.arange(TICKS) % 2 == 0,
        "file": np.arange(2 * TICKS, dtype=np.float32).reshape(TICKS, 2),
    }
    write_labels(memory_path, "ove-1", episode, arrays)
    derived = read_derived(memory_path, "ove-1", episode)
    assert list(derived.arrays) == list(arrays)
    for name, array in arrays.items():
        assert derived.arrays[name].dtype == array.dtype
        assert derived.arrays[name].tobytes() == array.tobytes()
    with np.load(stored(memory_path), allow_pickle=False) as file:
        np.testing.assert_array_equal(file["value"], arrays["value"])
    assert labelled_episodes(memory_path, "ove-1") == [episode.id]


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("Value", np.zeros(TICKS), "cannot be named 'Value'"),
        ("../value", np.zeros(TICKS), "cannot be named"),
        ("episode_crc32c", np.zeros(TICKS), "cannot be named"),
        ("value", np.zeros(TICKS - 1), r"shape \(7,\), episode .* has 8 ticks"),
        ("value", np.array(1.0), "have shape"),
        ("value", np.array([object()] * TICKS), "are not numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(memory_path, episode, name, array, words):
    with pytest.raises(UsageError, match=words):
        write_labels(memory_path, "ove-1", episode, {name: array})
    assert labelled_episodes(memory_path, "ove-1") == []


def test_labels_never_change(memory_path, episode):
    write_labels(memory_path, "ove-1", episode, {"value": np.zeros(TICKS)})
    with pytest.raises(DatasetInvalid, match="labels never change"):
        write_labels(memory_path, "ove-1", episode, {"value": np.ones(TICKS)})
    np.testing.assert_array_equal(read_derived(memory_path, "ove-1", episode).arrays["value"], 0.0)


def test_labels_of_another_recording_of_the_same_name_are_stale(memory_path, episode):
    write_labels(memory_path, "ove-1", episode, {"value": np.zeros(TICKS)})
    another = Episode(episode.path, {**episode.attributes, "attributes_crc32c": 1})
    with pytest.raises(DatasetInvalid, match="these labels are stale"):
        read_derived(memory_path, "ove-1", another)


def test_labels_know_what_people_had_said(memory_path, episode):
    commit_revision(memory_path, episode, "ada", [OutcomeEdit("failure")])
    key = labels_key(memory_path, episode.id)
    write_labels(memory_path, "ove-1", episode, {"value": np.zeros(TICKS)})
    commit_revision(memory_path, episode, "ada", [OutcomeEdit("success")])
    assert read_derived(memory_path, "ove-1", episode).edits_key == key != labels_key(memory_path, episode.id)


@settings(max_examples=150, deadline=None)
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_a_damaged_file_is_refused_or_harmless(damaged_root, position, bit, cut):
    root, episode, whole = damaged_root
    at = int(position * len(whole))
    flipped = bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
    stored(root).write_bytes(whole[:at] + (b"" if cut else flipped))
    try:
        derived = read_derived(root, "ove-1", episode)
    except DatasetInvalid as error:
        assert "these labels" in str(error)
    else:
        np.testing.assert_array_equal(derived.arrays["value"], np.arange(TICKS))
        assert derived.edits_key == ""


@pytest.fixture(scope="module")
def damaged_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("labels")
    episode = open_episode(record(root, TICKS))
    create_run(root, "ove-1", {}, data_revision="d")
    write_labels(root, "ove-1", episode, {"value": np.arange(TICKS)})
    return root, episode, stored(root).read_bytes()


def test_what_is_not_there(memory_path, episode):
    with pytest.raises(UsageError, match="no labels of a run ove-2"):
        read_derived(memory_path, "ove-2", episode)
    with pytest.raises(UsageError, match="has not labelled episode"):
        read_derived(memory_path, "ove-1", episode)
