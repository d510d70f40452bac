"""ROVE (arXiv 2606.17011): an optimistic critic judges everybody alike, and the actor sees good and bad with a tag.

The critic's value is the expectile of bootstrapped returns (OVE). A chunk is positive where its advantage exceeds the
threshold, strictly: demonstrations, the policy's own steps, adaptation and recovery are judged the same way and nobody
is right by office. All chunks are trained; decoding goes from the negative tag towards the positive one, and beyond.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...types import Array
from ..critic import CriticSettings
from ..steps import EpisodeSteps
from ..supervision import LabelSettings, Supervision, conditioned, judge

CRITIC = CriticSettings(kind="ove")
BETA = 2.0


def supervise(episodes: Sequence[EpisodeSteps], values: Sequence[Array] | None, settings: LabelSettings) -> Supervision:
    """Tag every chunk that has an advantage: positive above the threshold, negative otherwise."""
    advantage, above = judge(episodes, values, settings)
    return conditioned([np.isfinite(known) for known in advantage], above, settings)
