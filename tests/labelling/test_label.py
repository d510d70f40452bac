"""From recorded episodes to labels: proposals, what people say of them, rewards per step, and the command."""

import json
import shutil

import numpy as np
import pytest

from rove_teleop.cli import main
from rove_teleop.episodes.edit.edits import NoteEdit, OutcomeEdit, RecoveryEdit, UndoEdit
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.find import find_episode
from rove_teleop.episodes.label_runs import create_run, data_revision, read_run
from rove_teleop.episodes.labels import labelled_episodes, read_derived, write_labels
from rove_teleop.episodes.layout import control_dtype
from rove_teleop.episodes.record.records import FailureRecord
from rove_teleop.labelling.boundaries import boundaries
from rove_teleop.labelling.label import label_dataset
from rove_teleop.robots.description import load_robot
from rove_teleop.types import TRUE_STATE_EVENT, Event

from ..episodes.recording_tools import begin, record

ROBOT = load_robot("iron_r01")
TICK_S = 0.004
TAKEOVER, TRUE_T_R, END = 1000, 1175, 1800
RECORDED_T_R = 1500


def person_rad():
    """Joint targets of a person who draws the hand back for 0.7 s and then works for 2.5 s."""
    s = np.linspace(0.0, 1.0, TRUE_T_R - TAKEOVER)[:, None]
    away = np.zeros((END - TAKEOVER, ROBOT.joint_count))
    elbow, shoulder = ROBOT.groups["right_arm"][3], ROBOT.groups["right_arm"][0]
    away[: len(s), elbow] = 0.08 * (3 * s**2 - 2 * s**3)[:, 0]
    away[len(s) :, elbow] = 0.08
    w = np.linspace(0.0, 1.0, END - TRUE_T_R)
    away[len(s) :, shoulder] = -0.5 * (3 * w**2 - 2 * w**3)
    return ROBOT.home_rad + away


def attributes(**others):
    groups = {name: [ROBOT.joint_names[i] for i in index] for name, index in ROBOT.groups.items()}
    limits = {
        name: getattr(ROBOT, name).tolist()
        for name in ("q_min_rad", "q_max_rad", "v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3")
    }
    return {"robot": "iron_r01", "joint_names": list(ROBOT.joint_names), "groups": groups, "limits": limits, **others}


def corrected(root, outcome="success"):
    """An episode of the humanoid: policy, a detector that rises from 1 s on, pause, takeover at 4 s, recovery."""
    recording = begin(root, **attributes())
    rows = np.zeros(END, control_dtype(ROBOT.joint_count, len(ROBOT.groups)))
    tick = np.arange(END)
    rows["episode"], rows["tick"] = 1, tick
    rows["stamp_s"], rows["wall_time_s"] = 100.0 + TICK_S * tick, 1.7e9 + TICK_S * tick
    for name in ("q_measured_rad", "q_policy_rad", "q_target_rad", "q_sent_rad"):
        rows[name] = ROBOT.home_rad
    rows["q_operator_rad"] = np.nan
    for name in ("q_operator_rad", "q_sent_rad", "q_measured_rad", "q_target_rad"):
        rows[name][TAKEOVER:] = person_rad()
    rows["phase"] = np.select([tick < 750, tick < TAKEOVER, tick < RECORDED_T_R], [0, 3, 1], 2)
    rows["authority"] = np.select([tick < 750, tick < TAKEOVER], [1, 0], 2)
    for row in rows:
        recording.control_row(row.tobytes())
    for stamp_s in np.arange(100.0, 103.0, 0.1).tolist():
        score = max(stamp_s - 101.0, 0.0)
        recording.failure(FailureRecord(stamp_s, score, 1.0, score >= 1.0, "no_progress"))
    for row, state in ((TAKEOVER, "adapting"), (TRUE_T_R, "correcting")):
        recording.event(Event(100.0 + TICK_S * row, TRUE_STATE_EVENT, state))
    return recording.seal(outcome, last_tick=END - 1).stem


@pytest.fixture(scope="module")
def corrected_once(tmp_path_factory):
    root = tmp_path_factory.mktemp("labels") / "dataset"
    return root, corrected(root)


@pytest.fixture
def dataset(corrected_once):
    root, episode = corrected_once
    for name in ("overlays", "labels"):
        shutil.rmtree(root / name, ignore_errors=True)
    return root, episode


