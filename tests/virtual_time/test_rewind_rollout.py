"""A rewind of the simulated robot, in virtual time: its joints come back, and nobody learns from it."""

import numpy as np

from rove_teleop.control_loop import ControlLoop
from rove_teleop.handover.states import Signal
from rove_teleop.policy.local import load_policy, shipped_checkpoint
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.supervisor import SimulatedSupervisor
from rove_teleop.sim.world import World
from rove_teleop.types import Authority, Phase
from rove_teleop.virtual_time.evaluation import planner
from rove_teleop.virtual_time.rollout import run_episode
from rove_teleop.virtual_time.trajectories import asked


class SecondThoughts(SimulatedSupervisor):
    """Pauses after two seconds, rewinds, and then has seen enough."""

    def begin(self):
        super().begin()
        self.rewound = False

    def look(self, now_s, view):
        if view.state == "autonomous" and now_s > 2.0:
            return Signal.PAUSE
        if view.state == "rewinding":
            self.rewound = True
        if view.state == "paused":
            return Signal.DISCARD if self.rewound else Signal.REWIND
        return Signal.DISCARD if now_s > 20.0 else None


def test_the_simulated_robot_walks_back():
    robot = load_robot("iron_r01")
    world, loop, ticks = World(robot, "toaster"), ControlLoop(robot), []
    loop.rewind_s = 1.0
    plan = planner(load_policy(shipped_checkpoint("toaster"), robot, 0), world)
    run_episode(world, loop, 3, plan, None, SecondThoughts(), on_tick=lambda tick, task: ticks.append(tick))
    sent = np.array([tick.q_sent_rad for tick in ticks])
    phase = np.array([tick.phase for tick in ticks])
    authority = np.array([tick.authority for tick in ticks])
    (back,) = np.nonzero(phase == Phase.REWIND)
    there = sent[: back[0]]
    moving = there[np.r_[True, np.any(np.diff(there, axis=0), axis=1)]]
    goal = moving[-1 - round(1.0 / robot.dt_s)]
    assert np.max(np.abs(moving[-1] - goal)) > 0.05, "there was something to walk back"
    assert np.max(np.abs(sent[back[-1]] - goal)) < 2e-3
    arms = np.r_[robot.groups["left_arm"], robot.groups["right_arm"]]
    assert np.max(np.abs(ticks[-2].q_measured_rad - goal)[arms]) < 0.02, "and the robot is there"
    assert set(authority[back].tolist()) <= {Authority.HOLD, Authority.REWIND}
    learnt = asked(
        authority, *(np.array([getattr(t, name) for t in ticks]) for name in ("q_policy_rad", "q_operator_rad"))
    )
    assert np.isnan(learnt[back]).all(), "no trainer takes a rewind for anybody's skill"
    assert np.isfinite(learnt[phase == Phase.AUTONOMOUS]).any()
