import pytest
import torch

from rove_teleop.models.images import ImageEncoder, as_input


def test_cameras_of_any_size_become_one_vector():
    torch.manual_seed(0)
    encoder = ImageEncoder(("head", "wrist"), 5)
    images = {
        "wrist": torch.randint(256, (2, 24, 40, 3), dtype=torch.uint8),
        "head": torch.randint(256, (2, 64, 48, 3), dtype=torch.uint8),
        "unused": torch.zeros(1),
    }
    features = encoder(images)
    assert features.shape == (2, 5)
    swapped = encoder({**images, "head": images["head"].flip(2)})
    assert not torch.allclose(features, swapped), "where things are matters"
    alone = encoder({name: value[1:] for name, value in images.items() if name != "unused"})
    assert torch.allclose(features[1:], alone, atol=1e-6), "a picture means the same in any batch"


def test_pixels_are_scaled_to_one():
    found = as_input(torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8))
    assert found.shape == (1, 3, 1, 1)
    assert found.flatten().tolist() == pytest.approx([-1.0, -0.6, 1.0])
