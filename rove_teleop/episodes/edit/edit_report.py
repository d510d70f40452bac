"""Revisions and labels for scripts and for people, times as seconds from the episode's start."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ...types import Phase
from ..read import Episode
from .edits import edit_json
from .interventions import interventions
from .overlay import Labels
from .overlay_files import Revision


def revision_json(revision: Revision) -> dict[str, Any]:
    """A revision as its file says it."""
    return {
        "revision": revision.number,
        "author": revision.author,
        "time_s": revision.time_s,
        "edits": [edit_json(edit) for edit in revision.edits],
    }


def labels_json(labels: Labels, episode: Episode) -> dict[str, Any]:
    """Labels without their arrays: what is said of the whole episode, and its interventions."""
    runs = [[_second(episode, row) for row in run] for run in interventions(labels.phase)]
    return {
        "outcome": labels.outcome,
        "split": labels.split,
        "interventions": [{"from_s": start, "t_r_s": t_r, "to_s": end} for start, t_r, end in runs],
        "excluded_ticks": int(labels.excluded.sum()),
        "notes": list(labels.notes),
    }


def changed(before: Labels, after: Labels, episode: Episode) -> list[str]:
    """What differs, one phrase each, ``before -> after``; empty where nothing does."""
    changes = []
    if before.outcome != after.outcome:
        changes.append(f"outcome {before.outcome} -> {after.outcome}")
    moved = before.phase != after.phase
    if moved.any():
        names = f"{_names(before.phase[moved])} -> {_names(after.phase[moved])}"
        changes.append(f"phase of {int(moved.sum())} ticks {names}")
    if before.t_r_s != after.t_r_s:
        changes.append(f"t_r {_t_r_words(before, episode)} -> {_t_r_words(after, episode)}")
    if before.split != after.split:
        changes.append(f"split {before.split or 'none'} -> {after.split or 'none'}")
    if (before.excluded != after.excluded).any():
        changes.append(f"excluded {int(before.excluded.sum())} -> {int(after.excluded.sum())} ticks")
    if before.notes != after.notes:
        changes.append(f"notes {len(before.notes)} -> {len(after.notes)}")
    return changes


def _t_r_words(labels: Labels, episode: Episode) -> str:
    times = [f"{run['t_r_s']:.3f} s" for run in labels_json(labels, episode)["interventions"]]
    return " ".join(times) or "none"


def _names(phases: NDArray[Any]) -> str:
    return "+".join(phase.name.lower() for phase in Phase if (phases == phase).any())


def _second(episode: Episode, row: int) -> float:
    stamp_s = episode["control/stamp_s"]
    return float(stamp_s[min(row, len(stamp_s) - 1)] - stamp_s[0])
