import pytest
import torch

from rove_teleop.training.regularisation import STEADY_SCALE, noise_scale, regularise

from .synthetic import ROBOT

NAMES = ("waist_yaw", "neck_pitch", "right_elbow_pitch", "left_index_distal")
SCALE = noise_scale(ROBOT, NAMES)
SEEN = torch.ones(20_000, 2 * len(NAMES) + 3)


def spoilt(dropout=0.3, probability=0.4, std=0.01, seed=0):
    return regularise(SEEN, SCALE, dropout, probability, std, torch.Generator().manual_seed(seed))


def test_head_and_waist_get_less_in_both_blocks():
    assert SCALE.tolist() == pytest.approx([STEADY_SCALE, STEADY_SCALE, 1.0, 1.0] * 2)


def test_the_scene_is_never_touched_and_the_input_neither():
    assert torch.equal(spoilt()[:, 8:], SEEN[:, 8:])
    assert torch.equal(SEEN, torch.ones_like(SEEN))


def test_joints_are_lost_all_at_once_in_30_percent_of_the_samples():
    zeros = spoilt()[:, :8] == 0.0
    whole = zeros.all(dim=1)
    assert torch.equal(zeros.any(dim=1), whole)
    assert whole.float().mean().item() == pytest.approx(0.3, abs=0.01)


def test_40_percent_get_noise_of_the_scale_of_their_block():
    change = spoilt(dropout=0.0)[:, :8] - 1.0
    noisy = (change != 0.0).any(dim=1)
    assert noisy.float().mean().item() == pytest.approx(0.4, abs=0.01)
    torch.testing.assert_close(change[noisy].std(dim=0), 0.01 * SCALE, rtol=0.05, atol=0.0)


def test_nothing_where_nothing_is_asked():
    assert torch.equal(spoilt(0.0, 0.0), SEEN)
    assert torch.equal(spoilt(0.0, 0.4, 0.0), SEEN)
