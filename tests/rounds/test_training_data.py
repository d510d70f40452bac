"""Recorded datasets as training data: what is used, what is left out and why, and what the numbers are."""

import json

import numpy as np
import pytest

from rove_teleop.episodes.edit.edits import OutcomeEdit, RecoveryEdit
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.find import find_episode
from rove_teleop.episodes.record.recover import recover_dataset
from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.failure.step_labels import LabelConstants
from rove_teleop.rounds.training_data import Wanted, read_training_data

from .recorded import (
    ADAPTATION,
    AUTONOMOUS,
    ELBOW,
    HUMAN,
    HZ,
    JOINTS,
    POLICY,
    RECOVERY,
    ROBOT,
    SHOULDER,
    Part,
    demonstration,
    intervention,
    rollout,
    write_episode,
)  # fmt: skip

SHORT = rollout(seconds=0.4)
WHOLE_ARM = tuple(ROBOT.joint_names[k] for k in ROBOT.groups["right_arm"])


def test_every_episode_is_used_with_its_kind_its_outcome_and_the_joints_that_move(reach):
    data = read_training_data([reach])
    assert data.counts() == {
        "demonstration success": 2, "intervention success": 2, "rollout failure": 2, "rollout success": 2,
    }  # fmt: skip
    assert not data.skipped and len(data.sources) == 8
    assert (data.joint_names, data.feature_names) == (JOINTS, ("x_m", "goal_m"))
    assert (data.task, data.robot, data.step_s) == ("reach", "iron_r01", pytest.approx(0.05))
    assert {item.instruction for item in data.episodes} == {"reach the goal"}


def test_the_numbers_are_those_of_the_recorded_rows(reach):
    data = read_training_data([reach], Wanted(horizon=5))
    for steps, source in zip(data.episodes, data.sources, strict=True):
        episode = find_episode(reach, source.id)
        active = [SHOULDER, ELBOW]
        measured = np.asarray(episode["control/q_measured_rad"])[source.row][:, active]
        assert np.allclose(steps.joints[:, :2], measured, atol=1e-6) and np.allclose(steps.joints[:, 2:], 0.0)
        asked = np.where(
            (np.asarray(episode["control/authority"]) == HUMAN)[:, None],
            episode["control/q_operator_rad"],
            episode["control/q_policy_rad"],
        )
        k = 3
        ahead = asked[source.row[k + 1 : k + 6]][:, active]
        assert np.allclose(steps.delta_rad[k], ahead - measured[k], atol=1e-6)
        newest = np.searchsorted(episode["task/stamp_s"], episode["control/stamp_s"][source.row], side="right") - 1
        assert np.allclose(steps.scene, np.asarray(episode["task/features"])[newest][:, :2])
        assert steps.imitable.all()


def test_targets_are_never_read_across_a_cut(reach):
    data = read_training_data([reach], Wanted(horizon=6))
    item = next(item for item in data.episodes if item.kind == "intervention")
    (cut,) = np.flatnonzero(item.cut_before)
    assert item.source[cut - 1] == AUTONOMOUS and item.source[cut] == ADAPTATION
    for before in range(cut - 6, cut):
        targets = item.delta_rad[before] + item.joints[before, :2]
        own = item.delta_rad[cut - 2, 0] + item.joints[cut - 2, :2]
        assert np.allclose(targets[cut - 1 - before :], own, atol=1e-6)


