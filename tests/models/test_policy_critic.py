"""A critic beside a policy: found by its name, refused beside any other policy, silent where it knows nothing."""

import dataclasses

import numpy as np
import pytest
import torch

from rove_teleop.errors import CheckpointInvalid
from rove_teleop.models.checkpoint import CheckpointHeader, VisionHeader
from rove_teleop.models.critic import WatchedPolicy
from rove_teleop.models.critic_checkpoint import load_critic, save_critic
from rove_teleop.models.policy_critic import critic_path, is_critic, load_policy_critic, save_policy_critic

from .test_critic import critic

HEADER = CheckpointHeader("wipe", "r", "", ("a",), (0.0,), (1.0,), ("x", "y", "z"), 0.05, 16, 8, 32, 2)


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "v1.2.safetensors"
    path.write_bytes(b"a policy")
    return path


def test_it_says_what_the_critic_says_under_an_instruction_it_knows(policy):
    assert load_policy_critic(policy, HEADER) is None
    own = critic()
    # Otherwise a new network says the same under every instruction.
    torch.nn.init.normal_(own.network.instruction.weight)
    path = save_policy_critic(policy, HEADER, own)
    assert path == critic_path(policy) and path.name == "v1.2.critic.safetensors"
    assert is_critic(path) and not is_critic(policy)
    assert load_critic(path).header.watches == WatchedPolicy("1b551587059622f0", "wipe", ("x", "y", "z"))
    watching, scene = load_policy_critic(policy, HEADER), np.array([0.3, -1.0, 2.0])
    for instruction in ("do", "wipe"):
        assert watching.value(scene, {}, instruction) == own.live(instruction)(scene)
    assert watching.value(scene, {}, "do") != watching.value(scene, {}, "wipe")
    assert watching.value(scene, {}, "sing") is None and watching.value(scene, {}, "") is None


def test_one_instruction_need_not_be_said(policy):
    save_policy_critic(policy, HEADER, alone())
    watching, scene = load_policy_critic(policy, HEADER), np.zeros(3)
    assert watching.value(scene, {}, "") == watching.value(scene, {}, "wipe") is not None
    assert watching.value(scene, {}, "sing") is None


def alone():
    made = critic()
    sizes = dataclasses.replace(made.header.sizes, instructions=1)
    header = dataclasses.replace(made.header, sizes=sizes, instructions=("wipe",))
    return dataclasses.replace(made, header=header, network=type(made.network)(sizes))


def test_a_critic_of_another_policy_is_refused_with_both_sides(policy):
    path = save_policy_critic(policy, HEADER, critic())
    for change, sides in (
        ({"task": "dry"}, "'wipe', but v1.2.safetensors has 'dry'"),
        ({"feature_names": ("y", "x", "z")}, r"\['x', 'y', 'z'\], but v1.2.safetensors has \['y', 'x', 'z'\]"),
        ({"vision": VisionHeader(("head",), (16,), (16,), ("wipe",))}, r"cameras \[\], but .* \['head'\]"),
    ):
        with pytest.raises(CheckpointInvalid, match=sides):
            load_policy_critic(policy, dataclasses.replace(HEADER, **change))
    policy.write_bytes(b"the next version")
    with pytest.raises(
        CheckpointInvalid, match=r"hash 1b551587059622f0, but v1.2.safetensors has [0-9a-f]{16}: remove"
    ):
        load_policy_critic(policy, HEADER)
    save_critic(path, critic())
    with pytest.raises(CheckpointInvalid, match="critic of no policy in particular"):
        load_policy_critic(policy, HEADER)
    path.write_bytes(b"nonsense")
    with pytest.raises(CheckpointInvalid, match="cannot be read"):
        load_policy_critic(policy, HEADER)


def test_what_does_not_fit_is_not_written(policy):
    with pytest.raises(CheckpointInvalid, match="so many features: 3, but v1.2.safetensors has 2"):
        save_policy_critic(policy, dataclasses.replace(HEADER, feature_names=("x", "y")), critic())
    assert not critic_path(policy).exists()


@pytest.mark.parametrize("sizes", [{"hidden": 2.5}, {"hidden": -1}, {"hidden": 10**12}, {"layers": "x"}])
def test_sizes_that_no_network_has_are_one_sentence(tmp_path, sizes):
    made = critic()
    header = dataclasses.replace(made.header, sizes=dataclasses.replace(made.header.sizes, **sizes))
    save_critic(tmp_path / "c.safetensors", dataclasses.replace(made, header=header))
    with pytest.raises(CheckpointInvalid, match="c.safetensors: its "):
        load_critic(tmp_path / "c.safetensors")
