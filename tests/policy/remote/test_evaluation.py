"""A policy elsewhere, evaluated in virtual time."""

import dataclasses

import pytest

from rove_teleop.errors import PolicyUnavailable, UsageError
from rove_teleop.policy.local import load_policy, shipped_checkpoint
from rove_teleop.policy.opening import open_policy
from rove_teleop.serving import serve_checkpoint
from rove_teleop.virtual_time.evaluation import evaluate

from .serving import ROBOT, SAID, SERVED, answers, good, our_server, stranger


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_a_served_checkpoint_does_what_it_does_in_this_process():
    """To the last digit of the float32 numbers on the wire: the same seeds end the same way."""
    served, make_policy = serve_checkpoint(None, "toaster", ROBOT.name)
    local = evaluate(ROBOT, "toaster", load_policy(shipped_checkpoint("toaster"), ROBOT), 2)
    with our_server(served, make_policy) as url:
        policy = open_policy(f"{url}?deadline=5", ROBOT)
        remote = evaluate(ROBOT, "toaster", policy, 2)
        policy.close()
    assert not policy.refused
    assert [item.outcome for item in remote.results] == [item.outcome for item in local.results]
    for one, other in zip(remote.results, local.results, strict=True):
        assert one.duration_s == pytest.approx(other.duration_s, abs=0.5)


def test_a_policy_that_went_away_has_not_failed():
    with stranger(answers(good, said=SAID)) as url:
        policy = open_policy(url, ROBOT)
    with pytest.raises(PolicyUnavailable, match="episode 1 of the evaluation: the policy server at ws"):
        evaluate(ROBOT, "toaster", policy, 2)
    policy.close()


def test_a_policy_that_looks_is_not_evaluated_blind():
    with our_server(dataclasses.replace(SERVED, cameras=("ego",))) as url:
        policy = open_policy(url, ROBOT)
        with pytest.raises(UsageError, match=r"\['ego'\], but an evaluation has no pictures"):
            evaluate(ROBOT, "toaster", policy, 2)
        policy.close()
