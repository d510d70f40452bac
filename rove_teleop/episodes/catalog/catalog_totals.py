"""Sums over rows of the catalog."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..read import DatasetStatistics
from .catalog_row import CatalogRow


def totals(rows: Iterable[CatalogRow]) -> DatasetStatistics:
    """What the readable episodes come to; shares of phases are shares of time."""
    readable = [row for row in rows if not row.broken]
    seconds: Counter[str] = Counter()
    for row in readable:
        seconds.update(row.phase_s)
    total_s = sum(seconds.values())
    return DatasetStatistics(
        episodes=len(readable),
        outcomes=dict(Counter(row.outcome for row in readable)),
        statuses=dict(Counter(row.status for row in readable)),
        rows=sum(row.rows for row in readable),
        ticks_lost=sum(row.ticks_lost for row in readable),
        frames=sum(row.frames for row in readable),
        frames_lost=sum(row.frames_lost for row in readable),
        phase_share={name: value / total_s for name, value in seconds.items()},
    )


def breakdown(rows: Iterable[CatalogRow]) -> dict[str, Any]:
    """Counts by what people ask for, seconds per phase, and sums."""
    listed = list(rows)
    seconds: Counter[str] = Counter()
    for row in listed:
        seconds.update(row.phase_s)
    return {
        "tasks": dict(Counter(row.task for row in listed)),
        "operators": dict(Counter(row.operator for row in listed)),
        "policies": dict(Counter(row.policy_id for row in listed)),
        "splits": dict(Counter(row.split for row in listed if row.split)),
        "flags": dict(Counter(flag for row in listed for flag in row.flags)),
        "phase_s": dict(seconds),
        "duration_s": sum(row.duration_s for row in listed),
        "takeovers": sum(row.takeovers for row in listed),
        "alarms": sum(row.alarms for row in listed),
        "bytes": sum(row.size_bytes for row in listed),
    }
