"""What a calibration is worth on one robot: how far its fingertips end from where they should, with it and without."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..robots.description import RobotDescription
from ..robots.tree import read_tree
from ..types import Array, Side
from .calibration import FingerResidual, HandCalibration, HandSize
from .chain import forward, place_sites
from .hand_targets import HandTargets
from .hands import HandRetargeter

FRAME_S = 1.0 / 60.0
SETTLE_FRAMES = 10
"""A pose is shown this often before it is measured: what is judged is where the fingers end, not how they get there."""


def hand_residuals(robot: RobotDescription, side: Side, hand: HandCalibration) -> dict[str, FingerResidual]:
    """Residuals of every finger that the robot's hand has, by name; empty for a robot without a hand on this side."""
    if side not in robot.operator.hands:
        return {}
    tips_m, pinches_m = _measure(robot, side, hand.size, hand)
    tips_before_m, pinches_before_m = _measure(robot, side, None, hand)
    return {
        finger: FingerResidual(
            tips_m[finger], tips_before_m[finger], pinches_m.get(finger), pinches_before_m.get(finger)
        )
        for finger in robot.operator.hands[side].fingers
    }


def _measure(
    robot: RobotDescription, side: Side, size: HandSize | None, hand: HandCalibration
) -> tuple[dict[str, float], dict[str, float]]:
    """Tip errors and pinch errors in metres by finger, for a retargeter that knows ``size`` (None: finds out)."""
    mapping = robot.operator.hands[side]
    retargeter = HandRetargeter(robot, side, size)
    probe = HandProbe(robot, side, hand.size)
    tips_m, pinches_m = {}, {}
    q_rad = robot.home_rad[retargeter.joints]
    for pose, frames in _in_order(hand.samples):
        errors_m = []
        for points_m in frames:
            for _ in range(SETTLE_FRAMES):
                q_rad = retargeter.angles(points_m, q_rad, FRAME_S)
            errors_m.append(probe.tip_errors_m(q_rad, points_m) if pose == "flat" else probe.pinch_errors_m(q_rad))
        middle_m = np.median(np.array(errors_m), axis=0)
        if pose == "flat":
            tips_m = dict(zip(mapping.fingers, middle_m.tolist(), strict=True))
        elif pose in mapping.fingers:
            pinches_m[pose] = float(middle_m[mapping.fingers.index(pose)])
    return tips_m, pinches_m


class HandProbe:
    """Where the fingertips of one robot hand are, against where an operator of a known size wants them."""

    def __init__(self, robot: RobotDescription, side: Side, size: HandSize) -> None:
        mapping = robot.operator.hands[side]
        self._targets = HandTargets(read_tree(robot, tuple(mapping.points.values()), mapping.wrist), mapping)
        self._targets.set_size(size)
        self._touch_m = mapping.touch_m
        count = self._targets.tip_count
        self._knuckles, self._tips = np.array(self._targets.vectors[:count]).T

    def tips_m(self, q_rad: Array) -> Array:
        """Fingertips (fingers, 3) in the wrist's frame for the angles (m,) of the hand's joints."""
        tips_m: Array = self._sites_m(q_rad)[self._tips]
        return tips_m

    def tip_errors_m(self, q_rad: Array, points_m: Array) -> Array:
        """Distance (fingers,) of every tip, seen from its knuckle, from where the operator's hand (21, 3) wants it."""
        sites_m = self._sites_m(q_rad)
        wanted_m = self._targets.update(points_m)[: len(self._tips), :3]
        errors_m: Array = np.linalg.norm(sites_m[self._tips] - sites_m[self._knuckles] - wanted_m, axis=1)
        return errors_m

    def pinch_errors_m(self, q_rad: Array) -> Array:
        """How much every tip's distance (fingers,) from the first finger's differs from that of touching pads."""
        tips_m = self.tips_m(q_rad)
        errors_m: Array = np.abs(np.linalg.norm(tips_m - tips_m[0], axis=1) - self._touch_m)
        return errors_m

    def _sites_m(self, q_rad: Array) -> Array:
        tree = self._targets.tree
        links, sites = len(tree.joints), len(tree.sites)
        rotation, origin_m, T_wrist_site = np.zeros((links, 3, 3)), np.zeros((links, 3)), np.zeros((sites, 4, 4))
        forward(tree.parent, tree.T_parent_link, tree.axis, q_rad, rotation, origin_m)
        place_sites(tree.site_link, tree.T_link_site, rotation, origin_m, T_wrist_site)
        places_m: Array = T_wrist_site[:, :3, 3]
        return places_m


def _in_order(samples: Mapping[str, Array]) -> list[tuple[str, Array]]:
    """Flat first: who finds the size out by themselves has seen the open hand before the pinches, as in a session."""
    return sorted(samples.items(), key=lambda item: item[0] != "flat")
