"""Guidance between conditions and continuation of a plan: what sampling does besides following the field."""

from dataclasses import replace

import pytest
import torch

from rove_teleop.models.flow import (
    NEGATIVE,
    POSITIVE,
    Continuation,
    FlowActor,
    FlowSizes,
    guided,
    sample,
)

SIZES = FlowSizes(observation=3, horizon=6, joints=2, hidden=32, condition_classes=2)


def actor(sizes: FlowSizes = SIZES) -> FlowActor:
    torch.manual_seed(0)
    return FlowActor(sizes).requires_grad_(False).eval()


def tags(value: int, count: int) -> torch.Tensor:
    return torch.full((count,), value)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 2.5, 10.0])
def test_one_batch_is_the_same_as_two_passes(beta):
    made = actor()
    x, time, seen = torch.randn(4, 6, 2), torch.rand(4), torch.randn(4, 3)
    negative, positive = (made(x, time, seen, tags(tag, 4)) for tag in (NEGATIVE, POSITIVE))
    velocity, _ = guided(made, x, time, seen, beta)
    torch.testing.assert_close(velocity, negative + beta * (positive - negative))


@pytest.mark.parametrize("classes", [0, 2])
def test_the_written_out_pullback_is_that_of_autograd(classes):
    made = actor(replace(SIZES, condition_classes=classes))
    x, time, seen, gradient = torch.randn(4, 6, 2), torch.rand(4), torch.randn(4, 3), torch.randn(4, 6, 2)
    condition = tags(POSITIVE, 4) if classes else None
    at = x.clone().requires_grad_(True)
    wanted = made(at, time, seen, condition)
    velocity, pullback = made.linearised(x, time, seen, condition)
    assert torch.equal(velocity, wanted.detach())
    torch.testing.assert_close(pullback(gradient), torch.autograd.grad(wanted, at, gradient)[0])


def test_the_pullback_of_guidance_is_that_of_autograd():
    made, x, time, seen = actor(), torch.randn(1, 6, 2), torch.rand(1), torch.randn(1, 3)
    _, pullback = guided(made, x, time, seen, 2.5)

    def velocity(at: torch.Tensor) -> torch.Tensor:
        return torch.lerp(*(made(at, time, seen, tags(tag, 1)) for tag in (NEGATIVE, POSITIVE)), 2.5)

    gradient = torch.randn(1, 6, 2)
    _, wanted = torch.autograd.functional.vjp(velocity, x, gradient)
    torch.testing.assert_close(pullback(gradient), wanted)


@pytest.mark.parametrize(("beta", "tag"), [(0.0, NEGATIVE), (1.0, POSITIVE)])
def test_beta_0_and_1_are_the_conditions_alone(beta, tag):
    made, seen = actor(), torch.randn(5, 3)
    guided_chunk = sample(made, seen, torch.Generator().manual_seed(2), beta=beta)
    alone = sample(made, seen, torch.Generator().manual_seed(2), condition=tags(tag, 5))
    torch.testing.assert_close(guided_chunk, alone)
    other = sample(made, seen, torch.Generator().manual_seed(2), condition=tags(1 - tag, 5))
    assert (guided_chunk - other).abs().max() > 1e-3


class Anywhere(torch.nn.Module):
    """The exact field of a policy to which every normal chunk is as good as another: nothing but its noise decides."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes = FlowSizes(observation=1, horizon=8, joints=1)

    def linearised(self, x, time, observation, condition=None):
        t = time[:, None, None]
        slope = (2.0 * t - 1.0) / (t**2 + (1.0 - t) ** 2)
        return x * slope, lambda gradient: gradient * slope


def test_a_continuation_is_agreed_with_where_it_weighs_and_not_where_it_does_not():
    before = torch.linspace(2.0, 1.0, 8)[None, :, None]
    weight = torch.tensor([1.0, 1.0, 1.0, 0.5, 0.2, 0.0, 0.0, 0.0])
    seen = torch.zeros(1, 1)
    for seed in range(20):
        fresh = sample(Anywhere(), seen, torch.Generator().manual_seed(seed))
        again = sample(Anywhere(), seen, torch.Generator().manual_seed(seed), continuation=Continuation(before, weight))
        apart, apart_fresh = (before - again).abs()[0, :, 0], (before - fresh).abs()[0, :, 0]
        assert apart[:3].max() < max(0.35 * apart_fresh[:3].max(), 0.1)
        torch.testing.assert_close(again[:, 5:], fresh[:, 5:])


def test_a_continuation_that_weighs_nothing_changes_nothing():
    made, seen = actor(FlowSizes(observation=3, horizon=6, joints=2, hidden=32)), torch.randn(1, 3)
    fresh = sample(made, seen, torch.Generator().manual_seed(1))
    free = Continuation(torch.randn(1, 6, 2), torch.zeros(6))
    torch.testing.assert_close(sample(made, seen, torch.Generator().manual_seed(1), continuation=free), fresh)


def test_guidance_and_continuation_go_together():
    made, seen = actor(), torch.randn(1, 3)
    held = Continuation(torch.zeros(1, 6, 2), torch.tensor([1.0, 1.0, 0.5, 0.0, 0.0, 0.0]))
    fresh = sample(made, seen, torch.Generator().manual_seed(1), beta=2.0)
    bound = sample(made, seen, torch.Generator().manual_seed(1), beta=2.0, continuation=held)
    assert torch.isfinite(bound).all()
    assert bound[:, :2].abs().max() < 0.5 * fresh[:, :2].abs().max()
