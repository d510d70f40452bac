"""A stage is made once, and never passed off as the result of something else."""

import json

import pytest

from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.rounds.stages import Stages


def test_made_once_and_then_only_read(tmp_path):
    made = []
    path = tmp_path / "round-0" / "evaluation.json"
    for _ in range(2):
        result = Stages(tmp_path).result(path, {"n": (1, 2)}, lambda: made.append(1) or {"k": 3})
        assert result == {"k": 3}
    assert len(made) == 1
    assert list(json.loads((tmp_path / "timing.json").read_text())) == ["round-0/evaluation"]


def test_a_stage_that_fails_leaves_nothing(tmp_path):
    def broken():
        raise DatasetInvalid("no")

    with pytest.raises(DatasetInvalid):
        Stages(tmp_path).result(tmp_path / "a.json", {}, broken)
    assert not list(tmp_path.iterdir())


def test_another_input_is_refused_by_name(tmp_path):
    stages = Stages(tmp_path)
    stages.result(tmp_path / "a.json", {"policy": "1", "seed": 0}, dict)
    with pytest.raises(UsageError, match=r"a\.json: was made with another policy;"):
        stages.result(tmp_path / "a.json", {"policy": "2", "seed": 0}, dict)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": {}, "result": 3}'])
def test_a_damaged_result_is_named(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DatasetInvalid, match=r"a\.json: cannot be read"):
        Stages(tmp_path).result(tmp_path / "a.json", {}, dict)
