"""A recorder that never stops, to be killed: it notes every acknowledged row in a file outside the dataset."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rove_teleop.episodes.dataset import Dataset, WriterLock
from rove_teleop.episodes.recording import EpisodeRecording
from rove_teleop.episodes.recover import recover_dataset

from .recording_tools import ATTRIBUTES, control_row, jpeg


def work(root: Path, oracle: int) -> None:
    """Recover, then record and seal episodes of 25 ticks for ever."""
    Dataset.create(root)
    lock = WriterLock(root)
    recover_dataset(root, lock)
    while True:
        recording = EpisodeRecording(root, ATTRIBUTES, lock, min_free_bytes=0)
        for tick in range(25):
            recording.control_row(control_row(tick))
            os.write(oracle, f"{recording.id} {tick}\n".encode())
            if tick % 4 == 0:
                recording.frame("ego", jpeg(tick, 20000), 0.0, 0.0, tick // 4)
        recording.seal("success", last_tick=24)


def acknowledged(oracle: Path) -> dict[str, int]:
    """Rows that were acknowledged per episode."""
    rows: dict[str, int] = {}
    for line in oracle.read_text().splitlines():
        episode, tick = line.split()
        rows[episode] = int(tick) + 1
    return rows


if __name__ == "__main__":
    work(Path(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND))
