"""`rove loop` with networks that are trained in a moment; a program of its own, so that it can be killed."""

from __future__ import annotations

import sys
from dataclasses import replace

from rove_teleop.cli import main
from rove_teleop.training.presets import PRESETS


def add_tiny() -> None:
    """What is trained is of no use; everything around it is as always."""
    paper = PRESETS["paper"]
    PRESETS["tiny"] = replace(
        paper,
        name="tiny",
        critic=replace(paper.critic, pretrain_steps=20, steps=40, hidden=16, batch=32),
        actor=replace(paper.actor, steps=40, hidden=32, layers=2, batch=32),
        base=replace(paper.base, steps=30, hidden=32, layers=2, batch=32),
    )


if __name__ == "__main__":
    add_tiny()
    sys.exit(main(sys.argv[1:]))
