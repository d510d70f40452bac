"""The plot of an episode: what happened is what is drawn, with and without opinions and derived labels."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from rove_teleop.errors import UsageError
from rove_teleop.plots.episode import EpisodePicture, Scores, plot_episode

# Whole files, folders or sockets: too long for the first minute.
pytestmark = pytest.mark.integration

TICKS = 200
TIME_S = np.arange(TICKS) / 100.0
PICTURE = EpisodePicture(
    time_s=TIME_S,
    phase=np.repeat(np.array([0, 3, 1, 2], np.uint8), TICKS // 4),
    authority=np.repeat(np.array([1, 0, 2, 2], np.uint8), TICKS // 4),
    excluded=np.zeros(TICKS, np.bool_),
    weight=np.repeat([[0.0, 0.0], [1.0, 0.5]], TICKS // 2, axis=0),
    groups=["left_arm", "right_arm"],
    q_sent_rad=np.sin(TIME_S)[:, None],
    q_measured_rad=np.sin(TIME_S - 0.02)[:, None],
    joints=["elbow"],
)


def drawn(picture, path):
    plot_episode(picture, path, "an episode")
    return imread(path)


def test_every_part_changes_the_picture(tmp_path):
    plain = drawn(PICTURE, tmp_path / "plain.png")
    changes = {
        "phase": np.full(TICKS, 255, np.uint8),
        "authority": np.full(TICKS, 3, np.uint8),
        "excluded": np.arange(TICKS) > 100,
        "weight": np.zeros((TICKS, 2)),
        "q_sent_rad": np.cos(TIME_S)[:, None],
        "marks": [(1.0, "alarm")],
    }
    for name, value in changes.items():
        other = drawn(replace(PICTURE, **{name: value}), tmp_path / f"{name}.png")
        assert other.shape != plain.shape or np.any(other != plain), name


def test_scores_and_derived_labels_have_places_of_their_own(tmp_path):
    plain = drawn(PICTURE, tmp_path / "plain.png")
    scores = Scores(TIME_S[::50], np.linspace(0, 1, 4), np.full(4, 0.9), ["a", "a", "b", "b"])
    more = drawn(replace(PICTURE, failure=scores, values={"value": -TIME_S}), tmp_path / "more.png")
    assert more.shape[0] > plain.shape[0] * 1.3


def test_a_single_row_and_unknown_phases_can_be_drawn(tmp_path):
    first = {name: getattr(PICTURE, name)[:1] for name in ("time_s", "authority", "excluded", "weight", "q_sent_rad")}
    one = replace(PICTURE, **first, phase=np.array([99], np.uint8), q_measured_rad=np.full((1, 1), np.nan))
    assert drawn(one, tmp_path / "one.png").size


def test_a_plot_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        plot_episode(PICTURE, tmp_path / "none" / "x.png", "refused")
