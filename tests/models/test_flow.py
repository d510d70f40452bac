import pytest
import torch

from rove_teleop.models.flow import FlowActor, FlowSizes, flow_matching_loss, sample

pytestmark = pytest.mark.integration  # long: it runs after the unit tests


def fit_toy(actor: FlowActor, chunk_of, condition_of=None, steps: int = 600) -> torch.Generator:
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(actor.parameters(), lr=2e-3)
    for _ in range(steps):
        side = (torch.randint(0, 2, (256,), generator=generator) * 2 - 1).float()
        condition = None if condition_of is None else condition_of(side)
        loss = flow_matching_loss(actor, chunk_of(side), torch.zeros(256, 1), generator, condition)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return generator


def toy_chunk(side: torch.Tensor) -> torch.Tensor:
    """Two ways round an obstacle: (b, 4, 1) chunks that go to +1 or to -1 and never through the middle."""
    return side[:, None, None] * torch.linspace(0.25, 1.0, 4)[None, :, None]


def test_both_modes_are_kept_and_the_average_is_not_sampled():
    torch.manual_seed(0)
    actor = FlowActor(FlowSizes(observation=1, horizon=4, joints=1, hidden=64))
    generator = fit_toy(actor, toy_chunk)
    ends = sample(actor, torch.zeros(400, 1), generator)[:, -1, 0]
    assert 0.35 < (ends > 0).float().mean() < 0.65
    assert (ends.abs() - 1.0).abs().median() < 0.15
    assert (ends.abs() < 0.4).float().mean() < 0.08


def test_a_condition_chooses_the_mode():
    torch.manual_seed(0)
    actor = FlowActor(FlowSizes(observation=1, horizon=4, joints=1, hidden=64, condition_classes=2))
    generator = fit_toy(actor, toy_chunk, condition_of=lambda side: (side > 0).long())
    up = sample(actor, torch.zeros(100, 1), generator, condition=torch.ones(100, dtype=torch.long))
    assert (up[:, -1, 0] > 0.5).float().mean() > 0.95
    with pytest.raises(ValueError, match="condition"):
        sample(actor, torch.zeros(1, 1), generator)


def test_sampling_is_decided_by_the_generator():
    torch.manual_seed(0)
    actor = FlowActor(FlowSizes(observation=3, horizon=16, joints=7))
    seen = torch.randn(5, 3)
    first, again, other = (sample(actor, seen, torch.Generator().manual_seed(seed)) for seed in (4, 4, 5))
    assert first.shape == (5, 16, 7)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
