"""Recovery at start: what a crash left is cut at the last whole record of each log and sealed, however interrupted."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import DatasetInvalid
from ..dataset import Dataset, WriterLock
from ..read import open_episode
from .journal import read_journal
from .recording_files import HEADER_NAME
from .seal import seal_recording


@dataclass(frozen=True, slots=True)
class RecoveredEpisode:
    """What became of one orphaned recording; ``problem`` says why it could not be sealed (it is then kept)."""

    id: str
    path: Path | None
    rows: int = 0
    frames: int = 0
    bytes_cut: int = 0
    problem: str | None = None

    def to_json(self) -> dict[str, object]:
        """All fields as plain JSON."""
        return {**asdict(self), "path": None if self.path is None else str(self.path)}


def recover_dataset(root: Path, lock: WriterLock | None = None) -> list[RecoveredEpisode]:
    """Seal every orphaned recording of a dataset with status ``recovered``; return what was found.

    What was committed before the crash is only cleared away, and is not reported.

    Outcome ``unknown``, unless the crash came after the session had ended the episode. Takes the writer lock for
    the time of the call unless the caller holds it (``lock``).

    Raises:
        DatasetInvalid: not a dataset, or another process is writing it.
    """
    dataset = Dataset.open(root)
    if lock is None:
        with WriterLock(root) as own:
            return recover_dataset(root, own)
    shutil.rmtree(root / ".seal", ignore_errors=True)
    results = []
    for recording in dataset.recordings():
        result = _recover(recording, committed=(root / "episodes" / f"{recording.name}.zarr").exists())
        if result is not None:
            results.append(result)
    return results


def _never_began(recording: Path) -> bool:
    """The header appears last, so without it nothing was acknowledged; a lost one leaves logs that hold records."""
    if (recording / HEADER_NAME).exists() or any(path.suffix not in _BEGUN for path in recording.iterdir()):
        return False
    logs = [read_journal(path) for path in recording.glob("*.log")]
    return not any(log.spans or log.cut_bytes for log in logs)


_BEGUN = (".log", ".pack", ".tmp")
"""How files of a recording end that are there before its header; whatever else is there is not ours to remove."""


def _recover(recording: Path, *, committed: bool) -> RecoveredEpisode | None:
    """None where there was nothing to recover, only something to clear away."""
    try:
        if not committed and _never_began(recording):
            shutil.rmtree(recording)
            return None
        path = seal_recording(recording, recovered=True)
        attributes = open_episode(path).attributes
    except (DatasetInvalid, OSError) as error:
        return RecoveredEpisode(recording.name, None, problem=f"{recording}: could not be sealed ({error})")
    if committed:
        return None
    return RecoveredEpisode(
        id=recording.name,
        path=path,
        rows=attributes["rows"],
        frames=sum(attributes["frames"].values()),
        bytes_cut=attributes["journal_bytes_cut"],
    )
