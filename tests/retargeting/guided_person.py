"""A synthetic person who does what a calibration asks: hands keep their bones, arms swing about shoulders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rove_teleop.retargeting.calibration import CHAINS, FINGERS
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.types import HandFrame, OperatorFrame

RATE_HZ = 60.0
HEAD_M = np.array([0.0, 0.0, 1.62])
SHOULDER_M = {"left": np.array([0.02, 0.19, 1.40]), "right": np.array([0.02, -0.19, 1.40])}
TOUCH_M = {"index": 0.012, "middle": 0.013, "ring": 0.015, "little": 0.018}
SCRIPT = ("look", "flat", *FINGERS[1:], "swing")


@dataclass(frozen=True)
class Person:
    """``scale`` of the hands, length of the arms, what the device tracks, and its noise."""

    scale: float = 1.0
    arm_m: float = 0.58
    sides: tuple[str, ...] = ("left", "right")
    wrists: bool = True
    fingers: bool = True
    noise_m: float = 0.0
    seed: int = 0

    def motion(
        self, script: Sequence[str] = SCRIPT, hold_s: float = 4.0, start_s: float = 0.0
    ) -> Iterator[OperatorFrame]:
        """Frames at 60 Hz of each instruction in turn, followed for ``hold_s``."""
        random = np.random.default_rng(self.seed)
        count = int(hold_s * RATE_HZ)
        for part, word in enumerate(script):
            for k in range(count):
                index = part * count + k
                hands = {side: self._hand(side, word, k / count, random) for side in self.sides}
                yield OperatorFrame(
                    stamp_s=start_s + index / RATE_HZ,
                    sequence=index,
                    left=hands.get("left", HandFrame()),
                    right=hands.get("right", HandFrame()),
                    T_world_head=_at(HEAD_M) if self.wrists else None,
                )

    def _hand(self, side: str, word: str, share: float, random: np.random.Generator) -> HandFrame:
        points_m = self.points(side, word, share) + self.noise_m * random.standard_normal((21, 3))
        T_world_wrist = _at(self._wrist_m(side, word, share)) if self.wrists else None
        return HandFrame(T_world_wrist, points_m if self.fingers else None)

    def points(self, side: str, word: str, share: float) -> np.ndarray:
        """(21, 3): open, or the thumb on its way to a finger and there for the last three quarters."""
        return posed(side, self.scale, word, min(1.0, 4.0 * share))

    def _wrist_m(self, side: str, word: str, share: float) -> np.ndarray:
        # Held in front, and the swing: half the time in front, then down to the sides.
        angle = 0.5 * np.pi * min(max(4.0 * share - 1.0, 0.0), 1.0) if word == "swing" else 0.0
        return SHOULDER_M[side] + self.arm_m * np.array([np.cos(angle), 0.0, -np.sin(angle)])


@lru_cache(maxsize=4096)
def posed(side: str, scale: float, word: str, share: float) -> np.ndarray:
    open_m = scale * hand_points(side, 0.0)
    return open_m if word not in FINGERS else pinch(open_m, word, TOUCH_M[word], share)


def pinch(open_m: np.ndarray, finger: str, gap_m: float, share: float) -> np.ndarray:
    """Points (21, 3) with thumb and finger moved by ``share`` of the way until their tips are ``gap_m`` apart."""
    thumb, other = CHAINS[0], CHAINS[FINGERS.index(finger)]
    middle = (
        0.5 * (open_m[thumb[0]] + open_m[other[0]]) + np.array([0.045, 0.0, -0.045]) * np.linalg.norm(open_m[9]) / 0.09
    )
    apart = open_m[other[-1]] - open_m[thumb[-1]]
    apart *= 0.5 * gap_m / np.linalg.norm(apart)
    points = open_m.copy()
    for chain, goal in ((thumb, middle - apart), (other, middle + apart)):
        points[chain] = reach(open_m[chain], open_m[chain[-1]] + share * (goal - open_m[chain[-1]]))
    return points


def reach(chain_m: np.ndarray, goal_m: np.ndarray) -> np.ndarray:
    """A chain of points (4, 3) bent so that its end is at the goal: forwards and backwards, bones keep their length."""
    bones_m = np.linalg.norm(np.diff(chain_m, axis=0), axis=1)
    points, root = chain_m + np.array([[0, 0, 0], [0, 0, 0.004], [0, 0, 0.004], [0, 0, 0]]), chain_m[0]
    for _ in range(200):
        if np.linalg.norm(points[-1] - goal_m) < 1e-6:
            break
        points[-1] = goal_m
        for k in (2, 1, 0):
            points[k] = points[k + 1] + _unit(points[k] - points[k + 1]) * bones_m[k]
        points[0] = root
        for k in (0, 1, 2):
            points[k + 1] = points[k] + _unit(points[k + 1] - points[k]) * bones_m[k]
    return points


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _at(place_m: np.ndarray) -> np.ndarray:
    T = np.eye(4)
    T[:3, 3] = place_m
    return T
