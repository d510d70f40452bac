"""Agreement of two people: Cohen's kappa against an example by hand and against its definition in words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.episodes.edit.agreement import agreement, cohens_kappa, confusion_of, overlapping
from rove_teleop.episodes.edit.edits import NoteEdit, OutcomeEdit, PhaseEdit, RecoveryEdit
from rove_teleop.episodes.edit.interventions import Intervention
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.read import open_episode
from rove_teleop.errors import UsageError

from ..recording_tools import record

PHASES = st.sampled_from([0, 1, 2, 3, 255])


def test_kappa_of_an_example_by_hand():
    # 50 answers: both yes 20, both no 15, 15 differ. Agreement 0.7, by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
    a = np.repeat([1, 1, 0, 0], [20, 5, 10, 15]).astype(np.uint8)
    b = np.repeat([1, 0, 1, 0], [20, 5, 10, 15]).astype(np.uint8)
    assert cohens_kappa(confusion_of(a, b)) == pytest.approx(0.4)


@given(st.lists(st.tuples(PHASES, PHASES), min_size=1, max_size=40))
def test_kappa_is_disagreement_over_disagreement_of_every_pair(pairs):
    a, b = (np.array(values, np.uint8) for values in zip(*pairs, strict=True))
    observed = np.mean(a != b)
    # By chance: any answer of the one beside any answer of the other.
    chance = np.mean(a[:, None] != b[None, :])
    kappa = cohens_kappa(confusion_of(a, b))
    if chance == 0.0:
        assert kappa is None
    else:
        assert kappa == pytest.approx(1.0 - observed / chance)
        assert kappa == pytest.approx(cohens_kappa(confusion_of(b, a)))


def test_kappa_of_nothing_is_nothing():
    assert cohens_kappa(np.zeros((256, 256), np.int64)) is None


def test_interventions_pair_by_the_rows_they_share():
    def runs(*edges):
        return [Intervention(start, start, end) for start, end in edges]

    assert overlapping(runs((0, 5), (8, 12)), runs((5, 8), (11, 20))) == [(1, 1)]
    assert overlapping(runs((0, 5)), runs((1, 2), (3, 4))) == [(0, 0)]
    assert overlapping([], runs((1, 2))) == []


def test_two_people_on_one_dataset(tmp_path):
    first, second, third = (open_episode(record(tmp_path, 20)) for _ in range(3))
    clear = PhaseEdit(0, 0, 20)
    commit_revision(tmp_path, first, "ada", [clear, RecoveryEdit(5, 10, 15)])
    commit_revision(tmp_path, first, "bob", [clear, RecoveryEdit(5, 12, 15), OutcomeEdit("failure")])
    commit_revision(tmp_path, second, "ada", [clear, RecoveryEdit(5, 10, 15)])
    commit_revision(tmp_path, second, "bob", [clear])
    commit_revision(tmp_path, third, "ada", [NoteEdit("bob has not seen this one")])
    found = agreement(tmp_path, [first, second, third], "ada", "bob")
    assert (found.episodes, found.ticks, found.outcome_share) == (2, 40, 0.5)
    assert found.phase_share == pytest.approx(1 - (2 + 10) / 40)
    chance = (20 * 30 + 10 * 7 + 10 * 3) / 40**2
    assert found.phase_kappa == pytest.approx((found.phase_share - chance) / (1 - chance))
    assert (found.t_r_pairs, found.interventions_unpaired) == (1, 1)
    assert found.t_r_difference_median_s == pytest.approx(2 / 250)
    assert found.t_r_difference_95_s == pytest.approx(2 / 250)


def test_people_without_a_common_episode(tmp_path):
    episode = open_episode(record(tmp_path, 5))
    commit_revision(tmp_path, episode, "ada", [OutcomeEdit("failure")])
    with pytest.raises(UsageError, match="no episode that both ada and bob edited"):
        agreement(tmp_path, [episode], "ada", "bob")
