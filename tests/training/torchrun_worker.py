"""One process of a training run over several: what it ends with, and the losses that the first one reports."""

import json
import sys
from pathlib import Path

import numpy as np

from rove_teleop.models.checkpoint import save_checkpoint
from rove_teleop.training.actor import ActorSettings, Supervision, train_actor
from rove_teleop.training.devices import training_place

from .synthetic import ABOUT, reach

SETTINGS = ActorSettings(steps=40, batch=32, hidden=32, layers=2, report_every=10)


def main(folder: Path) -> None:
    """Train on what every process has alike, and write checkpoint and losses under the number of the process."""
    episodes = [reach(goal) for goal in np.linspace(-0.3, 0.3, 8)]
    use = [np.ones(len(episode), bool) for episode in episodes]
    good = [flag & (episode.scene[0, 0] > 0) for episode, flag in zip(episodes, use, strict=True)]
    losses: list[float] = []
    # Two runs in one process group, as a round has a critic and an actor.
    for name in ("first", "second"):
        made = train_actor(
            episodes, Supervision(use, good), ABOUT, SETTINGS, progress=lambda step, steps, loss: losses.append(loss)
        )
        save_checkpoint(folder / f"{name}-{training_place().rank}.safetensors", made)
    (folder / f"losses-{training_place().rank}.json").write_text(json.dumps(losses))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
