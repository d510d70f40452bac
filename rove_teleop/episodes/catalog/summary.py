"""One episode in short: what it says of itself, who drove when, what happened, and what people said since."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...types import Phase
from ..edit.interventions import interventions
from ..edit.overlay import Labels
from ..read import Episode


@dataclass(frozen=True, slots=True)
class Span:
    """A phase without a break, in seconds from the first row; it ends where the next row is of another phase."""

    phase: str
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class HumanSpan:
    """A person drove: ``t_r_s`` is where adaptation ends and recovery begins."""

    from_s: float
    t_r_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Times are seconds from the first row."""

    id: str
    path: str
    attributes: dict[str, Any]
    revision: int
    outcome: str
    split: str
    notes: tuple[str, ...]
    excluded_s: float
    phases: tuple[Span, ...]
    interventions: tuple[HumanSpan, ...]
    events: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def summarise(episode: Episode, labels: Labels) -> Summary:
    """``labels`` are the ones to tell of, as ``overlay.read_labels`` gives them."""
    time_s = seconds_from_start(episode)
    edges_s = np.append(time_s, time_s[-1] + 1.0 / float(episode.attributes["control_hz"])) if len(time_s) else time_s
    begun_s = float(episode["control/stamp_s"][0]) if len(time_s) else 0.0
    return Summary(
        id=episode.id,
        path=str(episode.path),
        attributes=episode.attributes,
        revision=labels.revision,
        outcome=labels.outcome,
        split=labels.split,
        notes=labels.notes,
        excluded_s=float(np.sum(np.diff(edges_s)[labels.excluded])),
        phases=tuple(
            Span(phase_name(labels.phase[a]), float(edges_s[a]), float(edges_s[b])) for a, b in runs(labels.phase)
        ),
        interventions=tuple(
            HumanSpan(*(float(edges_s[row]) for row in intervention)) for intervention in interventions(labels.phase)
        ),
        events=tuple(
            {"time_s": event.time_s - begun_s, "kind": event.kind, "detail": event.detail} for event in episode.events()
        ),
    )


def seconds_from_start(episode: Episode) -> NDArray[np.float64]:
    """``control/stamp_s`` (ticks,) from its first row."""
    stamp_s = np.array(episode["control/stamp_s"], dtype=np.float64)
    return stamp_s - stamp_s[0] if len(stamp_s) else stamp_s


def runs(values: NDArray[Any]) -> list[tuple[int, int]]:
    """Rows ``[from, to)`` in which ``values`` (ticks,) stays the same."""
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [(a, b) for a, b in itertools.pairwise(edges) if a < b]


def phase_name(value: int) -> str:
    """The word for a number of ``control/phase``; one that is unknown is unlabelled."""
    return (Phase(value) if value in set(Phase) else Phase.UNLABELLED).name.lower()
