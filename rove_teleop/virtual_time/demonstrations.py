"""Demonstrations: the scripted expert's wrist poses through retargeting and the control loop, kept as trajectories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..errors import DatasetInvalid
from ..handover.states import Signal
from ..retargeting.body import BodyIK
from ..robots.description import RobotDescription
from ..robots.kinematics import Kinematics
from ..sim.expert import Expert
from ..sim.experts import make_expert
from ..sim.fetching import FetchingExpert
from ..sim.fingers import Synergy
from ..sim.operator import FINGERS_CLOSE_S
from ..sim.tasks import TaskParams, task_params
from ..sim.world import World
from ..training.windows import Trajectory
from ..types import Array, JointTargets, RobotState, TaskState
from .rollout import Timing, live_loop, run_episode
from .trajectories import TrajectoryRecorder

SITE = "right_wrist"


@dataclass(frozen=True)
class Style:
    """How people demonstrate a task: the range of the hand's speed (1 is 12 cm/s), and how far they aim beside."""

    speeds: tuple[float, float]
    aim_error_m: float = 0.0


STYLES = {"toaster": Style((0.5, 0.8), aim_error_m=0.003), "whiteboard": Style((0.8, 1.2))}


class Demonstrator:
    """The expert's hand at the operator's end: sees the task, moves a wrist, and inverse kinematics makes joints of it.

    Each episode takes another one. Only the right arm is spoken for; every other joint stays where it is. People do not
    hit a slot at once: each attempt aims beside the goal by a normal error of ``aim_error_m``, the next one by half of
    that, so that demonstrations also show what to do when it does not go in.
    """

    def __init__(
        self,
        robot: RobotDescription,
        expert: Expert,
        feature_names: tuple[str, ...],
        rng: np.random.Generator,
        aim_error_m: float = 0.0,
        period_s: float = 1.0 / 72.0,
        fingers: Synergy | None = None,
    ) -> None:
        self._expert, self._period_s, self._rng = expert, period_s, rng
        self._seen_at = [feature_names.index(f"{expert.in_goal}_{axis}_m") for axis in "xy"]
        self._kinematics = Kinematics(robot)
        self._ik = BodyIK(robot)
        self._valid = np.zeros(robot.joint_count, dtype=bool)
        self._valid[robot.groups["right_arm"]] = True
        self._fingers = fingers
        if fingers is not None:
            self._valid[fingers.joints] = True
        self._q_rad: Array | None = None
        self._aim_error_m, self._miss_m = 2.0 * aim_error_m, np.zeros(2)
        self._phase = ""

    def __call__(self, now_s: float, measured: RobotState, task: TaskState, driving: bool) -> JointTargets:
        """Joint targets at ``now_s``; the first call begins where the robot stands."""
        del driving
        self._kinematics.update(measured.q_rad)
        T_base_wrist = self._kinematics.frame(SITE)
        if self._q_rad is None:
            self._q_rad = measured.q_rad.copy()
            self._expert.start(T_base_wrist)
        self._aim()
        T_base_goal = self._expert.step(self._misjudged(task), T_base_wrist, self._period_s)
        self._q_rad = self._ik.solve({SITE: T_base_goal}, self._q_rad, self._period_s).q_rad
        if self._fingers is not None and self._expert.closure is not None:
            self._move_fingers(self._fingers, self._expert.closure, self._q_rad)
        return JointTargets(now_s, self._q_rad, self._valid)

    def _move_fingers(self, fingers: Synergy, closure: float, q_rad: Array) -> None:
        most = self._period_s / FINGERS_CLOSE_S
        now = fingers.closure(q_rad[fingers.joints])
        q_rad[fingers.joints] = fingers.angles(now + float(np.clip(closure - now, -most, most)))

    def _aim(self) -> None:
        """A new attempt, a new error of half the size."""
        phase, self._phase = self._phase, self._expert.phase
        if self._phase == self._expert.attempt != phase:
            self._aim_error_m /= 2.0
            self._miss_m = self._rng.normal(0.0, self._aim_error_m, 2)

    def _misjudged(self, task: TaskState) -> TaskState:
        features = task.features.copy()
        features[self._seen_at] += self._miss_m
        return replace(task, features=features)


def demonstrator(world: World, rng: np.random.Generator, period_s: float = Timing.operator_s) -> Demonstrator:
    """Somebody who demonstrates the task of ``world``, with a speed and an aim of their own."""
    style, names = STYLES[world.task.name], world.feature_names
    expert = make_expert(world.task.name, names, speed=float(rng.uniform(*style.speeds)))
    if isinstance(expert, FetchingExpert):
        expert.T_hand_object = world.task.in_hand(rng)  # nobody grasps twice in the same way
    return Demonstrator(world.robot, expert, names, rng, style.aim_error_m, period_s, world.fingers)


def demonstrate(
    robot: RobotDescription,
    task: str,
    count: int,
    seed: int = 0,
    params: TaskParams | None = None,
    progress: Callable[[int, int, int], None] | None = None,
) -> list[Trajectory]:
    """``count`` successful demonstrations of ``task``; failed attempts are counted and left out.

    ``params`` default to the demonstration spread of the task, which is narrower than deployment. ``progress`` gets
    demonstrations so far, how many are wanted, and failed attempts.

    Raises:
        DatasetInvalid: the expert fails more often than it succeeds, so these would not be demonstrations.
    """
    world = World(robot, task, params=params or task_params(task, "demonstration"))
    timing = replace(Timing(), limit_s=world.task.params.time_limit_s)
    rng = np.random.default_rng(seed)
    kept: list[Trajectory] = []
    failed = 0
    while len(kept) < count:
        recorder = TrajectoryRecorder(robot.joint_names, world.feature_names)
        operator = demonstrator(world, rng, timing.operator_s)
        result = run_episode(
            world, live_loop(robot), int(rng.integers(2**31)), None, operator, None, timing, recorder, True
        )
        if result.outcome is Signal.SUCCESS:
            kept.append(recorder.trajectory())
        else:
            failed += 1
        if failed > max(10, len(kept)):
            raise DatasetInvalid(f"the expert failed {failed} of {failed + len(kept)} attempts at '{task}'")
        if progress is not None:
            progress(len(kept), count, failed)
    return kept
