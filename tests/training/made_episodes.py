"""Episodes made by hand for tests of what learns from them."""

import numpy as np

from rove_teleop.training.steps import EpisodeSteps


def made_episode(reward, scene=None, name="e", kind="rollout", success=True, cuts=(), t_r=(), **other) -> EpisodeSteps:
    """An episode with these rewards (k,); ``cuts`` are the steps before which something was cut."""
    count = len(reward)
    at = lambda rows: np.isin(np.arange(count), rows)  # noqa: E731
    given = {
        "instruction": "do",
        "joints": np.zeros((count, 2), np.float32),
        "source": np.zeros(count, np.uint8),
        "delta_rad": np.zeros((count, 1, 1), np.float32),
        "imitable": np.ones(count, bool),
    } | other
    scene = np.zeros((count, 2)) if scene is None else scene
    return EpisodeSteps(
        name=name, kind=kind, success=success, scene=np.asarray(scene, np.float32),
        reward=np.asarray(reward, np.float32), done=at([count - 1]), t_r=at(t_r), cut_before=at(cuts), **given,
    )  # fmt: skip


def drifting_episodes(count=12, steps=30, seed=0) -> list[EpisodeSteps]:
    """Half succeed and half fail; the first feature says which from the middle on, the second is progress."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(count):
        success = number % 2 == 0
        progress = np.linspace(0.0, 1.0, steps)
        fate = (1.0 if success else -1.0) * (progress > 0.5)
        scene = np.stack([fate, progress], axis=1) + 0.05 * generator.normal(size=(steps, 2))
        reward = np.full(steps, -1.0)
        reward[-1] = 0.0 if success else -100.0
        kind = ("demonstration", "rollout") if success else ("rollout", "rollout")
        found.append(made_episode(reward, scene, f"e{number:02d}", kind[number // 2 % 2], success))
    return found
