"""Promises about events: they tell every change, every change was asked for, and their figures follow from the rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from .invariants_control import AUTOMATIC, OPERATOR
from .log import Log, read_object, rows_where

SPEAKS_JSON = ("handover", "disagreement", "limits")

# Written down apart from the table that control runs by, as a person would: what may follow what.
FOLLOWING = {
    "idle": {"autonomous"},
    "autonomous": {"paused", "adaptation", "done", "hold", "fault"},
    "paused": {"adaptation", "returning", "rewinding", "done", "hold", "fault"},
    "adaptation": {"recovery", "paused", "returning", "done", "hold", "fault"},
    "recovery": {"paused", "returning", "done", "hold", "fault"},
    "returning": {"autonomous", "paused", "adaptation", "done", "hold", "fault"},
    "rewinding": {"paused", "done", "hold", "fault"},
    "hold": {"paused", "adaptation", "returning", "rewinding", "done", "fault"},
    "fault": {"hold", "done"},
    "done": {"autonomous", "fault"},
}


def events_are_readable(log: Log) -> list[str]:
    """Every event has a kind and a time, and those that speak JSON do."""
    for k, event in enumerate(log.events):
        if not event.kind or not math.isfinite(event.time_s):
            return [f"event {k} has no kind or no time"]
        if event.kind in SPEAKS_JSON and read_object(event.detail) is None:
            return [f"event {k} of kind '{event.kind}' is not JSON"]
    return []


def speed_only_goes_down(log: Log) -> list[str]:
    """The share of the velocity limits is above 0, at most 1, and is not raised in an episode."""
    if not (log.has_states and len(log.tick)):
        return []
    share, (begin_s, end_s) = math.inf, log.control("stamp_s")[[0, -1]]
    for time_s, said in log.told("limits"):
        told = said.get("speed_scale", 1.0)
        if not (isinstance(told, int | float) and 0.0 < told <= 1.0):
            return [f"an event sets the speed to {told}"]
        if begin_s < time_s <= end_s and told > share and "speed_scale" in said:
            return [f"an event raises the speed to {told:g}, after {share:g}"]
        share = float(told) if "speed_scale" in said else share
    return []


def scorecards_are_of_switches(log: Log) -> list[str]:
    """A handover's scorecard is about a tick in which somebody took joints."""
    if not (log.has_states and log.whole):
        return []
    stamp_s = log.control("stamp_s")
    for _, card in log.told("handover"):
        row = int(np.searchsorted(stamp_s, float(card.get("time_s", math.nan))))
        if row >= len(stamp_s) or stamp_s[row] != card["time_s"]:
            return [f"a scorecard is about {card.get('time_s')} s, at which there was no tick"]
        if not np.any(log.control("driver")[row]):
            return [f"a scorecard is about row {row}, in which nobody drives"]
    return []


def changes_follow_the_table(log: Log) -> list[str]:
    """No event says that a state followed one that it cannot follow; FAULT ends by an acknowledgement only."""
    if not log.has_states:
        return []
    problems = []
    for change in log.changes:
        if change.after not in FOLLOWING.get(change.before, ()):
            problems.append(f"'{change.before} -> {change.after}' is no change that control knows")
        if change.before == "fault" and change.after == "hold" and "acknowledged" not in change.why:
            problems.append("a fault ended without an acknowledgement")
    for one, two in itertools.pairwise(log.changes):
        if log.whole and one.after != two.before:
            problems.append(f"after '{one.before} -> {one.after}' comes '{two.before} -> {two.after}'")
    return problems[:3]


def changes_are_told(log: Log) -> list[str]:
    """The state of every row is the one that the last event before it led to: nothing changes by itself."""
    if not (log.has_states and log.whole and log.changes):
        return []
    known, state = list(log.attributes["state_names"]), log.control("state")
    # A state without a name is told of by another check.
    after = np.array([known.index(c.after) if c.after in known else -1 for c in log.changes])
    times_s, stamp_s = [c.time_s for c in log.changes], log.control("stamp_s")
    first, last = (np.searchsorted(times_s, stamp_s, side) - 1 for side in _SIDES)
    wrong = (last >= 0) & (after[np.maximum(last, 0)] != state)
    # A change may bear a tick's own stamp and come after it: then what was before, or between, is right as well.
    for row in np.flatnonzero(wrong & (first < last)).tolist():
        wrong[row] = first[row] >= 0 and state[row] not in after[first[row] : last[row] + 1]
    return rows_where(wrong, "control/state is not the one that the events led to")


_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


def takeover_as_agreed(log: Log) -> list[str]:
    """Only mode ``blend`` takes over from a moving policy."""
    if not log.has_states or log.attributes["takeover_mode"] not in ("aligned", "anchored"):
        return []
    wrong = [c for c in log.changes if c.before in AUTOMATIC and c.after == "adaptation"]
    mode = log.attributes["takeover_mode"]
    return [f"takeover mode '{mode}', but the operator took over from '{wrong[0].before}'"] if wrong else []


def outcome_as_told(log: Log) -> list[str]:
    """The outcome is the one that the episode was ended with."""
    words = {"success": "success", "failure": "failure", "the episode was discarded": "discarded"}
    for change in log.changes[-1:]:
        if change.after != "done":
            continue
        told = next((word for part, word in words.items() if change.why.endswith(part)), None)
        recorded = log.attributes.get("outcome")
        if told is not None and recorded != "unknown" and recorded != told:
            return [f"the episode was ended with '{told}', but its outcome is '{recorded}'"]
    return []


def disagreement_as_recorded(log: Log) -> list[str]:
    """What an event says of the policy's disagreement follows from the rows of that intervention."""
    if not (log.has_states and log.whole):
        return []
    stamp_s = log.control("stamp_s")
    for time_s, said in log.told("disagreement"):
        taken = [c.time_s for c in log.changes if c.after == "adaptation" and c.time_s < time_s]
        start, end = (int(row) for row in np.searchsorted(stamp_s, (taken[-1] if taken else stamp_s[0], time_s)))
        # A stop may be noticed at the end of a tick that still counts.
        problems = [_disagreement(log, slice(start, last), said.get("rms_rad", {})) for last in (end, end + 1)]
        if all(problems):
            return problems[0]
    return []


def _disagreement(log: Log, rows: slice, said: Mapping[str, float]) -> list[str]:
    apart = log.control("q_policy_rad")[rows] - log.control("q_operator_rad")[rows]
    for k, (name, joints) in enumerate(zip(log.attributes["groups"], log.group_joints, strict=True)):
        mine = apart[:, joints][log.control("driver")[rows, k] == OPERATOR]
        mine = mine[np.isfinite(mine)]
        rms_rad = float(np.sqrt(np.mean(mine**2))) if len(mine) else math.nan
        told = said.get(name, math.nan)
        if not (math.isnan(told) and math.isnan(rms_rad)) and not abs(told - rms_rad) <= 1e-6 + 1e-6 * rms_rad:
            return [f"an event says that policy and person differed in {name} by {told:g} rad, the rows {rms_rad:g}"]
    return []
