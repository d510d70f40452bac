"""Which rows are exported: one rate, nothing from the future, nothing that was left out."""

import numpy as np
import pytest

from rove_teleop.episodes.edit.edits import ExcludeEdit, OutcomeEdit, SplitEdit
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.read import open_episode
from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.exchange.frames import Choice, chosen_frames, outcomes_named, phases_named
from rove_teleop.types import Phase

from .exchange_tools import record


def only(root, **choice):
    frames = list(chosen_frames(root, Choice(**{"fps": 50, "cameras": (), **choice})))
    assert len(frames) == 1
    return frames[0]


def test_every_fifth_tick_at_a_fifth_of_the_rate(tmp_path):
    record(tmp_path, 203, cameras=())
    frames = only(tmp_path)
    assert frames.row.tolist() == list(range(0, 203, 5))
    assert set(frames.segment.tolist()) == {0}


@pytest.mark.parametrize("fps", [7, 30, 60, 250])
def test_a_frame_is_the_newest_tick_of_its_moment(tmp_path, fps):
    record(tmp_path, 251, cameras=())
    row = only(tmp_path, fps=fps).row
    moment_s = np.arange(len(row)) / fps
    assert np.all(row / 250.0 <= moment_s + 1e-9)
    assert np.all(moment_s < (row + 1) / 250.0 + 1e-9)
    assert len(row) == fps + 1


def test_a_rate_above_the_control_rate_is_refused(tmp_path):
    record(tmp_path, 10, cameras=())
    with pytest.raises(UsageError, match="250"):
        only(tmp_path, fps=300)


def test_pauses_and_rewinds_are_cut_and_counted(tmp_path):
    phase = np.repeat([0, 3, 4, 1, 2], 50)
    record(tmp_path, 250, cameras=(), rows=lambda tick: {"phase": phase[tick]})
    frames = only(tmp_path)
    assert frames.row.tolist() == [*range(0, 50, 5), *range(150, 250, 5)]
    assert frames.segment.tolist() == [0] * 10 + [1] * 20
    assert only(tmp_path, phases=(Phase.RECOVERY,)).row.tolist() == list(range(200, 250, 5))


def test_lost_ticks_end_a_segment(tmp_path):
    record(tmp_path, 200, cameras=(), lost=range(52, 58))
    frames = only(tmp_path)
    assert frames.episode["control/tick"][frames.row].tolist() == [*range(0, 55, 5), *range(60, 200, 5)]
    assert frames.segment.tolist() == [0] * 11 + [1] * 28


def test_what_a_person_excluded_is_left_out_at_that_revision(tmp_path):
    episode = open_episode(record(tmp_path, 200, cameras=()))
    commit_revision(tmp_path, episode, "ann", (ExcludeEdit(48, 101),))
    frames = only(tmp_path)
    assert frames.row.tolist() == [*range(0, 48, 5), *range(105, 200, 5)]
    assert frames.segment.tolist() == [0] * 10 + [1] * 19
    assert len(only(tmp_path, revision=0).row) == 40


def test_split_and_outcome_choose_episodes_by_their_labels(tmp_path):
    first, second = (open_episode(record(tmp_path, 20, "unknown", cameras=())) for _ in range(2))
    commit_revision(tmp_path, first, "ann", (OutcomeEdit("success"), SplitEdit("train")))
    commit_revision(tmp_path, second, "ann", (OutcomeEdit("discarded"),))
    assert only(tmp_path).episode.id == first.id
    assert only(tmp_path).labels.outcome == "success"
    assert only(tmp_path, split="train").episode.id == first.id
    assert not list(chosen_frames(tmp_path, Choice(50, (), split="test")))
    assert len(list(chosen_frames(tmp_path, Choice(50, (), revision=0)))) == 2


def test_an_image_is_the_newest_one_received_and_never_a_later_one(tmp_path):
    episode = open_episode(record(tmp_path, 200))
    frames = only(tmp_path, cameras=None)
    assert set(frames.image) == {"ego", "left_wrist"}
    received_s, stamp_s = episode["cameras/ego/receive_s"], episode["control/stamp_s"][frames.row]
    assert np.all(received_s[frames.image["ego"]] <= stamp_s)
    later = np.minimum(frames.image["ego"] + 1, len(received_s) - 1)
    assert np.all((received_s[later] > stamp_s) | (later == frames.image["ego"]))


def test_rows_that_no_policy_could_learn_from(tmp_path):
    lacks = {range(20): "q_sent_rad", range(30, 40): "q_measured_rad", range(60, 80): "q_target_rad"}

    def rows(tick):
        values = {name: np.full(3, 0.1) for name in lacks.values()}
        values |= {name: [0.1, np.nan, 0.1] for ticks, name in lacks.items() if tick in ticks}
        # One joint that nobody asked for holds; all of them: the robot waited.
        return values | ({"q_target_rad": np.nan} if tick in range(70, 80) else {})

    record(tmp_path, 100, cameras=(), rows=rows)
    assert only(tmp_path).row.tolist() == [20, 25, *range(40, 70, 5), *range(80, 100, 5)]


def test_a_camera_that_an_episode_lacks_is_named(tmp_path):
    record(tmp_path, 20, cameras=("ego",))
    with pytest.raises(DatasetInvalid, match="no camera 'wrist'.*ego"):
        only(tmp_path, cameras=("wrist",))


def test_damage_is_found(tmp_path):
    path = record(tmp_path, 20, cameras=())
    chunk = path / "control" / "q_measured_rad" / "c" / "0" / "0"
    data = bytearray(chunk.read_bytes())
    data[100] ^= 1
    chunk.write_bytes(data)
    with pytest.raises(DatasetInvalid, match="q_measured_rad does not match its checksum"):
        only(tmp_path)


def test_words_are_checked():
    assert phases_named(["recovery"]) == (Phase.RECOVERY,)
    with pytest.raises(UsageError, match="'recover' is not a phase"):
        phases_named(["recover"])
    with pytest.raises(UsageError, match="'won' is not an outcome"):
        outcomes_named(["won"])
