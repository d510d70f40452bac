"""The report: what was used and left out, shares counted by hand, and what a person is told to look at."""

from dataclasses import replace

import numpy as np
import pytest

from rove_teleop.failure.streams import StreamRecorder
from rove_teleop.rounds.critic_metrics import critic_metrics, live_ranking, ranking_sentence
from rove_teleop.rounds.findings import findings
from rove_teleop.rounds.labels import label
from rove_teleop.rounds.metrics import data_metrics, label_metrics
from rove_teleop.rounds.report import LISTED, report_text
from rove_teleop.rounds.run_config import run_config
from rove_teleop.rounds.training_data import read_training_data
from rove_teleop.training.methods import METHODS
from rove_teleop.training.presets import preset
from rove_teleop.training.supervision import LabelSettings


@pytest.fixture(scope="module")
def data(reach):
    return read_training_data([reach])


@pytest.fixture(scope="module")
def metrics(data):
    values = [100.0 * (item.scene[:, 0] - item.scene[:, 1]).astype(np.float64) for item in data.episodes]
    labels, _ = label(data.episodes, METHODS["rove"], values, LabelSettings())
    return {
        "data": data_metrics(data),
        "actor": {"chunks": 321, "loss": {"actor": 0.5}},
        "labels": label_metrics(data.episodes, labels),
        "critic": critic_metrics(data.episodes, values, 0.05),
        "notes": ["a note"],
    }, labels


def test_shares_are_counted_by_who_drove_and_by_episode(data, metrics):
    found, labels = metrics[0]["labels"], metrics[1]
    steps = positive = 0
    for item, advantage, good in zip(data.episodes, labels.advantage, labels.positive, strict=True):
        for k in range(len(item)):
            if item.kind == "intervention" and item.source[k] == 2 and np.isfinite(advantage[k]):
                steps, positive = steps + 1, positive + int(good[k])
    recovering = found["by_driver"]["a person recovering"]
    assert (recovering["steps"], recovering["positive"]) == (steps, positive)
    assert recovering["interval"][0] <= recovering["share"] <= recovering["interval"][1]
    assert sum(item["steps"] for item in found["by_driver"].values()) == found["steps"]
    assert sum(item["positive"] for item in found["by_kind"].values()) == found["positive"]


def test_a_value_that_ranks_is_seen_to_rank(data):
    told = [np.where(item.success, -1.0, -9.0) * np.ones(len(item)) for item in data.episodes]
    plain = [item for item in data.episodes if item.kind != "intervention"]
    values = [value for value, item in zip(told, data.episodes, strict=True) if item.kind != "intervention"]
    assert critic_metrics(plain, values, 0.05)["ranking"]["auc"] == 1.0
    successes = [item for item in plain if item.success]
    assert critic_metrics(successes, [np.zeros(len(item)) for item in successes], 0.05)["ranking"] is None


def heard(success, duration_s, value):
    """What was heard of a policy whose critic said ``value`` from second 0.4 on."""
    recorder = StreamRecorder("e")
    recorder.begin(0.0)
    recorder.value(0.4, value)
    recorder.value(5.0, -value)
    return recorder.finish(success, duration_s, "" if success else "late")


def test_the_value_heard_while_a_policy_was_alone_is_ranked_at_one_moment():
    episodes = [heard(True, 6.0, 3.0), heard(True, 5.0, 1.0), heard(False, 8.0, 2.0), heard(False, 9.0, 0.0)]
    found = live_ranking(episodes)
    assert (found["auc"], found["at_s"], found["well"], found["failing"]) == (0.75, 3.5, 2, 2)
    assert "3.5 s into an episode" in ranking_sentence(found, "succeeds", "fails")
    assert live_ranking(episodes[:2]) is None and live_ranking([]) is None
    silent = StreamRecorder("e")
    assert live_ranking([silent.finish(success, 6.0, "") for success in (True, False)]) is None


def test_people_without_a_robot_do_not_count_as_held_out(data):
    people = [replace(item, kind="human") for item in data.episodes]
    values = [np.zeros(len(item)) for item in data.episodes]
    assert critic_metrics(people, values, 0.05) == {"ranking": None, "calibration": [], "miss": None}


def test_the_report_names_what_was_left_out(data, metrics):
    many = {f"d/{number:03d}": "its outcome is unknown" for number in range(LISTED + 3)}
    left_out = replace(data, skipped=many)
    config = run_config(left_out, "rove", preset("paper"), 0, None)
    text = report_text(left_out, config, {**metrics[0], "data": data_metrics(left_out)}, {"a.png": "A curve."})
    assert "23 episodes were left out" in text and "23: its outcome is unknown" in text
    assert "`d/000`" in text and "and 3 more" in text and "`d/022`" not in text
    assert "8 episodes were used" in text and "a note" in text and "plots/a.png" in text
    assert "23 of 31 episodes were left out" in text
    assert "No episode was left out" in report_text(data, config, metrics[0], {})


def test_a_method_without_a_critic_has_a_report_too(data):
    found = {"data": data_metrics(data), "actor": {"chunks": 80, "loss": {}}, "notes": []}
    text = report_text(data, run_config(data, "sft", preset("paper"), 0, None), found, {})
    assert "shown 80 chunks" in text and "Critic" not in text


@pytest.mark.parametrize(
    "change, words",
    [
        ({"critic": {"ranking": {"auc": 0.55}}}, "AUC 0.55"),
        ({"data": {"successes": 2}}, "Only 2 successes"),
        ({"data": {"failures": 1, "t_r_sources": {"confirmed": 2}}}, "Only 3 failures and takeovers"),
        ({"labels": {"by_driver": {"a person adapting": {"share": 0.6}}}}, "t_r is too early"),
        ({"labels": {"by_driver": {"a person demonstrating": {"share": 0.1}}}}, "10 % of what was demonstrated"),
        ({"data": {"skipped": 5}}, "5 of 25 episodes were left out"),
        ({"data": {"t_r_sources": {"recorded": 6}}}, "6 takeovers have the t_r that was pressed"),
    ],
)
def test_what_stands_out_is_said(change, words):
    calm = {
        "critic": {"ranking": {"auc": 0.9}},
        "data": {"successes": 10, "failures": 10, "episodes": {"rollout success": 20}, "skipped": 0, "t_r_sources": {}},
        "labels": {"share": 0.3, "by_driver": {
            "a person adapting": {"share": 0.1}, "a person recovering": {"share": 0.4},
            "a person demonstrating": {"share": 0.3}}},
    }  # fmt: skip
    assert findings(calm) == []
    said = {key: {**calm[key], **change.get(key, {})} for key in calm}
    if "labels" in change:
        said["labels"]["by_driver"] = {**calm["labels"]["by_driver"], **change["labels"]["by_driver"]}
    (sentence,) = findings(said)
    assert words in sentence
