"""Pictures of a run: drawn where they should be, also of what is empty, constant or not known."""

import numpy as np
import pytest

from rove_teleop.errors import UsageError
from rove_teleop.plots.rounds import plot_calibration, plot_losses, plot_shares
from rove_teleop.plots.values import ValuePicture, plot_values


def test_a_value_over_an_episode_shows_phases_and_positive_steps(tmp_path):
    steps = 40
    advantage = np.sin(np.arange(steps))
    advantage[18:20] = np.nan
    picture = ValuePicture(
        time_s=np.arange(steps) * 0.05,
        phase=np.repeat(np.array([0, 1, 2], np.uint8), [20, 5, 15]),
        value=np.linspace(-60.0, 0.0, steps),
        advantage=advantage,
        threshold=np.full(steps, 0.4),
        positive=advantage > 0.4,
        t_r=np.arange(steps) == 25,
        cut_before=np.arange(steps) == 20,
    )
    plot_values(picture, tmp_path / "value.png", "an episode")
    assert (tmp_path / "value.png").stat().st_size > 10_000


def test_losses_shares_and_calibration(tmp_path):
    plot_losses({"critic": [(100, 0.5), (200, 0.001)], "actor": [(10, 1.0)]}, tmp_path / "losses.png")
    share = {"steps": 50, "positive": 20, "share": 0.4, "interval": [0.28, 0.54]}
    plot_shares({"the policy": share}, {"rollout success": share, "rollout failure": share}, tmp_path / "shares.png")
    bins = [{"predicted": -50.0, "realised": -40.0, "error": None, "steps": 9},
            {"predicted": -5.0, "realised": -8.0, "error": 2.0, "steps": 9}]  # fmt: skip
    plot_calibration(bins, tmp_path / "calibration.png")
    assert all((tmp_path / f"{name}.png").stat().st_size > 5_000 for name in ("losses", "shares", "calibration"))
    with pytest.raises(UsageError, match="cannot be written"):
        plot_losses({"actor": [(1, 1.0)]}, tmp_path / "nowhere" / "losses.png")
