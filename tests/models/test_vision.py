import numpy as np
import pytest
import torch

from rove_teleop.models.checkpoint import VisionHeader
from rove_teleop.models.looking import blank, fitted, look
from rove_teleop.models.vision import VisionEncoder, positions

EYES = VisionHeader(("head", "wrist"), (16, 8), (24, 8), ("reach", "wipe"), width=16, blocks=1, heads=2)


def encoder():
    torch.manual_seed(0)
    return VisionEncoder(EYES).requires_grad_(False)


def pictures(count=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sizes = zip(EYES.cameras, EYES.heights, EYES.widths, strict=True)
    return {
        name: torch.randint(256, (count, high, wide, 3), generator=generator, dtype=torch.uint8)
        for name, high, wide in sizes
    }


def test_features_depend_on_every_camera_on_the_place_and_on_the_instruction():
    made, seen, zero = encoder(), pictures(), torch.zeros(3, dtype=torch.int64)
    features = made(seen, zero)
    assert features.shape == (3, 16)
    for name in EYES.cameras:
        for changed in (255 - seen[name], seen[name].flip(2)):
            assert (made(seen | {name: changed}, zero) - features).abs().max() > 1e-3
    assert (made(seen, zero + 1) - features).abs().max() > 1e-3


def test_one_sample_does_not_depend_on_the_others():
    made, seen, instruction = encoder(), pictures(), torch.tensor([0, 1, 0])
    one = {name: images[1:2] for name, images in seen.items()}
    torch.testing.assert_close(made(one, instruction[1:2])[0], made(seen, instruction)[1])


def test_no_two_places_look_alike():
    places = positions(6, 7, 16)
    apart = torch.cdist(places, places) + 10.0 * torch.eye(42)
    assert apart.min() > 0.05


def test_pictures_of_another_size_are_averaged():
    small = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(fitted(small, 4, 6)[0].numpy(), small)
    large = np.kron(small, np.ones((5, 3, 1), np.uint8))
    np.testing.assert_array_equal(fitted(large, 4, 6)[0].numpy(), small)


@pytest.mark.parametrize(
    ("change", "instruction", "reason"),
    [
        ({}, "reach", None),
        ({}, "", "unknown instruction"),
        ({}, "fly", "unknown instruction"),
        ({"wrist": None}, "wipe", "no image"),
        ({"wrist": np.zeros((8, 8), np.uint8)}, "wipe", "no image"),
        ({"wrist": np.zeros((8, 8, 3))}, "wipe", "no image"),
    ],
)
def test_a_look_is_whole_or_it_has_a_reason(change, instruction, reason):
    live = {name: np.zeros((20, 20, 3), np.uint8) for name in EYES.cameras} | change
    found = look(EYES, {name: image for name, image in live.items() if image is not None}, instruction)
    if reason is not None:
        assert found == reason
        return
    assert found.instruction.tolist() == [0]
    assert {name: tuple(image.shape) for name, image in found.images.items()} == {
        name: tuple(image.shape) for name, image in blank(EYES).images.items()
    }


def test_without_eyes_there_is_nothing_to_look_at():
    assert look(None, {}, "whatever") == blank(None) == ({}, None)
