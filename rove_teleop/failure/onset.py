"""When a failure began that a person then stepped in for: a proposal from what detectors, or a critic, had said.

An alarm comes late by construction. The onset is where the score of the first detector to alarm last lay near its
resting level or, where a critic's value is known, where the value began to fall the most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..types import Array

RESTING = 0.1
"""A score below its resting level and this share of the way to the threshold says nothing yet."""
AHEAD_S = 0.8
LEAST_DROP = 0.02


class Scores(NamedTuple):
    """What one detector said: (k,) each."""

    stamp_s: Array
    score: Array
    threshold: Array


@dataclass(frozen=True, slots=True)
class OnsetProposal:
    """``onset_s`` on the clock of the scores; ``confidence`` in [0, 1]; ``reason`` in words."""

    onset_s: float
    confidence: float
    reason: str


def propose_onset(
    begin_s: float, stopped_s: float, detectors: Mapping[str, Scores], value: tuple[Array, Array] | None = None
) -> OnsetProposal:
    """Where, between ``begin_s`` and the moment a person ``stopped_s`` the policy, it began to fail.

    ``value`` is stamps (k,) and a critic's value (k,). Without anything to go by it is the moment of the stop, which
    is never too early, with confidence 0.
    """
    found = _from_value(begin_s, stopped_s, *value) if value is not None else None
    if found is not None:
        return found
    onsets = [_from_scores(name, begin_s, stopped_s, said) for name, said in detectors.items()]
    alarms = [item for item in onsets if item is not None]
    if not alarms:
        return OnsetProposal(stopped_s, 0.0, "no detector had an alarm before the person stopped the policy")
    _, first = min(alarms, key=lambda item: item[0])
    return first


def _from_value(begin_s: float, stopped_s: float, stamp_s: Array, value: Array) -> OnsetProposal | None:
    inside = (stamp_s >= begin_s) & (stamp_s <= stopped_s) & np.isfinite(value)
    stamp_s, value = stamp_s[inside], value[inside]
    if len(stamp_s) < 2:
        return None
    drop = value - np.interp(stamp_s + AHEAD_S, stamp_s, value)
    at = int(np.argmax(drop))
    if not (drop[at] >= LEAST_DROP):
        return None
    usual = float(np.median(np.abs(drop)))
    confidence = float(drop[at] / (drop[at] + usual))
    return OnsetProposal(float(stamp_s[at]), confidence, f"the value fell by {drop[at]:.2g} in {AHEAD_S:g} s")


def _from_scores(name: str, begin_s: float, stopped_s: float, said: Scores) -> tuple[float, OnsetProposal] | None:
    """When this detector had its first alarm, and what it proposes; None without an alarm."""
    inside = (said.stamp_s >= begin_s) & (said.stamp_s <= stopped_s) & np.isfinite(said.score)
    stamp_s, score, threshold = said.stamp_s[inside], said.score[inside], said.threshold[inside]
    alarms = np.flatnonzero(score >= threshold)
    if not len(alarms):
        return None
    alarm = int(alarms[0])
    resting = float(np.median(score[: alarm + 1]))
    quiet = score[:alarm] <= min(resting, threshold[alarm]) + RESTING * max(threshold[alarm] - resting, 0.0)
    last_quiet = int(np.flatnonzero(quiet)[-1]) if quiet.any() else 0
    # It stands out when the score rested well below the threshold.
    size = abs(float(threshold[alarm])) + abs(resting)
    confidence = float(np.clip((threshold[alarm] - resting) / size, 0.0, 1.0)) if size > 0.0 else 0.0
    rose = f", from {resting:.2g} before" if resting < threshold[alarm] else " and had mostly been above it"
    reason = f"'{name}' reached its threshold {threshold[alarm]:.2g}{rose}"
    return float(stamp_s[alarm]), OnsetProposal(float(stamp_s[last_quiet]), confidence, reason)
