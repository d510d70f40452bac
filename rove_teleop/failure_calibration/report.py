"""Held-out episodes through calibrated detectors: what each is worth, and whether the promise was kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..failure.calibration import Calibration
from ..failure.conformal import Threshold, voted
from ..failure.detectors import build_detectors
from ..failure.figures import Figures, Judged, figures
from ..failure.replay import Track, replay
from ..failure.streams import Streams
from .calibrate import scores_of

NO_RULE = Threshold()


@dataclass(frozen=True)
class Report:
    """Figures by detector and combination; ``allowed`` is the range of false alarms that the promise allows here."""

    episodes: int
    failures: int
    alpha: float
    decides: str
    figures: tuple[Figures, ...]
    allowed: tuple[int, int]

    @property
    def kept(self) -> bool:
        """Whether the number of false alarms of what decides is one that the promise leads to, 19 times of 20."""
        decisive = next(item for item in self.figures if item.detector == self.decides)
        return self.allowed[0] <= decisive.false_alarms.count <= self.allowed[1]

    def to_json(self) -> dict[str, Any]:
        """Plain values; what cannot be said is null."""
        rows = [plain(item) for item in self.figures]
        head = {"episodes": self.episodes, "failures": self.failures, "alpha": self.alpha, "decides": self.decides}
        return {**head, "allowed_false_alarms": list(self.allowed), "promise_kept": self.kept, "detectors": rows}


def replayed(episodes: Sequence[Streams], calibration: Calibration) -> list[Track]:
    """What the calibration's detectors say of each episode; the same for any thresholds."""
    return [replay(item, build_detectors(calibration.tensors)) for item in episodes]


def report(episodes: Sequence[Streams], calibration: Calibration, tracks: Sequence[Track] | None = None) -> Report:
    """Judge ``episodes``, which the calibration must not have seen; ``tracks`` where they were `replayed` before."""
    tracks = replayed(episodes, calibration) if tracks is None else tracks
    names = [*tracks[0].names, *calibration.combinations]
    rows = tuple(figures(name, judge(episodes, tracks, name, calibration)) for name in names)
    failures = sum(_failed(item) for item in episodes)
    allowed = allowed_false_alarms(calibration.alpha, calibration.successes, len(episodes) - failures)
    return Report(len(episodes), failures, calibration.alpha, calibration.decides, rows, allowed)


def judge(
    episodes: Sequence[Streams], tracks: Sequence[Track], name: str, calibration: Calibration, until_s: float = math.inf
) -> list[Judged]:
    """One detector or combination over every episode, up to ``until_s`` after its beginning."""
    rule = calibration.thresholds.get(name, NO_RULE)
    judged = []
    for item, track in zip(episodes, tracks, strict=True):
        agreed = voted(rule.exceedance(track.stamp_s, scores_of(track, name, calibration.combinations)))
        agreed = agreed[track.stamp_s[1:] <= until_s]
        above = np.flatnonzero(agreed > rule.level)
        alarm_s = float(track.stamp_s[above[0] + 1]) if len(above) else math.nan
        highest = float(agreed.max()) if len(agreed) else -math.inf
        judged.append(Judged(_failed(item), item.duration_s, item.trigger_s, highest, alarm_s))
    return judged


def allowed_false_alarms(alpha: float, successes: int, judged: int) -> tuple[int, int]:
    """The 95 % interval of false alarms among ``judged`` successes when ``successes`` set the threshold for ``alpha``.

    Both samples are finite, so the number is beta-binomial.
    """
    from scipy.stats import betabinom

    rank = math.ceil((successes + 1) * (1.0 - alpha) - 1e-9)
    counts = betabinom(judged, successes + 1 - rank, rank)
    return int(counts.ppf(0.025)), int(counts.ppf(0.975))


def plain(item: Figures) -> dict[str, Any]:
    """For JSON; what cannot be said is null."""
    result: dict[str, Any] = _finite(asdict(item))
    return result


def _failed(item: Streams) -> bool:
    return not item.success or math.isfinite(item.trigger_s)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
