"""A critic for a policy that was trained without one: of its own corrected episodes and of demonstrations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..models.checkpoint import Checkpoint, load_checkpoint
from ..models.critic import Critic
from ..models.policy_critic import save_policy_critic
from ..training.critic import train_critic
from ..training.methods import method as method_named
from ..training.presets import preset as preset_named
from .collection import Driver, Scene, collect_demonstrations, collect_round
from .training_data import read_training_data, wanted_of
from .training_run import constants_of
from .workers import Workers

FIRST_SEED = 30_000_000
"""Seeds lie apart from those of evaluations, calibrations, demonstrations and rounds of the loop."""
EPISODES, DEMONSTRATIONS = 80, 30
Progress = Callable[[str, int, int, str], None]
"""Called with the stage, how far, of how much, and a remark."""


def give_critic(
    checkpoint: Path,
    dataset: Path,
    workers: Workers,
    seed: int = 0,
    form: str = "in_hand",
    progress: Progress | None = None,
) -> Path:
    """Collect `EPISODES` and `DEMONSTRATIONS` under ``dataset``, train; the path of the critic beside the policy.

    ``form`` is that of the task. The same arguments give the same bytes; a call that was killed goes on with the
    episodes that are there.

    Raises:
        CheckpointInvalid: the policy cannot be read, or a critic of another one lies beside it.
        DatasetInvalid: ``dataset`` holds other episodes.
        StageLost: a worker process died.
    """
    policy = load_checkpoint(checkpoint)
    scene = Scene(policy.header.robot, policy.header.task, form, "beginning")
    driver, first_seed = Driver.of(checkpoint, checkpoint.stem), FIRST_SEED + 1000 * seed

    def shown(stage: str) -> Callable[[int, int], None] | None:
        return None if progress is None else lambda done, total: progress(stage, done, total, "")

    roots = [dataset / "rollouts", dataset / "demonstrations"]
    collect_round(workers, roots[0], 1, scene, driver, EPISODES, first_seed, progress=shown("episodes"))
    collect_demonstrations(workers, roots[1], scene, DEMONSTRATIONS, first_seed, shown("demonstrations"))
    return save_policy_critic(checkpoint, policy.header, _critic(policy, roots, seed))


def _critic(policy: Checkpoint, roots: list[Path], seed: int) -> Critic:
    """Optimistic values with the paper's numbers, as a round of `rove train` has them."""
    preset = preset_named("paper")
    settings = preset.critic_of(method_named("rove"))
    if settings is None:
        raise TypeError("the method of this package has a critic")
    data = read_training_data(roots, wanted_of(policy), constants_of(preset, policy.header.step_s))
    return train_critic(data.episodes, settings, seed)
