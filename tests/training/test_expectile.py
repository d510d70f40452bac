import numpy as np
import pytest
import torch
from scipy.stats import expectile

from rove_teleop.training.expectile import expectile_loss


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.7, 0.9, 0.99])
def test_the_minimiser_is_the_expectile(tau):
    sample = torch.from_numpy(np.random.default_rng(1).normal(size=400))
    slopes = []
    for offset in (-1e-5, 0.0, 1e-5):
        found = torch.tensor(expectile(sample.numpy(), tau) + offset, requires_grad=True)
        expectile_loss(found.expand(400), sample, tau).backward()
        slopes.append(found.grad.item())
    assert slopes[0] < -1e-7 < 1e-7 < slopes[2], "the loss falls before it and rises after it"
    assert abs(slopes[1]) < 1e-9


def test_it_is_the_formula_and_moves_the_prediction_only():
    prediction = torch.tensor([1.0, 2.0], requires_grad=True)
    target = torch.tensor([3.0, 1.0], requires_grad=True)
    loss = expectile_loss(prediction, target, 0.7)
    assert loss.item() == pytest.approx((0.7 * 4.0 + 0.3 * 1.0) / 2)
    loss.backward()
    assert target.grad is None
    assert prediction.grad.tolist() == pytest.approx([-0.7 * 2.0, 0.3 * 1.0])
