"""Compiled code never outlives its sources, and is there before a session needs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from numba.core.registry import CPUDispatcher as Dispatcher

from rove_teleop.control_loop import ControlLoop
from rove_teleop.handover.states import Signal
from rove_teleop.operators.chain import OperatorChain
from rove_teleop.robots.description import load_robot
from rove_teleop.tracking.gate import NOISELESS
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.types import SIDES, ActionChunk, HandFrame, OperatorFrame, RobotState

ROBOT = load_robot("iron_r01")
PACKAGE = Path(__file__).parents[2] / "rove_teleop"
ASK = "from rove_teleop.compiled import CACHES; print(*CACHES.values())"


def caches(folder, home):
    environment = {**os.environ, "PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_changed_source_has_another_cache_and_only_that(tmp_path):
    """A function that another file calls is compiled into its caller: so the caller's cache must change with it."""
    shutil.copytree(PACKAGE, tmp_path / "rove_teleop", ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    before = caches(tmp_path, tmp_path)
    assert all(folder.startswith(str(tmp_path)) for folder in before)
    assert caches(tmp_path, tmp_path) == before
    kernel = tmp_path / "rove_teleop" / "handover" / "blend.py"
    kernel.write_text(kernel.read_text() + "\n# changed\n")
    after = caches(tmp_path, tmp_path)
    assert (after[0] == before[0]) and (after[1] != before[1])
    plain = tmp_path / "rove_teleop" / "clock.py"
    plain.write_text(plain.read_text() + "\n# changed\n")
    assert caches(tmp_path, tmp_path) == after


def dispatchers():
    """Every compiled function of the package that is loaded."""
    return {
        f"{module.__name__}.{name}": value
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").startswith("rove_teleop.")
        for name, value in vars(module).items()
        if isinstance(value, Dispatcher)
    }


def test_nothing_is_left_to_compile_when_a_session_runs():
    """A loop that compiles stands still for seconds: constructors compile for every kind of array that will come."""
    loop, chain = ControlLoop(ROBOT), OperatorChain(ROBOT, "blend", NOISELESS)
    aligned = OperatorChain(ROBOT, "aligned", NOISELESS)
    before = {name: len(each.signatures) for name, each in dispatchers().items()}
    rest, joints = np.zeros(ROBOT.joint_count), ROBOT.joint_count
    q_rad = ROBOT.home_rad.copy()
    for k in range(200):
        now_s = 10.0 + 0.01 * k
        hands = []
        for side in SIDES:
            wrist, points_m = np.eye(4), hand_points(side, 0.3 + 0.2 * np.sin(0.1 * k))
            wrist[:3, 3] = 0.05 * np.sin(0.05 * k)
            wrist.setflags(write=k % 2 == 0)  # a recording's rows are read-only, a device's are not
            points_m.setflags(write=k % 2 == 0)
            hands.append(HandFrame(wrist, points_m, np.full(3, 0.2)))
        frame = OperatorFrame(now_s, k, *hands, np.eye(4))
        aligned.step(frame, now_s, q_rad, driving=k > 50)
        stepped = chain.step(frame, now_s, q_rad, driving=k > 50)
        loop.on_robot_state(RobotState(now_s, q_rad, rest))
        loop.on_chunk(ActionChunk(now_s, np.arange(8) * 0.05, np.arange(joints), np.tile(ROBOT.home_rad, (8, 1))))
        if stepped is not None:
            loop.on_operator(stepped[1])
        loop.on_deadman(True, now_s)
        for at, signal in ((5, "start"), (50, "take_over"), (90, "pause"), (130, "rewind"), (170, "stop")):
            if k == at:
                loop.request(Signal(signal), now_s)
        if k == 30:
            loop.scale_speed(0.5, now_s)
        q_rad = q_rad if (sent := loop.tick(now_s).q_sent_rad) is None else sent
    late = {name: len(each.signatures) for name, each in dispatchers().items()}
    assert {name for name, count in late.items() if count > before.get(name, 0)} == set()
