"""A simulated person with a headset: sees the scene late, moves a hand of their own, hesitates, trembles a little."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from ..geometry import exp_so3, log_so3, transform
from ..robots.description import RobotDescription
from ..robots.kinematics import Kinematics
from ..types import Array, HandFrame, OperatorFrame, TaskState
from .experts import make_expert

WORKING_WRIST = "right_wrist"
RELEASE_S, NOTICED_GAP_S = 0.3, 0.25
_FADE_S = 0.25


@dataclass(frozen=True)
class OperatorSkill:
    """Imperfections. Times in seconds, tremor as the standard deviation of an Ornstein-Uhlenbeck process.

    ``grope_s`` is how long, after hesitating, the hand wanders around without a goal, ``grope_m`` about how far.
    """

    delay_s: float = 0.08
    tremor_m: float = 0.0006
    tremor_time_s: float = 0.15
    hesitation_s: tuple[float, float] = (0.4, 1.0)
    retraction_m: float = 0.02
    speed: float = 0.6
    align_speed_m_s: float = 0.4
    grope_s: tuple[float, float] = (0.0, 0.0)
    grope_m: float = 0.01


class SimulatedOperator:
    """Frames of one simulated person, who stands where the robot stands (world and base frame coincide).

    While the robot is not theirs, the hand follows the robot's (that aligns); once it is, the hand first hesitates and
    draws back, as people do, and then does the task. Only the right hand works; the other is not tracked.
    """

    def __init__(
        self,
        robot: RobotDescription,
        task: str,
        feature_names: tuple[str, ...],
        skill: OperatorSkill | None = None,
        seed: int = 0,
    ) -> None:
        self.skill = skill or OperatorSkill()
        self._rng = np.random.default_rng(seed)
        self._kinematics = Kinematics(robot)
        self._expert = make_expert(task, feature_names, self.skill.speed)
        # A person's head does not move with the robot's: it would follow itself.
        self._T_world_head = self._kinematics.frame("head")
        self._seen: deque[tuple[float, TaskState, Array]] = deque()
        self._T_world_hand: Array | None = None
        self._tremor_m = np.zeros(3)
        self._driving_since_s: float | None = None
        self._hesitates_s = self._gropes_s = 0.0
        self._last_s: float | None = None
        self._released_until_s = -np.inf
        self._sequence = 0

    @property
    def phase(self) -> str:
        """What the person is truly doing: watching, hesitating, groping, or the expert's phase."""
        if self._driving_since_s is None:
            return "watching"
        since_s = 0.0 if self._last_s is None else self._last_s - self._driving_since_s
        if since_s < self._hesitates_s:
            return "hesitating"
        return "groping" if since_s < self._hesitates_s + self._gropes_s else self._expert.phase

    @property
    def true_state(self) -> str:
        """watching, adapting, or correcting: the end of adapting is what a log's t_r should be."""
        phase = self.phase
        if phase in ("hesitating", "groping"):
            return "adapting"
        return "watching" if phase == "watching" else "correcting"

    def frame(self, now_s: float, q_measured_rad: Array, task: TaskState, driving: bool) -> OperatorFrame:
        """The device's frame at ``now_s``, given the robot's joints (n,), the task and whether this person drives."""
        dt_s = 0.0 if self._last_s is None else max(now_s - self._last_s, 0.0)
        self._last_s = now_s
        lost_the_robot = self._driving_since_s is not None and not driving
        if lost_the_robot or dt_s > NOTICED_GAP_S:
            # After a loss only a new press of the deadman counts, and a person knows that.
            self._released_until_s = now_s + RELEASE_S
        self._kinematics.update(q_measured_rad)
        self._seen.append((now_s, task, self._kinematics.frame(WORKING_WRIST)))
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - self.skill.delay_s:
            self._seen.popleft()
        _, seen_task, T_base_wrist = self._seen[0]
        hand = self._move(now_s, dt_s, seen_task, T_base_wrist, driving)
        self._sequence += 1
        shaken = transform(hand[:3, :3], hand[:3, 3] + self._shake(dt_s))
        return OperatorFrame(
            now_s,
            self._sequence,
            left=HandFrame(),
            right=HandFrame(T_world_wrist=shaken),
            T_world_head=self._T_world_head,
            engaged=now_s >= self._released_until_s,
        )

    def _move(self, now_s: float, dt_s: float, task: TaskState, T_base_wrist: Array, driving: bool) -> Array:
        if self._T_world_hand is None:
            self._T_world_hand = T_base_wrist.copy()
        if not driving:
            self._driving_since_s = None
            self._T_world_hand = self._towards(self._T_world_hand, T_base_wrist, dt_s)
            return self._T_world_hand
        if self._driving_since_s is None:
            self._take_over(now_s, T_base_wrist)
        since_s = now_s - (self._driving_since_s or now_s)
        adapts_s = self._hesitates_s + self._gropes_s
        if since_s < adapts_s:
            self._T_world_hand = self._hesitate(since_s)
            if since_s + dt_s >= adapts_s:
                # The robot still lags the hand here: what was latched at the takeover is what holds, not where it is.
                self._expert.start(self._as_wrist(self._T_world_hand))
            return self._T_world_hand
        T_base_goal = self._expert.step(task, T_base_wrist, dt_s)
        self._T_world_hand = self._as_hand(T_base_goal)
        return self._T_world_hand

    def _take_over(self, now_s: float, T_base_wrist: Array) -> None:
        self._driving_since_s = now_s
        self._hesitates_s = float(self._rng.uniform(*self.skill.hesitation_s))
        if self.skill.grope_s[1] > 0.0:
            self._gropes_s = float(self._rng.uniform(*self.skill.grope_s))
            self._grope_hz = self._rng.uniform(0.4, 1.2, 3)
        hand = self._T_world_hand if self._T_world_hand is not None else T_base_wrist
        self._latch(hand, T_base_wrist)

    def _latch(self, T_world_hand: Array, T_base_wrist: Array) -> None:
        """From here on the hand moves as the expert wants the robot's wrist to move."""
        self._T_world_hand0, self._T_base_wrist0 = T_world_hand.copy(), T_base_wrist.copy()
        self._expert.start(T_base_wrist)

    def _as_hand(self, T_base_goal: Array) -> Array:
        """The hand pose that moved, since the latch, as the wrist should have moved."""
        turned = T_base_goal[:3, :3] @ self._T_base_wrist0[:3, :3].T
        moved_m = T_base_goal[:3, 3] - self._T_base_wrist0[:3, 3]
        return transform(turned @ self._T_world_hand0[:3, :3], self._T_world_hand0[:3, 3] + moved_m)

    def _as_wrist(self, T_world_hand: Array) -> Array:
        """The robot's wrist once it has followed the hand there: the inverse of `_as_hand`."""
        turned = T_world_hand[:3, :3] @ self._T_world_hand0[:3, :3].T
        moved_m = T_world_hand[:3, 3] - self._T_world_hand0[:3, 3]
        return transform(turned @ self._T_base_wrist0[:3, :3], self._T_base_wrist0[:3, 3] + moved_m)

    def _hesitate(self, since_s: float) -> Array:
        """Draw the hand back a little, up and towards the body, with a smooth start and end; then grope."""
        s = min(since_s / self._hesitates_s, 1.0)
        back_m = self.skill.retraction_m * (s * s * (3.0 - 2.0 * s)) * np.array([-0.5, 0.0, 1.0])
        wander_m = self._grope(since_s - self._hesitates_s)
        return transform(self._T_world_hand0[:3, :3], self._T_world_hand0[:3, 3] + back_m + wander_m)

    def _grope(self, since_s: float) -> Array:
        """Wander around, and end where it began."""
        if since_s <= 0.0:
            return np.zeros(3)
        fade = min(1.0, since_s / _FADE_S, max(self._gropes_s - since_s, 0.0) / _FADE_S)
        smooth = fade * fade * (3.0 - 2.0 * fade)
        wander: Array = self.skill.grope_m * smooth * np.sin(2.0 * np.pi * self._grope_hz * since_s)
        return wander

    def _towards(self, T_now: Array, T_goal: Array, dt_s: float) -> Array:
        """Align with the robot at a bounded speed."""
        reach_m = self.skill.align_speed_m_s * dt_s
        left_m = T_goal[:3, 3] - T_now[:3, 3]
        distance_m = float(np.linalg.norm(left_m))
        share = 1.0 if distance_m <= reach_m else reach_m / distance_m
        turn_rad = log_so3(T_goal[:3, :3] @ T_now[:3, :3].T) * min(1.0, 4.0 * dt_s + share * (share == 1.0))
        return transform(exp_so3(turn_rad) @ T_now[:3, :3], T_now[:3, 3] + share * left_m)

    def _shake(self, dt_s: float) -> Array:
        """Ornstein-Uhlenbeck tremor of the hand's position."""
        if self.skill.tremor_m == 0.0:
            return np.zeros(3)
        keep = np.exp(-dt_s / self.skill.tremor_time_s)
        kick = self.skill.tremor_m * np.sqrt(1.0 - keep**2)
        self._tremor_m = keep * self._tremor_m + kick * self._rng.normal(size=3)
        return self._tremor_m
