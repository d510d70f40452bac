import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from rove_teleop.errors import CheckpointInvalid
from rove_teleop.models.critic import Critic, CriticHeader, ValueNetwork, ValueSizes, bin_values
from rove_teleop.models.critic_checkpoint import load_critic, save_critic


def critic(**sizes) -> Critic:
    torch.manual_seed(0)
    chosen = ValueSizes(3, instructions=2, hidden=8, **sizes)
    header = CriticHeader("ove", 16, 1.0, 0.7, chosen, ("do", "wipe"), -500.0, 0.0, ("e1",), {"seed": "1"})
    return Critic(header, np.zeros(3, np.float32), np.ones(3, np.float32), ValueNetwork(chosen))


def test_a_new_instruction_is_what_all_have_in_common():
    network = critic().network
    scene = torch.randn(4, 3)
    first, second = (network(scene, torch.full((4,), number)) for number in (0, 1))
    assert torch.equal(first, second)
    torch.nn.init.ones_(network.instruction.weight)
    assert not torch.equal(first, network(scene, torch.zeros(4, dtype=torch.long)))


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_a_distribution_is_worth_its_mean(layers):
    network = critic(layers=layers, bins=5).network
    scene, which = torch.randn(6, 3), torch.zeros(6, dtype=torch.long)
    logits = network(scene, which)
    assert logits.shape == (6, 5)
    mean = (logits.softmax(dim=1) * torch.tensor([-1.0, -0.75, -0.5, -0.25, 0.0])).sum(dim=1)
    assert torch.allclose(network.value(scene, which), mean)
    assert bin_values(201)[100].item() == pytest.approx(-0.5)
    assert network.head.out_features == 5


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "run" / "critic"
    for kind in ({}, {"bins": 7}, {"layers": 0}, {"cameras": ("head", "wrist"), "image_features": 4}):
        written = critic(**kind)
        save_critic(path, written)
        read = load_critic(path)
        assert read.header == written.header
        state = read.network.state_dict()
        assert all(torch.equal(value, state[key]) for key, value in written.network.state_dict().items())
    assert [found.name for found in path.parent.iterdir()] == ["critic"]


def test_a_file_that_is_no_critic_is_refused(tmp_path):
    path = tmp_path / "critic"
    with pytest.raises(CheckpointInvalid, match="cannot be read"):
        load_critic(path)
    save_critic(path, critic())
    tensors = load_file(path)
    header = {"format": 1, **dataclasses.asdict(critic().header)}
    broken = [
        (tensors, None, "has no 'rove_critic' header"),
        (tensors, header | {"format": 9}, "has format 9"),
        (tensors, header | {"low": 1.0}, "contradicts itself"),
        (tensors, header | {"extra": 1}, "not what a critic needs"),
        (tensors, header | {"sizes": 3}, "not what a critic needs"),
        (tensors, header | {"sizes": {**header["sizes"], "hidden": 9}}, "not those its header describes"),
        (tensors | {"scene_mean": np.ones(4, np.float32)}, header, "'scene_mean' must have shape"),
        (tensors | {"scene_scale": np.zeros(3, np.float32)}, header, "'scene_scale' must be positive"),
        (tensors | {"scene_mean": np.full(3, np.nan, np.float32)}, header, "'scene_mean' holds values that are not"),
    ]
    for parts, text, sentence in broken:
        save_file(parts, path, None if text is None else {"rove_critic": json.dumps(text)})
        with pytest.raises(CheckpointInvalid, match=sentence):
            load_critic(path)
