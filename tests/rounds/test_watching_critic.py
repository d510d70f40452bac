"""A critic for a policy that came without one: beside it, the same from the same episodes, and heard."""

import shutil

import pytest

from rove_teleop.models.checkpoint import load_checkpoint
from rove_teleop.models.policy_critic import critic_path, load_policy_critic
from rove_teleop.policy.local import shipped_checkpoint
from rove_teleop.rounds import watching_critic
from rove_teleop.rounds.workers import Workers


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_a_policy_gets_a_critic_of_its_own_episodes(tmp_path, monkeypatch):
    monkeypatch.setattr(watching_critic, "EPISODES", 2)
    monkeypatch.setattr(watching_critic, "DEMONSTRATIONS", 1)
    policy = tmp_path / "mine.safetensors"
    shutil.copy(shipped_checkpoint("toaster"), policy)
    with Workers(1) as workers:
        made = watching_critic.give_critic(policy, tmp_path / "data", workers)
        first = made.read_bytes()
        assert made == critic_path(policy)
        # The episodes are there by now.
        assert watching_critic.give_critic(policy, tmp_path / "data", workers).read_bytes() == first
    watching = load_policy_critic(policy, load_checkpoint(policy).header)
    assert watching.critic.header.provenance["episodes"] == "3"
