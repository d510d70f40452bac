"""Every candidate on every case: runs, scores, and which of them are worth having."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import __version__
from ..control.motion_path import OPERATOR, PathLog
from .candidates import LIVE, Candidate, shifted
from .cases import Case
from .pareto import pareto_front
from .scores import Scores, pooled, score

Progress = Callable[[int, int, str], None]
"""Called with the runs done, the runs in all, and the candidate."""
FRONT_AXES = ("lag_s", "jerk_rms_share", "aligned_error_rad")
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Run:
    """One candidate: its scores per case, pooled, and whether no other beats it in all of ``FRONT_AXES``."""

    candidate: Candidate
    by_case: tuple[Scores, ...]
    total: Scores
    on_front: bool


@dataclass(frozen=True, slots=True)
class LabResult:
    """``verdicts``: per case, whether the live path gave what was recorded; ``duration_s``: of all runs together."""

    cases: tuple[Case, ...]
    verdicts: tuple[str, ...]
    runs: tuple[Run, ...]
    duration_s: float


def run_lab(cases: Sequence[Case], candidates: Sequence[Candidate], progress: Progress | None = None) -> LabResult:
    """Score the live path of each case, and every candidate."""
    rows: list[list[Scores]] = []
    verdicts: list[str] = []
    named: list[Candidate | None] = [None, *candidates]
    for k, candidate in enumerate(named):
        scores = []
        for n, case in enumerate(cases):
            scores.append(_scored(case, candidate, verdicts))
            if progress is not None:
                progress(k * len(cases) + n + 1, len(named) * len(cases), candidate.name if candidate else LIVE)
        rows.append(scores)
    totals = [pooled(scores) for scores in rows]
    front = pareto_front(np.array([front_point(total) for total in totals]))
    everyone = [Candidate(LIVE, cases[0].live), *candidates]
    runs = [
        Run(candidate, tuple(scores), total, bool(on))
        for candidate, scores, total, on in zip(everyone, rows, totals, front, strict=True)
    ]
    return LabResult(tuple(cases), tuple(verdicts), tuple(runs), len(named) * sum(case.duration_s for case in cases))


def _scored(case: Case, candidate: Candidate | None, verdicts: list[str]) -> Scores:
    """A candidate on a case; None is what was live, whose verdict is added."""
    if candidate is None:
        log = case.run(case.live)
        verdicts.append(case.verdict(log))
        return score(case, case.inputs, log)
    inputs = shifted(case.inputs, candidate.shift_s, case.limits.dt_s)
    return score(case, inputs, case.run(candidate.path, inputs))


def front_point(scores: Scores) -> tuple[float, float, float]:
    """The compromise of a run: lag, jerk, error with the lag taken out."""
    return scores.follows.lag_s, scores.jerk_rms_share, scores.follows.aligned_error_rad


def first_takeover(cases: Sequence[Case]) -> tuple[Case, int, int] | None:
    """A case, the tick of its first takeover and the joint whose target is furthest off there; None without any."""
    for case in cases:
        wanted = case.inputs.wanted
        takes = np.any((wanted[1:] == OPERATOR) & (wanted[:-1] != OPERATOR), axis=1)
        if np.any(takes):
            tick = int(np.flatnonzero(takes)[0]) + 1
            sent = case.run(case.live).q_sent_rad
            apart = np.abs(np.nan_to_num(case.inputs.q_operator_rad[tick] - sent[tick - 1]))
            return case, tick, int(np.argmax(np.where(wanted[tick] == OPERATOR, apart, 0.0)))
    return None


def overlay(case: Case, candidate: Candidate) -> PathLog:
    """What a candidate sends in a case, for plots."""
    path = case.live if candidate.name == LIVE else candidate.path
    return case.run(path, shifted(case.inputs, candidate.shift_s, case.limits.dt_s))


def as_dict(result: LabResult) -> dict[str, Any]:
    """Everything but the logs, as plain values that are the same on every run."""
    return {
        "format": "rove_teleop.filter_lab",
        "format_version": FORMAT_VERSION,
        "software_version": __version__,
        "sessions": [
            {
                "id": case.name,
                "sha256": case.digest,
                "robot": case.robot,
                "ticks": case.inputs.ticks,
                "duration_s": round(case.duration_s, 6),
                "live_path": case.live.as_dict(),
                "live_replay": verdict,
                "notes": list(case.notes),
            }
            for case, verdict in zip(result.cases, result.verdicts, strict=True)
        ],
        "front_axes": list(FRONT_AXES),
        "candidates": [
            {
                "name": run.candidate.name,
                **({} if run.candidate.name == LIVE else run.candidate.as_dict()),
                "on_front": run.on_front,
                "scores": run.total.as_dict(),
                "by_session": {
                    case.name: scores.as_dict() for case, scores in zip(result.cases, run.by_case, strict=True)
                },
            }
            for run in result.runs
        ],
    }
