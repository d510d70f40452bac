import json

import pytest

from rove_teleop.cli import main
from rove_teleop.handover.states import Signal
from rove_teleop.models.checkpoint import load_checkpoint
from rove_teleop.policy.local import LocalPolicy, shipped_checkpoint
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.tasks import TASK_NAMES
from rove_teleop.virtual_time.evaluation import Evaluation, evaluate
from rove_teleop.virtual_time.rollout import Result

ROBOT = load_robot("iron_r01")


def result(outcome: Signal, failure: str | None = None) -> Result:
    return Result(outcome, 5.0, 0.0, False, 0.5, failure)


def test_counts_and_interval_are_those_of_the_textbook():
    """45 % of 20 is the paper's whiteboard base; its 95 % Wilson interval is 26 to 66 %."""
    results = [result(Signal.SUCCESS)] * 9 + [result(Signal.FAILURE)] * 8 + [result(Signal.FAILURE, "dropped")] * 3
    evaluation = Evaluation("whiteboard", 0, tuple(results), {})
    assert (evaluation.successes, evaluation.episodes) == (9, 20)
    assert evaluation.interval == pytest.approx((0.258, 0.658), abs=0.002)
    assert evaluation.failures == {"out of time": 8, "dropped": 3}
    assert evaluation.sentence() == "whiteboard: 9 of 20 episodes succeed (45 %, 95 % interval 26 to 66 %)"


@pytest.mark.parametrize("task", TASK_NAMES)
def test_the_shipped_policy_fits_the_robot_and_is_small(task):
    path = shipped_checkpoint(task)
    assert path.stat().st_size <= 2_000_000
    header = load_checkpoint(path).header
    assert header.task == task
    assert not any(name.startswith("true_") for name in header.feature_names), "a policy sees what it could perceive"
    LocalPolicy(load_checkpoint(path), ROBOT)


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_the_shipped_policy_does_the_task_sometimes_and_repeats():
    policy = LocalPolicy(load_checkpoint(shipped_checkpoint("toaster")), ROBOT)
    seen = []
    first = evaluate(ROBOT, "toaster", policy, 6, progress=lambda done, count, good: seen.append((done, count, good)))
    assert 1 <= first.successes
    assert [item[0] for item in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1][2] == first.successes
    assert first.notes["grasp_assist"] == "weld"
    assert evaluate(ROBOT, "toaster", policy, 2).results == first.results[:2]


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_two_policies_over_the_same_seeds_as_typed(capsys):
    path = str(shipped_checkpoint("toaster"))
    assert main(["evaluate", "--episodes", "2", "--against", path, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["successes"] == said["against"]["successes"]
    assert (said["against"]["only_policy"], said["against"]["only_against"], said["against"]["p"]) == (0, 0, 1.0)
    assert main(["evaluate", "--episodes", "2", "--beta", "2"]) == 2
    assert "has no conditions" in capsys.readouterr().err
