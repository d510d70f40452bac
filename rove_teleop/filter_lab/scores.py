"""The scorecard of one run: lag, error, motion against the robot's limits, how often limited, every handover."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..command_filter.limits import Limits
from ..control.motion_path import NOBODY, OPERATOR, POLICY, PathLog
from ..handover.scorecard import AFTERMATH_S, LIMITED
from ..handover.scorecard import score as score_of
from ..types import Array, Reason
from .cases import Case
from .following import Following, asked, driven, following, together
from .replay import Recorded

LIMITS_MET = {
    "velocity": Reason.LIMITED_VELOCITY,
    "acceleration": Reason.LIMITED_ACCELERATION,
    "jerk": Reason.LIMITED_JERK,
    "position": Reason.BRAKING_FOR_POSITION,
}
CARD_KEYS = (
    "kind", "direct_step_rad", "peak_command_step_rad", "peak_velocity_ratio", "peak_acceleration_ratio",
    "peak_jerk_ratio", "time_to_authority_s", "fraction_limited", "score",
)  # fmt: skip

Motion = tuple[Array, Array, Array]


@dataclass(frozen=True, slots=True)
class Scores:
    """One run, or several pooled. Shares are of the robot's own limits; ``ticks`` are those in which somebody drove.

    ``limited`` is the share of these ticks in which any joint met the limit of that name.
    """

    ticks: int
    operator: Following
    policy: Following
    jerk_rms_rad_s3: float
    jerk_rms_share: float
    jerk_peak_share: float
    acceleration_rms_share: float
    acceleration_peak_share: float
    velocity_peak_share: float
    limited: dict[str, float]
    handovers: tuple[dict[str, Any], ...]

    @property
    def follows(self) -> Following:
        """How the operator is followed, or the policy where no person drove."""
        return self.operator if self.operator.samples else self.policy

    @property
    def time_to_authority_s(self) -> float:
        """Mean over takeovers and returns; NaN without any."""
        return _mean([card["time_to_authority_s"] for card in self.handovers])

    @property
    def handover_score(self) -> float:
        """Mean over takeovers and returns; NaN without any."""
        return _mean([card["score"] for card in self.handovers])

    def as_dict(self) -> dict[str, Any]:
        """Plain values; what is not known is None."""
        means = {"time_to_authority_s": self.time_to_authority_s, "handover_score": self.handover_score}
        plain: dict[str, Any] = _without_nan({**asdict(self), **means})
        return plain


def score(case: Case, inputs: Recorded, log: PathLog) -> Scores:
    """The scorecard of what ``inputs`` of ``case`` became, over the rows of the case that count."""
    rows, limits, dt = case.rows, case.limits, case.limits.dt_s
    target = asked(inputs, log, limits.q_min_rad, limits.q_max_rad)
    by_driver = []
    for who in (OPERATOR, POLICY):
        counts = driven(log.driver, who, dt)
        counts[: rows.start] = False
        by_driver.append(following(target, log.q_sent_rad, counts, dt))
    busy = np.any(log.driver != NOBODY, axis=1)
    busy[: rows.start] = False
    sent = derivatives(log.q_sent_rad, inputs, dt)
    motion = [np.abs(value[busy]) for value in sent]
    ticks = len(motion[0])
    v, a, j = (value / limit for value, limit in zip(motion, limits.dynamic, strict=True))
    return Scores(
        ticks=ticks,
        operator=by_driver[0],
        policy=by_driver[1],
        jerk_rms_rad_s3=_rms(motion[2]),
        jerk_rms_share=_rms(j),
        jerk_peak_share=float(np.max(j, initial=0.0)),
        acceleration_rms_share=_rms(a),
        acceleration_peak_share=float(np.max(a, initial=0.0)),
        velocity_peak_share=float(np.max(v, initial=0.0)),
        limited={name: _share(log.reason[busy], int(bit)) for name, bit in LIMITS_MET.items()},
        handovers=tuple(card for card in handovers(inputs, log, limits, sent) if card["tick"] >= rows.start),
    )


def derivatives(q_sent_rad: Array, inputs: Recorded, dt_s: float) -> Motion:
    """Velocity, acceleration, jerk (t, n) of what was sent, from each tick and those before it."""
    parts: list[list[Array]] = [[], [], []]
    ends = (*inputs.begins[1:], inputs.ticks)
    for begin, end, start in zip(inputs.begins, ends, inputs.q_start_rad, strict=True):
        path = np.vstack([start, start, start, q_sent_rad[begin:end]])
        for n, part in enumerate(parts, start=1):
            part.append(np.diff(path, n=n, axis=0)[3 - n :] / dt_s**n)
    v, a, j = (np.concatenate(part) for part in parts)
    return v, a, j


def handovers(inputs: Recorded, log: PathLog, limits: Limits, motion: Motion) -> list[dict[str, Any]]:
    """Every takeover and return, by the formulas of the control loop's meter; one that was cut short has no card.

    ``motion``: velocity, acceleration, jerk (t, n) of what was sent. A card has the tick at which it began and
    ``CARD_KEYS``; what only the live loop knows (how long the robot had been paused, how old its source was) is not.
    """
    driver = log.driver
    before = np.vstack([np.full(driver.shape[1], NOBODY), driver[:-1]])
    taken = np.flatnonzero(np.any((driver != before) & (driver != NOBODY), axis=1)).tolist()
    idle = np.all(driver == NOBODY, axis=1)
    settled = np.all(log.settled, axis=1)
    cards: list[dict[str, Any]] = []
    touched = False
    for tick, following_take in itertools.pairwise([*taken, inputs.ticks]):
        human = bool(np.any(driver[tick] == OPERATOR))
        touched = touched or human
        end = _end_of(tick, following_take, idle, settled, limits.dt_s)
        if touched and end is not None:
            card = _card(tick, end, inputs, log, limits, motion)
            cards.append({"tick": tick, "kind": "takeover" if human else "return", **card})
    return cards


def _end_of(
    tick: int, following_take: int, idle: NDArray[np.bool_], settled: NDArray[np.bool_], dt_s: float
) -> tuple[int, int] | None:
    """Ticks at which full authority was there and at which the meter stops; None when it was cut short."""
    there = np.flatnonzero(settled[tick:following_take])
    if len(there) == 0:
        return None
    authority = tick + int(there[0])
    last = authority + math.ceil(AFTERMATH_S / dt_s - 1e-6)
    cut_short = last >= following_take or bool(np.any(idle[tick : last + 1]))
    return None if cut_short else (authority, last)


def _card(
    tick: int, end: tuple[int, int], inputs: Recorded, log: PathLog, limits: Limits, motion: Motion
) -> dict[str, Any]:
    authority, last = end
    rows = slice(tick, last + 1)
    q_target = np.where(log.driver[tick] == OPERATOR, inputs.q_operator_rad[tick], inputs.q_policy_rad[tick])
    commanded = log.q_sent_rad[tick - 1] if tick else inputs.q_start_rad[0]
    v, a, j = (float(np.max(np.abs(x[rows]) / limit)) for x, limit in zip(motion, limits.dynamic, strict=True))
    if last > tick:
        j = float(np.max(np.abs(motion[2][tick + 1 : last + 1]) / limits.j_max_rad_s3))
    limited = float(np.mean(np.any(log.reason[rows] & LIMITED, axis=1)))
    authority_s = (authority - tick) * limits.dt_s
    return {
        "direct_step_rad": float(np.max(np.abs(np.nan_to_num(q_target - commanded)))),
        "peak_command_step_rad": float(np.max(np.abs(motion[0][rows]))) * limits.dt_s,
        "peak_velocity_ratio": v,
        "peak_acceleration_ratio": a,
        "peak_jerk_ratio": j,
        "time_to_authority_s": authority_s,
        "fraction_limited": limited,
        "score": score_of(limited, a, authority_s),
    }


def pooled(parts: Sequence[Scores]) -> Scores:
    """Several runs as one: by ticks, by squares, or the largest, as each figure is."""
    weights = np.array([part.ticks for part in parts], dtype=np.float64)
    total = max(float(weights.sum()), 1.0)

    def rms(name: str) -> float:
        return float(np.sqrt(sum(w * getattr(part, name) ** 2 for w, part in zip(weights, parts, strict=True)) / total))

    def mean(key: str) -> float:
        return float(sum(w * part.limited[key] for w, part in zip(weights, parts, strict=True)) / total)

    return Scores(
        ticks=int(weights.sum()),
        operator=together([part.operator for part in parts]),
        policy=together([part.policy for part in parts]),
        jerk_rms_rad_s3=rms("jerk_rms_rad_s3"),
        jerk_rms_share=rms("jerk_rms_share"),
        jerk_peak_share=max(part.jerk_peak_share for part in parts),
        acceleration_rms_share=rms("acceleration_rms_share"),
        acceleration_peak_share=max(part.acceleration_peak_share for part in parts),
        velocity_peak_share=max(part.velocity_peak_share for part in parts),
        limited={key: mean(key) for key in LIMITS_MET},
        handovers=tuple(card for part in parts for card in part.handovers),
    )


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values * values))) if values.size else 0.0


def _share(reason: np.ndarray, bit: int) -> float:
    return float(np.mean(np.any(reason & bit, axis=1))) if len(reason) else 0.0


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
