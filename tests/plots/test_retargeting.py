"""The plot of a retargeted motion: a PNG that shows the data, and one sentence when it cannot be written."""

import numpy as np
import pytest
from matplotlib.image import imread

from rove_teleop.errors import UsageError
from rove_teleop.plots.retargeting import plot_retargeting
from rove_teleop.robots.description import load_robot

ROBOT = load_robot("iron_r01")


def result(frames=50, q_rad=None):
    stamp_s = np.linspace(0.0, 1.0, frames)
    q_rad = np.tile(ROBOT.home_rad, (frames, 1)) if q_rad is None else q_rad
    flags = np.zeros((frames, ROBOT.joint_count), dtype=bool)
    return {"stamp_s": stamp_s, "q_rad": q_rad, "residual_m": np.full(frames, 0.004), "clamped": flags, "valid": ~flags}


def test_another_motion_is_another_picture(tmp_path):
    still, moving = tmp_path / "still.png", tmp_path / "moving.png"
    plot_retargeting(result(), ROBOT, still, "still")
    swing = np.linspace(ROBOT.q_min_rad, ROBOT.q_max_rad, 50)
    plot_retargeting(result(q_rad=swing), ROBOT, moving, "still")
    a, b = imread(still), imread(moving)
    assert a.shape[0] > 500 and a.shape[1] > 500
    assert a.shape != b.shape or np.mean(np.abs(a - b)) > 0.01


def test_one_frame_is_enough(tmp_path):
    plot_retargeting({k: v[:1] for k, v in result().items()}, ROBOT, tmp_path / "one.png", "one frame")


@pytest.mark.parametrize("name", ["x.pdf", "missing/x.png"])
def test_a_plot_that_cannot_be_written_is_one_sentence(tmp_path, name):
    with pytest.raises(UsageError, match="x"):
        plot_retargeting(result(), ROBOT, tmp_path / name, "refused")
