"""A run's folder: begun once, gone on with only by the same arguments of the same data."""

import json
from dataclasses import replace

import pytest

from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.rounds.run_config import begin_run, locked, run_config
from rove_teleop.rounds.training_data import read_training_data
from rove_teleop.training.presets import preset


@pytest.fixture(scope="module")
def data(reach):
    return read_training_data([reach])


@pytest.fixture
def begun(data, tmp_path):
    out = tmp_path / "run"
    begin_run(out, run_config(data, "rove", preset("paper"), 0, None))
    (out / "critic.safetensors").write_bytes(b"")
    return out


def test_the_same_arguments_go_on(data, begun):
    begin_run(begun, run_config(data, "rove", preset("paper"), 0, None))
    moved = replace(data, revisions={"elsewhere": next(iter(data.revisions.values()))})
    begin_run(begun, run_config(moved, "rove", preset("paper"), 0, None))


def test_other_arguments_are_refused_and_named(data, begun, tmp_path):
    checkpoint = tmp_path / "policy.safetensors"
    checkpoint.write_bytes(b"weights")
    for config, words in (
        (run_config(data, "recap", preset("paper"), 0, None), r"another method \(rove, not recap\)"),
        (run_config(data, "rove", preset("paper"), 7, None), r"another seed \(0, not 7\)"),
        (run_config(data, "rove", preset("seed"), 0, None), r"another preset.name \(paper, not seed\)"),
        (run_config(data, "rove", preset("paper"), 0, checkpoint), "another initial_sha256"),
        (run_config(replace(data, horizon=8), "rove", preset("paper"), 0, None), r"another horizon \(16, not 8\)"),
    ):
        with pytest.raises(UsageError, match=words):
            begin_run(begun, config)


def test_a_changed_dataset_is_refused(data, begun):
    changed = replace(data, revisions={"reach": "another"})
    with pytest.raises(UsageError, match="episodes or edits changed"):
        begin_run(begun, run_config(changed, "rove", preset("paper"), 0, None))


def test_a_run_that_got_nowhere_may_be_begun_again_with_anything(data, begun):
    (begun / "critic.safetensors").unlink()
    begin_run(begun, run_config(data, "sft", preset("seed"), 3, None))
    assert json.loads((begun / "config.json").read_text())["method"] == "sft"


def test_a_strangers_folder_is_left_alone(data, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty and not a run"):
        begin_run(tmp_path, run_config(data, "rove", preset("paper"), 0, None))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    file = tmp_path / "notes.txt" / "run"
    with pytest.raises(DatasetInvalid, match="cannot be written"), locked(file):
        pass


def test_two_processes_do_not_share_a_run(tmp_path):
    with locked(tmp_path), pytest.raises(UsageError, match="another process"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
