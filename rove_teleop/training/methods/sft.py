"""Supervised fine-tuning: demonstrations, every step the same, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from ...types import Array
from ..steps import EpisodeSteps
from ..supervision import LabelSettings, Supervision, robot_steps

CRITIC = None
BETA = None


def supervise(episodes: Sequence[EpisodeSteps], values: Sequence[Array] | None, settings: LabelSettings) -> Supervision:
    """Imitate what people demonstrated; ``values`` and ``settings`` do not matter."""
    return Supervision([robot_steps(episode) & (episode.kind == "demonstration") for episode in episodes])
