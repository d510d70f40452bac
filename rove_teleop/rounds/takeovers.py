"""Interventions that correct the policy, with the t_r to use; found once per episode and edit, then remembered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..episodes.durability import write_durable_json
from ..episodes.edit.interventions import Intervention
from ..episodes.read import Episode
from ..failure.boundary import BoundarySettings
from ..labelling.boundaries import boundaries, robot_of
from ..labelling.hand_points import HandPoints
from ..types import Phase


@dataclass(frozen=True, slots=True)
class Takeover:
    """Rows of an intervention; ``t_r_row`` is the one to use, ``source`` where it is from (`boundaries.Boundary`)."""

    rows: Intervention
    t_r_row: int
    source: str


class Takeovers:
    """The takeovers of a dataset's episodes. Proposals take a third of a second each, so they are kept in ``cache/``.

    A dataset that cannot be written is read without a cache, and a damaged cache is made anew.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._path = root / "cache" / "t_r.json"
        self._known = _read(self._path)
        self._hands: dict[str, HandPoints] = {}
        self._changed = False

    def of(self, episode: Episode, edits_key: str) -> list[Takeover]:
        """Every intervention of an episode that follows the policy.

        Raises:
            UsageError: the episode's robot is not known here, or has other joints.
        """
        if not np.isin(episode["control/phase"], (Phase.ADAPTATION, Phase.RECOVERY)).any() and not edits_key:
            return []
        key = f"{episode.attributes['attributes_crc32c']} {edits_key}"
        known = self._known.get(episode.id)
        if known is None or known[0] != key:
            hands = self._hands_of(episode)
            rows = [(*item.rows, item.t_r_row, item.source) for item in boundaries(self.root, episode, hands)]
            known = self._known[episode.id] = [key, rows]
            self._changed = True
        return [Takeover(Intervention(*row[:3]), row[3], row[4]) for row in known[1]]

    def save(self) -> None:
        """Remember what was found, where the dataset can be written."""
        if not self._changed:
            return
        try:
            self._path.parent.mkdir(exist_ok=True)
            write_durable_json(self._path, {"made_by": _MADE_BY, "episodes": self._known})
        except OSError:
            return
        self._changed = False

    def _hands_of(self, episode: Episode) -> HandPoints:
        """One model per robot."""
        robot = robot_of(episode)
        if robot.name not in self._hands:
            self._hands[robot.name] = HandPoints(robot)
        return self._hands[robot.name]


def used_phase(phase: NDArray[np.uint8], found: list[Takeover]) -> NDArray[np.uint8]:
    """(ticks,) the phases with every t_r where it is to be used."""
    used = phase.copy()
    for item in found:
        used[item.rows.from_row : item.t_r_row] = Phase.ADAPTATION
        used[item.t_r_row : item.rows.to_row] = Phase.RECOVERY
    return used


_MADE_BY = f"{__version__} {BoundarySettings()}"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, Mapping) or content.get("made_by") != _MADE_BY:
        return {}
    episodes = content.get("episodes")
    return {key: value for key, value in episodes.items() if _whole(value)} if isinstance(episodes, Mapping) else {}


def _whole(value: Any) -> bool:
    """[key, [[from_row, recorded t_r_row, to_row, t_r_row, source], ...]]"""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[1], list)
        and all(isinstance(row, list) and [type(part) for part in row] == [int] * 4 + [str] for row in value[1])
    )
