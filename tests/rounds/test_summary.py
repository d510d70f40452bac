"""The numbers of a run: counts, shares and paired tests, by hand."""

import json

import pytest

from rove_teleop.handover.states import Signal
from rove_teleop.rounds.collection import Collected
from rove_teleop.rounds.evaluation import evaluation_json, evaluation_of
from rove_teleop.rounds.loop_settings import LoopSettings
from rove_teleop.rounds.summary import MARK, add_to_report, collection_json, loop_summary
from rove_teleop.virtual_time.evaluation import Evaluation
from rove_teleop.virtual_time.rollout import Result


def evaluation(pattern):
    """An evaluation whose episodes succeed where ``pattern`` has a 1."""
    outcomes = [Signal.SUCCESS if letter == "1" else Signal.FAILURE for letter in pattern]
    return Evaluation("toaster", 5, tuple(Result(item, 2.0, 0.0, False, 1.0, None) for item in outcomes), {"r": "x"})


def round_folder(root, number, pattern, collected=None):
    folder = root / f"round-{number}"
    folder.mkdir()
    for name, result in (("evaluation", evaluation_json(evaluation(pattern))), ("collection", collected)):
        if result is not None:
            (folder / f"{name}.json").write_text(json.dumps({"inputs": {}, "result": result}))
    return folder


COLLECTED = [
    Collected("a", "success", 10.0, 4.0, 1, None),
    Collected("b", "success", 20.0, 0.0, 0, None),
    Collected("c", "failure", 10.0, 4.0, 2, "dropped the bread"),
]


def test_an_evaluation_survives_as_json(tmp_path):
    before = evaluation("0110")
    assert evaluation_of(json.loads(json.dumps(evaluation_json(before))), tmp_path) == before


def test_shares_of_human_control():
    told = collection_json(COLLECTED)
    assert told["human_time_share"] == pytest.approx(8.0 / 40.0)
    assert told["intervened_share"] == pytest.approx(2 / 3, abs=1e-4)
    assert told["takeovers_per_episode"] == 1.0
    assert told["outcomes"] == {"failure": 1, "success": 2}


def test_rounds_are_compared_seed_by_seed(tmp_path):
    patterns = ("0000011111", "0011111111", "1111111110")
    folders = [round_folder(tmp_path, k, pattern) for k, pattern in enumerate(patterns)]
    rounds = loop_summary(LoopSettings("toaster", "rove", rounds=2), folders)["rounds"]
    assert [item["success"]["successes"] for item in rounds] == [5, 8, 9]
    assert "against_base" not in rounds[0]
    assert rounds[1]["against_base"] == {"only_this": 3, "only_other": 0, "p": pytest.approx(0.25)}
    assert rounds[2]["against_base"] == {"only_this": 5, "only_other": 1, "p": pytest.approx(0.21875)}
    assert rounds[2]["against_before"] == {"only_this": 2, "only_other": 1, "p": 1.0}


def test_a_report_gets_its_success_once(tmp_path):
    folders = [round_folder(tmp_path, 0, "01", collection_json(COLLECTED)), round_folder(tmp_path, 1, "11")]
    (folders[1] / "report.md").write_text("# rove on toaster\n")
    texts = []
    for _ in range(2):
        add_to_report(folders)
        texts.append((folders[1] / "report.md").read_text())
    assert texts[0] == texts[1]
    assert texts[0].startswith("# rove on toaster\n" + MARK)
    assert texts[0].count("2 of 2 episodes succeed") == 1
    assert "Against round 0 (the base)" in texts[0]
    add_to_report(folders[:1])
    assert "A person drove in 67 % of them, 20.0 % of the time" in (folders[0] / "report.md").read_text()
