"""How good was a handover: what it asked of the robot, how long it took, one score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..types import Array, Reason

LIMITED = int(Reason.LIMITED_VELOCITY | Reason.LIMITED_ACCELERATION | Reason.LIMITED_JERK | Reason.BRAKING_FOR_POSITION)
# The meter looks on after the blend: a bad handover often shows itself a moment later.
AFTERMATH_S = 0.5


@dataclass(frozen=True)
class Scorecard:
    """One handover. Ratios are the largest over joints and ticks, of the limit (1 = at the limit)."""

    kind: str
    time_s: float
    mismatch_rad: Mapping[str, float]
    direct_step_rad: float
    peak_command_step_rad: float
    peak_velocity_ratio: float
    peak_acceleration_ratio: float
    peak_jerk_ratio: float
    time_to_authority_s: float
    paused_s: float
    fraction_limited: float
    source_age_s: float
    score: float = field(default=0.0)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class HandoverMeter:
    """Collects one handover tick by tick; ``update`` returns the scorecard once it is complete."""

    def __init__(
        self, groups: Mapping[str, NDArray[np.int64]], limits: tuple[Array, Array, Array], dt_s: float
    ) -> None:
        self._groups, self._limits, self._dt_s = groups, limits, dt_s
        self._kind: str | None = None

    @property
    def watching(self) -> bool:
        """Whether a handover is under way."""
        return self._kind is not None

    def start(self, kind: str, now_s: float, mismatch_rad: Array, paused_s: float, source_age_s: float) -> None:
        """A handover begins: ``mismatch_rad`` (n,) is what a direct switch would command in its first tick."""
        self._kind, self._started_s, self._paused_s, self._age_s = kind, now_s, paused_s, source_age_s
        self._mismatch = np.abs(mismatch_rad)
        self._peaks = np.zeros(4)
        self._ticks, self._limited = 0, 0
        self._authority_s: float | None = None
        self._last_a: Array | None = None

    def abandon(self) -> None:
        """The handover was cut short (pause, stop, end of episode): no card is better than half a card."""
        self._kind = None

    def update(self, now_s: float, v: Array, a: Array, reason: NDArray[np.uint32], finished: bool) -> Scorecard | None:
        """One tick of what was sent: velocity, acceleration (n,), reason bits; ``finished`` when the blend is over."""
        if self._kind is None:
            return None
        v_max, a_max, j_max = self._limits
        jerk = np.zeros_like(a) if self._last_a is None else (a - self._last_a) / self._dt_s
        self._last_a = a.copy()
        now = [np.abs(v) * self._dt_s, np.abs(v) / v_max, np.abs(a) / a_max, np.abs(jerk) / j_max]
        self._peaks = np.maximum(self._peaks, [float(np.max(x)) for x in now])
        self._ticks += 1
        self._limited += int(np.any(reason & LIMITED))
        if finished and self._authority_s is None:
            self._authority_s = now_s - self._started_s
        if self._authority_s is None or now_s - self._started_s < self._authority_s + AFTERMATH_S:
            return None
        return self._card(self._kind, self._authority_s)

    def _card(self, kind: str, authority_s: float) -> Scorecard:
        self._kind = None
        step, velocity, acceleration, jerk = (float(x) for x in self._peaks)
        limited = self._limited / self._ticks
        return Scorecard(
            kind=kind,
            time_s=self._started_s,
            mismatch_rad={name: float(self._mismatch[index].max()) for name, index in self._groups.items()},
            direct_step_rad=float(self._mismatch.max()),
            peak_command_step_rad=step,
            peak_velocity_ratio=velocity,
            peak_acceleration_ratio=acceleration,
            peak_jerk_ratio=jerk,
            time_to_authority_s=authority_s,
            paused_s=self._paused_s,
            fraction_limited=limited,
            source_age_s=self._age_s,
            score=score(limited, acceleration, authority_s),
        )


def score(fraction_limited: float, peak_acceleration_ratio: float, time_to_authority_s: float) -> float:
    """0 to 100: half for staying off the limits, 30 % for gentleness, 20 % for a quick transfer (e-fold 2 s)."""
    gentle = 1.0 - min(1.0, peak_acceleration_ratio)
    quick = math.exp(-time_to_authority_s / 2.0)
    return round(100.0 * (0.5 * (1.0 - fraction_limited) + 0.3 * gentle + 0.2 * quick), 1)
