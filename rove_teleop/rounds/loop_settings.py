"""What a run of the loop is asked to be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import UsageError
from ..sim.skills import skill_of
from ..sim.tasks import task_params
from ..training.methods import method as method_named
from ..training.presets import preset as preset_named
from ..virtual_time.base_policy import recipe_of
from .collection import Scene

MOST_EPISODES, MOST_SEED, MOST_ROUNDS = 1_000, 99, 9
DEMONSTRATIONS = {("toaster", "in_hand"): 25, ("whiteboard", "in_hand"): 20}
"""Of round 0: its policy succeeds about every other time, as the paper's did. Others as their recipe says."""
ACTORS = ("anew", "further")
OPERATOR_SKILL = "average"
"""Whoever corrects hesitates, gropes and sometimes starts off in a wrong direction, as people do."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """What a run is. ``demonstrations`` 0: as many as `DEMONSTRATIONS` or the task's recipe say.

    ``actor`` says where a round's actor begins: ``anew``, or ``further`` at the one of the round before (`loop`).
    """

    task: str
    method: str
    rounds: int = 3
    seed: int = 0
    form: str = "in_hand"
    start: str = "beginning"
    episodes: int = 80
    evaluation: int = 200
    operator_skill: str = OPERATOR_SKILL
    preset: str = "paper"
    robot: str = "iron_r01"
    demonstrations: int = 0
    actor: str = ACTORS[0]

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            UsageError: an unknown name or a number out of range; the message names it.
        """
        method_named(self.method), preset_named(self.preset), skill_of(self.operator_skill)
        task_params(self.task, "deployment", self.form, self.start)
        if self.actor not in ACTORS:
            raise UsageError(f"actor must be {' or '.join(ACTORS)}, got '{self.actor}'")
        ranges = {"rounds": (0, MOST_ROUNDS), "seed": (0, MOST_SEED), "demonstrations": (0, MOST_EPISODES)}
        ranges |= {"episodes": (1, MOST_EPISODES), "evaluation": (1, 10 * MOST_EPISODES)}
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"{name} must be {low} to {high}, got {getattr(self, name)}")

    @property
    def demonstration_count(self) -> int:
        usual = DEMONSTRATIONS.get((self.task, self.form), recipe_of(self.task, self.form).demonstrations)
        return self.demonstrations or usual

    @property
    def scene(self) -> Scene:
        return Scene(self.robot, self.task, self.form, self.start)

    def config(self) -> dict[str, Any]:
        """What must be the same when a run goes on; more rounds may follow."""
        return {name: value for name, value in asdict(self).items() if name != "rounds"}

    def shared(self) -> dict[str, Any]:
        """What must be the same in runs that share round 0."""
        return {name: value for name, value in self.config().items() if name not in ("method", "actor")}
