"""Compile once per machine what sessions need compiled, so that no process of a session has to wait for it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from ..compiled import CACHES
from ..errors import StageLost

STAMPS = [folder / "complete" for folder in CACHES.values()]


def compiled() -> bool:
    """True when this machine has compiled these sources before."""
    return all(stamp.is_file() for stamp in STAMPS)


def compile_apart() -> None:
    """Compile in a process of its own.

    Raises:
        StageLost: it failed; the message holds its last words.
    """
    command = [sys.executable, "-m", "rove_teleop.machine.kernels"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StageLost(f"the kinematics and the filter could not be compiled: {done.stderr.strip()[-500:]}")


def compile_all() -> None:
    """Build one of everything that compiles in its constructor, for the robot that ships with the package."""
    from ..filter_lab.replay import live_path
    from ..retargeting.retargeter import Retargeter
    from ..robots.description import load_robot

    robot = load_robot("iron_r01")
    path, joints = live_path(robot), robot.joint_count
    nobody, nothing = np.zeros((1, joints), dtype=np.int64), np.full((1, joints), np.nan)
    path.run(nobody, nothing, nothing, np.zeros(1, dtype=np.bool_))
    Retargeter(robot, follow_head=True)
    for stamp in STAMPS:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()


if __name__ == "__main__":
    if not compiled():
        compile_all()
