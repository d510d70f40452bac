import numpy as np
import pytest

from rove_teleop.training.windows import Trajectory, cut_windows, join, moving_joints


def ramp_trajectory(seconds: float = 2.0, task_rate_hz: float = 50.0) -> Trajectory:
    """Joint 'b' is asked to be where time is; it is measured 0.1 behind and sent 0.02 behind. 'a' holds."""
    stamp_s = np.arange(0.0, seconds, 0.004)
    still = np.zeros_like(stamp_s)
    task_stamp_s = np.arange(0.0, seconds, 1.0 / task_rate_hz)
    return Trajectory(
        ("a", "b"), ("clock", "one"), stamp_s + 100.0,
        np.stack([still, stamp_s - 0.1], axis=1), np.stack([still, stamp_s - 0.02], axis=1),
        np.stack([still, stamp_s], axis=1), task_stamp_s + 100.0,
        np.stack([task_stamp_s, np.ones_like(task_stamp_s)], axis=1),
    )  # fmt: skip


def test_only_joints_that_move_are_learned():
    assert moving_joints([ramp_trajectory()]) == ("b",)


def test_a_sample_is_what_was_seen_and_what_followed():
    windows = cut_windows(ramp_trajectory(), ("b",), ("clock",), 0.05, 4)
    measured, lag, clock = windows.observation.T
    np.testing.assert_allclose(np.diff(measured), 0.05, atol=0.0041)
    np.testing.assert_allclose(lag, 0.08)
    seen_late = measured + 0.1 - clock
    assert np.all((seen_late >= -1e-9) & (seen_late <= 0.0201)), "features are the newest at or before, never ahead"
    inside = windows.delta_rad[:-4, :, 0]
    np.testing.assert_allclose(inside, 0.1 + np.tile(0.05 * np.arange(1, 5), (len(inside), 1)), atol=0.0041)


def test_after_the_end_the_last_target_repeats():
    windows = cut_windows(ramp_trajectory(), ("b",), ("clock",), 0.05, 4)
    last = windows.delta_rad[-1, :, 0]
    assert last[1] == last[2] == last[3]


def test_samples_that_touch_nan_are_left_out():
    trajectory = ramp_trajectory()
    whole = len(cut_windows(trajectory, ("b",), ("clock",), 0.05, 4).observation)
    trajectory.q_target_rad[250:255] = np.nan
    windows = cut_windows(trajectory, ("b",), ("clock",), 0.05, 4)
    assert np.all(np.isfinite(windows.observation))
    assert np.all(np.isfinite(windows.delta_rad))
    assert whole - 8 <= len(windows.observation) < whole
    assert len(join([windows, windows]).delta_rad) == 2 * len(windows.delta_rad)


def test_a_name_that_is_not_recorded_is_an_error():
    with pytest.raises(ValueError, match="tuple.index"):
        cut_windows(ramp_trajectory(), ("c",), ("clock",), 0.05, 4)
