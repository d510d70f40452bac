"""RECAP (pi*0.6, arXiv 2511.14759) as ROVE's paper compares it: a critic of returns, and people are right.

The same data, rewards, tags and decoding as ROVE; two things differ. The critic learns the distribution of Monte-Carlo
returns, without bootstrapping or optimism. What a person does after t_r is positive whatever the critic says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...types import Array, Phase
from ..critic import CriticSettings
from ..steps import EpisodeSteps
from ..supervision import Flags, LabelSettings, Supervision, conditioned, judge, robot_steps

CRITIC = CriticSettings(kind="distributional")
BETA = 2.0


def supervise(episodes: Sequence[EpisodeSteps], values: Sequence[Array] | None, settings: LabelSettings) -> Supervision:
    """Tag by the threshold, except that a person's recovery after a takeover is positive."""
    advantage, above = judge(episodes, values, settings)
    forced = [recovery(episode) for episode in episodes]
    use = [np.isfinite(known) | person for known, person in zip(advantage, forced, strict=True)]
    return conditioned(use, [good | person for good, person in zip(above, forced, strict=True)], settings)


def recovery(episode: EpisodeSteps) -> Flags:
    """(k,) a person drives after t_r, in an episode that the policy began."""
    recovers: Flags = robot_steps(episode) & (episode.source == Phase.RECOVERY) & (episode.kind == "intervention")
    return recovers
