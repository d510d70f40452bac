"""An operator's arm: how long it is and where its shoulder is, from one straight swing of the wrist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Array

LENGTH_RANGE_M = (0.3, 0.9)
LARGEST_RESIDUAL_M = 0.04


@dataclass(frozen=True, slots=True)
class ArmSize:
    """One arm: ``length_m`` from shoulder to wrist, ``residual_m`` how far its swing was from a circle (rms).

    ``shoulder_m`` (3,) is in the frame of the positions that it was fitted to.
    """

    length_m: float
    shoulder_m: Array
    residual_m: float


def fit_arm(wrist_m: Array) -> ArmSize:
    """The circle about the shoulder on which a straight arm's wrist moved down or up, by least squares.

    Such a swing lies in one upright plane, which does not tell how far beside it the shoulder is: it is taken to be in
    it.

    Args:
        wrist_m: (frames, 3), z up, from at least three places.
    """
    middle_m = wrist_m.mean(axis=0)
    forward = forward_axis(wrist_m)
    flat = (wrist_m - middle_m) @ np.column_stack([forward, [0.0, 0.0, 1.0]])
    # |p|^2 = 2 p.c + (r^2 - |c|^2) is linear in the centre and in the last term.
    system = np.column_stack([2.0 * flat, np.ones(len(flat))])
    solution = np.linalg.lstsq(system, np.sum(flat**2, axis=1), rcond=None)[0]
    shoulder_m = middle_m + solution[0] * forward + np.array([0.0, 0.0, solution[1]])
    away_m = np.linalg.norm(flat - solution[:2], axis=1)
    return ArmSize(float(away_m.mean()), shoulder_m, float(np.sqrt(np.mean((away_m - away_m.mean()) ** 2))))


def forward_axis(wrist_m: Array) -> Array:
    """Horizontal unit vector (3,) from where the wrist (frames, 3) was low to where it was high."""
    middle_m = wrist_m.mean(axis=0)
    towards_m = (wrist_m[:, 2] - middle_m[2]) @ (wrist_m - middle_m)
    towards_m[2] = 0.0
    size = float(np.linalg.norm(towards_m))
    axis: Array = towards_m / size if size > 1e-12 else np.array([1.0, 0.0, 0.0])
    return axis


def implausible_arm(arm: ArmSize) -> str | None:
    """One sentence about an arm that nobody has, or that was not kept straight; None when it is one."""
    if not arm.residual_m <= LARGEST_RESIDUAL_M:
        return f"the wrist left its circle by {1000.0 * arm.residual_m:.0f} mm: the arm was not straight"
    low, high = LENGTH_RANGE_M
    if not (low <= arm.length_m <= high):
        return f"the arm came out {arm.length_m:.2f} m long, outside {low:g} to {high:g} m"
    return None
