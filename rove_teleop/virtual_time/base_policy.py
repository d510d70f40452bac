"""The base policies that ship: one recipe per task, from scripted demonstrations to a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from ..models.checkpoint import Checkpoint
from ..robots.description import RobotDescription
from ..sim.tasks import task_params
from ..training.behaviour_cloning import CloningSettings, train
from ..training.windows import Trajectory
from .demonstrations import demonstrate

Progress = Callable[[str, int, int, str], None]
"""Called with the stage, how far, of how much, and a remark."""


@dataclass(frozen=True)
class Recipe:
    """How many demonstrations, how they are cloned, and which features (by prefix) the policy does not see."""

    demonstrations: int
    settings: CloningSettings
    unseen: tuple[str, ...] = ("true_",)


_SETTINGS = CloningSettings()
RECIPES = {
    "toaster": Recipe(60, _SETTINGS),
    "whiteboard": Recipe(26, _SETTINGS),
}
"""Chosen so that a policy succeeds in 40 to 70 % of deployments: good enough to watch, with something to correct."""
RECIPES_IN_FULL = {
    "toaster": Recipe(60, _SETTINGS),
    "whiteboard": Recipe(40, _SETTINGS),
}


def recipe_of(task: str, form: str = "in_hand") -> Recipe:
    """The recipe of a task in one of its forms."""
    return (RECIPES_IN_FULL if form == "full" else RECIPES)[task]


def train_base_policy(
    robot: RobotDescription,
    task: str,
    seed: int = 0,
    progress: Progress | None = None,
    form: str = "in_hand",
) -> tuple[Checkpoint, list[Trajectory]]:
    """Demonstrate and clone ``task`` by its recipe; also return what was demonstrated. A seed gives the same bytes."""
    recipe, params = recipe_of(task, form), task_params(task, "demonstration", form)

    def shown(done: int, count: int, failed: int) -> None:
        if progress is not None:
            progress("demonstrations", done, count, f"{failed} failed attempts left out")

    def learned(step: int, steps: int, loss: float) -> None:
        if progress is not None:
            progress("training", step, steps, f"loss {loss:.3f}")

    trajectories = demonstrate(robot, task, recipe.demonstrations, seed, params, shown)
    features = tuple(name for name in trajectories[0].feature_names if not name.startswith(recipe.unseen))
    made_by = {
        "source": "scripted expert, demonstration spread",
        "mujoco": version("mujoco"),
        "torch": version("torch"),
        **({"form": form} if form != "in_hand" else {}),
    }
    return train(trajectories, task, robot, seed, recipe.settings, features, learned, made_by), trajectories
