"""What the catalog says of one episode: a flat row of what it recorded and of what people said since."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import RoveError
from ...types import Array, Phase
from ..edit.interventions import interventions
from ..edit.overlay import Labels, labels_key, read_labels
from ..read import Episode, open_named

HUMAN = (Phase.ADAPTATION, Phase.RECOVERY)
FLAGS = ("recovered", "lossy", "excluded", "broken")


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One episode. Outcome, phases, split and exclusions are those of the newest labels."""

    id: str
    task: str = ""
    instruction: str = ""
    outcome: str = "unknown"
    recorded_outcome: str = "unknown"
    operator: str = ""
    operator_device: str = ""
    policy_id: str = ""
    robot: str = ""
    protocol: str = ""
    takeover_mode: str = ""
    status: str = ""
    split: str = ""
    notes: str = ""
    begun_s: float = 0.0
    """Seconds since the epoch."""
    duration_s: float = 0.0
    rows: int = 0
    ticks_lost: int = 0
    frames: int = 0
    frames_lost: int = 0
    frames_missed: int = 0
    """Images that a camera should have sent, by its own stamps, and did not."""
    takeovers: int = 0
    """Unbroken runs of adaptation and recovery."""
    alarms: int = 0
    autonomous_s: float = 0.0
    adaptation_s: float = 0.0
    recovery_s: float = 0.0
    paused_s: float = 0.0
    rewind_s: float = 0.0
    unlabelled_s: float = 0.0
    human_share: float = 0.0
    """Share of the rows that are adaptation or recovery."""
    recovered: int = 0
    lossy: int = 0
    excluded: int = 0
    """1 where any tick is left out of training."""
    broken: int = 0
    problem: str = ""
    """Why the episode, or what people said of it, cannot be read."""
    revision: int = 0
    labels_key: str = ""
    size_bytes: int = 0
    attributes_crc32c: int = 0
    mark: str = ""
    """Of the folder; another one means that the episode was replaced."""
    overlay_mark: str = ""
    """Of what was said of it; another one means that there is more."""

    @property
    def phase_s(self) -> dict[str, float]:
        """Seconds per phase, without those that do not occur."""
        seconds = {phase.name.lower(): float(getattr(self, f"{phase.name.lower()}_s")) for phase in Phase}
        return {name: value for name, value in seconds.items() if value > 0.0}

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(flag for flag in FLAGS if getattr(self, flag))


def catalog_row(root: Path, path: Path, key: str) -> CatalogRow:
    """The row of the sealed episode at ``path`` with labels of ``key``; what cannot be read is a row that says so."""
    try:
        episode = open_named(path)
        return _row(episode, read_labels(root, episode), key)
    except (RoveError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        return CatalogRow(path_id(path), broken=1, problem=str(error), labels_key=key)


def key_of_labels(root: Path, episode_id: str) -> str:
    """``labels_key``, or a key that never stays where the overlay cannot be read."""
    try:
        return labels_key(root, episode_id)
    except RoveError as error:
        return f"unreadable: {error}"


def _row(episode: Episode, labels: Labels, key: str) -> CatalogRow:
    a = episode.attributes
    stamp_s: Array = episode["control/stamp_s"]
    counts = np.bincount(labels.phase, minlength=256)
    ticks = {phase: int(counts[phase]) for phase in Phase}
    ticks[Phase.UNLABELLED] += len(labels.phase) - sum(ticks.values())
    lost, frames_lost = int(a["ticks_lost"]), sum(int(count) for count in a["frames_lost"].values())
    hz = float(a["control_hz"])
    return CatalogRow(
        id=path_id(episode.path),
        task=str(a["task"]),
        instruction=str(a["instruction"]),
        operator=str(a["operator"]),
        policy_id=str(a["policy_id"]),
        robot=str(a["robot"]),
        protocol=str(a["protocol"]),
        takeover_mode=str(a["takeover_mode"]),
        status=str(a["status"]),
        outcome=labels.outcome,
        recorded_outcome=str(a["outcome"]),
        operator_device=str(a.get("operator_device", a.get("operator", ""))),
        split=labels.split,
        notes="\n".join(labels.notes),
        begun_s=float(a["clocks"]["begin"]["wall_time_s"]),
        duration_s=float(stamp_s[-1] - stamp_s[0]) + 1.0 / hz if len(stamp_s) else 0.0,
        rows=int(a["rows"]),
        ticks_lost=lost,
        frames=sum(int(count) for count in a["frames"].values()),
        frames_lost=frames_lost,
        frames_missed=sum(int(count) for count in a.get("frames_missed", {}).values()),
        takeovers=len(interventions(labels.phase)),
        alarms=_alarms(episode),
        autonomous_s=ticks[Phase.AUTONOMOUS] / hz,
        adaptation_s=ticks[Phase.ADAPTATION] / hz,
        recovery_s=ticks[Phase.RECOVERY] / hz,
        paused_s=ticks[Phase.PAUSED] / hz,
        rewind_s=ticks[Phase.REWIND] / hz,
        unlabelled_s=ticks[Phase.UNLABELLED] / hz,
        human_share=sum(ticks[phase] for phase in HUMAN) / max(len(labels.phase), 1),
        recovered=int(a.get("status") != "complete"),
        lossy=int(bool(lost or frames_lost)),
        excluded=int(bool(np.any(labels.excluded))),
        revision=labels.revision,
        labels_key=key,
        size_bytes=_size_bytes(episode.path),
        attributes_crc32c=int(a.get("attributes_crc32c") or 0),
    )


def path_id(path: Path) -> str:
    """The id that a sealed episode's path says; it is what people type."""
    return path.name.removesuffix(".zarr")


def _alarms(episode: Episode) -> int:
    """Alarms of control, and those of failure detectors."""
    raised = alarms_raised(np.asarray(episode["failure/detector"]), np.asarray(episode["failure/alarm"]))
    return sum(event.kind == "alarm" for event in episode.events()) + raised


def alarms_raised(detector: NDArray[np.uint8], alarm: NDArray[np.uint8]) -> int:
    """How often any detector began an alarm; ``detector`` (n, w) names whose opinion each ``alarm`` (n,) is.

    Detectors speak in turns, so what came before an opinion is the last one of the same detector.
    """
    _, whose = np.unique(detector, axis=0, return_inverse=True)
    own = [alarm[whose == number].astype(np.int8) for number in np.unique(whose)]
    return sum(int(np.sum(np.diff(one, prepend=np.int8(0)) > 0)) for one in own)


def _size_bytes(path: Path) -> int:
    return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())
