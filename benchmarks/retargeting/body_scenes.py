"""What the hands and the head should do: sines, real recordings, and motions beyond reach and beyond joint limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from rove_teleop.geometry import exp_so3, transform
from rove_teleop.retargeting.clutch import Clutch
from rove_teleop.retargeting.offline import calibrate
from rove_teleop.robots.description import RobotDescription, load_robot
from rove_teleop.robots.kinematics import Kinematics
from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.types import Array

Goals = dict[str, Array]
MOTIONS = Path(__file__).resolve().parents[3] / "shared" / "data" / "motion"
FILES = ("cmu_01_01.bvh.gz", "qualisys_arm_glove_pillow.tsv", "webvr_head_controllers.json")
SITES = ("left_wrist", "right_wrist", "head")
_KINEMATICS = Kinematics(load_robot("iron_r01"))
HOME = {site: _KINEMATICS.frame(site) for site in SITES}


def _moved(site: str, shift_m: tuple[float, ...] = (0.0, 0.0, 0.0), turn_rad: tuple[float, ...] = (0, 0, 0)) -> Array:
    T = HOME[site]
    return transform(exp_so3(np.array(turn_rad, dtype=float)) @ T[:3, :3], T[:3, 3] + np.array(shift_m))


def _wave(hz: float, t_s: float) -> float:
    return float(np.sin(2.0 * np.pi * hz * t_s))


def _there_and_back(period_s: float, t_s: float) -> float:
    return float(0.5 * (1.0 - np.cos(2.0 * np.pi * t_s / period_s)))


def _ramp(duration_s: float, t_s: float) -> float:
    s = min(1.0, t_s / duration_s)
    return s * s * (3.0 - 2.0 * s)


def SINES(t_s: float) -> Goals:
    """Hands and head within reach, sums of sines below 1 Hz."""
    right = tuple(0.06 * _wave(hz, t_s) for hz in (0.5, 0.37, 0.61))
    left = tuple(0.06 * _wave(hz, t_s) for hz in (0.45, 0.3, 0.7))
    return {
        "left_wrist": _moved("left_wrist", left, (0.0, 0.3 * _wave(0.32, t_s), 0.0)),
        "right_wrist": _moved("right_wrist", right, (0.3 * _wave(0.4, t_s), 0.2 * _wave(0.48, t_s), 0.0)),
        "head": _moved("head", turn_rad=(0.0, 0.2 * _wave(0.16, t_s), 0.4 * _wave(0.2, t_s))),
    }


def held_beyond_reach(t_s: float) -> Goals:
    """The right hand goes 15 cm farther than waist and arm can, and sways there."""
    s = _ramp(2.0, t_s)
    shift = (0.85 * s, 0.1 * np.sin(1.5 * t_s) * s, (0.1 + 0.05 * np.sin(t_s)) * s)
    return {"left_wrist": HOME["left_wrist"], "right_wrist": _moved("right_wrist", shift), "head": HOME["head"]}


def in_and_out_of_reach(t_s: float) -> Goals:
    """Both hands go beyond reach and come back every 5 s."""
    s = _there_and_back(5.0, t_s)
    return {
        "left_wrist": _moved("left_wrist", (0.7 * s, 0.2 * s, 0.3 * s)),
        "right_wrist": _moved("right_wrist", (0.9 * s, 0.1 * np.sin(3.0 * t_s) * s, 0.1 * s)),
        "head": HOME["head"],
    }


def beyond_wrist_limits(t_s: float) -> Goals:
    """The hands and the head turn farther than wrists and neck can, and back."""
    s = _wave(0.25, t_s)
    return {
        "left_wrist": _moved("left_wrist", turn_rad=(0.0, 1.9 * s, 0.0)),
        "right_wrist": _moved("right_wrist", turn_rad=(2.2 * s, 0.0, 0.0)),
        "head": _moved("head", turn_rad=(0.0, 0.0, 1.8 * s)),
    }


def circles_beyond_reach(t_s: float) -> Goals:
    """Both hands circle in and out of reach while their wrists turn. Nothing was tuned on this or the next scene."""
    s, phase = _ramp(1.5, t_s), 2.0 * t_s
    across, up = 0.35 * np.sin(phase), 0.35 * np.cos(phase)
    return {
        "left_wrist": _moved("left_wrist", (0.5 * s, across * s, (0.3 + up) * s), (0, 0.6 * np.sin(1.3 * t_s) * s, 0)),
        "right_wrist": _moved(
            "right_wrist", (0.5 * s, -across * s, (0.3 - up) * s), (0.8 * np.sin(0.9 * t_s) * s, 0, 0)
        ),
        "head": HOME["head"],
    }


def overhead_and_behind(t_s: float) -> Goals:
    """One hand goes above the head, the other behind the body, both turning beyond their wrists' limits."""
    s = _there_and_back(4.0, t_s)
    return {
        "left_wrist": _moved("left_wrist", (0.1 * s, -0.6 * s, 0.9 * s), (0.0, 0.0, -1.5 * s)),
        "right_wrist": _moved("right_wrist", (-0.35 * s, 0.25 * s, 0.2 * s), (1.6 * s, 0.8 * s, 0.0)),
        "head": _moved("head", turn_rad=(0.0, 0.5 * s, -0.8 * s)),
    }


SCENES: dict[str, Callable[[float], Goals]] = {
    "held beyond reach": held_beyond_reach,
    "in and out of reach": in_and_out_of_reach,
    "beyond wrist limits": beyond_wrist_limits,
    "circles beyond reach": circles_beyond_reach,
    "overhead and behind": overhead_and_behind,
}


def recordings(robot: RobotDescription) -> dict[str, tuple[list[Goals], float]]:
    """Goals and time step of every recording that lies beside the repository, calibrated as `rove retarget` does."""
    found: dict[str, tuple[list[Goals], float]] = {}
    for file in FILES:
        if not (MOTIONS / file).is_file():
            continue
        motion = load_motion(MOTIONS / file)
        scale, latches = calibrate(motion, robot)
        clutch = Clutch("anchored", scale)
        clutch.anchor(motion.frames[0], {}, HOME["head"])
        for side, (T_world_hand, T_base_wrist) in latches.items():
            clutch.latch(side, T_world_hand, T_base_wrist)
        last, goals = dict(HOME), []
        for frame in motion.frames:
            last |= {f"{side}_wrist": T for side, T in clutch.wrist_goals(frame).items()}
            head = clutch.head_goal(frame)
            last |= {} if head is None else {"head": head}
            goals.append(dict(last))
        found[file.split(".")[0]] = goals, float(np.median(np.diff(motion.stamp_s)))
    return found
