"""What detectors said in recorded sessions, apart for each calibration that watched: thresholds are not comparable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..episodes.read import Episode
from ..failure.calibration import load_calibration
from ..failure.figures import Figures, Judged, figures
from .episodes import logged_opinions
from .files import FOLDER, SHIPPED, file_hash
from .report import Report, allowed_false_alarms, plain


@dataclass(frozen=True)
class Watched:
    """Episodes that one calibration watched: its hash (empty: none did), its file and its promise where it is there."""

    calibration: str
    episodes: int
    failures: int
    figures: tuple[Figures, ...]
    path: Path | None = None
    promise: Report | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values; what cannot be said is null."""
        told = {"episodes": self.episodes, "failures": self.failures, "detectors": [plain(f) for f in self.figures]}
        head = {"calibration": self.calibration or None, "file": str(self.path) if self.path else None}
        return {**head, **(self.promise.to_json() if self.promise else told)}


def watched(root: Path, found: Sequence[tuple[Episode, str]], given: Path | None = None) -> list[Watched]:
    """Figures of what was logged in ``found`` (`judged_episodes` of the dataset ``root``), one per calibration.

    ``given`` is a calibration that lies neither in the dataset nor beside a policy.
    """
    said: dict[str, list[dict[str, Judged]]] = {}
    for episode, outcome in found:
        opinions = logged_opinions(episode, outcome)
        if opinions:
            said.setdefault(_watched_by(episode), []).append(opinions)
    files = _calibrations(root, [episode for episode, _ in found], given)
    return [_judged(key, items, files.get(key)) for key, items in sorted(said.items())]


def _judged(key: str, said: Sequence[dict[str, Judged]], path: Path | None) -> Watched:
    names = sorted({name for item in said for name in item})
    rows = tuple(figures(name, [item[name] for item in said if name in item]) for name in names)
    failures = sum(next(iter(item.values())).failed for item in said)
    if path is None:
        return Watched(key, len(said), failures, rows)
    rule = load_calibration(path)
    decisive = next((row for row in rows if row.detector == rule.decides), None)
    if decisive is None:
        return Watched(key, len(said), failures, rows, path)
    allowed = allowed_false_alarms(rule.alpha, rule.successes, decisive.false_alarms.total)
    promise = Report(len(said), failures, rule.alpha, rule.decides, rows, allowed)
    return Watched(key, len(said), failures, rows, path, promise)


def _watched_by(episode: Episode) -> str:
    return str(episode.attributes.get("config_hashes", {}).get("failure", ""))


def _calibrations(root: Path, episodes: Iterable[Episode], given: Path | None) -> dict[str, Path]:
    """Calibration files by their hash: where sessions look for them, and the one that was named."""
    policies = {Path(str(episode.attributes["policy_id"])) for episode in episodes}
    folders = [SHIPPED, *sorted(path.parent for path in policies if path.is_file()), root]
    paths = [path for folder in folders for path in sorted((folder / FOLDER).glob("*.json"))]
    return {file_hash(path): path for path in [*paths, *([given] if given else [])]}
