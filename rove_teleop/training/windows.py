"""Recorded trajectories to samples: what the policy would have seen, and the targets that followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..models.observation import observe
from ..types import Array


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One episode as it was lived: control rows (t, n) with their stamps (t,), task features (u, k) with theirs (u,).

    Names give the order of the columns. A target that is NaN: nobody asked anything of that joint then.
    """

    joint_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    stamp_s: Array
    q_measured_rad: Array
    q_sent_rad: Array
    q_target_rad: Array
    task_stamp_s: Array
    task_features: Array


@dataclass(frozen=True, slots=True)
class Windows:
    """Samples: observations (s, d); the targets that followed minus the joints measured then, (s, h, m), in radians."""

    observation: Array
    delta_rad: Array


def moving_joints(trajectories: list[Trajectory], least_motion_rad: float = 0.01) -> tuple[str, ...]:
    """Joints whose target moves by more than ``least_motion_rad`` in some trajectory, in the robot's order.

    The others are left out of the policy: predicting fifty joints of which forty-three hold still costs accuracy in
    the seven that matter.
    """
    moves = np.zeros(len(trajectories[0].joint_names), dtype=bool)
    for trajectory in trajectories:
        target_rad = trajectory.q_target_rad
        low_rad = np.where(np.isfinite(target_rad), target_rad, np.inf).min(axis=0)
        high_rad = np.where(np.isfinite(target_rad), target_rad, -np.inf).max(axis=0)
        moves |= high_rad - low_rad > least_motion_rad
    return tuple(name for name, moving in zip(trajectories[0].joint_names, moves, strict=True) if moving)


def cut_windows(
    trajectory: Trajectory, joint_names: tuple[str, ...], feature_names: tuple[str, ...], step_s: float, horizon: int
) -> Windows:
    """One sample every ``step_s``: the newest row and features of that moment, then ``horizon`` targets.

    Targets are ``step_s`` apart; after the end of the episode the last one repeats. Samples that touch a value that
    is not finite are left out.
    """
    joints = [trajectory.joint_names.index(name) for name in joint_names]
    features = [trajectory.feature_names.index(name) for name in feature_names]
    first_s = max(trajectory.stamp_s[0], trajectory.task_stamp_s[0])
    now_s = np.arange(first_s, trajectory.stamp_s[-1], step_s)
    row = _newest(trajectory.stamp_s, now_s)
    task_row = _newest(trajectory.task_stamp_s, now_s)
    ahead = _newest(trajectory.stamp_s, now_s[:, None] + step_s * np.arange(1, horizon + 1))
    measured_rad = trajectory.q_measured_rad[row][:, joints]
    observation = observe(
        measured_rad, trajectory.q_sent_rad[row][:, joints], trajectory.task_features[task_row][:, features]
    )
    delta_rad = trajectory.q_target_rad[ahead][:, :, joints] - measured_rad[:, None]
    whole = np.all(np.isfinite(observation), axis=1) & np.all(np.isfinite(delta_rad), axis=(1, 2))
    return Windows(observation[whole], delta_rad[whole])


def join(windows: list[Windows]) -> Windows:
    """All samples of several trajectories."""
    return Windows(
        np.concatenate([item.observation for item in windows]), np.concatenate([item.delta_rad for item in windows])
    )


def _newest(stamp_s: Array, at_s: Array) -> NDArray[np.int64]:
    """Index of the newest stamp at or before each moment, with a hair of slack: both are sums of rounded steps."""
    return np.clip(np.searchsorted(stamp_s, at_s + 1e-6, side="right") - 1, 0, len(stamp_s) - 1)
