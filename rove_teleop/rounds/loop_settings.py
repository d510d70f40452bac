"""What a run of the loop is asked to be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..base_policy import RECIPES
from ..errors import UsageError
from ..sim.skills import DEFAULT_SKILL, skill_of
from ..sim.tasks import task_params
from ..training.methods import method as method_named
from ..training.presets import preset as preset_named
from .collection import Scene

MOST_EPISODES, MOST_SEED, MOST_ROUNDS = 1_000, 99, 9


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """What a run is. ``demonstrations`` 0: as many as the recipe of the task's base policy."""

    task: str
    method: str
    rounds: int = 3
    seed: int = 0
    form: str = "in_hand"
    start: str = "varied"
    episodes: int = 80
    evaluation: int = 200
    operator_skill: str = DEFAULT_SKILL
    preset: str = "paper"
    robot: str = "iron_r01"
    demonstrations: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            UsageError: an unknown name or a number out of range; the message names it.
        """
        method_named(self.method), preset_named(self.preset), skill_of(self.operator_skill)
        task_params(self.task, "deployment", self.form, self.start)
        ranges = {"rounds": (0, MOST_ROUNDS), "seed": (0, MOST_SEED), "demonstrations": (0, MOST_EPISODES)}
        ranges |= {"episodes": (1, MOST_EPISODES), "evaluation": (1, 10 * MOST_EPISODES)}
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"{name} must be {low} to {high}, got {getattr(self, name)}")

    @property
    def demonstration_count(self) -> int:
        return self.demonstrations or RECIPES[self.task].demonstrations

    @property
    def scene(self) -> Scene:
        return Scene(self.robot, self.task, self.form, self.start)

    def config(self) -> dict[str, Any]:
        """What must be the same when a run goes on; more rounds may follow."""
        return {name: value for name, value in asdict(self).items() if name != "rounds"}

    def shared(self) -> dict[str, Any]:
        """What must be the same in runs that share round 0."""
        return {name: value for name, value in self.config().items() if name != "method"}
