"""Candidates of the lab: paths, and handovers at other moments, by name, from a YAML file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import load_yaml
from ..control.motion_path import OPERATOR
from ..control.path_config import PathConfig, read_path_config
from ..errors import ConfigInvalid
from .replay import Recorded

LIVE = "live"
"""The name of what was live; always the first candidate."""
LONGEST_SHIFT_S = 5.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path, and by how much every takeover is moved (later when positive)."""

    name: str
    path: PathConfig
    shift_s: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return {"path": self.path.as_dict(), "shift_s": self.shift_s}


def load_candidates(file: Path) -> list[Candidate]:
    """``candidates:`` maps names to the keys of a path, and ``shift_s`` [s].

    Raises:
        ConfigInvalid: the message starts with ``file:line:``.
    """
    root = load_yaml(file)
    section = root.section("candidates")
    root.done()
    found = []
    for name in section.keys():
        if name == LIVE:
            raise section.error(name, "is the name of what was live; choose another")
        inner = section.section(name)
        shift_s = inner.number("shift_s", -LONGEST_SHIFT_S, LONGEST_SHIFT_S) if "shift_s" in inner else 0.0
        found.append(Candidate(name, read_path_config(inner), shift_s))
        inner.done()
    if not found:
        raise ConfigInvalid(f"{file}:{section.line}: 'candidates' names none")
    return found


def shifted(inputs: Recorded, shift_s: float, dt_s: float) -> Recorded:
    """Every takeover ``shift_s`` later (or earlier).

    Whoever drove before the takeover goes on until then, or nobody. A takeover moves at most as far as the segment
    of the driver before it and its own go.
    """
    ticks = round(shift_s / dt_s)
    if ticks == 0:
        return inputs
    wanted = inputs.wanted.copy()
    for i in range(wanted.shape[1]):
        _shift_joint(wanted[:, i], ticks)
    return replace(inputs, wanted=wanted, flaw="takeovers were moved")


def _shift_joint(driver: NDArray[np.int64], ticks: int) -> None:
    changes = (np.flatnonzero(np.diff(driver)) + 1).tolist()
    edges = [0, *changes, len(driver)]
    was = driver.copy()
    for k, begin in enumerate(changes, start=1):
        if was[begin] != OPERATOR:
            continue
        if ticks > 0:
            driver[begin : min(begin + ticks, edges[k + 1] - 1)] = was[begin - 1]
        else:
            driver[max(begin + ticks, edges[k - 1] + 1) : begin] = OPERATOR
