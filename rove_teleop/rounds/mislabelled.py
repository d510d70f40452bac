"""Labels that contradict what was recorded, in one phrase: an episode with one is left out, never used as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..episodes.edit.interventions import interventions
from ..types import Authority, Phase
from .takeovers import Takeover

TOLERATED_TICKS = 5
"""Phase and authority may differ so long around a switch: the state changes first, then somebody is heard."""


def contradiction(phase: NDArray[np.uint8], authority: NDArray[np.uint8]) -> str | None:
    """What of the phases (ticks,) cannot be true, given who computed the commands (ticks,); None when all may be."""
    for number, run in enumerate(interventions(phase), start=1):
        if not (authority[run.from_row : run.to_row] == Authority.HUMAN).any():
            return f"intervention {number} is labelled as a person's, but no person drove in it"
    autonomous = phase == Phase.AUTONOMOUS
    personal = (phase == Phase.ADAPTATION) | (phase == Phase.RECOVERY)
    wrong = int((autonomous & (authority == Authority.HUMAN)).sum())
    if wrong > TOLERATED_TICKS:
        return f"{wrong} ticks are labelled autonomous while a person drove"
    wrong = int((personal & (authority == Authority.POLICY)).sum())
    if wrong > TOLERATED_TICKS:
        return f"{wrong} ticks are labelled as a person's while the policy drove"
    return None


def unconfirmed(phase: NDArray[np.uint8], found: Sequence[Takeover]) -> str | None:
    """An intervention without adaptation is only believed when a person said so afterwards: its t_r is where it began.

    ``found`` are those that follow the policy; None when all are to be believed.
    """
    for number, item in enumerate(found, start=1):
        adapts = (phase[item.rows.from_row : item.rows.to_row] == Phase.ADAPTATION).any()
        if not adapts and item.source != "confirmed":
            return f"intervention {number} is recovery from its first tick, and nobody confirmed that"
    return None
