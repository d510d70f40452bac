"""HG-DAgger (Kelly et al. 2019): demonstrations and every step a person drove, whether it helped or not."""

from __future__ import annotations

from collections.abc import Sequence

from ...types import Array, Phase
from ..steps import EpisodeSteps
from ..supervision import LabelSettings, Supervision, robot_steps

CRITIC = None
BETA = None


def supervise(episodes: Sequence[EpisodeSteps], values: Sequence[Array] | None, settings: LabelSettings) -> Supervision:
    """Imitate every step under human control, adaptation included; ``values`` and ``settings`` do not matter.

    The method trusts people from the moment they take over: that is what ROVE does not do.
    """
    return Supervision(
        [
            robot_steps(episode) & ((episode.kind == "demonstration") | (episode.source != Phase.AUTONOMOUS))
            for episode in episodes
        ]
    )
