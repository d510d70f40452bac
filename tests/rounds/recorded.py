"""Sealed episodes of a reaching task, for training: the hand is at `x`, the goal at `goal`, two joints move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg

from rove_teleop.episodes.layout import control_dtype
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.robots.description import load_robot

ROBOT = load_robot("iron_r01")
HZ = 50.0
ELBOW, SHOULDER = int(ROBOT.groups["right_arm"][3]), int(ROBOT.groups["right_arm"][0])
JOINTS = (ROBOT.joint_names[SHOULDER], ROBOT.joint_names[ELBOW])
AUTONOMOUS, ADAPTATION, RECOVERY, PAUSED = 0, 1, 2, 3
HOLD, POLICY, HUMAN = 0, 1, 2
LIMITS = ("q_min_rad", "q_max_rad", "v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3")


@dataclass(frozen=True)
class Part:
    """A stretch of an episode: who drives, and the speed towards the goal [1/s]."""

    seconds: float
    phase: int
    authority: int
    speed: float = 0.0


def demonstration(speed: float = 0.4) -> list[Part]:
    return [Part(2.0, RECOVERY, HUMAN, speed)]


def rollout(speed: float = 0.4, seconds: float = 2.0) -> list[Part]:
    return [Part(seconds, AUTONOMOUS, POLICY, speed)]


def intervention() -> list[Part]:
    return [
        Part(0.8, AUTONOMOUS, POLICY, -0.1),
        Part(0.2, PAUSED, HOLD),
        Part(0.4, ADAPTATION, HUMAN, -0.2),
        Part(1.6, RECOVERY, HUMAN, 0.5),
    ]


def write_episode(
    root: Path,
    parts: list[Part],
    outcome: str | None = "success",
    seed: int = 0,
    change: Callable[[np.ndarray], None] | None = None,
    **attributes: object,
) -> str:
    """One sealed episode, after ``change`` of its rows; returns its id. Without an outcome it is left unsealed."""
    about = {
        "task": "reach",
        "instruction": "reach the goal",
        "robot": "iron_r01",
        "joint_names": list(ROBOT.joint_names),
        "groups": {name: [ROBOT.joint_names[i] for i in index] for name, index in ROBOT.groups.items()},
        "limits": {name: getattr(ROBOT, name).tolist() for name in LIMITS},
        "control_hz": HZ,
        "feature_names": ["x_m", "goal_m", "true_x_m"],
        **attributes,
    }
    recording = EpisodeRecording(root, about, min_free_bytes=0)
    rows, x = control_rows(parts, seed)
    if change is not None:
        change(rows)
    goal = 0.5 + 0.1 * np.random.default_rng(seed).random()
    for row in rows:
        recording.control_row(row.tobytes())
    for tick in range(len(rows)):
        features = np.array([x[tick], goal, x[tick] + 0.01])[: len(about["feature_names"])]
        recording.task_state(float(rows["stamp_s"][tick]) - 1e-3, features)
        if about.get("cameras") and tick % 4 == 0:
            recording.frame("ego", picture(x[tick]), 1.7e9 + tick, float(rows["stamp_s"][tick]) - 2e-3, tick // 4)
    if outcome is None:
        recording.close()
        return recording.path.name
    return recording.seal(outcome, last_tick=len(rows) - 1).stem


def picture(x: float) -> bytes:
    """A JPEG file, 32 by 48 pixels, brighter as the hand is closer."""
    grey = np.full((32, 48, 3), np.clip(100.0 + 100.0 * x, 0.0, 255.0), np.uint8)
    return bytes(simplejpeg.encode_jpeg(grey))


def control_rows(parts: list[Part], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `parts` one after the other, and where the hand is at each."""
    counts = [round(part.seconds * HZ) for part in parts]
    rows = np.zeros(sum(counts), control_dtype(ROBOT.joint_count, len(ROBOT.groups)))
    tick = np.arange(len(rows))
    rows["episode"], rows["tick"] = 1, tick
    rows["stamp_s"], rows["wall_time_s"] = 100.0 + tick / HZ, 1.7e9 + tick / HZ
    for name in ("phase", "authority"):
        rows[name] = np.repeat([getattr(part, name) for part in parts], counts)
    rows["driver"] = rows["authority"][:, None]
    noise = np.random.default_rng(seed).normal(0.0, 0.002, len(rows))
    x = np.cumsum(np.repeat([part.speed for part in parts], counts) / HZ) + noise
    q_rad = np.repeat(ROBOT.home_rad[None], len(rows), axis=0)
    q_rad[:, ELBOW] += 0.3 * x
    q_rad[:, SHOULDER] -= 0.2 * x
    for name in ("q_measured_rad", "q_target_rad", "q_sent_rad"):
        rows[name] = q_rad
    ahead = np.roll(q_rad, -1, axis=0)
    ahead[-1] = q_rad[-1]
    rows["q_policy_rad"], rows["q_operator_rad"] = np.nan, np.nan
    active = np.array([SHOULDER, ELBOW])
    for name, authority in (("q_policy_rad", POLICY), ("q_operator_rad", HUMAN)):
        mine = np.flatnonzero(rows["authority"] == authority)
        rows[name][np.ix_(mine, active)] = ahead[np.ix_(mine, active)]
    return rows, x
