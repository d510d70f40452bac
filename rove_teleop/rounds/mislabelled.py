"""Labels that contradict what was recorded, in one phrase: an episode with one is left out, never used as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..episodes.edit.edits import RecoveryEdit
from ..episodes.edit.interventions import interventions
from ..episodes.edit.overlay import withdrawn_revisions
from ..episodes.edit.overlay_files import read_revisions
from ..episodes.read import Episode
from ..types import Authority, Phase
from .takeovers import Takeover

TOLERATED_TICKS = 5
"""Phase and authority may differ so long around a switch: the state changes first, then somebody is heard."""


def mislabelled(phase: NDArray[np.uint8], authority: NDArray[np.uint8], found: Sequence[Takeover]) -> str | None:
    """What of the phases (ticks,) cannot be true, given who computed the commands (ticks,); None when all may be.

    ``found`` are the interventions that follow the policy. One without adaptation is only believed when a person said
    so afterwards.
    """
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
    for number, item in enumerate(found, start=1):
        adapts = (phase[item.rows.from_row : item.rows.to_row] == Phase.ADAPTATION).any()
        if not adapts and item.source != "confirmed":
            return f"intervention {number} is recovery from its first tick, and nobody confirmed that"
    return None


def wrong_edit(root: Path, episode: Episode) -> str | None:
    """The first edit that still counts and says a t_r outside of the intervention it names; None when there is none."""
    revisions = read_revisions(root, episode)
    withdrawn = withdrawn_revisions(revisions)
    for revision in revisions:
        for edit in revision.edits if revision.number not in withdrawn else ():
            if isinstance(edit, RecoveryEdit) and not edit.from_row <= edit.t_r_row <= edit.to_row:
                return f"t_r of revision {revision.number} lies outside of its intervention"
    return None
