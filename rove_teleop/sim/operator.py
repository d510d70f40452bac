"""A simulated person with a headset: sees the scene late, moves a hand of their own, adapts, then works as they can."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from ..geometry import exp_so3, log_so3, transform
from ..robots.description import RobotDescription
from ..robots.kinematics import Kinematics
from ..types import Array, HandFrame, OperatorFrame, TaskState
from .adaptation import PHASES, Adaptation
from .experts import make_expert
from .imperfections import Momentum, Pauses, aim_error, misjudged
from .person_fingers import finger_points
from .skills import OperatorSkill

__all__ = ["OperatorSkill", "SimulatedOperator"]

WORKING_WRIST = "right_wrist"
RELEASE_S, NOTICED_GAP_S = 0.3, 0.25
_GLANCE_S = 0.1
FINGERS_CLOSE_S = 0.5
"""How long a hand takes from open to closed."""


class SimulatedOperator:
    """Frames of one simulated person, who stands where the robot stands (world and base frame coincide).

    While the robot is not theirs, the hand follows the robot's (that aligns); once it is, the hand first hesitates and
    draws back, as people do, may grope and set off the wrong way, and then does the task as well as ``skill`` allows.
    Only the right hand works; the other is not tracked.
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
        self._rng, self._errors = np.random.default_rng(seed), np.random.default_rng([seed, 1])
        self._kinematics = Kinematics(robot)
        self._expert = make_expert(task, feature_names, self.skill.speed)
        self._judged_at = feature_names.index(f"{self._expert.in_goal}_x_m")
        self._closure_at = feature_names.index("closure") if "closure" in feature_names else None
        self._closure = 0.5
        # A person's head does not move with the robot's: it would follow itself.
        self._T_world_head = self._kinematics.frame("head")
        self._seen: deque[tuple[float, TaskState, Array]] = deque()
        self._T_world_hand: Array | None = None
        self._tremor_m = np.zeros(3)
        self._driving_since_s: float | None = None
        self._last_s: float | None = None
        self._released_until_s = -np.inf
        self._sequence = 0
        self._pausing = False
        self._momentum: Momentum | None = None
        self.T_aim_error = np.eye(4)
        """Where this person believes the goal to be, in the goal's frame (4, 4); drawn anew at each takeover."""

    @property
    def phase(self) -> str:
        """What the person is truly doing: watching, hesitating, groping, wrong way, or the expert's phase."""
        if self._driving_since_s is None or self._last_s is None:
            return "watching"
        return self._adaptation.phase(self._last_s - self._driving_since_s) or self._expert.phase

    @property
    def true_state(self) -> str:
        """watching, adapting, or correcting: the end of adapting is what a log's t_r should be."""
        phase = self.phase
        if phase in PHASES:
            return "adapting"
        return "watching" if phase == "watching" else "correcting"

    @property
    def true_imperfection(self) -> str:
        """What they do wrong just now: hesitating, groping, wrong way, pausing, overshooting, or none."""
        state = self.true_state
        if state == "adapting":
            return self.phase
        if state == "correcting" and self._pausing:
            return "pausing"
        runs_past = state == "correcting" and self._momentum is not None and self._momentum.overshooting
        return "overshooting" if runs_past else "none"

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
            right=HandFrame(T_world_wrist=shaken, points_m=self._fingers(dt_s, seen_task, driving)),
            T_world_head=self._T_world_head,
            engaged=now_s >= self._released_until_s,
        )

    def _move(self, now_s: float, dt_s: float, task: TaskState, T_base_wrist: Array, driving: bool) -> Array:
        hand = T_base_wrist.copy() if self._T_world_hand is None else self._T_world_hand
        if not driving:
            self._driving_since_s = None
            self._T_world_hand = self._towards(hand, T_base_wrist, dt_s)
            return self._T_world_hand
        if self._driving_since_s is None:
            self._take_over(now_s, hand, T_base_wrist)
        since_s = now_s - (self._driving_since_s or now_s)
        if since_s < self._adaptation.lasts_s:
            self._T_world_hand = self._adapt(since_s, task, T_base_wrist)
            if since_s + dt_s >= self._adaptation.lasts_s:
                self._begin_work(self._T_world_hand)
            return self._T_world_hand
        if not self._working:  # the last frame could not know that this one would come so late
            self._begin_work(hand)
        self._T_world_hand = self._work(hand, task, T_base_wrist, dt_s)
        return self._T_world_hand

    def _take_over(self, now_s: float, T_world_hand: Array, T_base_wrist: Array) -> None:
        """From here on the hand moves as the expert wants the robot's wrist to move."""
        self._driving_since_s = now_s
        self._adaptation = Adaptation(self.skill, self._rng, self._errors)
        self.T_aim_error = aim_error(self._errors, self.skill.bias_m, self.skill.bias_rad)
        self._momentum, self._pausing, self._working = None, False, False
        self._T_world_hand0, self._T_base_wrist0 = T_world_hand.copy(), T_base_wrist.copy()
        self._expert.start(T_base_wrist)

    def _adapt(self, since_s: float, task: TaskState, T_base_wrist: Array) -> Array:
        R, from_m = self._T_world_hand0[:3, :3], self._T_world_hand0[:3, 3]
        if self._adaptation.needs_direction(since_s):
            wrist = self._as_wrist(transform(R, self._adaptation.place_m(from_m, since_s)))
            self._expert.start(wrist)
            self._adaptation.mistake(self._expert.step(task, T_base_wrist, _GLANCE_S)[:3, 3] - wrist[:3, 3])
        return transform(R, self._adaptation.place_m(from_m, since_s))

    def _begin_work(self, T_world_hand: Array) -> None:
        self._working = True
        # The robot still lags the hand here: what was latched at the takeover is what holds, not where it is.
        self._expert.start(self._as_wrist(T_world_hand))
        self._momentum = Momentum(self.skill.overshoot, T_world_hand[:3, 3]) if self.skill.overshoot > 0.0 else None
        self._pauses = Pauses(self._errors, self.skill.pauses_per_s, self.skill.pause_s)

    def _work(self, T_world_hand: Array, task: TaskState, T_base_wrist: Array, dt_s: float) -> Array:
        """What an expert would do with what this person believes to see, as this hand does it."""
        self._pausing = self.skill.pauses_per_s > 0.0 and self._pauses.step(dt_s)
        if self._pausing:
            return T_world_hand
        if self.skill.bias_m > 0.0 or self.skill.bias_rad > 0.0:
            task = replace(task, features=misjudged(task.features, self._judged_at, self.T_aim_error))
        hand = self._as_hand(self._expert.step(task, T_base_wrist, dt_s))
        return hand if self._momentum is None else transform(hand[:3, :3], self._momentum.step(hand[:3, 3], dt_s))

    def _as_hand(self, T_base_goal: Array) -> Array:
        """The hand pose that moved, since the takeover, as the wrist should have moved."""
        turned = T_base_goal[:3, :3] @ self._T_base_wrist0[:3, :3].T
        moved_m = T_base_goal[:3, 3] - self._T_base_wrist0[:3, 3]
        return transform(turned @ self._T_world_hand0[:3, :3], self._T_world_hand0[:3, 3] + moved_m)

    def _as_wrist(self, T_world_hand: Array) -> Array:
        """The robot's wrist once it has followed the hand there: the inverse of `_as_hand`."""
        turned = T_world_hand[:3, :3] @ self._T_world_hand0[:3, :3].T
        moved_m = T_world_hand[:3, 3] - self._T_world_hand0[:3, 3]
        return transform(turned @ self._T_base_wrist0[:3, :3], self._T_base_wrist0[:3, 3] + moved_m)

    def _towards(self, T_now: Array, T_goal: Array, dt_s: float) -> Array:
        """Align with the robot at a bounded speed."""
        reach_m = self.skill.align_speed_m_s * dt_s
        left_m = T_goal[:3, 3] - T_now[:3, 3]
        distance_m = float(np.linalg.norm(left_m))
        share = 1.0 if distance_m <= reach_m else reach_m / distance_m
        turn_rad = log_so3(T_goal[:3, :3] @ T_now[:3, :3].T) * min(1.0, 4.0 * dt_s + share * (share == 1.0))
        return transform(exp_so3(turn_rad) @ T_now[:3, :3], T_now[:3, 3] + share * left_m)

    def _fingers(self, dt_s: float, task: TaskState, driving: bool) -> Array | None:
        """Points of the hand (21, 3), where the task needs fingers: closed as the robot's, then as the task asks."""
        if self._closure_at is None:
            return None
        wanted = self._expert.closure if driving else None
        seen = float(np.clip(task.features[self._closure_at], 0.0, 1.0))
        goal = seen if not driving else self._closure if wanted is None else wanted
        most = dt_s / FINGERS_CLOSE_S
        self._closure += float(np.clip(goal - self._closure, -most, most))
        return finger_points(self._closure)

    def _shake(self, dt_s: float) -> Array:
        """Ornstein-Uhlenbeck tremor of the hand's position."""
        if self.skill.tremor_m == 0.0:
            return np.zeros(3)
        keep = np.exp(-dt_s / self.skill.tremor_time_s)
        kick = self.skill.tremor_m * np.sqrt(1.0 - keep**2)
        self._tremor_m = keep * self._tremor_m + kick * self._rng.normal(size=3)
        return self._tremor_m
