import pytest
import torch

from rove_teleop.errors import CheckpointInvalid
from rove_teleop.training.resume import load_state, pack_optimiser, save_state, unpack_optimiser


def start(fused=True):
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 2)
    return network, torch.optim.AdamW(network.parameters(), lr=0.1, fused=fused), torch.Generator().manual_seed(1)


def advance(network, optimiser, generator, steps):
    for _ in range(steps):
        optimiser.zero_grad()
        network(torch.randn(4, 3, generator=generator)).square().mean().backward()
        optimiser.step()


@pytest.mark.parametrize("fused", [True, False])
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path, fused):
    whole = start(fused)
    advance(*whole, 9)
    network, optimiser, generator = start(fused)
    advance(network, optimiser, generator, 4)
    tensors = {f"network.{key}": value for key, value in network.state_dict().items()}
    tensors |= pack_optimiser(optimiser) | {"generator": generator.get_state()}
    save_state(tmp_path / "run" / "state", tensors, {"step": 4})
    advance(network, optimiser, generator, 3)  # what happens after the save is lost with the process

    state = load_state(tmp_path / "run" / "state")
    network, optimiser, generator = start(fused)
    network.load_state_dict(state.named("network."))
    unpack_optimiser(optimiser, state.tensors)
    generator.set_state(state.tensors["generator"])
    advance(network, optimiser, generator, 9 - state.about["step"])
    assert all(torch.equal(a, b) for a, b in zip(whole[0].parameters(), network.parameters(), strict=True))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["state"]


def test_another_run_and_a_broken_file_are_refused(tmp_path):
    path = tmp_path / "state"
    shared = torch.zeros(4)
    save_state(path, {"a": shared, "b": shared[1:2]}, {"seed": 1, "sizes": (2, 3)})
    load_state(path).must_match(path, {"seed": 1, "sizes": (2, 3)})
    with pytest.raises(CheckpointInvalid, match="seed 1, this one has 2"):
        load_state(path).must_match(path, {"seed": 2})
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(CheckpointInvalid, match="state: cannot be read"):
        load_state(path)
    with pytest.raises(CheckpointInvalid, match="none: cannot be read"):
        load_state(tmp_path / "none")