def test_rewards_pay_at_the_end_and_where_recovery_begins(reach):
    constants = LabelConstants(rate_hz=10.0, step=-2.0, success=3.0, c_fail=-70.0)
    data = read_training_data([reach], constants=constants)
    for item in data.episodes:
        assert item.reward[-1] == (3.0 if item.success else -70.0)
        paid = np.flatnonzero(item.reward[:-1] == -70.0)
        assert np.array_equal(paid, np.flatnonzero(item.t_r)) and len(paid) == (item.kind == "intervention")
    corrected = next(item for item in data.episodes if item.kind == "intervention")
    assert corrected.source[np.flatnonzero(corrected.t_r)[0]] == RECOVERY
    assert np.all(np.delete(corrected.reward, [*np.flatnonzero(corrected.t_r), len(corrected) - 1]) == -2.0)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    """A dataset in which something is wrong with every episode but the first; ids by what it is."""
    root = tmp_path_factory.mktemp("troubled") / "dataset"

    def nobody_drove(rows):
        rows["authority"][rows["phase"] != AUTONOMOUS] = 0

    def undone(rows):
        rows["q_measured_rad"][5] = np.nan

    def glitch(rows):
        rows["q_measured_rad"][5] = 1e6

    ids = {
        "good": write_episode(root, rollout()),
        "truncated": write_episode(root, SHORT, None),
        "discarded": write_episode(root, SHORT, "discarded"),
        "unknown": write_episode(root, SHORT, "unknown"),
        "phaseless": write_episode(root, [Part(0.4, 255, POLICY, 0.3)]),
        "nobody": write_episode(root, intervention(), change=nobody_drove),
        "recovery at once": write_episode(root, [*SHORT, Part(0.4, RECOVERY, HUMAN, 0.3)]),
        "other task": write_episode(root, SHORT, task="pour"),
        "other robot": write_episode(root, SHORT, robot="iron_r02"),
        "no feature": write_episode(root, SHORT, feature_names=["x_m"]),
        "broken": write_episode(root, SHORT, change=undone),
        "glitch": write_episode(root, SHORT, change=glitch),
    }
    recover_dataset(root)
    return root, ids


def test_what_is_left_out_is_listed_with_its_reason_and_nothing_else_is_used(troubled):
    root, ids = troubled
    data = read_training_data([root])
    assert [item.name for item in data.episodes] == [ids["good"]]
    reasons = {name: data.skipped[f"{root}/{ids[name]}"] for name in ids if name != "good"}
    expected = {
        "truncated": "status recovered", "discarded": "outcome is discarded", "unknown": "outcome is unknown",
        "phaseless": "no tick has a phase", "nobody": "no person drove", "recovery at once": "nobody confirmed",
        "other task": "task 'pour'", "other robot": "robot 'iron_r02'", "no feature": "does not report 'goal_m'",
        "broken": "not finite", "glitch": "beyond 100 rad",
    }  # fmt: skip
    for name, words in expected.items():
        assert words in reasons[name], (name, reasons[name])
    assert len(data.skipped) == len(ids) - 1


def test_damage_is_left_out_and_neither_learnt_from_nor_the_end_of_the_others(tmp_path):
    good, flipped, cut = (write_episode(tmp_path / "dataset", rollout(), seed=seed) for seed in range(3))
    root = tmp_path / "dataset"
    whole = read_training_data([root])
    array = root / "episodes" / f"{flipped}.zarr/control/q_measured_rad/c"
    chunk = next(item for item in array.rglob("*") if item.is_file())
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 0x40
    chunk.write_bytes(data)
    about = root / "episodes" / f"{cut}.zarr/zarr.json"
    about.write_bytes(about.read_bytes()[:-100])
    rest = read_training_data([root])
    assert [item.name for item in rest.episodes] == [good]
    assert rest.skipped[f"{root}/{flipped}"] == "control/q_measured_rad does not match its checksum"
    assert "zarr.json: cannot be read" in rest.skipped[f"{root}/{cut}"]
    assert rest.revision != whole.revision


