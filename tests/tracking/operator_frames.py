"""Frames of a person whose hands tremble as real ones do, for tests of the gate."""

from __future__ import annotations

import numpy as np

from rove_teleop.geometry import exp_so3, transform
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.types import HandFrame, OperatorFrame

DT = 1.0 / 72.0
PLACE_M = {"left": (0.3, 0.2, 1.0), "right": (0.3, -0.2, 1.0)}


def hand(x=0.0, side="right", turn=0.0, noise=0):
    """A hand at its usual place, moved by ``x``, turned by ``turn``; ``noise`` is the seed of a micrometre's tremor."""
    place = np.add(PLACE_M[side], (x, 0.0, 0.0))
    tremble = np.random.default_rng(noise).normal(0.0, 1e-6, 3)
    return HandFrame(transform(exp_so3(np.array([0.0, 0.0, turn])), place + tremble), hand_points(side, 0.2))


def frame(k, left=None, right=None, engaged=True, stamp_s=None, head=None, space=0):
    """Frame ``k`` of a 72 Hz device; hands that are not given tremble at their places."""
    stamp_s = k * DT if stamp_s is None else stamp_s
    left = hand(side="left", noise=2 * k) if left is None else left
    right = hand(noise=2 * k + 1) if right is None else right
    return OperatorFrame(stamp_s, k, left, right, head, engaged, space)


def head(x=0.0, turn=0.0):
    return transform(exp_so3(np.array([0.0, 0.0, turn])), np.array([x, 0.0, 1.6]))


def play(gate, frames):
    return [gate.check(f, f.stamp_s) for f in frames]
