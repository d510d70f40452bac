"""Rendered snapshots show the scene: not blank, different when the scene is, and refused when they are nonsense."""

from __future__ import annotations

import os

import numpy as np
import pytest

from rove_teleop.errors import MissingDependency, UsageError
from rove_teleop.robots import load_robot
from rove_teleop.sim.camera import CAMERA_NAMES, SimCamera
from rove_teleop.sim.tasks import TASK_NAMES
from rove_teleop.sim.world import World

ROBOT = load_robot("iron_r01")


def camera(task: str, name: str = "ego") -> SimCamera:
    try:
        return SimCamera(ROBOT, task, name, 160, 120)
    except MissingDependency as error:
        # A user may lack EGL; `make test` installs it, so in CI a missing renderer is a failure.
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("task", TASK_NAMES)
@pytest.mark.parametrize("name", CAMERA_NAMES)
def test_shows_the_scene_and_its_changes(task: str, name: str) -> None:
    view, world = camera(task, name), World(ROBOT, task)
    first = view.render(world.snapshot())
    assert first.shape == (120, 160, 3) and first.dtype == np.uint8
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 30 and first.std() > 20
    world.reset(1)
    assert np.mean(np.any(view.render(world.snapshot()) != first, axis=-1)) > 0.002
    world.reset(0)
    assert np.array_equal(view.render(world.snapshot()), first)
    view.close()


def test_ego_sees_ink_disappear() -> None:
    view, world = camera("whiteboard"), World(ROBOT, "whiteboard")

    def blue_pixels() -> int:
        pixels = view.render(world.snapshot()).astype(int)
        return int(np.sum((pixels[..., 2] > 60) & (pixels[..., 0] < 60) & (pixels[..., 1] < 70)))

    inked = blue_pixels()
    world.task.ink.amount[:] = 0.0  # type: ignore[attr-defined]
    assert inked > blue_pixels() + 50
    view.close()


@pytest.mark.parametrize("damage", [lambda s: s[:-1], lambda s: s * np.nan, lambda s: s.reshape(1, -1)])
def test_refuses_what_is_no_snapshot(damage: object) -> None:
    view, world = camera("toaster"), World(ROBOT, "toaster")
    with pytest.raises(ValueError, match="finite values"):
        view.render(damage(world.snapshot()))  # type: ignore[operator]
    view.close()


def test_refuses_unknown_cameras_and_sizes() -> None:
    with pytest.raises(UsageError, match="ego and side"):
        SimCamera(ROBOT, "toaster", "rear")
    with pytest.raises(UsageError, match="outside"):
        SimCamera(ROBOT, "toaster", "ego", 100_000, 100)