def test_edits_decide_and_change_the_revision(tmp_path):
    first = write_episode(tmp_path, intervention())
    second = write_episode(tmp_path, SHORT)
    before = read_training_data([tmp_path])
    assert before.sources[0].t_r_sources == ("recorded",)
    start, end = round(1.0 * HZ), round(3.0 * HZ)
    commit_revision(tmp_path, find_episode(tmp_path, first), "ada", [RecoveryEdit(start, start + 50, end)])
    commit_revision(tmp_path, find_episode(tmp_path, second), "ada", [OutcomeEdit("discarded")])
    after = read_training_data([tmp_path])
    assert after.sources[0].t_r_sources == ("confirmed",) and after.revision != before.revision
    moved = [int(np.flatnonzero(data.episodes[0].t_r)[0]) for data in (before, after)]
    assert moved[1] - moved[0] == round((50 / HZ - 0.4) * 20)
    assert len(after.episodes) == 1 and "discarded" in after.skipped[f"{tmp_path}/{second}"]
    commit_revision(tmp_path, find_episode(tmp_path, first), "ada", [RecoveryEdit(0, 30, end)])
    with pytest.raises(DatasetInvalid, match="none of the 2 episodes .* 40 ticks are labelled as a person's while"):
        read_training_data([tmp_path])


def test_groups_that_a_takeover_left_to_the_policy_are_learnt_from_the_policy(tmp_path):
    def only_the_arm_stays_the_policys(rows):
        adapting = rows["phase"] != AUTONOMOUS
        rows["driver"][np.ix_(adapting, [list(ROBOT.groups).index("right_arm")])] = POLICY
        rows["q_policy_rad"][np.ix_(adapting, [SHOULDER, ELBOW])] = 0.25

    write_episode(tmp_path, intervention(), change=only_the_arm_stays_the_policys)
    (item,) = read_training_data([tmp_path], Wanted(joint_names=JOINTS)).episodes
    person = item.source != AUTONOMOUS
    assert np.allclose(item.delta_rad[person] + item.joints[person, None, :2], 0.25, atol=1e-6)


def test_joints_that_nobody_speaks_for_are_held_where_they_were_sent(reach):
    data = read_training_data([reach], Wanted(joint_names=WHOLE_ARM))
    idle = [k for k, name in enumerate(WHOLE_ARM) if name not in JOINTS]
    for item in data.episodes:
        assert item.imitable.all() and np.all(item.delta_rad[:, :, idle] == 0.0)


def test_people_without_a_robot_are_for_the_critic_alone(reach, tmp_path):
    people = tmp_path / "people"
    write_episode(people, demonstration(), embodiment="human", robot="", change=_no_robot)
    data = read_training_data([reach], human=[people])
    person = data.episodes[-1]
    assert person.kind == "human" and not person.imitable.any() and data.counts()["human success"] == 1
    assert person.delta_rad.shape == (len(person), 16, 2)
    with pytest.raises(DatasetInvalid, match="only people without a robot"):
        read_training_data([people])
    given = read_training_data([people], human=[reach], wanted=Wanted(joint_names=JOINTS, feature_names=("x_m",)))
    assert len(given.episodes) == 1 and set(given.skipped.values()) == {
        "it is of a robot, in a dataset that was given as one of people without a robot"
    }


def _no_robot(rows):
    rows["q_measured_rad"] = rows["q_sent_rad"] = np.nan


def test_no_dataset_twice_and_no_empty_one(reach, tmp_path):
    with pytest.raises(UsageError, match="given twice"):
        read_training_data([reach, reach / ".." / reach.name])
    with pytest.raises(UsageError, match="no dataset was given"):
        read_training_data([])
    with pytest.raises(DatasetInvalid, match="not a dataset"):
        read_training_data([tmp_path])


def test_proposals_are_remembered_and_a_damaged_memory_is_made_anew(reach):
    fresh = read_training_data([reach])
    memory = reach / "cache" / "t_r.json"
    known = json.loads(memory.read_text())
    assert sum(bool(rows) for _, rows in known["episodes"].values()) == 2
    for text in ("{", json.dumps({**known, "episodes": {"a": 1}})):
        memory.write_text(text)
        again = read_training_data([reach])
        assert all(np.array_equal(a.t_r, b.t_r) for a, b in zip(fresh.episodes, again.episodes, strict=True))
        assert json.loads(memory.read_text()) == known