def test_onset_takeover_and_t_r_of_a_recorded_episode(dataset):
    (found,) = boundaries(dataset[0], find_episode(*dataset))
    assert found.takeover_s == pytest.approx(104.0)
    assert 100.9 <= found.onset.onset_s <= 101.3 and "no_progress" in found.onset.reason
    assert found.true_t_r_s == pytest.approx(100.0 + TICK_S * TRUE_T_R)
    assert -0.1 <= found.recovery.t_r_s - found.true_t_r_s <= 0.4
    assert found.source == "proposed" and abs(100.0 + TICK_S * found.t_r_row - found.recovery.t_r_s) <= TICK_S


def test_what_a_person_says_is_never_overwritten(dataset):
    episode = find_episode(*dataset)
    commit_revision(dataset[0], episode, "ada", [RecoveryEdit(TAKEOVER, 1300, END)])
    (found,) = boundaries(dataset[0], episode)
    assert (found.source, found.t_r_row) == ("confirmed", 1300)
    label_dataset(dataset[0], "first")
    arrays = read_derived(dataset[0], "first", episode).arrays
    source = arrays["source"][arrays["step"] >= 0]
    assert (source == 1).sum() == round(300 * TICK_S * 20)
    commit_revision(dataset[0], episode, "ada", [UndoEdit(1)])
    assert boundaries(dataset[0], episode)[0].source == "proposed"


def test_a_remark_confirms_nothing(dataset):
    episode = find_episode(*dataset)
    commit_revision(dataset[0], episode, "ada", [NoteEdit("nice")])
    assert boundaries(dataset[0], episode)[0].source == "proposed"


def test_a_run_stores_rewards_evidence_and_what_made_them(dataset):
    (found,) = label_dataset(dataset[0], "first")
    about = read_run(dataset[0], "first").config
    assert about["constants"] == {"rate_hz": 20.0, "step": -1.0, "success": 0.0, "c_fail": -500.0}
    assert about["boundary"]["margin_s"] > 0.0
    arrays = read_derived(dataset[0], "first", find_episode(*dataset)).arrays
    steps = arrays["step"] >= 0
    assert steps.sum() == found.steps == round((750 + END - TAKEOVER) * TICK_S * 20)
    assert (arrays["reward"][steps] == -500.0).sum() == 1 and arrays["reward"][steps][-1] == 0.0
    (t_r,) = np.flatnonzero(arrays["t_r"])
    assert abs(t_r - found.boundaries[0].t_r_row) <= 13
    assert (
        np.isfinite(arrays["hand_speed_m_s"][TAKEOVER:]).all() and np.isnan(arrays["hand_speed_m_s"][:TAKEOVER]).all()
    )
    assert arrays["t_r_proposed"].sum() == arrays["onset_proposed"].sum() == 1


def test_a_value_that_falls_until_later_makes_it_later(dataset):
    root, episode = dataset[0], find_episode(*dataset)
    create_run(root, "critic", {}, data_revision=data_revision(root))
    tick = np.arange(END)
    write_labels(root, "critic", episode, {"value": -0.001 * np.minimum(tick, 1600.0)})
    (plain,), (valued,) = (label_dataset(root, value_run=run) for run in (None, "critic"))
    assert valued.boundaries[0].recovery.t_r_s > plain.boundaries[0].recovery.t_r_s


def test_a_run_goes_on_but_never_as_another(dataset, capsys):
    label_dataset(dataset[0], "first")
    label_dataset(dataset[0], "first")
    assert labelled_episodes(dataset[0], "first") == [dataset[1]]
    assert main(["label", str(dataset[0]), "--run", "first", "--rate", "10"]) == 2
    assert "other settings" in capsys.readouterr().err
    commit_revision(dataset[0], find_episode(*dataset), "ada", [NoteEdit("later")])
    assert main(["label", str(dataset[0]), "--run", "first"]) == 2


def test_what_cannot_be_labelled_is_listed_and_left_alone(dataset, tmp_path, capsys):
    record(tmp_path, outcome="unknown")
    small = record(tmp_path, count=200).stem
    commit_revision(tmp_path, find_episode(tmp_path, small), "ada", [OutcomeEdit("failure")])
    assert main(["label", str(tmp_path), "--run", "r", "--json"]) == 3
    unknown, other = json.loads(capsys.readouterr().out)
    assert unknown["refused"] == "its outcome is unknown" and unknown["steps"] == 0
    assert "which robot" in other["refused"]
    assert labelled_episodes(tmp_path, "r") == []


def test_the_command_says_what_it_proposes(dataset, capsys):
    assert main(["label", str(dataset[0])]) == 0
    text = capsys.readouterr().out
    assert "takeover 4.000 s" in text and "truly 4.700 s" in text and "nothing was stored" in text
    assert main(["label", str(dataset[0]), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["interventions"][0]["source"] == "proposed"
    with pytest.raises(SystemExit):
        main(["label", str(dataset[0]), "--c-fail", "5"])
