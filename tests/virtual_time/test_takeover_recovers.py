import pytest

from rove_teleop.control_loop import ControlLoop
from rove_teleop.handover.states import Signal
from rove_teleop.operators.chain import OperatorChain
from rove_teleop.policy.local import load_policy, shipped_checkpoint
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.operator import SimulatedOperator
from rove_teleop.sim.supervisor import SimulatedSupervisor
from rove_teleop.sim.world import World
from rove_teleop.virtual_time.evaluation import planner
from rove_teleop.virtual_time.rollout import Timing, run_episode

ROBOT = load_robot("iron_r01")


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_who_takes_over_from_the_shipped_policy_finishes_the_task():
    """Whatever the policy left behind: the person sees it late, hesitates, trembles, and still gets the bread in.

    A person whose hand and robot disagree by a constant offset would hover beside the slot until time is up.
    """
    world = World(ROBOT, "toaster")
    policy = load_policy(shipped_checkpoint("toaster"), ROBOT)
    results = []
    for seed in range(2_000_000, 2_000_006):
        policy.reset(seed)
        person, chain = (
            SimulatedOperator(ROBOT, "toaster", world.feature_names, seed=seed),
            OperatorChain(ROBOT, "anchored"),
        )

        def operator(now_s, measured, task, driving, person=person, chain=chain):
            frame = person.frame(now_s, measured.q_rad, task, driving)
            trusted = chain.step(frame, now_s, measured.q_rad, driving)
            return None if trusted is None else trusted[1]

        supervisor = SimulatedSupervisor(seed=seed)
        results.append(
            run_episode(
                world, ControlLoop(ROBOT), seed, planner(policy, world), operator, supervisor, Timing(limit_s=60.0)
            )
        )
    taken_over = [result for result in results if result.taken_over]
    assert len(taken_over) >= 2, "the shipped policy is meant to need help now and then"
    assert all(result.outcome is Signal.SUCCESS for result in taken_over)
    assert max(result.human_s for result in taken_over) < 25.0
