"""When a person who took over had stopped adapting (t_r): a proposal from how their hands moved, with its curves.

People who take over first draw the hand back, hesitate and grope. What follows, the correction, is seen in a log as a
hand that sets out and keeps going. So t_r is proposed where the hands come nearly to rest, after the first movement,
and then travel straight for a while with the robot close behind. Where a critic's value is known, it must rise. A
proposal errs late: an early t_r teaches the adaptation as if it had been skill, a late one only wastes a little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from ..types import Array
from .hand_motion import HumanMotion, MotionCurves, motion_curves

_NEAR, _DEEPER = 0.8, 0.75
"""Where no rest meets the criteria, the last one that comes about as near as the best: late rather than early."""


@dataclass(frozen=True, slots=True)
class BoundarySettings:
    """What counts as settled. Lengths in metres, times in seconds.

    The hands are at rest where, smoothed by ``smoothing_s``, they are slower than ``rest_ratio`` of the movements
    before and after (a tremble of ``rest_m_s`` does not count). They have set out when they then, smoothed by
    ``travel_smoothing_s``, travel ``travel_m`` in ``ahead_s``, ``straight`` being the share of their path that brings
    them further, the robot within ``residual_m``. A deeper rest within ``again_s`` counts instead; ``margin_s`` is
    added.
    Tuned on simulated people, and judged on others, by benchmarks/failure/boundary.py.
    """

    smoothing_s: float = 0.05
    travel_smoothing_s: float = 0.1
    rest_ratio: float = 0.6
    rest_m_s: float = 0.004
    ahead_s: float = 0.8
    straight: float = 0.78
    travel_m: float = 0.016
    residual_m: float = 0.03
    again_s: float = 0.45
    margin_s: float = 0.26


@dataclass(frozen=True, slots=True)
class RecoveryProposal:
    """``t_r_s`` on the clock of the motion; ``confidence`` in [0, 1]; ``reason`` in words.

    Made from ``curves``; ``rests`` are the moments on their grid at which the hands nearly stopped.
    """

    t_r_s: float
    confidence: float
    reason: str
    curves: MotionCurves
    rests: NDArray[np.int64]


def propose_t_r(motion: HumanMotion, settings: BoundarySettings | None = None) -> RecoveryProposal:
    """The end of adaptation of one intervention.

    Raises:
        ValueError: the person said nowhere, or too shortly, where a hand should be.
    """
    chosen = settings or BoundarySettings()
    curves = motion_curves(motion, chosen.smoothing_s, chosen.travel_smoothing_s, chosen.ahead_s)
    rests = _rests(curves.speed_m_s, chosen)
    score = _scores(curves, rests, chosen)
    end_s = float(curves.stamp_s[-1])
    if not np.any(score > 0.0):
        return RecoveryProposal(end_s, 0.0, "at no rest between two movements anything spoke for t_r", curves, rests)
    settled = np.flatnonzero(score >= 1.0)
    nearest = np.flatnonzero(score >= _NEAR * np.max(score))
    number = _deepest(curves, rests, int(settled[0] if len(settled) else nearest[-1]), chosen.again_s)
    t_r_s = min(float(curves.stamp_s[rests[number]]) + chosen.margin_s, end_s)
    if not len(settled):
        return RecoveryProposal(
            t_r_s, 0.0, "the hands never set out and kept going: this rest comes nearest", curves, rests
        )
    # What was nearly taken instead, an earlier rest, is what can be wrong.
    first = int(settled[0])
    confidence = float(np.clip(score[first] - np.max(score[:first], initial=0.0), 0.0, 1.0))
    words = "the first rest" if number == 0 else f"{number} rests that led nowhere"
    reason = f"after {words} the hands set out, straight and far, with the robot close behind"
    return RecoveryProposal(t_r_s, confidence, reason, curves, rests)


def _rests(speed_m_s: Array, settings: BoundarySettings) -> NDArray[np.int64]:
    """Where the hands nearly stop between two movements."""
    depth = -np.log(speed_m_s + settings.rest_m_s)
    found, _ = find_peaks(depth, prominence=-np.log(settings.rest_ratio))
    return np.asarray(found, dtype=np.int64)


def _deepest(curves: MotionCurves, rests: NDArray[np.int64], number: int, again_s: float) -> int:
    """The rest ``number``, or a clearly deeper one that follows at once: a tremble while drawing back is no rest."""
    for later in range(number + 1, len(rests)):
        if curves.stamp_s[rests[later]] - curves.stamp_s[rests[number]] > again_s:
            break
        if curves.speed_m_s[rests[later]] < _DEEPER * curves.speed_m_s[rests[number]]:
            number = later
    return number


def _scores(curves: MotionCurves, rests: NDArray[np.int64], settings: BoundarySettings) -> Array:
    """Per rest: the weakest of the criteria, 1 where it is just met."""
    parts = [
        curves.straightness[rests] / settings.straight,
        curves.travel_m[rests] / settings.travel_m,
        settings.residual_m / np.maximum(curves.residual_m[rests], 1e-6),
        # Without a critic nothing is known of the value, and NaN stands for no objection.
        np.where(curves.value_rise[rests] <= 0.0, 0.0, np.inf),
    ]
    scores: Array = np.min(parts, axis=0)
    return scores
